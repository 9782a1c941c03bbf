"""An event store in memory, as plain as it can be: the port's meaning, for tests of everything that needs a store."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterator, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import polars as pl

from secops.errors import QueryError, StoreError
from secops.query.evaluate import check, matches
from secops.query.fields import COUNTED, is_list, kind
from secops.query.tree import All, And, Node
from secops.schema.ecs import COLUMNS
from secops.siem.ports import KIND_COLUMNS, Answer, Found, Nearby, Place, Question, Scope, SeenKind, Span, StoreStats
from secops.store.events.rows import events, fresh, kept, middle
from secops.store.events.several import one_by_one

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


class MemoryEventStore:
    """Keeps events as dicts and answers with the reference evaluator."""

    def __init__(self) -> None:
        self._events: list[dict[str, Any]] = []
        self._positions: dict[str, int] = {}

    def write(self, frame: pl.DataFrame, positions: Mapping[str, int]) -> int:
        new = events(kept(fresh(frame, self._positions)))
        self._events += new
        for source, position in positions.items():
            self._positions[source] = max(position, self._positions.get(source, position))
        return len(new)

    def stage(self, frame: pl.DataFrame, positions: Mapping[str, int]) -> Sequence[Any]:
        return events(kept(fresh(frame, positions)))

    def take(self, staged: Sequence[Any], positions: Mapping[str, int]) -> None:
        if any(self._positions.get(source, -1) >= at for source, at in positions.items()):
            raise StoreError("stored already")
        self._events += staged
        self._positions.update(positions)

    def positions(self) -> dict[str, int]:
        return dict(self._positions)

    def search(
        self,
        query: Node,
        span: Span,
        scope: Scope,
        *,
        limit: int = 100,
        offset: int = 0,
        newest_first: bool = True,
        after: Place | None = None,
    ) -> Found:
        found = sorted(
            self._matching(query, span, scope),
            key=lambda event: (event["@timestamp"], event["event.id"]),
            reverse=newest_first,
        )
        places = [(event["@timestamp"], event["event.id"]) for event in found]
        begin = offset
        if after:
            there = (after.time, after.id)
            begin += sum(place >= there if newest_first else place <= there for place in places)
        return Found(found[begin : begin + limit], len(found))

    def nearby(
        self,
        query: Node,
        terms: Sequence[Node],
        centre: datetime,
        span: Span,
        scope: Scope,
        *,
        limit: int,
        fields: Collection[str],
    ) -> Nearby:
        before = self.search(query, span.before(centre), scope, limit=limit)
        after = self.search(query, span.since_then(centre), scope, limit=limit, newest_first=False)
        shown = middle(before.events, after.events, limit)
        return Nearby(
            [{name: value for name, value in event.items() if name in fields} for event in shown],
            before.total + after.total,
            [self.count(And((query, term)), span, scope) for term in terms],
        )

    def count(self, query: Node, span: Span, scope: Scope) -> int:
        return sum(1 for _event in self._matching(query, span, scope))

    def histogram(self, query: Node, span: Span, scope: Scope, seconds: int) -> list[tuple[datetime, int]]:
        counts: dict[datetime, int] = {}
        width = timedelta(seconds=seconds)
        for event in self._matching(query, span, scope):
            bucket = _EPOCH + (event["@timestamp"] - _EPOCH) // width * width
            counts[bucket] = counts.get(bucket, 0) + 1
        return sorted(counts.items())

    def tally(
        self, query: Node, span: Span, scope: Scope, fields: Sequence[str], limit: int = 1000
    ) -> list[tuple[tuple[str | None, ...], int]]:
        if any(kind(field) not in COUNTED or is_list(field) or field not in COLUMNS for field in fields):
            raise QueryError("columns of text only")
        counts = Counter(tuple(event.get(name) for name in fields) for event in self._matching(query, span, scope))
        ordered = sorted(counts.items(), key=lambda one: (-one[1], [(part is None, part or "") for part in one[0]]))
        return ordered[:limit]

    def several(self, common: Node, questions: Sequence[Question], span: Span, scope: Scope) -> list[Answer]:
        return list(one_by_one(self, common, questions, span, scope))

    def arrivals(self, received: Span, scope: Scope, seconds: int) -> dict[str, list[tuple[datetime, int]]]:
        counts: dict[str, Counter[datetime]] = {}
        width = timedelta(seconds=seconds)
        for event in self._matching(All(), Span(), scope):
            at = event["event.ingested"]
            if received.holds(at):
                bucket = _EPOCH + (at - _EPOCH) // width * width
                counts.setdefault(event.get("labels.source", ""), Counter())[bucket] += 1
        return {source: sorted(found.items()) for source, found in sorted(counts.items())}

    def get(self, event_id: str, scope: Scope) -> Mapping[str, Any] | None:
        return next((one for one in self._events if one["event.id"] == event_id and _visible(one, scope)), None)

    def seen(self, received: Span, asked: Collection[str] = ()) -> list[SeenKind]:
        told = {*COLUMNS, *asked}
        kinds: dict[tuple[str | None, ...], list[dict[str, Any]]] = {}
        for event in self._matching(All(), Span(), Scope()):
            if not received.holds(event["event.ingested"]):
                continue
            values = (event.get(name) for name in KIND_COLUMNS)
            key = tuple(None if value is None else str(value) for value in values)
            kinds.setdefault(key, []).append(event)
        return [
            SeenKind(dict(zip(KIND_COLUMNS, key, strict=True)), len(found), frozenset().union(*found) & told)
            for key, found in sorted(kinds.items(), key=lambda pair: [(part is None, part or "") for part in pair[0]])
        ]

    def stats(self) -> StoreStats:
        times = [event["@timestamp"] for event in self._events]
        return StoreStats(len(times), 0, 0, min(times, default=None), max(times, default=None))

    def compact(self) -> Mapping[str, int]:
        return {}

    def retain(self, before: datetime) -> int:
        left = [event for event in self._events if event["event.ingested"] >= before]
        gone = len(self._events) - len(left)
        self._events = left
        return gone

    def close(self) -> None:
        pass

    def _matching(self, query: Node, span: Span, scope: Scope) -> Iterator[dict[str, Any]]:
        check(query)
        for event in self._events:
            at = event["@timestamp"]
            inside = (span.since is None or at >= span.since) and (span.until is None or at < span.until)
            if inside and _visible(event, scope) and matches(query, event):
                yield event


def _visible(event: Mapping[str, Any], scope: Scope) -> bool:
    zone, department = event.get("labels.zone"), event.get("labels.department")
    return (scope.zones is None or zone in scope.zones) and (
        scope.departments is None or department in scope.departments
    )
