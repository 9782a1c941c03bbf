"""`secops rules regress`: recorded events that must make their rules fire, as SigmaHQ publishes them.

A case is an ``info.yml`` with the rule's id and the number of matches, and beside it the recording, as EVTX and JSON.
It is run through the hunt, or through a whole site in a temporary folder: collected, journaled, worked off, read back.
"""

from __future__ import annotations

import tempfile
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import yaml

from secops.errors import Problem
from secops.locale import _
from secops.siem.collect.ingest import one_shot
from secops.siem.collect.slices import slices
from secops.siem.detect import SigmaDetector
from secops.siem.hunt import search
from secops.siem.ports import AlertFilter, Scope
from secops.wiring.parts import drain_alone
from secops.wiring.site import create_site, open_site

INFO = "info.yml"
FORMATS = (".evtx", ".json", ".raw")
OK, DIFFERS, MISSED, UNSUPPORTED, UNREADABLE = "ok", "differs", "missed", "unsupported", "unreadable"


@dataclass(frozen=True, slots=True)
class Case:
    """One recording. ``expected`` is None where the case does not say how often the rule must fire: at least once."""

    rule_id: str
    title: str
    path: Path
    expected: int | None


@dataclass(frozen=True, slots=True)
class Result:
    """What became of a case: ``ok``, ``differs``, ``missed``, ``unsupported`` or ``unreadable``, with the reason."""

    case: Case
    found: int
    verdict: str
    reason: str = ""


def cases_below(folder: Path) -> tuple[list[Case], list[Problem]]:
    """All cases of a folder, and every description that cannot be used."""
    cases: list[Case] = []
    problems: list[Problem] = []
    for info in sorted(folder.rglob(INFO)):
        try:
            document = yaml.load(info.read_text(encoding="utf-8", errors="replace"), yaml.CSafeLoader)
            rule = document["rule_metadata"][0]
            identity, title = str(rule["id"]), str(rule.get("title") or rule["id"])
            tests = document.get("regression_tests_info") or [{}]
            count = tests[0].get("match_count")
        except (yaml.YAMLError, KeyError, IndexError, TypeError, AttributeError) as error:
            what = _("rule_metadata と regression_tests_info のある YAML ではありません({error})。")
            problems.append(Problem(str(info), what.format(error=type(error).__name__)))
            continue
        files = sorted(path for path in info.parent.iterdir() if path.suffix in FORMATS)
        if not files:
            problems.append(Problem(str(info), _("記録のファイル(.evtx、.json)がありません。")))
        cases += [Case(identity, title, path, count) for path in files]
    return cases, problems


def through_hunt(cases: Sequence[Case], detector: SigmaDetector, seen: Callable[[int], None]) -> list[Result]:
    """Run each case through the hunt."""

    def run(case: Case) -> tuple[int, str]:
        outcome = search(slices(case.path), detector)
        seen(1)
        found = sum(1 for hit in outcome.hits if detector.rules[hit.rule].id == case.rule_id)
        return found, "; ".join(problem.what for problem in outcome.problems)

    return _judged(cases, detector, run)


def through_site(
    cases: Sequence[Case], detector: SigmaDetector, rules: Iterable[Path], seen: Callable[[int], None]
) -> list[Result]:
    """Run all cases through one site, each as a source of its own, and count the hits that it keeps."""
    with tempfile.TemporaryDirectory(prefix="secops-regress-") as place:
        folder = Path(place) / "site"
        create_site(folder, site_id="regress")
        settings = folder / "secops.toml"
        places = ", ".join(f'"{path.resolve().as_posix()}"' for path in rules)
        text = settings.read_text(encoding="utf-8").replace("folders = []", f"folders = [{places}]")
        settings.write_text(text.replace("builtin = true", "builtin = false"), encoding="utf-8")
        unread: dict[int, str] = {}
        with open_site(folder) as site:
            for number, case in enumerate(cases):
                done = one_shot(
                    [case.path], journal=site.journal, source=f"case-{number}", zone="lgwan", now=site.now, force=True
                )
                unread[number] = "; ".join(problem.what for problem in done.problems)
                seen(1)
            drain_alone(site, lambda: False)
            counts: Counter[tuple[str, str]] = Counter()
            total = site.desk.alerts(AlertFilter(), Scope(), limit=1).total
            for alert in site.desk.alerts(AlertFilter(), Scope(), limit=max(total, 1)).alerts:
                for hit in site.desk.detail(alert.id, Scope(), hits=max(alert.count, 1)).hits:
                    counts[hit.rule_id, hit.source] += 1
    place_of = {case: number for number, case in enumerate(cases)}
    return _judged(
        cases, detector, lambda case: (counts[case.rule_id, f"case-{place_of[case]}"], unread[place_of[case]])
    )


def _judged(cases: Sequence[Case], detector: SigmaDetector, run: Callable[[Case], tuple[int, str]]) -> list[Result]:
    by_id = {rule.id: rule for rule in detector.rules}
    results = []
    for case in cases:
        rule = by_id.get(case.rule_id)
        if rule is None:
            results.append(Result(case, 0, UNSUPPORTED, _("この id のルールがありません。")))
            continue
        found, problem = run(case)
        if not rule.active:
            results.append(Result(case, found, UNSUPPORTED, rule.reason))
        elif found == case.expected or (case.expected is None and found):
            results.append(Result(case, found, OK))
        elif found:
            results.append(Result(case, found, DIFFERS))
        else:
            results.append(Result(case, 0, UNREADABLE if problem else MISSED, problem))
    return results
