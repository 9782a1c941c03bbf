"""The detector: frames in, (rule, rows) out."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime

import polars as pl

from secops.errors import Problem
from secops.schema.ecs import COLUMNS
from secops.schema.frame import EXTRA
from secops.schema.severity import Severity
from secops.siem.detect.columns import Table
from secops.siem.detect.compiled import Compiled, CompiledRule
from secops.siem.detect.explain import Event, reasons, tree_holds, truth_in
from secops.siem.detect.filters import CompiledFilter, Filters, Gathered, as_seen
from secops.siem.detect.keywords import Gate, likely_records
from secops.siem.detect.logsources import LogsourceMap
from secops.siem.detect.plan import KEYWORDS, Bound, Budget, Item, Plan
from secops.siem.detect.specs import Spec
from secops.siem.ports import MatchedValue, RowMatch, Rule, RuleFilter

_TEXT_OF_EVENT = ("message", EXTRA)  # what a keyword rule needs beside the columns


class SigmaDetector:
    """A compiled rulebook at work; implements `secops.siem.ports.Detector`.

    A frame's rows are first put into classes (the logsource entries whose conditions they meet); each class has its own
    `Plan` over the rules of those entries, made when the first such row comes. Not safe for several threads.
    """

    def __init__(
        self,
        compiled: Compiled,
        files: Sequence[tuple[str, str]],
        where: LogsourceMap,
        disabled: Mapping[str, str],
        memo_bytes: int,
    ) -> None:
        self._compiled = compiled
        self._where = where
        self.rules: Sequence[Rule] = [_rule(rule, files, disabled) for rule in compiled.rules]
        ids = [rule.id for rule in self.rules]
        self.filters: Sequence[RuleFilter] = [as_seen(one, ids, *files[one.file]) for one in compiled.filters]
        self._filters = Filters(compiled.filters)
        self.problems: Sequence[Problem] = [
            *(problem for rule in compiled.rules for problem in rule.problems),
            *(problem for one in compiled.filters for problem in one.problems),
        ]
        self._budget = Budget(memo_bytes)
        self._by_entry: dict[int, list[int]] = {}
        for number, (rule, shown) in enumerate(zip(compiled.rules, self.rules, strict=True)):
            for entry in rule.entries if shown.active else ():
                self._by_entry.setdefault(entry, []).append(number)
        used = [(entry, where.entries[entry]) for entry in self._by_entry]
        self._router = Plan((Item(entry, source.tree, source.bounds) for entry, source in used), self._budget)
        self._gate = Gate(spec for entry in self._by_entry for spec in self._keywords(entry))
        self._plans: dict[tuple[int, ...], Plan] = {}
        self.reads: frozenset[str] = self._reads()  # all columns that some active rule reads, ECS or not
        self.wanted: frozenset[str] = frozenset(
            name for name in self.reads if name not in COLUMNS or name in _TEXT_OF_EVENT
        )

    def match(self, frame: pl.DataFrame, *, keywords: bool = True, now: datetime | None = None) -> list[RowMatch]:
        """All (rule, rows) that match, each rule at most once, in order of rule index; ``now`` as in the port.

        Without ``keywords`` no text is searched for them: for frames of records that surely hold none.
        """
        if not frame.height:
            return []
        if self._budget.used + self._gate.size > self._budget.limit:
            self._forget()
        table = Table(frame, self._gate if keywords else _no_columns)
        found = Gathered(self._filters, frame, now)
        for entries, rows in self._router.results(table):
            for results, inner in self._plan(entries).results(table, rows):
                found.add(results, range(frame.height) if inner is None else inner.to_pylist())
        return found.matches()

    def explain(self, rule: int, frame: pl.DataFrame, row: int) -> tuple[MatchedValue, ...]:
        """Why this rule matched this row: the values that met its patterns, in the order of the rule."""
        compiled = self._compiled.rules[rule]
        event = Event(frame, row)
        for entry in compiled.entries:
            source = self._where.entries[entry]
            if tree_holds(source.tree, truth_in(event, source.bounds)):
                found = reasons(compiled.tree, compiled.leaves, self._bounds(compiled, entry), event)
                if found is not None:
                    return found
        return ()

    def keyword_records(self, records: Sequence[bytes], product: str) -> list[bool]:
        """Which JSON records of a product may hold a keyword of an active rule that is about it.

        Only these need all their fields in the frame; for the others, `match` may leave keywords out.
        """
        groups: dict[frozenset[str], list[Spec]] = {}
        for entry in self._by_entry:
            source = self._where.entries[entry]
            specs = list(self._keywords(entry)) if source.key[0] in {"", "secops", product} else []
            if specs:
                groups.setdefault(source.channels, []).extend(specs)
        return likely_records(groups, records)

    # ------------------------------------------------------------------------------------------------------- inside

    def _plan(self, entries: tuple[int, ...]) -> Plan:
        plan = self._plans.get(entries)
        if plan is None:
            items = [
                Item(number, self._compiled.rules[number].tree, self._bounds(self._compiled.rules[number], entry))
                for entry in entries
                for number in self._by_entry[entry]
            ]
            items += [
                Item(result, one.tree, self._bounds(one, entry))
                for entry in entries
                for result, one in self._filters.of_entry(entry)
            ]
            plan = self._plans[entries] = Plan(items, self._budget)
        return plan

    def _bounds(self, rule: CompiledRule | CompiledFilter, entry: int) -> list[Bound]:
        """The leaves of a rule or filter with the columns that their fields are in this logsource."""
        columns = self._where.entries[entry].columns
        specs = self._compiled.specs
        bounds = []
        for _selection, field, _operator, _pattern, number in rule.leaves:
            spec = specs[number]
            other = columns(spec[1]) if spec[0] == "ref" else ()
            bounds.append(Bound(columns(field) if field else KEYWORDS, spec, other))
        return bounds

    def _keywords(self, entry: int) -> Iterator[Spec]:
        """What the keywords of an entry's rules and filters ask for."""
        for field, spec in self._asked(entry):
            if not field:
                yield spec

    def _asked(self, entry: int) -> Iterator[tuple[str, Spec]]:
        """(field, spec) of every leaf of an entry's rules and filters."""
        rules = (self._compiled.rules[number] for number in self._by_entry[entry])
        filters = (one for _result, one in self._filters.of_entry(entry))
        for part in itertools.chain[CompiledRule | CompiledFilter](rules, filters):
            for _selection, field, _operator, _pattern, spec in part.leaves:
                yield field, self._compiled.specs[spec]

    def _reads(self) -> frozenset[str]:
        names = set(self._router.columns)
        for entry in self._by_entry:
            columns = self._where.entries[entry].columns
            fields: set[str] = set()
            for field, spec in self._asked(entry):
                fields.add(field)
                if spec[0] == "ref":
                    fields.add(spec[1])
            if "" in fields:
                names.update(_TEXT_OF_EVENT)
            names.update(name for field in fields if field for name in columns(field))
        return frozenset(names)

    def _forget(self) -> None:
        self._budget.used = 0
        self._gate.forget()
        self._router.forget()
        for plan in self._plans.values():
            plan.forget()


def _no_columns(_table: Table) -> list[str]:
    return []


def _rule(compiled: CompiledRule, files: Sequence[tuple[str, str]], disabled: Mapping[str, str]) -> Rule:
    meta = compiled.meta
    path, text = files[compiled.file]
    reason = compiled.reason or disabled.get(meta.id, "")
    return Rule(
        id=meta.id,
        name=meta.name,
        title=meta.title,
        title_ja=meta.title_ja,
        description=meta.description,
        description_ja=meta.description_ja,
        level=Severity(meta.level),
        tags=meta.tags,
        clauses=meta.clauses,
        next_steps=meta.next_steps,
        false_positives=meta.false_positives,
        group_by=meta.group_by,
        logsource=meta.logsource,
        path=path,
        text=text,
        active=not reason,
        reason=reason,
    )
