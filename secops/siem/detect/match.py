"""The detector: events in, (rule, rows) out."""

from __future__ import annotations

import itertools
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from functools import cached_property
from typing import TYPE_CHECKING, Any

from secops.errors import Problem
from secops.schema.ecs import COLUMNS
from secops.schema.names import EXTRA
from secops.schema.severity import Severity
from secops.siem.detect.bound import Bound
from secops.siem.detect.cells import Cells, FrameTexts, Rows, of_frame, of_part
from secops.siem.detect.compiled import Compiled, CompiledRule, asked_of
from secops.siem.detect.correlated import Correlated
from secops.siem.detect.explain import explained
from secops.siem.detect.filters import CompiledFilter, Filters, Gathered, as_seen
from secops.siem.detect.gate import Gate
from secops.siem.detect.keywords import Finder
from secops.siem.detect.logsources import Logsource, LogsourceMap
from secops.siem.detect.plan import Budget, Item, Plan, item
from secops.siem.detect.predicates import Predicates
from secops.siem.detect.reads import CODE, Reads, codes_of
from secops.siem.detect.specs import Spec
from secops.siem.ports import MatchedValue, Part, RowMatch, Rule, RuleFilter

if TYPE_CHECKING:  # a hunt over JSON makes no frame and starts without polars
    import polars as pl

    from secops.siem.ports import Correlation

_TEXT_OF_EVENT = ("message", EXTRA)  # what a keyword rule needs beside the columns


class SigmaDetector:
    """A compiled rulebook at work; implements `secops.siem.ports.Detector`.

    Events are first put into classes (the logsource entries whose conditions they meet); each class has its own `Plan`
    over the rules of those entries, made when the first such event comes. Not safe for several threads.
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
        self._correlated = Correlated(compiled, where, [_rule(rule, files, disabled) for rule in compiled.rules])
        self.rules: Sequence[Rule] = self._correlated.rules
        self.correlations: Sequence[Correlation] = self._correlated.correlations
        ids = [rule.id for rule in self.rules]
        self.filters: Sequence[RuleFilter] = [as_seen(one, ids, *files[one.file]) for one in compiled.filters]
        self._filters = Filters(compiled.filters)
        self.problems: Sequence[Problem] = [
            *compiled.problems,
            *(problem for rule in compiled.rules for problem in rule.problems),
            *(problem for one in compiled.filters for problem in one.problems),
        ]
        self._refs = {number for number, spec in enumerate(compiled.specs) if spec[0] == "ref"}
        self._budget = Budget(memo_bytes)
        self._by_entry: dict[int, list[int]] = {}
        for number, (rule, shown) in enumerate(zip(compiled.rules, self.rules, strict=True)):
            for entry in rule.entries if shown.active else ():
                self._by_entry.setdefault(entry, []).append(number)
        used = [(entry, where.entries[entry]) for entry in self._by_entry]
        self._predicates = Predicates(compiled.specs, compiled.bounds)
        routing = Predicates(())
        self._router = Plan(
            [item(entry, source.tree, list(map(routing.number, source.bounds)), routing) for entry, source in used],
            routing,
            self._budget,
        )
        self._plans: dict[tuple[int, ...], Gate] = {}
        self._of_hits: dict[tuple[int, int], tuple[Sequence[int], list[Bound]]] = {}  # of a rule in an entry
        self._finders: dict[str, Finder] = {}
        self._reads_of: dict[tuple[str | None, str], frozenset[str]] = {}
        self._shows_of: dict[tuple[str | None, str], frozenset[str]] = {}
        self._shows_by_entries: dict[tuple[int, ...], frozenset[str]] = {}
        self._reads_by_entry: dict[int, Reads] = {}

    def match(
        self,
        frame: pl.DataFrame | None,
        parts: Sequence[Part] = (),
        apart: Sequence[int] = (),
        *,
        now: datetime | None = None,
    ) -> list[RowMatch]:
        """See `secops.siem.ports.Detector`."""
        if self._budget.used > self._budget.limit:
            self._forget()
        found = Gathered(self._filters, frame, now)
        for cells, places, left_out in _views(frame, parts, apart):
            for entries, rows in self._router.results(cells):
                inner = cells.rows(rows)
                for results, hit in self._plan(entries).results(inner):
                    numbers = _through(_through(hit, rows), places)
                    numbers = range(cells.count) if numbers is None else numbers
                    if left_out:
                        numbers = [row for row in numbers if row not in left_out]
                    if numbers:
                        found.add(results, numbers)
        return found.matches()

    def explain(
        self, pairs: Sequence[tuple[int, int]], frame: pl.DataFrame | None, parts: Sequence[Part] = ()
    ) -> list[tuple[MatchedValue, ...]]:
        """Why these (rule, row) matched: for each the values that met its patterns, in the order of the rule."""
        wanted = {row for _rule, row in pairs}
        texts = None if frame is None else FrameTexts(frame)
        events: dict[int, tuple[Cells, tuple[int, ...]]] = {}  # each with the logsource entries that it is of
        for part in parts:
            places = [index for index, row in enumerate(part.rows) if row in wanted]
            if places:
                cells = of_part(part, texts, spoken=True).rows(places)
                events.update(self._each(cells, [part.rows[index] for index in places]))
        rest = sorted(wanted - events.keys())
        if rest:
            assert texts is not None, "a row is in a part or in the frame"
            events.update(self._each(of_frame(texts, rest), rest))
        return [self._explain(rule, *events[row]) for rule, row in pairs]

    def _each(self, cells: Cells, rows: Sequence[int]) -> Iterator[tuple[int, tuple[Cells, tuple[int, ...]]]]:
        """Single events by their row, with their logsource entries; those that are of none have no entries."""
        classes: list[tuple[int, ...]] = [()] * cells.count
        for entries, places in self._router.results(cells):
            for place in range(cells.count) if places is None else places:
                classes[place] = entries
        for place, (row, entries) in enumerate(zip(rows, classes, strict=True)):
            yield row, (cells.rows([place]), entries)

    def _explain(self, rule: int, event: Cells, classes: Sequence[int]) -> tuple[MatchedValue, ...]:
        compiled = self._compiled.rules[rule]
        plan = self._plan(tuple(classes))
        entries = [entry for entry in compiled.entries if entry in classes]
        for entry in entries:
            if (rule, entry) not in self._of_hits:
                self._of_hits[rule, entry] = self._numbers(compiled, entry), self.bounds(compiled, entry)
            numbers, bounds = self._of_hits[rule, entry]
            truth = plan.truth(numbers, event)
            found = explained(compiled.tree, compiled.leaves, bounds, truth, event, sure=len(entries) == 1)
            if found is not None:
                return found
        return ()

    def likely(self, records: Sequence[bytes], parts: Sequence[Part], product: str) -> list[int]:
        """Which JSON records of a product may hold a keyword of a rule that is about it: the rows to keep ``apart``."""
        if product not in self._finders:
            sources = [(entry, self._where.entries[entry]) for entry in self._by_entry]
            self._finders[product] = Finder(
                (source.may_be, specs)
                for entry, source in sources
                if source.key[0] in {"", "secops", product} and (specs := list(self._keywords(entry)))
            )
        return self._finders[product].rows(records, parts)

    def correlated(self, rule: int, event: Mapping[str, Any]) -> Mapping[str, Sequence[str]] | None:
        """What correlations ask of a flat event that met a rule, by Sigma field; None where none refers to the rule."""
        return self._correlated.values(rule, event)

    def reads_of(self, channel: str | None, code: str) -> frozenset[str]:
        """The columns that rules read of Windows events with this channel and id, without what keywords need."""
        known = self._reads_of.get((channel, code))
        if known is None:
            names: set[str] = set()
            for entry, sure in self._entries_of(channel, code):
                names |= self._reads_in(entry).of(code)
                if not sure:
                    names.update(name for bound in self._where.entries[entry].bounds for name in bound.columns)
            known = self._reads_of[channel, code] = frozenset(names)
        return known

    def shows_of(self, channel: str | None, code: str) -> frozenset[str]:
        """The columns that hits among such events show: all that a rule of their logsources reads, and all text."""
        known = self._shows_of.get((channel, code))
        if known is None:
            entries = tuple(entry for entry, _sure in self._entries_of(channel, code))
            if entries not in self._shows_by_entries:
                self._shows_by_entries[entries] = self._reads(entries)
            known = self._shows_of[channel, code] = self._shows_by_entries[entries]
        return known

    def _entries_of(self, channel: str | None, code: str) -> Iterator[tuple[int, bool]]:
        """The logsource entries that such events may be of, and whether they are for sure."""
        for entry in self._by_entry:
            verdict = self._where.entries[entry].verdict({"winlog.channel": channel, CODE: code})
            if verdict is not False:
                yield entry, verdict is True

    def compiled_rule(self, number: int) -> CompiledRule:
        """The compiled form of a rule; a correlation has no entries in it."""
        return self._compiled.rules[number]

    def logsource(self, entry: int) -> Logsource:
        """An entry of the logsource map."""
        return self._where.entries[entry]

    @cached_property
    def reads(self) -> frozenset[str]:
        """All columns that some active rule reads, ECS or not."""
        return self._reads(self._by_entry)

    @cached_property
    def wanted(self) -> frozenset[str]:
        """Those of them that no frame has by itself."""
        return frozenset(name for name in self.reads if name not in COLUMNS or name in _TEXT_OF_EVENT)

    @property
    def overruns(self) -> int:
        """Values so long that some patterns looked only at their two ends."""
        return self._router.overruns + sum(plan.overruns for plan in self._plans.values())

    # ------------------------------------------------------------------------------------------------------- inside

    def _plan(self, entries: tuple[int, ...]) -> Gate:
        plan = self._plans.get(entries)
        if plan is None:
            items = [
                Item(number, rule.tree, *rule.asked[rule.entries.index(entry)])
                for entry in entries
                for number in self._by_entry[entry]
                for rule in (self._compiled.rules[number],)
            ]
            items += [
                item(result, one.tree, self._numbers(one, entry), self._predicates)
                for entry in entries
                for result, one in self._filters.of_entry(entry)
            ]
            plan = self._plans[entries] = Gate(items, self._predicates, self._budget)
        return plan

    def bounds(self, rule: CompiledRule | CompiledFilter, entry: int) -> list[Bound]:
        """The leaves of a rule or filter with the columns that their fields are in this logsource."""
        return [self._predicates.bounds[number] for number in self._numbers(rule, entry)]

    def _numbers(self, rule: CompiledRule | CompiledFilter, entry: int) -> Sequence[int]:
        if isinstance(rule, CompiledRule):
            return rule.predicates(entry)
        return self._predicates.of_leaves(rule.leaves, entry, self._where.entries[entry])

    def _keywords(self, entry: int) -> Iterator[Spec]:
        """What the keywords of an entry's rules and filters ask for."""
        for part, fields, _specs in self._asked(entry):
            if "" in fields:
                yield from (self._compiled.specs[leaf[4]] for leaf in part.leaves if not leaf[1])

    def _asked(self, entry: int) -> Iterator[tuple[CompiledRule | CompiledFilter, set[str], set[int]]]:
        """Each of an entry's rules and filters, with the fields of its leaves and the numbers of their specs."""
        rules = (self._compiled.rules[number] for number in self._by_entry[entry])
        filters = (one for _result, one in self._filters.of_entry(entry))
        for part in itertools.chain[CompiledRule | CompiledFilter](rules, filters):
            yield part, *asked_of(part.leaves)

    def _reads_in(self, entry: int) -> Reads:
        if entry not in self._reads_by_entry:
            asked = [
                (self._codes(part, fields, entry), self._columns_of(entry, fields, specs))
                for part, fields, specs in self._asked(entry)
            ]
            asked += [(None, self._correlated.columns_of(rule, entry)) for rule in self._by_entry[entry]]
            self._reads_by_entry[entry] = Reads(asked)
        return self._reads_by_entry[entry]

    def _codes(self, part: CompiledRule | CompiledFilter, fields: set[str], entry: int) -> frozenset[str] | None:
        """The event ids that a rule or filter is about."""
        columns = self._where.entries[entry].columns
        if any(columns(field) == (CODE,) for field in fields if field):
            return codes_of(part.tree, self.bounds(part, entry))
        return None

    def _columns_of(self, entry: int, fields: set[str], specs: set[int]) -> set[str]:
        """The columns of some fields, and of those that some specs compare with."""
        columns = self._where.entries[entry].columns
        asked = fields | {self._compiled.specs[number][1] for number in specs & self._refs}
        return {name for field in asked if field for name in columns(field)}

    def _reads(self, entries: Iterable[int]) -> frozenset[str]:
        names = set(self._router.columns)
        for entry in entries:
            names |= self._reads_in(entry).all
            if any("" in fields for _part, fields, _specs in self._asked(entry)):
                names.update(_TEXT_OF_EVENT)
        return frozenset(names)

    def _forget(self) -> None:
        self._budget.used = 0
        self._router.forget()
        for plan in self._plans.values():
            plan.forget()


def _views(
    frame: pl.DataFrame | None, parts: Sequence[Part], apart: Sequence[int]
) -> Iterator[tuple[Cells, Rows, Collection[int]]]:
    """The events as cells, each with the rows of the batch that they are, and those of which nothing counts.

    What rows apart meet is left out afterwards: they are few, and taking the others out of every column costs more.
    """
    chosen = frozenset(apart)
    texts = None if frame is None else FrameTexts(frame)
    for part in parts:
        cells = of_part(part, texts)
        rows = part.rows
        out = chosen.intersection(rows) if chosen else chosen
        if out and texts is not None:
            searched = [index for index, row in enumerate(rows) if row in out]
            yield of_part(part, texts, spoken=True).rows(searched), [rows[index] for index in searched], ()
        if len(out) < cells.count:
            yield cells, rows, out
    if texts is None or not texts.frame.height:
        return
    if not parts:
        yield of_frame(texts), None, ()
        return
    seen: set[int] = set()
    for part in parts:
        seen.update(part.rows)
    if len(seen) < texts.frame.height:
        rest = [row for row in range(texts.frame.height) if row not in seen]
        yield of_frame(texts, rest), rest, ()


def _through(rows: Rows, places: Rows) -> Rows:
    """Rows of a selection as rows of what it was selected from."""
    if rows is None or places is None:
        return rows if places is None else places
    return [places[row] for row in rows]


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
