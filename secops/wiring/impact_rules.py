"""The rules that `secops rules impact` runs: the one that is asked about, and, of a correlation, all it refers to."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

from secops.errors import Problem, RuleError, UsageError
from secops.locale import _
from secops.siem.detect import SigmaDetector
from secops.siem.detect.load import load_detector
from secops.siem.detect.releases import entries
from secops.siem.detect.selection import Selection
from secops.siem.ports import Rule
from secops.siem.triage.impact import versions
from secops.wiring.rules import BUILTIN
from secops.wiring.site import Site

File = tuple[str, str]  # path and text
_WORDS = re.compile(r"[^\s()]+")


@dataclass(frozen=True, slots=True)
class Asked:
    """What is asked about, ``rules`` by id of which the hits count, and a detector in which only what they need runs.

    It is a rule or a correlation, or a filter: then the rules are those that it bears on.
    """

    id: str
    title: str
    kind: str
    rules: Mapping[str, Rule]
    detector: SigmaDetector

    @property
    def looks_back(self) -> timedelta:
        """How much earlier than a hit the events may be that it counts."""
        spans: dict[str, timedelta] = {}
        for one in self.detector.correlations:  # inner ones first
            below = max((spans.get(ref, timedelta(0)) for ref in one.refs), default=timedelta(0))
            spans[one.rule_id] = one.timespan + below
        return max((spans.get(rule_id, timedelta(0)) for rule_id in self.rules), default=timedelta(0))


def asked_in(site: Site, path: Path) -> tuple[Asked, Asked | None]:
    """What a file asks about, and what it is to be compared with: the version in force, rules without a new filter.

    A file may hold one rule, a correlation with the rules it refers to, or one filter.

    Raises:
        UsageError: the file holds several rules, or none.
        RuleError: the rule has mistakes, or cannot run in this site; all reasons are named.
    """
    own = [(str(path), path.read_text(encoding="utf-8", errors="replace"))]
    if {entry.kind for entry in entries(own).values()} == {"filter"}:
        return _filter(site, own)
    files = [*own, *_beside(site, own)]
    whole = _load(site, files, own)
    rule = _target(whole, own)
    if not rule.active:
        problems = [problem for problem in whole.problems if problem.where.startswith(rule.path)]
        raise RuleError(problems or [Problem(rule.path, rule.reason)])
    new = _chosen(_load(site, files, own, Selection(ids=frozenset({rule.id}))), rule.id)
    current = versions(site.detector.rules, rule.id)
    if current is None:
        return new, None
    own = [(current.path, current.text)]
    return new, _chosen(_load(site, [*own, *_beside(site, own)], [], Selection(ids=frozenset({rule.id}))), rule.id)


def _chosen(detector: SigmaDetector, rule_id: str) -> Asked:
    rule = next(rule for rule in detector.rules if rule.id == rule_id)
    return Asked(
        rule.id, rule.title_ja, "correlation" if rule.kind == "correlation" else "rule", {rule.id: rule}, detector
    )


def _filter(site: Site, own: Sequence[File]) -> tuple[Asked, Asked]:
    """A filter, and the rules that it bears on as they are now."""
    rules = [(path, text) for path, text in site.rule_files() if Path(path).resolve() != Path(own[0][0]).resolve()]
    found = [one for one in _load(site, [*own, *rules], own).filters if one.path == own[0][0]]
    if len(found) != 1:
        raise UsageError(
            _("例外を 1 つだけ書いたファイルを指定してください({count} 件ありました)。").format(count=len(found))
        )
    [asked] = found
    if asked.problem:
        raise RuleError([Problem(asked.path, asked.problem)])
    chosen = Selection(ids=frozenset(asked.rules))
    with_it = [(path, text) for path, text in rules if asked.id not in entries([(path, text)])]
    both = (_load(site, [*own, *with_it], own, chosen), _load(site, rules, [], chosen))
    new, old = (
        Asked(asked.id, asked.title_ja, "filter", {one.id: one for one in it.rules if one.id in chosen.ids}, it)
        for it in both
    )
    return new, old


def _load(site: Site, files: Sequence[File], own: Sequence[File], selection: Selection | None = None) -> SigmaDetector:
    """A detector of these files, with the exceptions and placeholders of the site.

    What the site has switched off stays so, but for what is asked about (``own``).
    """
    mine = entries(own)
    beside = {one.path: one.text for one in site.detector.filters if one.id not in mine}
    beside |= {path: text for path, text in site.rule_files() if Path(path).name == "placeholders.yml"}
    beside = {path: text for path, text in beside.items() if path not in dict(files)}
    return load_detector(
        [*files, *beside.items()],
        (BUILTIN / "logsources.yml").read_text(encoding="utf-8"),
        disabled={rule_id: why for rule_id, why in site.settings.rules.disabled.items() if rule_id not in mine},
        placeholders=site.settings.rules.placeholders,
        pipelines=site.pipeline_files(),
        selection=selection,
    )


def _target(detector: SigmaDetector, own: Sequence[File]) -> Rule:
    found = [rule for rule in detector.rules if rule.path == own[0][0]]
    if len(found) > 1:
        documents = [entry.document for entry in entries(own).values()]
        refs = {ref for document in documents for ref in _refs(document)}
        outer = {
            str(document.get("id") or document.get("name"))
            for document in documents
            if "correlation" in document and not refs & {str(document.get("id")), str(document.get("name"))}
        }
        found = [rule for rule in found if rule.id in outer] or found
    if len(found) != 1:
        text = _(
            "ルールを 1 つ書いたファイルを指定してください({count} 件ありました)。"
            "相関ルールは元のルールと同じファイルでも構いません。"
        )
        raise UsageError(text.format(count=len(found)))
    return found[0]


def _beside(site: Site, own: Sequence[File]) -> list[File]:
    """The files of the site with the rules that correlations refer to, and that is theirs again."""
    known: dict[str, Rule] = {}
    for one in site.detector.rules:
        for name in (one.id, one.id.lower(), one.name):
            known.setdefault(name, one)
    here = {Path(path).resolve() for path, _text in own}
    found: list[File] = []
    todo = list(own)
    while todo:
        documents = [entry.document for entry in entries([todo.pop()]).values()]
        names = {str(document.get(key)) for document in documents for key in ("id", "name")}
        for ref in sorted({ref for document in documents for ref in _refs(document)} - names):
            rule = known.get(ref) or known.get(ref.lower())
            if rule is not None and (place := Path(rule.path).resolve()) not in here:
                here.add(place)
                found.append((rule.path, rule.text))
                todo.append(found[-1])
    return found


def _refs(document: Mapping[str, Any]) -> Iterable[str]:
    """What a correlation may refer to; what is none of it names no rule."""
    correlation = document.get("correlation")
    if not isinstance(correlation, dict):
        return
    listed, condition = correlation.get("rules"), correlation.get("condition")
    yield from (str(one) for one in (listed if isinstance(listed, list) else [listed]) if one)
    if isinstance(condition, str):
        yield from _WORDS.findall(condition)
