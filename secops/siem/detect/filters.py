"""Exceptions at work: what compiled filters say about rows that rules matched.

A filter is one more condition (an `Item`) of every plan whose rules it bears on: true where it *suppresses*. Its result
is a negative number, so the memo of rows answers rules and filters in one look-up; `Filters.split` then takes the two
apart, once for each distinct answer. When a filter ends is not part of a plan: it is compared with the row's time.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from typing import TYPE_CHECKING, Any

from secops.errors import Problem
from secops.schema.dates import JST
from secops.siem.ports import RowMatch, RuleFilter

if TYPE_CHECKING:
    import polars as pl

_RECEIVED = "event.ingested"
_KEPT = 10_000  # distinct answers of plans that are remembered

Parted = tuple[tuple[int, tuple[int, ...]], ...]  # (rule, filters that suppress it)


@dataclass(frozen=True, slots=True)
class CompiledFilter:
    """A filter as the detector needs it; plain data, so that the cache can keep it.

    ``tree`` is over ``leaves`` (as of a `CompiledRule`) and holds where the filter suppresses. ``targets`` are the
    rules it bears on, with the logsource entries that know all its fields. ``expires`` is the last day, ISO 8601.
    ``problem`` says why it does not filter, ``problems`` are all its mistakes.
    """

    id: str
    name: str
    title: str
    title_ja: str
    description: str
    owner: str
    grounds: str
    expires: str
    every: bool
    keeps_only: bool
    logsource: Mapping[str, str]
    file: int
    number: int
    targets: Sequence[tuple[int, Sequence[int]]]
    leaves: Sequence[tuple[str, str, str, str, int]]
    tree: Any
    problem: str
    problems: Sequence[Problem]

    @property
    def until(self) -> datetime | None:
        """When it ends: after its last day, in Japan time."""
        if not self.expires:
            return None
        return datetime.combine(date.fromisoformat(self.expires) + timedelta(days=1), time(), JST)


def encode_filters(filters: Sequence[CompiledFilter]) -> list[Any]:
    """Filters as JSON can hold them."""
    return [
        [
            *(getattr(one, name) for name in _PLAIN),
            dict(one.logsource),
            [[rule, list(entries)] for rule, entries in one.targets],
            [list(leaf) for leaf in one.leaves],
            [(problem.where, problem.what) for problem in one.problems],
        ]
        for one in filters
    ]


_PLAIN = (
    "id",
    "name",
    "title",
    "title_ja",
    "description",
    "owner",
    "grounds",
    "expires",
    "every",
    "keeps_only",
    "file",
    "number",
    "tree",
    "problem",
)


def decode_filters(data: Sequence[Any]) -> list[CompiledFilter]:
    """What `encode_filters` made."""
    return [
        CompiledFilter(
            **dict(zip(_PLAIN, plain, strict=True)),
            logsource=logsource,
            targets=[(rule, tuple(entries)) for rule, entries in targets],
            leaves=leaves,
            problems=[Problem(*problem) for problem in problems],
        )
        for *plain, logsource, targets, leaves, problems in data
    ]


def as_seen(one: CompiledFilter, rule_ids: Sequence[str], path: str, text: str) -> RuleFilter:
    """A filter as people see it; ``rule_ids`` are those of the whole rulebook."""
    return RuleFilter(
        id=one.id,
        title=one.title,
        title_ja=one.title_ja,
        description=one.description,
        owner=one.owner,
        grounds=one.grounds,
        until=one.until,
        rules=tuple(rule_ids[rule] for rule, _entries in one.targets),
        every=one.every,
        keeps_only=one.keeps_only,
        logsource=one.logsource,
        path=path,
        text=text,
        number=one.number,
        problem=one.problem,
    )


def negated(tree: Any) -> Any:
    """A tree that holds where the given one does not, with ``not`` as deep as it goes.

    So ``not selection`` becomes the selection itself, and what makes it hold can be seen in the values.
    """
    if isinstance(tree, int):
        return ["not", tree]
    word, *children = tree
    if word == "not":
        return children[0]
    return ["or" if word == "and" else "and", *map(negated, children)]


class Filters:
    """The filters of a rulebook beside its plans."""

    def __init__(self, filters: Sequence[CompiledFilter]) -> None:
        self.all = filters
        self._until = [one.until for one in filters]
        self._by_entry: dict[int, list[int]] = {}
        self._of_rule: dict[int, list[int]] = {}
        for number, one in enumerate(filters):
            if one.problem:
                continue
            for rule, entries in one.targets:
                self._of_rule.setdefault(rule, []).append(number)
                for entry in entries:
                    known = self._by_entry.setdefault(entry, [])
                    if not known or known[-1] != number:
                        known.append(number)
        self._parted: dict[tuple[int, ...], Parted] = {}

    def of_entry(self, entry: int) -> Iterator[tuple[int, CompiledFilter]]:
        """(result, filter) of each filter that bears on a rule of this logsource entry."""
        for number in self._by_entry.get(entry, ()):
            yield -1 - number, self.all[number]

    def split(self, results: tuple[int, ...]) -> Parted:
        """The rules among the results of a plan, each with the filters that suppress it."""
        parted = self._parted.get(results)
        if parted is None:
            against = {-1 - result for result in results if result < 0}
            parted = tuple(
                (result, tuple(one for one in self._of_rule.get(result, ()) if one in against))
                for result in results
                if result >= 0
            )
            if len(self._parted) >= _KEPT:
                self._parted.clear()
            self._parted[results] = parted
        return parted

    def live(self, against: Sequence[int], at: datetime) -> list[int]:
        """Those of the filters that have not ended at this moment."""
        return [one for one in against if (until := self._until[one]) is not None and at < until]


class Gathered:
    """What the plans answer for the rows of a frame, gathered by rule and cleared of what filters suppress."""

    def __init__(self, filters: Filters, frame: pl.DataFrame | None, now: datetime | None) -> None:
        """Without a frame, or without receive times in it, all rows are of ``now``; without ``now`` filters rest."""
        self._filters = filters
        self._frame = frame if frame is not None and _RECEIVED in frame.columns else None
        self._now = now
        self._rows: dict[int, list[int]] = {}
        self._gone: dict[int, list[tuple[int, int]]] = {}

    def add(self, results: tuple[int, ...], rows: Sequence[int]) -> None:
        """Rows with the results that a plan gave for them."""
        for rule, against in self._filters.split(results):
            known = self._rows.setdefault(rule, [])
            if not against or self._now is None:
                known.extend(rows)
                continue
            gone = self._gone.setdefault(rule, [])
            for row, at in zip(rows, self._times(rows, self._now), strict=True):
                live = self._filters.live(against, at)
                if live:
                    gone.extend((row, one) for one in live)
                else:
                    known.append(row)

    def matches(self) -> list[RowMatch]:
        """One match for each rule, in order of the rules."""
        return [
            RowMatch(rule, sorted(set(rows)), sorted(set(self._gone.get(rule, ()))))
            for rule, rows in sorted(self._rows.items())
        ]

    def _times(self, rows: Sequence[int], now: datetime) -> list[datetime]:
        if self._frame is None:
            return [now] * len(rows)
        return [at or now for at in self._frame.get_column(_RECEIVED).gather(rows).to_list()]
