"""What `secops rules coverage` and the rules page ask: the rulebook, what the store has seen, and what fired."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from secops.settings import SourceSettings
from secops.siem.detect import SigmaDetector
from secops.siem.detect.attack import Matrix, matrix
from secops.siem.detect.coverage import RuleCoverage, SourceKinds, Status, coverage
from secops.siem.normalize.kinds import KINDS
from secops.siem.ports import Scope, SeenKind, Span
from secops.wiring.site import Site


@dataclass(frozen=True, slots=True)
class Covered:
    """The rulebook as it stands in a site: each rule's status, and its hits since a moment by rule id."""

    rules: Sequence[RuleCoverage]
    hits: Counter[str]
    attack: Matrix


def covered(site: Site, since: datetime) -> Covered:
    """The state of a site's rules, held against what was seen and what fired since a moment."""
    hits = Counter(site.desk.fired(Span(since=since), Scope()))
    detector = site.detector
    return of_detector(detector, site.store.seen(Span(since=since), detector.wanted), hits, sources_of(site))


def of_detector(
    detector: SigmaDetector, seen: Sequence[SeenKind] | None, hits: Counter[str], sources: Sequence[SourceKinds] = ()
) -> Covered:
    """The same without a site: ``seen`` None."""
    found = coverage(detector, seen, sources)
    attack = matrix(
        (detector.rules[one.rule].tags, one.status is Status.ACTIVE, hits[detector.rules[one.rule].id]) for one in found
    )
    return Covered(found, hits, attack)


def sources_of(site: Site) -> list[SourceKinds]:
    """The sources of a site's settings with what each may bring."""
    heads = site.journal.heads()
    return [_kinds(site, source, heads.get(source.id, 0)) for source in site.settings.sources]


def _kinds(site: Site, source: SourceSettings, head: int) -> SourceKinds:
    """What a source may bring. One file whose format is told by content goes on as it was last."""
    if source.format in KINDS:
        return SourceKinds(source.id, KINDS[source.format])
    last = site.journal.record(source.id, head) if head and source.kind == "file" else None
    if last and last.origin.format in KINDS:
        return SourceKinds(source.id, KINDS[last.origin.format])
    return SourceKinds(source.id, [kind for kinds in KINDS.values() for kind in kinds], guessed=True)
