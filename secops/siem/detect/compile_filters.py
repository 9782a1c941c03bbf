"""Filter documents → compiled filters: which rules each one bears on, and every mistake with its line.

A filter with a mistake that leaves its meaning in doubt does not filter: an alert too many is better than one too few.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Any

from sigma.exceptions import SigmaError
from sigma.filters import SigmaFilter
from sigma.rule import SigmaRule

from secops.errors import Problem
from secops.locale import _
from secops.siem.detect.compiled import CompiledRule
from secops.siem.detect.explain import tree_holds
from secops.siem.detect.filters import CompiledFilter, negated
from secops.siem.detect.logsources import LogsourceMap
from secops.siem.detect.lower import Lowered, try_lower
from secops.siem.detect.pipelines import Pipelines
from secops.siem.detect.regexes import restore
from secops.siem.detect.rulebook import FATAL, Document, Lines
from secops.siem.detect.specs import Spec
from secops.siem.detect.vet import Placeholders, RefusedError, vet
from secops.siem.detect.words import words

OWN_KEYS = ("owner", "reason", "expires", "title_ja", "keep_only", "incidents")
_PARTS = ("product", "category", "service")
ANY = "any"


def compile_filters(
    documents: Sequence[Document], book: Book, files: Sequence[tuple[str, str]], specs: dict[Spec, int]
) -> list[CompiledFilter]:
    """Translate the filter documents of a rulebook whose rules are compiled; ``specs`` are numbered on."""
    seen: dict[str, str] = {}
    compiled = []
    for document in documents:
        work = _Work(document, *files[document.file], book)
        if document.meta.id in seen:
            work.stop(("id",), _("同じ id のフィルタがあります({path})。").format(path=seen[document.meta.id]))
        seen.setdefault(document.meta.id, work.path)
        compiled.append(work.result(specs))
    return compiled


class Book:
    """The rules by id and name, and which logsource entries know which fields."""

    def __init__(
        self, rules: Sequence[CompiledRule], where: LogsourceMap, placeholders: Placeholders, pipelines: Pipelines
    ) -> None:
        self.rules = rules
        self.where = where
        self.placeholders = placeholders
        self.pipelines = pipelines
        self.named: dict[str, list[int]] = {}
        for number, rule in enumerate(rules):
            for name in {rule.meta.id, rule.meta.name}:
                self.named.setdefault(name, []).append(number)

    def fits(self, rule: int, logsource: Mapping[str, str]) -> bool:
        """Whether the rule's logsource says all that the filter's does."""
        theirs = self.rules[rule].meta.logsource
        return bool(theirs) and all(theirs.get(part) == value for part, value in logsource.items())

    def entries(self, rule: int, names: set[str]) -> list[int]:
        """The rule's logsource entries that know all these fields."""
        return [
            entry
            for entry in self.rules[rule].entries
            if all(self.where.entries[entry].columns(name) for name in names)
        ]


@dataclass(slots=True)
class _Work:
    """One filter document on its way."""

    document: Document
    path: str
    text: str
    book: Book
    problems: list[Problem] = field(default_factory=list)
    problem: str = ""
    _lines: Lines | None = None

    @property
    def raw(self) -> dict[str, Any]:
        assert self.document.filter is not None
        return self.document.filter

    def tell(self, place: tuple[str, ...], what: str, item: int | None = None) -> None:
        """A mistake, and where: a path of keys, and the number of an item of the list there."""
        self._lines = self._lines or Lines(self.text, self.document.number)
        line = self._lines.of(*place) if item is None else self._lines.item(place[0], item, *place[1:])
        self.problems.append(Problem(f"{self.path}:{line}", what))

    def stop(self, place: tuple[str, ...], what: str) -> None:
        """A mistake that keeps the filter from filtering."""
        self.tell(place, what)
        self.problem = self.problem or what

    def result(self, specs: dict[Spec, int]) -> CompiledFilter:
        """The compiled filter, with all that was found wrong on the way."""
        lowered = self._lowered()
        own = self._own()
        logsource = self._logsource()
        keeps_only = bool(lowered.leaves) and not tree_holds(lowered.tree, [False] * len(lowered.leaves))
        if keeps_only and not own.get("keep_only"):
            what = _(
                "この condition では、selection に書いたもの「以外」がすべて抑止されます。除外したいものを selection に"
                "書き、condition を「not selection」にしてください。"
                "意図どおりなら secops.keep_only: true を書いてください。"
            )
            self.stop(("filter", "condition"), what)
        targets, every = self._targets(logsource, lowered)
        if not targets:
            self.problem = self.problem or _("対象になるルールがありません。")
        leaves = [(*leaf[:4], specs.setdefault(leaf.spec, len(specs))) for leaf in lowered.leaves]
        meta = self.document.meta
        return CompiledFilter(
            id=meta.id,
            name=meta.name,
            title=meta.title,
            title_ja=str(own.get("title_ja") or meta.title),
            description=meta.description,
            owner=str(own.get("owner") or ""),
            grounds=str(own.get("reason") or ""),
            expires=str(own.get("expires") or ""),
            every=every,
            keeps_only=keeps_only,
            logsource=logsource,
            file=self.document.file,
            number=self.document.number,
            targets=targets,
            leaves=[] if self.problem else leaves,
            tree=["or"] if self.problem else negated(lowered.tree),
            problem=self.problem,
            problems=self.problems,
        )

    # ------------------------------------------------------------------------------------------------- the parts

    def _lowered(self) -> Lowered:
        """The filter's condition as a tree; where it cannot be read, an empty one."""
        nothing = Lowered([], ["or"])
        patterns: Mapping[str, str] = {}
        known = {key: value for key, value in self.raw.items() if key != "secops"}
        if isinstance(known.get("filter"), dict):
            vetted = vet(known["filter"], "filter", self.book.placeholders)
            for refused in vetted.mistakes:
                self._failed(refused)
            if vetted.mistakes:
                return nothing
            known["filter"], patterns = vetted.section, vetted.patterns
        try:
            parsed = SigmaFilter.from_dict(known, collect_errors=True)
        except (SigmaError, TypeError, ValueError, AttributeError, KeyError, IndexError, RecursionError) as error:
            self._failed(error)
            return nothing
        for mistake in parsed.errors:
            self._failed(mistake)
        if self.problem:
            return nothing
        restore(parsed.filter, patterns)
        # For a pipeline the filter is a rule of its logsource.
        rule = SigmaRule(title=self.document.meta.title, logsource=parsed.logsource, detection=parsed.filter)
        failure: Exception | None = self.book.pipelines.apply(rule)
        lowered = nothing
        if failure is None:
            lowered, failure = try_lower(rule.detection)
        if failure is not None:
            self._failed(failure)
        return lowered

    def _failed(self, error: Exception) -> None:
        self._lines = self._lines or Lines(self.text, self.document.number)
        kind = type(error).__name__
        if isinstance(error, RefusedError):
            line = self._lines.at(error.path)
        elif "Rule" in kind or "Condition" in kind:
            line = self._lines.of("filter", "rules" if "Rule" in kind else "condition")
        else:
            line = self._lines.of_error(error, "filter")
        what = words(error)
        self.problems.append(Problem(f"{self.path}:{line}", what))
        if isinstance(error, FATAL) or "Filter" in kind or not isinstance(error, SigmaError):
            self.problem = self.problem or _("フィルタに誤りがあります: {what}").format(what=what)

    def _own(self) -> dict[str, Any]:
        """The ``secops:`` mapping: who answers for the exception, why, and until when."""
        raw = self.raw.get("secops")
        if not isinstance(raw, dict):
            raw = {}
        own: dict[str, Any] = {}
        for key, value in raw.items():
            if key not in OWN_KEYS:
                expected = ", ".join(OWN_KEYS)
                what = _("secops.{key} は使えません。使えるのは {expected} です。").format(key=key, expected=expected)
                self.tell(("secops", str(key)), what)
            elif (found := _own_value(key, value)) is None:
                what = _("secops.{key} の「{value}」は使えません。{expected}").format(
                    key=key, value=value, expected=_expected(key)
                )
                self.stop(("secops", key), what)
            else:
                own[key] = found
        for key in ("owner", "reason", "expires"):
            if not own.get(key) and not raw.get(key):
                what = _("secops.{key} がありません。例外には責任者(owner)・理由(reason)・期限(expires)が必要です。")
                self.stop(("secops",) if raw else (), what.format(key=key))
        return own

    def _logsource(self) -> dict[str, str]:
        raw = self.raw.get("logsource")
        parts = raw if isinstance(raw, dict) else {}
        return {part: str(parts[part]) for part in _PARTS if parts.get(part)}

    def _targets(self, logsource: Mapping[str, str], lowered: Lowered) -> tuple[list[tuple[int, list[int]]], bool]:
        """(rule, entries) of the rules it bears on, and whether it names none but all of a logsource."""
        names = {leaf.field for leaf in lowered.leaves if leaf.field}
        names |= {leaf.spec[1] for leaf in lowered.leaves if leaf.spec[0] == "ref"}
        raw = self.raw.get("filter")
        wanted = raw.get("rules") if isinstance(raw, dict) else None
        if (isinstance(wanted, str) and wanted.lower() == ANY) or wanted == []:
            fitting = [rule for rule in range(len(self.book.rules)) if self.book.fits(rule, logsource)]
            found = [(rule, entries) for rule in fitting if (entries := self.book.entries(rule, names))]
            if not found:
                self.tell(("logsource",), _("このログの種類と項目を使うルールがありません。"))
            return found, True
        targets: dict[int, list[int]] = {}
        for item, reference in enumerate(wanted if isinstance(wanted, list) else [wanted]):
            number = item if isinstance(wanted, list) else None
            for rule in self._named(reference, number, logsource):
                entries = self.book.entries(rule, names)
                if self.book.rules[rule].entries and not entries:
                    what = _("ルール「{name}」のログには、このフィルタの項目({fields})がありません。")
                    fields = ", ".join(sorted(names))
                    self.tell(("filter", "rules"), what.format(name=reference, fields=fields), number)
                    continue
                targets[rule] = entries
        return sorted(targets.items()), False

    def _named(self, reference: Any, item: int | None, logsource: Mapping[str, str]) -> Iterator[int]:
        """The rules that an item of ``rules`` names and the filter's logsource covers."""
        found = self.book.named.get(str(reference), [])
        if not found:
            what = _("「{name}」という id・name のルールがありません。つづりを確かめるか、行を消してください。")
            self.tell(("filter", "rules"), what.format(name=reference), item)
        for rule in found:
            if self.book.fits(rule, logsource):
                yield rule
                continue
            if not self.book.rules[rule].meta.logsource:
                what = _("「{name}」にはログの種類がありません。相関ルールでは、元になるルールにフィルタを付けます。")
                self.tell(("filter", "rules"), what.format(name=reference), item)
                continue
            what = _("ルール「{name}」のログの種類({theirs})は、フィルタの logsource({mine})に含まれません。")
            theirs = _logsource_text(self.book.rules[rule].meta.logsource)
            self.tell(
                ("filter", "rules"), what.format(name=reference, theirs=theirs, mine=_logsource_text(logsource)), item
            )


def _logsource_text(logsource: Mapping[str, str]) -> str:
    return " / ".join(logsource[part] for part in _PARTS if logsource.get(part)) or "—"


def _own_value(key: str, value: Any) -> str | bool | None:
    """A value of ``secops:`` as it is kept; None where it is none."""
    if key == "keep_only":
        return value if isinstance(value, bool) else None
    if key == "expires":
        if isinstance(value, datetime):
            return None
        try:
            return (value if isinstance(value, date) else date.fromisoformat(str(value))).isoformat()
        except ValueError:
            return None
    return value.strip() if isinstance(value, str) and value.strip() else None


def _expected(key: str) -> str:
    if key == "expires":
        return _("最後の日を 2027-03-31 のように書いてください。")
    if key == "keep_only":
        return _("true か false を書いてください。")
    return _("文字列で書いてください。")
