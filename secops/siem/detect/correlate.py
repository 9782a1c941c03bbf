"""Correlation rules at work: inputs in, hits out, no clock, no I/O.

A correlation hits *at an event* (the closing one): the condition holds over the events of its group that are not later
and not older than the timespan. So what hits depends on the events alone, not on the order in which they came, and a
late event can only add to what is known before it. Rules whose condition stays true when more events become known
(`is_eager`) are judged as soon as an event comes, again for the closing events behind a late one; the others wait until
the watermark says that nothing earlier can come.
"""

from __future__ import annotations

import hashlib
import heapq
from bisect import bisect_left, bisect_right, insort
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

from secops.siem.detect.aggregate import (
    Aggregate,
    Entry,
    Number,
    Place,
    aggregate,
    group_of,
    holds,
    is_eager,
    place_of,
    texts,
)
from secops.siem.ports import (
    Contribution,
    Correlation,
    CorrelationCounts,
    CorrelationInput,
    CorrelationLimits,
    CorrelationState,
    CorrelationStep,
    Hit,
    MatchedValue,
    Watermark,
)

SHOWN = 50  # contributing events of a hit that are kept
_SLACK = 10  # when there is too much, this part of it goes at once, so that the next input need not sort again
Group = tuple[str, ...]
Key = tuple[str, str]


def inner_first(rules: Iterable[Correlation]) -> list[Correlation]:
    """Rules in an order in which what one refers to stands before it; those in a circle are left out."""
    left = {rule.rule_id: rule for rule in rules}
    ordered: list[Correlation] = []
    while ready := [rule for rule in left.values() if not any(ref in left for ref in rule.refs)]:
        ordered += ready
        for rule in ready:
            del left[rule.rule_id]
    return ordered


@dataclass(slots=True)
class _Window:
    """The entries of one group in order, and those of them that wait for the watermark."""

    entries: list[Entry] = field(default_factory=list)
    waiting: list[Entry] = field(default_factory=list)


class _Desk:
    """One rule and its windows."""

    def __init__(self, rule: Correlation) -> None:
        self.rule = rule
        self.eager = is_eager(rule)
        self.positions: dict[str, list[int]] = {}
        for position, ref in enumerate(rule.refs):
            self.positions.setdefault(ref, []).append(position)
        self.windows: dict[Group, _Window] = {}

    def add(self, item: CorrelationInput, group: Group) -> Place:
        """Put an input into its group's window."""
        window = self.windows.setdefault(group, _Window())
        place = place_of(item)
        at = bisect_left(window.entries, place, key=_place)
        if at == len(window.entries) or window.entries[at].place != place:
            entry = Entry(place)
            window.entries.insert(at, entry)
            if not self.eager and not item.settled:
                insort(window.waiting, entry, key=_place)
        for position in self.positions[item.rule_id]:
            window.entries[at].inputs[position] = item
        return place

    def remove(self, item: CorrelationInput, group: Group) -> None:
        """Take an input out of its group's window; the group goes with its last entry."""
        window = self.windows.get(group)
        place = place_of(item)
        at = bisect_left(window.entries, place, key=_place) if window else 0
        if window is None or at == len(window.entries) or window.entries[at].place != place:
            return
        entry = window.entries[at]
        for position in self.positions[item.rule_id]:
            entry.inputs.pop(position, None)
        if entry.inputs:
            return
        del window.entries[at]
        window.waiting = [one for one in window.waiting if one is not entry] if window.waiting else window.waiting
        if not window.entries:
            del self.windows[group]

    def judge(self, group: Group, closing: Iterable[int]) -> Iterator[tuple[int, int, Number | None]]:
        """For each closing entry at which the rule holds (indexes ascend): start of its window, itself, the value."""
        entries = self.windows[group].entries
        state: Aggregate | None = None
        low = high = 0
        for index in closing:
            start = bisect_right(entries, entries[index].time - self.rule.timespan, key=_time)
            if state is None or start >= high:
                state, low, high = aggregate(self.rule), start, start
            while high <= index:
                state.add(entries[high])
                high += 1
            while low < start:
                state.remove(entries[low])
                low += 1
            value = state.value(entries[index])
            if holds(self.rule, value, state.present):
                yield start, index, value if value is not None else len(state.present)

    def touched(self, group: Group, fresh: set[Place]) -> list[int]:
        """Indexes of the entries in whose windows something is new."""
        entries = self.windows[group].entries
        found: list[int] = []
        newest: datetime | None = None
        first = bisect_left(entries, min(fresh), key=_place)
        for index in range(first, len(entries)):
            entry = entries[index]
            if entry.place in fresh:
                newest = entry.time
            if newest is not None and entry.time < newest + self.rule.timespan:
                found.append(index)
            elif entry.time > max(fresh)[0]:
                break
        return found


def _place(entry: Entry) -> Place:
    return entry.place


def _time(entry: Entry) -> datetime:
    return entry.place[0]


class Correlator:
    """Takes inputs in and says what they lead to. What it keeps can be taken out and put into another one.

    ``kept`` are the inputs that were kept when it was last put away, ``state`` is what `take` said then.
    """

    def __init__(
        self,
        rules: Iterable[Correlation],
        limits: CorrelationLimits | None = None,
        kept: Iterable[CorrelationInput] = (),
        state: CorrelationState | None = None,
    ) -> None:
        self.desks = [_Desk(rule) for rule in inner_first(rules)]
        self.limits = limits or CorrelationLimits()
        self.state = state or CorrelationState()
        self.inputs: dict[Key, CorrelationInput] = {}
        self._asking: dict[str, list[_Desk]] = {}
        self._horizon: dict[str, timedelta] = {}
        for desk in self.desks:
            for ref in desk.positions:
                self._asking.setdefault(ref, []).append(desk)
                self._horizon[ref] = max(self._horizon.get(ref, timedelta(0)), desk.rule.timespan)
        self._waits = {ref for ref, desks in self._asking.items() if not all(desk.eager for desk in desks)}
        self._unsettled: dict[Key, CorrelationInput] = {}
        self._aging: dict[str, list[tuple[datetime, Key]]] = {}
        self._resting: list[tuple[datetime, Key]] = []
        self._evicted: Counter[str] = Counter()
        self._late: Counter[str] = Counter()
        self._ungrouped: Counter[str] = Counter()
        for item in kept:
            self._keep(item)
        for counter in (self._evicted, self._late, self._ungrouped):
            counter.clear()  # they were counted when they first came

    @property
    def groups(self) -> int:
        """How many groups have something in their window."""
        return sum(len(desk.windows) for desk in self.desks)

    def take(self, new: Iterable[CorrelationInput], mark: Watermark, cursor: int | None = None) -> CorrelationStep:
        """Take inputs in, let the watermark rise, and say what that led to. An input that is known already is ignored.

        ``cursor`` is the place of the last of the inputs in the store.
        """
        reached = max(self.state.watermark, mark.general)
        fresh: dict[int, dict[Group, set[Place]]] = {}
        for item in new:
            if item.key not in self.inputs and item.rule_id in self._asking:
                if item.time < self.state.watermark:
                    self._late[item.rule_id] += 1
                self._keep(item, fresh)
        hits: dict[Key, Hit] = {}
        derived: list[CorrelationInput] = []
        for desk in self.desks:
            for hit, closing in self._hits(desk, fresh.get(id(desk), {}), mark):
                hits[hit.rule_id, hit.event_id] = hit
                if desk.rule.rule_id in self._asking and (hit.rule_id, hit.event_id) not in self.inputs:
                    outcome = _derive(desk.rule, hit, closing)
                    derived.append(outcome)
                    self._keep(outcome, fresh)
        settled = self._settle(mark)
        dropped = [*(self._crowd_out() if fresh else ()), *self._expire(mark)]
        self.state = CorrelationState(
            cursor=self.state.cursor if cursor is None else cursor,
            watermark=reached,
            groups=self.groups,
            inputs=len(self.inputs),
            counts=self.state.counts.plus(self._counted()),
        )
        gone = set(dropped)
        kept = [self.inputs.get(item.key, item) for item in derived if item.key not in gone]
        return CorrelationStep(list(hits.values()), kept, settled, dropped, self.state)

    # --------------------------------------------------------------------------------------------------------- inside

    def _keep(self, item: CorrelationInput, fresh: dict[int, dict[Group, set[Place]]] | None = None) -> None:
        """Put an input into the windows of the rules that ask for it, and note what became new."""
        asking = self._asking.get(item.rule_id, ())
        placed = False
        for desk in asking:
            group = group_of(item, desk.rule)
            if group is None:
                self._ungrouped[desk.rule.rule_id] += 1
                continue
            placed = True
            place = desk.add(item, group)
            if fresh is not None:
                fresh.setdefault(id(desk), {}).setdefault(group, set()).add(place)
        if asking:
            # What is in no window is remembered as well, until it expires: it is known, and not looked at again.
            self.inputs[item.key] = item
            if item.rule_id in self._waits and not item.settled:
                self._unsettled[item.key] = item
            until = item.time + (self._horizon[item.rule_id] if placed else timedelta(0))
            heapq.heappush(self._aging.setdefault(item.source, []), (until, item.key))

    def _hits(
        self, desk: _Desk, fresh: Mapping[Group, set[Place]], mark: Watermark
    ) -> Iterator[tuple[Hit, CorrelationInput]]:
        if desk.eager:
            asked = [(group, desk.touched(group, places)) for group, places in sorted(fresh.items())]
        else:
            asked = list(self._ripe(desk, mark))
        for group, closing in asked:
            entries = desk.windows[group].entries
            for start, index, value in desk.judge(group, closing):
                last = entries[index].last
                yield _hit(desk.rule, entries, start, index, value, group), last

    @staticmethod
    def _ripe(desk: _Desk, mark: Watermark) -> Iterator[tuple[Group, list[int]]]:
        """What waited and need not wait any longer, by group."""
        for group in sorted(group for group, window in desk.windows.items() if window.waiting):
            window = desk.windows[group]
            ripe = [entry for entry in window.waiting if mark.settles(entry.place[1], entry.time)]
            if ripe:
                window.waiting = [entry for entry in window.waiting if not mark.settles(entry.place[1], entry.time)]
                yield group, [bisect_left(window.entries, entry.place, key=_place) for entry in ripe]

    def _settle(self, mark: Watermark) -> list[Key]:
        """Inputs of rules that wait, which they have now looked at."""
        settled = [key for key, item in self._unsettled.items() if mark.settles(item.source, item.time)]
        for key in settled:
            self.inputs[key] = replace(self._unsettled.pop(key), settled=True)
        return settled

    def _expire(self, mark: Watermark) -> list[Key]:
        """Inputs that no event that may still come can look back to."""
        gone: list[Key] = []
        while self._resting and self._resting[0][0] <= mark.grace:
            gone.append(heapq.heappop(self._resting)[1])
        for source, aging in self._aging.items():
            limit = min(mark.general, mark.own.get(source, mark.general))
            while aging and aging[0][0] <= limit:
                key = heapq.heappop(aging)[1]
                if (item := self.inputs.get(key)) is None:
                    continue
                if item.received > mark.grace:
                    heapq.heappush(self._resting, (item.received, key))
                else:
                    gone.append(key)
        return [key for key in gone if self._let_go(key)]

    def _crowd_out(self) -> list[Key]:
        """What is too much, the oldest first: in one group, so that one flood does not push out all others; in all."""
        gone: list[Key] = []
        for desk in self.desks:
            for window in list(desk.windows.values()):
                excess = len(window.entries) - self.limits.group
                for entry in window.entries[: excess + self.limits.group // _SLACK] if excess > 0 else ():
                    gone += [item.key for item in entry.inputs.values()]
        excess = len(self.inputs) - self.limits.inputs
        if excess > 0:
            oldest = sorted(self.inputs.values(), key=place_of)
            gone += [item.key for item in oldest[: excess + self.limits.inputs // _SLACK]]
        return [key for key in dict.fromkeys(gone) if self._let_go(key, evicted=True)]

    def _let_go(self, key: Key, *, evicted: bool = False) -> bool:
        item = self.inputs.pop(key, None)
        if item is None:
            return False
        self._unsettled.pop(key, None)
        if evicted:
            self._evicted[item.rule_id] += 1
        for desk in self._asking.get(item.rule_id, ()):
            if (group := group_of(item, desk.rule)) is not None:
                desk.remove(item, group)
        return True

    def _counted(self) -> CorrelationCounts:
        """What was counted in this step."""
        counts = CorrelationCounts(dict(self._late), dict(self._evicted), dict(self._ungrouped))
        for counter in (self._late, self._evicted, self._ungrouped):
            counter.clear()
        return counts


# ------------------------------------------------------------------------------------------------------------- hits


def _hit(
    rule: Correlation, entries: Sequence[Entry], start: int, index: int, value: Number | None, group: Group
) -> Hit:
    """The hit at a closing entry; groups are told apart in its event id where one event may be in several."""
    last = entries[index].last
    shown = {name: ", ".join(texts(last, rule, name)) for name in rule.group_by}
    suffix = f"+{hashlib.sha256(chr(0).join(group).encode('utf-8', 'surrogatepass')).hexdigest()[:8]}"
    contributing = [
        Contribution(item.rule_id, item.event_id, item.source, item.seq, item.time, item.zone, item.event)
        for entry in entries[max(start, index + 1 - SHOWN) : index + 1]
        for item in (entry.last,)
    ]
    return Hit(
        rule_id=rule.rule_id,
        level=rule.level,
        event_id=last.event_id.split("+", 1)[0] + (suffix if rule.aliases else ""),
        source=last.source,
        seq=last.seq,
        timestamp=last.time,
        received=last.received,
        zone=last.zone,
        event={**{name: text for name, text in shown.items() if text}, **last.event},
        matched=_why(rule, value, shown),
        contributing=tuple(contributing),
        contributed=index + 1 - start,
    )


def _why(rule: Correlation, value: Number | None, shown: Mapping[str, str]) -> tuple[MatchedValue, ...]:
    """The condition and the group, in the words in which a rule's values are shown."""
    number = f"{float(value):g}" if value is not None and value != int(value) else str(int(value or 0))
    name = ", ".join(rule.fields) or rule.kind
    conditions = [MatchedValue(rule.kind, name, operator, wanted, number) for operator, wanted in rule.conditions]
    grouped = [MatchedValue("group-by", field, "=", "", text) for field, text in shown.items()]
    return (*(conditions or [MatchedValue(rule.kind, name, "", "", number)]), *grouped)


def _derive(rule: Correlation, hit: Hit, closing: CorrelationInput) -> CorrelationInput:
    """A hit as the input of the correlations that refer to its rule.

    Its fields are those of the closing event; what the rule has another name for is there under that name.
    """
    named = {name: texts(closing, rule, name) for name in (*rule.aliases, *rule.group_by)}
    return CorrelationInput(
        rule_id=rule.rule_id,
        event_id=hit.event_id,
        source=closing.source,
        seq=closing.seq,
        time=closing.time,
        received=closing.received,
        zone=closing.zone,
        values={**closing.values, **{name: found for name, found in named.items() if found}},
        event=closing.event,
        derived=True,
    )
