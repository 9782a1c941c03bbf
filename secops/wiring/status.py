"""Gathers what `secops.siem.health` judges."""

from __future__ import annotations

from datetime import datetime

from secops.errors import AwayError
from secops.settings import SourceSettings
from secops.siem.collect.status import read_status
from secops.siem.health import (
    ChainState,
    Disk,
    StoreState,
    SystemStatus,
    filter_states,
    paging_problems,
    problems_of,
    rules_by_state,
    source_status,
)
from secops.siem.journal.keys import key_problems
from secops.siem.ports import SourceStatus, Tally
from secops.wiring.away import absence
from secops.wiring.chain import chain_problem
from secops.wiring.correlation import correlation_health
from secops.wiring.locks import is_held, parts_running
from secops.wiring.policy_watch import documents_of, policy_problems
from secops.wiring.site import Site


def system_status(site: Site) -> SystemStatus:
    """The state of a site at this moment."""
    sources = source_statuses(site)
    active, inactive = rules_by_state(site.rules)
    filters = filter_states(site.detector.filters, site.desk.filter_counts(), site.now())
    paging = site.desk.paging.counts()
    store, size = _store(site)
    chain, disk, parts = _chain(site), _disk(site, size), parts_running(site.folder, site.settings)
    return SystemStatus(
        at=site.now(),
        site=site.settings.site.id,
        sources=sources,
        rules_active=active,
        rules_inactive=inactive,
        chain=chain,
        disk=disk,
        parts=parts,
        filters=filters,
        correlation=correlation_health(site),
        paging=paging,
        problems=[
            *problems_of(sources, chain, disk, parts, active, filters, store),
            *key_problems(site.folder / "keys"),
            *paging_problems(paging, site.now()),
            *policy_problems(site, documents_of(site, sample=False)),
        ],
        store=store,
    )


def source_statuses(site: Site) -> list[SourceStatus]:
    """Every configured source, then every other one the journal knows (one-shot imports, removed sources)."""
    # The counts first: what is counted after this is in the journal before it, so nothing is counted that was not had.
    counts = site.desk.tallies()
    heads, drops = site.journal.heads(), site.journal.drops()
    collecting = read_status(site.folder) if is_held(site.folder, "collectors") else {}
    listening = datetime.fromisoformat(collecting["started"]) if collecting else None
    said = {name: str(one["problem"]) for name, one in collecting.get("sources", {}).items() if one.get("problem")}
    known = {source.id: source for source in site.settings.sources}
    others = {name: SourceSettings(id=name, kind="folder", path="-") for name in heads if name not in known}
    result = []
    for name, source in {**known, **others}.items():
        head, tally = heads.get(name, 0), counts.get(name) or Tally(name, 0, 0, 0)
        result.append(
            source_status(
                source,
                head,
                drops.get(name, {}),
                tally,
                _received(site, name, head),
                site.now(),
                said.get(name, ""),
                listening,
                _received(site, name, tally.position + 1) if tally.position < head else None,
            )
        )
    return result


def _received(site: Site, source: str, seq: int) -> datetime | None:
    record = site.journal.record(source, seq) if seq else None
    return record.received if record else None


def _chain(site: Site) -> ChainState:
    head = site.journal.chain_head()
    count = len(site.journal.segments())
    return ChainState(count, head.digest if head else "", head.at if head else None, chain_problem(site.folder))


def _store(site: Site) -> tuple[StoreState, int]:
    """How the event store stands, and its size in bytes; who waits for it already is not waited for again."""
    kind = site.settings.store.kind
    if gone := absence(site):
        return StoreState(kind, gone.reason, gone.since), 0
    try:
        found = site.store.stats()
    except AwayError as error:
        return StoreState(kind, str(error)), 0
    return StoreState(kind, cut=found.cut, refused=found.refused), found.bytes


def _disk(site: Site, store: int) -> Disk:
    total, free = site.free_space()
    return Disk(total, free, site.journal.size_on_disk(), store)
