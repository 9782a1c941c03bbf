"""The event store in Elasticsearch: plain indices by dataset, zone and receive day, asked with its query DSL.

Exactly once, without transactions: a document's id is the event's, so writing it again changes nothing, and positions
are committed after the documents are durable (the translog is forced to the disk before a bulk request is answered).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime
from typing import Any

import orjson
import polars as pl
import zstandard

from secops.errors import QueryError, StoreError
from secops.locale import _
from secops.query.evaluate import check
from secops.query.limits import check_page
from secops.query.tree import And, Exists, Node
from secops.schema.ecs import COLUMNS, dtype
from secops.schema.frame import EXTRA
from secops.siem.ports import KIND_COLUMNS, Answer, Found, Nearby, Place, Question, Scope, SeenKind, Span, StoreStats
from secops.store.events import elastic_fields as names
from secops.store.events.elastic_bulk import Bulk
from secops.store.events.elastic_documents import Line, Naming, chunks, event_of, lines, row_of
from secops.store.events.elastic_dsl import Dsl, condition, inside, visible
from secops.store.events.elastic_dsl import asked as dsl
from secops.store.events.elastic_indices import Indices
from secops.store.events.elastic_positions import Positions
from secops.store.events.elastic_server import Access, Server, reason_of
from secops.store.events.rows import fresh, middle
from secops.store.events.several import check_counted, one_by_one

_AT_ONCE = 2  # bulk requests under way: one is written while the next one is made
_BUCKETS = 5_000  # of one page of a histogram
_CELLS = 20_000  # answers in one page of kinds


class ElasticStore:
    """A generation of a site's events in Elasticsearch, as `secops.siem.ports.EventStore`.

    Nothing is asked of the server before the first call. Safe to use from several threads and processes. ``again``
    reads how to log in once more (see `Server`).
    """

    def __init__(
        self, access: Access, prefix: str, site: str, generation: str, again: Callable[[], Access] | None = None
    ) -> None:
        self.generation = generation
        self._server = Server(access, again)
        self._seconds = access.seconds
        self._limit = f"{max(1, round(access.seconds * 1000))}ms"  # it takes no fractions of a second
        self._naming = Naming(prefix, generation)
        self._indices = Indices(self._server, self._naming)
        self._positions = Positions(self._server, prefix, site, generation)
        self._bulk = Bulk(self._server, self._naming)
        self._ready = False

    # ------------------------------------------------------------------------------------------------- writing

    def write(self, frame: pl.DataFrame, positions: Mapping[str, int]) -> int:
        """Index a frame, then commit the positions (see the port); durable and searchable when it returns.

        Raises:
            AwayError: Elasticsearch took nothing for as long as the settings say; nothing was committed.
        """
        self._prepare()
        rows = fresh(frame, self._server.patiently(self._positions.read))
        if not rows.is_empty():
            self._put(chunks(lines(rows, self._naming)))
        self._server.patiently(lambda: self._positions.raise_to(positions))
        return rows.height

    def stage(self, frame: pl.DataFrame, positions: Mapping[str, int]) -> Sequence[bytes]:
        """Make the documents of the rows behind the positions, compressed; nothing of them is in Elasticsearch yet."""
        pack = zstandard.ZstdCompressor(1)
        return [
            pack.compress(orjson.dumps([(line.index, line.id, line.body.decode()) for line in chunk]))
            for chunk in chunks(lines(fresh(frame, positions), self._naming))
        ]

    def take(self, staged: Sequence[bytes], positions: Mapping[str, int]) -> None:
        """Index staged documents, then commit the positions of their rows.

        Raises:
            StoreError: Elasticsearch is away, or already has what was staged.
        """
        self._prepare()
        done = self._server.patiently(self._positions.read)
        if any(done.get(source, -1) >= at for source, at in positions.items()):
            raise StoreError(_("検索用データにはすでに書き込まれています(ほかの処理と競合しました)。"))
        unpack = zstandard.ZstdDecompressor()
        self._put(
            [Line(index, one, body.encode()) for index, one, body in orjson.loads(unpack.decompress(chunk))]
            for chunk in staged
        )
        self._server.patiently(lambda: self._positions.raise_to(positions))

    def positions(self) -> dict[str, int]:
        """Source → last sequence number that is committed."""
        self._prepare()
        return self._positions.read()

    def _put(self, made: Iterable[list[Line]]) -> None:
        """Send chunks, a few at once; all are durable and searchable when this returns."""
        with ThreadPoolExecutor(_AT_ONCE, thread_name_prefix="bulk") as pool:
            under_way = []
            for chunk in made:
                under_way.append(pool.submit(self._bulk.put, chunk))
                if len(under_way) > _AT_ONCE:
                    under_way.pop(0).result()
            for one in under_way:
                one.result()
        self._server.patiently(self._indices.refresh)

    def _prepare(self) -> None:
        """Make what has to be there before the first document: the template, and the claim to the prefix."""
        if not self._ready:
            self._positions.prepare()
            self._indices.prepare()
            self._ready = True

    # ------------------------------------------------------------------------------------------------- reading

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
        """The page of events and the exact total."""
        check_page(limit, offset)
        order = "desc" if newest_first else "asc"
        # Behind a place no offset is taken: what it would skip is fetched, and left out here.
        behind = after is not None and limit + offset > 0
        place: dict[str, Any] = {"size": limit, "from": offset}
        if after is not None and behind:
            place = {"size": limit + offset, "search_after": [names.micros(after.time), after.id]}
        found = self._asked(
            query,
            span,
            scope,
            sort=[
                {names.TIME: {"order": order, "unmapped_type": "long"}},
                {"event.id": {"order": order, "unmapped_type": "keyword"}},
            ],
            **place,
        )
        hits = found["hits"]["hits"][offset if behind else 0 :]
        return Found([event_of(hit["_source"]) for hit in hits], found["hits"]["total"]["value"])

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
        """Events around a moment (see the port)."""
        before = self.search(query, span.before(centre), scope, limit=limit)
        after = self.search(query, span.since_then(centre), scope, limit=limit, newest_first=False)
        shown = middle(before.events, after.events, limit)
        return Nearby(
            [{name: value for name, value in event.items() if name in fields} for event in shown],
            before.total + after.total,
            [self.count(And((query, term)), span, scope) for term in terms],
        )

    def count(self, query: Node, span: Span, scope: Scope) -> int:
        """Exact number of events that match."""
        return int(self._asked(query, span, scope, size=0)["hits"]["total"]["value"])

    def histogram(self, query: Node, span: Span, scope: Scope, seconds: int) -> list[tuple[datetime, int]]:
        """Counts per bucket of so many seconds since the epoch, ascending, empty buckets left out."""
        source = {"bucket": {"histogram": {"field": names.TIME, "interval": seconds * 1_000_000}}}
        buckets = self._composite(
            lambda aggs: self._asked(query, span, scope, size=0, aggs=aggs), [source], _BUCKETS, {}
        )
        return [(names.moment_of(one["key"]["bucket"]), one["doc_count"]) for one in buckets]

    def tally(
        self, query: Node, span: Span, scope: Scope, fields: Sequence[str], limit: int = 1000
    ) -> Sequence[tuple[tuple[str | None, ...], int]]:
        """Counts by the values of some columns of text, the largest first (see the port).

        Values that are indexed otherwise than they are, and columns without values to group by, are counted here.
        """
        check_counted(fields)
        check(query)
        odd = {"terms": {names.ODD: list(fields)}}
        asked_for = dsl(query, span, scope)
        counts: Counter[tuple[str | None, ...]] = Counter()
        by_hand = asked_for
        if all(map(names.grouped, fields)):
            by_hand = {"bool": {"filter": [asked_for, odd]}}
            plain = {"bool": {"filter": [asked_for], "must_not": [odd]}}
            sources = [
                {f"f{at}": {"terms": {"field": f"{field}.raw", "missing_bucket": True}}}
                for at, field in enumerate(fields)
            ]
            for bucket in self._composite(self._aggregated(plain), sources, _BUCKETS, {}):
                counts[tuple(bucket["key"].values())] += bucket["doc_count"]
        for page in self._indices.pages(by_hand) if self._indices.listed() else ():
            counts.update(tuple(map(event_of(hit["_source"]).get, fields)) for hit in page)
        ordered = sorted(counts.items(), key=lambda one: (-one[1], [(part is None, part or "") for part in one[0]]))
        return ordered[:limit]

    def several(self, common: Node, questions: Sequence[Question], span: Span, scope: Scope) -> Sequence[Answer]:
        """All counts in one request; buckets and values one after the other, of those that found anything."""
        for one in questions:
            check(one.query)
            check_counted(one.fields)
        check(common)
        if not questions:
            return []
        tests = {
            f"q{at}": {"bool": {"filter": [condition(one.query), *inside(Span(one.since))]}}
            for at, one in enumerate(questions)
        }
        aggs = {"all": {"filters": {"filters": tests}}}
        found = self._aggregated(dsl(common, span, scope))(aggs).get("aggregations", {}).get("all", {"buckets": {}})
        counts = [int(found["buckets"].get(name, {"doc_count": 0})["doc_count"]) for name in tests]
        return [
            Answer(0) if not count else next(one_by_one(self, common, [one], span, scope, count))
            for one, count in zip(questions, counts, strict=True)
        ]

    def arrivals(self, received: Span, scope: Scope, seconds: int) -> Mapping[str, Sequence[tuple[datetime, int]]]:
        """Counts by source and time of receipt (see the port)."""
        query = {"bool": {"filter": [*inside(received, names.RECEIVED), *visible(scope)]}}
        sources: list[Dsl] = [
            {"source": {"terms": {"field": "labels.source.raw", "missing_bucket": True}}},
            {"bucket": {"histogram": {"field": names.RECEIVED, "interval": seconds * 1_000_000}}},
        ]
        counts: dict[str, list[tuple[datetime, int]]] = {}
        for one in self._composite(self._aggregated(query), sources, _BUCKETS, {}):
            at = names.moment_of(one["key"]["bucket"])
            counts.setdefault(one["key"]["source"] or "", []).append((at, one["doc_count"]))
        return counts

    def get(self, event_id: str, scope: Scope) -> Mapping[str, Any] | None:
        """One event by id."""
        parts = event_id.rsplit(".", 2)
        if len(parts) != 3 or not parts[2].isdecimal() or len(event_id) > 200:
            return None
        query = {"bool": {"filter": [{"ids": {"values": [event_id]}}, *visible(scope)]}}
        hits = self._checked(self._indices.search({"query": query, "size": 1}))["hits"]["hits"]
        return event_of(hits[0]["_source"]) if hits else None

    def seen(self, received: Span, asked: Collection[str] = ()) -> Sequence[SeenKind]:
        """The kinds of events received in a span, page by page (see the port)."""
        query = {"bool": {"filter": inside(received, names.RECEIVED)}}
        told = [*COLUMNS, *sorted(set(asked).difference(COLUMNS))]
        has = {f"f{at}": condition(Exists(name)) for at, name in enumerate(told)}  # a name of a log names no bucket
        aggs: dict[str, Any] = {"fields": {"filters": {"filters": has}}}
        pages = self._composite(
            self._aggregated(query),
            [{"kind": {"terms": {"field": names.KIND}}}],
            max(1, _CELLS // len(told)),
            aggs,
        )
        kinds = [_kind(bucket, told) for bucket in pages]
        return sorted(kinds, key=lambda kind: [(one is None, one or "") for one in kind.values.values()])

    def stats(self) -> StoreStats:
        """How much is stored; events that were refused in their own form or indexed in part are counted."""
        listed = self._indices.listed()
        ends = {side: {side: {"field": names.TIME}} for side in ("min", "max")}
        marks = {name: {"filter": {"exists": {"field": name}}} for name in (names.CUT, names.REJECTED)}
        found = self._checked(self._indices.search({"size": 0, "aggs": {**ends, **marks}})).get("aggregations", {})
        times = [found.get(side, {}).get("value") for side in ("min", "max")]
        oldest, newest = (None if one is None else names.moment_of(one) for one in times)
        return StoreStats(
            rows=sum(one["rows"] for one in listed.values()),
            files=len(listed),
            bytes=sum(one["bytes"] for one in listed.values()),
            oldest=oldest,
            newest=newest,
            cut=found.get(names.CUT, {}).get("doc_count", 0),
            refused=found.get(names.REJECTED, {}).get("doc_count", 0),
        )

    def probe(self) -> None:
        """Whether it takes something now: a small document, as a full disk would stop it.

        Raises:
            AwayError: it does not.
        """
        self._prepare()
        self._positions.probe()

    def frames(self) -> Iterator[pl.DataFrame]:
        """All rows as they were written; for a replay that takes over what it keeps."""
        if not self._indices.listed():
            return
        schema = {name: dtype(name) for name in (*COLUMNS, EXTRA)}
        for page in self._indices.pages({"match_all": {}}):
            rows = [row_of(hit["_source"]) for hit in page]
            yield pl.DataFrame({name: [row.get(name) for row in rows] for name in schema}, schema=schema)

    # -------------------------------------------------------------------------------------------------- upkeep

    def compact(self) -> Mapping[str, int]:
        """Merge the segments of indices of days that are over (see `Indices.compact`)."""
        return self._indices.compact()

    def retain(self, before: datetime) -> int:
        """Remove events received before a moment; returns how many went."""
        return self._indices.retain(before)

    def drop(self) -> None:
        """Remove this generation: its indices and its positions."""
        self._indices.drop()
        self._positions.forget()

    def close(self) -> None:
        """Release the connections."""
        self._server.close()

    # ------------------------------------------------------------------------------------------------- helpers

    def _asked(self, query: Node, span: Span, scope: Scope, **body: Any) -> Any:
        check(query)
        return self._checked(
            self._indices.search(
                {"query": dsl(query, span, scope), "track_total_hits": True, "timeout": self._limit, **body}
            )
        )

    def _aggregated(self, query: Dsl) -> Callable[[Any], Any]:
        return lambda aggs: self._checked(self._indices.search({"query": query, "size": 0, "aggs": aggs}))

    def _checked(self, found: Any) -> Any:
        """The answer, if it is whole.

        Raises:
            QueryError: it took too long.
            StoreError: a part of the index did not answer: half an answer would look like a whole one.
        """
        if found.get("timed_out"):
            text = _("検索が {seconds:g} 秒で終わりませんでした。期間を短くするか、条件を加えてください。")
            raise QueryError(text.format(seconds=self._seconds))
        if found["_shards"]["failed"]:
            text = _(
                "Elasticsearch の索引 {failed}/{total} 個が応答しません({index}: {reason})。状態を確認してください。"
            )
            first = found["_shards"]["failures"][0]
            raise StoreError(
                text.format(
                    failed=found["_shards"]["failed"],
                    total=found["_shards"]["total"],
                    index=first.get("index"),
                    reason=reason_of(first.get("reason")),
                )
            )
        return found

    def _composite(
        self, ask: Callable[[Any], Any], sources: Sequence[Any], size: int, inner: Mapping[str, Any]
    ) -> Iterator[Any]:
        """All buckets of a composite aggregation, however many."""
        composite: dict[str, Any] = {"size": size, "sources": list(sources)}
        while True:
            found = ask({"all": {"composite": composite, **({"aggs": inner} if inner else {})}})
            page = found.get("aggregations", {}).get("all", {"buckets": []})
            yield from page["buckets"]
            if "after_key" not in page:
                return
            composite["after"] = page["after_key"]


def _kind(bucket: Mapping[str, Any], told: Sequence[str]) -> SeenKind:
    values = dict(zip(KIND_COLUMNS, orjson.loads(bucket["key"]["kind"]), strict=True))
    counts = bucket["fields"]["buckets"]
    fields = {name for at, name in enumerate(told) if counts[f"f{at}"]["doc_count"]}
    return SeenKind(values, int(bucket["doc_count"]), frozenset(fields))
