"""The embedded event store: one generation of a Delta table, written with polars, asked with DuckDB.

Exactly once: the position of each source is in the same Delta commit as its rows (``source@generation``). Delta itself
takes a lower position silently, so it is compared first; two writers of one source conflict, and the later one looks
again. Writers of different sources only append, which Delta lets through.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import polars as pl
from deltalake.transaction import AddAction

from secops.errors import StoreError
from secops.locale import _
from secops.query.evaluate import check
from secops.query.limits import check_page
from secops.query.tree import All, And, Node, Or
from secops.schema.names import EXTRA, EXTRA_TEXT
from secops.schema.text import fold
from secops.siem.ports import KIND_COLUMNS, Answer, Found, Place, Question, Scope, SeenKind, Span, StoreStats
from secops.store.events.generations import current_lake
from secops.store.events.rows import events, fresh, kept
from secops.store.events.searchable import FOLDED, TEXT, searchable
from secops.store.events.several import check_counted, datasets, together
from secops.store.events.sql import Condition
from secops.store.events.table import DAY, EMPTY, DataFile, FileGoneError, Table, receive_day
from secops.store.events.upkeep import Upkeep

_RETRIES = 20
_KEYS = ", ".join(f'"{name}"::VARCHAR AS k{at}' for at, name in enumerate(KIND_COLUMNS))  # what tells kinds apart
_GROUPS = ", ".join(f"k{at}" for at in range(len(KIND_COLUMNS)))
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
if TYPE_CHECKING:
    from secops.store.events.engine import Engine

_T = TypeVar("_T")


class Lake:
    """A generation of the lake as `secops.siem.ports.EventStore`.

    ``folder`` is ``<site>/lake``; without ``generation`` it is the live one. ``seconds`` bounds one query, ``memory``
    and ``threads`` the query engine. Safe to use from several threads, and from several processes on one folder.
    """

    def __init__(
        self,
        folder: Path,
        generation: str | None = None,
        *,
        memory: str = "768MB",
        threads: int = 2,
        seconds: float = 30.0,
    ) -> None:
        place = folder / generation if generation else current_lake(folder)
        self.generation = place.name
        self._table = Table(place)
        self._upkeep = Upkeep(self._table)
        self._engine: Engine | None = None
        self._limits = (memory, threads, seconds)

    # ------------------------------------------------------------------------------------------------- writing

    def write(self, frame: pl.DataFrame, positions: Mapping[str, int]) -> int:
        """Commit a frame and positions atomically; on the disk when this returns (see the port)."""
        for _attempt in range(_RETRIES):
            done = self._committed({*positions, *frame["labels.source"].unique()})
            rows = fresh(frame, done)
            moved = {source: at for source, at in positions.items() if at > done.get(source, -1)}
            if rows.is_empty() and not moved:
                return 0
            actions = list(self._write_files(rows))
            if self._commit(actions, moved):
                return rows.height
            for action in actions:
                (self._table.folder / action.path).unlink(missing_ok=True)
        raise self._crowded()

    def stage(self, frame: pl.DataFrame, positions: Mapping[str, int]) -> Sequence[AddAction]:
        """Write the rows behind the positions as files that are on the disk, but not in the lake before `take`.

        Any process may do so. Files that are never taken go with the next compaction, an hour later.
        """
        return list(self._write_files(fresh(frame, positions)))

    def take(self, staged: Sequence[AddAction], positions: Mapping[str, int]) -> None:
        """Commit staged files and the positions of their rows; for the only writer of their sources.

        Raises:
            StoreError: the log cannot be written, or the lake already has what was staged.
        """
        done = self._committed(positions)
        if any(done.get(source, -1) >= at for source, at in positions.items()):
            raise self._crowded()
        for _attempt in range(_RETRIES):
            if self._commit(staged, positions):
                return
        raise self._crowded()

    def _commit(self, actions: Sequence[AddAction], positions: Mapping[str, int]) -> bool:
        return self._table.commit(actions, {self._app(source): at for source, at in positions.items()})

    def _crowded(self) -> StoreError:
        text = _("検索用データに書き込めませんでした({folder})。ほかの処理と競合し続けています。")
        return StoreError(text.format(folder=self._table.folder))

    def positions(self) -> dict[str, int]:
        """Source → last sequence number that is committed."""
        suffix = f"@{self.generation}"
        return self._committed({app.removesuffix(suffix) for app in self._table.app_ids() if app.endswith(suffix)})

    def _committed(self, sources: Iterable[str]) -> dict[str, int]:
        found = self._table.transactions([self._app(source) for source in sources])
        return {app.removesuffix(f"@{self.generation}"): at for app, at in found.items()}

    def _app(self, source: str) -> str:
        return f"{source}@{self.generation}"

    def _write_files(self, rows: pl.DataFrame) -> Iterable[AddAction]:
        if rows.is_empty():
            return
        keys = ("event.dataset", DAY)
        texts = [rows[EXTRA_TEXT]] if EXTRA_TEXT in rows.columns else []
        # One sort, and the partitions are slices of it, instead of copies that are sorted again.
        ordered = kept(rows).with_columns(*texts, receive_day().alias(DAY)).sort(*keys, "@timestamp", "event.sequence")
        start = 0
        for dataset, day, count in ordered.group_by(keys, maintain_order=True).len().iter_rows():
            part = ordered.slice(start, count).drop(DAY)
            start += count
            yield self._table.write_file(searchable(part), str(dataset), str(day))

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
        """The page of events and the exact total, in one pass; then only the page's rows are read whole."""
        check_page(limit, offset)
        best = "max" if newest_first else "min"
        place = """{'at': "@timestamp", 'id': "event.id", 'file': filename, 'row': file_row_number}"""
        found = f"{best}({place}, {max(limit + offset, 1)})"

        def select(condition: Condition) -> str:
            behind = f" FILTER ({_behind(condition, after, newest_first)})" if after else ""
            return f"SELECT count(*) AS total, {found}{behind} AS found"

        def once() -> Found:
            row = self._ask(select, query, span, scope, places=True).row(0, named=True)
            page = (row["found"] or [])[offset : offset + limit]
            return Found(self._rows(page), int(row["total"]))

        return self._again(once)

    def count(self, query: Node, span: Span, scope: Scope) -> int:
        """Exact number of events that match."""
        return self._again(lambda: int(self._ask(lambda _: "SELECT count(*) AS n", query, span, scope)["n"][0]))

    def histogram(self, query: Node, span: Span, scope: Scope, seconds: int) -> list[tuple[datetime, int]]:
        """Counts per bucket of so many seconds since the epoch, ascending, empty buckets left out."""
        select = f"""SELECT epoch_us("@timestamp") // {int(seconds) * 1_000_000} AS bucket, count(*) AS n"""
        tail = "GROUP BY bucket ORDER BY bucket"
        found = self._again(lambda: self._ask(lambda _: select, query, span, scope, tail=tail))
        return [(_EPOCH + timedelta(seconds=bucket * seconds), n) for bucket, n in found.iter_rows()]

    def tally(
        self, query: Node, span: Span, scope: Scope, fields: Sequence[str], limit: int = 1000
    ) -> Sequence[tuple[tuple[str | None, ...], int]]:
        """Counts by the values of some columns of text, the largest first (see the port)."""
        names = [f"f{at}" for at in range(len(fields))]
        check_counted(fields)
        picked = ", ".join(f'"{field}" AS {name}' for field, name in zip(fields, names, strict=True))
        tail = f"GROUP BY {', '.join(names)} ORDER BY n DESC, {', '.join(names)} NULLS LAST LIMIT {int(limit)}"
        select = f"SELECT {picked}, count(*) AS n"
        found = self._again(lambda: self._ask(lambda _: select, query, span, scope, tail=tail))
        return [(tuple(values), n) for *values, n in found.iter_rows()]

    def several(self, common: Node, questions: Sequence[Question], span: Span, scope: Scope) -> Sequence[Answer]:
        """All counts in one pass over the files, the values by columns in another (see the port)."""
        for one in questions:
            check_counted(one.fields)
        check(common)
        met = datasets(And((common, Or(tuple(one.query for one in questions)))))

        def rows(condition: Condition, first: str, inner: str, tail: str) -> pl.DataFrame:
            files = _overlapping(self._table.files(), span, met)
            source, where = self._from(condition, files, span, scope)
            if inner:
                return self._run(f"SELECT {first} FROM (SELECT {inner} FROM {source} WHERE {where}) {tail}", condition)
            return self._run(f"SELECT {first} FROM {source} WHERE {where} {tail}", condition)

        return self._again(lambda: together(common, questions, rows)) if questions else []

    def arrivals(self, received: Span, scope: Scope, seconds: int) -> Mapping[str, Sequence[tuple[datetime, int]]]:
        """Counts by source and time of receipt (see the port)."""

        def once() -> pl.DataFrame:
            condition = Condition(All())
            where = [*_inside(condition, received, "event.ingested"), *_visible(condition, scope)]
            bucket = f"""epoch_us("event.ingested") // {int(seconds) * 1_000_000} AS bucket"""
            sql = f"""SELECT "labels.source" AS source, {bucket}, count(*) AS n
                      FROM {_source(condition, self._paths(_received(self._table.files(), received)))}
                      WHERE {" AND ".join(where) or "true"} GROUP BY source, bucket ORDER BY source, bucket"""
            return self._run(sql, condition)

        counts: dict[str, list[tuple[datetime, int]]] = {}
        for source, bucket, n in self._again(once).iter_rows():
            counts.setdefault(source or "", []).append((_EPOCH + timedelta(seconds=bucket * seconds), n))
        return counts

    def get(self, event_id: str, scope: Scope) -> Mapping[str, Any] | None:
        """One event by id: ``site.source.seq`` tells which files can hold it."""
        parts = event_id.rsplit(".", 2)
        if len(parts) != 3 or not parts[2].isdecimal():
            return None
        source, seq = parts[1], int(parts[2])

        def once() -> Mapping[str, Any] | None:
            files = [
                file
                for file in self._table.files()
                if file.first_source <= source <= file.last_source and file.first_seq <= seq <= file.last_seq
            ]
            condition = Condition(All())
            where = ['"event.id" = ' + condition.bind(event_id), *_visible(condition, scope)]
            sql = f"""SELECT * EXCLUDE ("{TEXT}", "{FOLDED}") FROM {_source(condition, self._paths(files))}
                      WHERE {" AND ".join(where)} LIMIT 1"""
            return next(iter(events(self._run(sql, condition))), None)

        return self._again(once)

    def seen(self, received: Span, asked: Collection[str] = ()) -> Sequence[SeenKind]:
        """The kinds of events received in a span; two passes over the columns, bounded in memory (see the port)."""

        def once() -> list[SeenKind]:
            condition = Condition(All())
            source = _source(condition, self._paths(_received(self._table.files(), received)))
            names = self._run(f"SELECT * FROM {source} LIMIT 0", condition).columns
            where = _inside(condition, received, "event.ingested")  # a query takes no parameter that it does not use
            counted = [name for name in names if name not in {TEXT, FOLDED, EXTRA, *KIND_COLUMNS}]
            counts = ", ".join(f'count("{name}") > 0 AS c{at}' for at, name in enumerate(counted))
            sql = f"""SELECT {_KEYS}, count(*) AS n, {counts} FROM {source}
                      WHERE {" AND ".join(where) or "true"} GROUP BY {_GROUPS} ORDER BY {_GROUPS}"""
            kinds = self._run(sql, condition)
            beside = self._beside(source, where, condition, asked) if asked else {}
            return [_kind(row, counted, beside) for row in kinds.iter_rows(named=True)]

        return self._again(once)

    def _beside(
        self, source: str, where: Sequence[str], condition: Condition, asked: Collection[str]
    ) -> dict[tuple[str | None, ...], set[str]]:
        """Which of the asked fields without a column the events of a kind have, by the kind's values."""
        inside = " AND ".join([*where, f'"{EXTRA}" IS NOT NULL'])
        sql = f"""SELECT DISTINCT {_GROUPS}, field
                  FROM (SELECT {_KEYS}, unnest(json_keys("{EXTRA}")) AS field FROM {source} WHERE {inside})
                  WHERE field IN (SELECT unnest({condition.bind(sorted(asked))}::VARCHAR[]))"""
        found: dict[tuple[str | None, ...], set[str]] = {}
        for *values, name in self._run(sql, condition).iter_rows():
            found.setdefault(tuple(values), set()).add(name)
        return found

    def stats(self) -> StoreStats:
        """How much is stored, from the log alone."""
        files = self._table.files()
        return StoreStats(
            rows=sum(file.rows for file in files),
            files=len(files),
            bytes=sum(file.size for file in files),
            oldest=min((file.first_time for file in files), default=None),
            newest=max((file.last_time for file in files), default=None),
        )

    def probe(self) -> None:
        """Nothing to ask: it is on this machine."""

    def frames(self) -> Iterator[pl.DataFrame]:
        """All rows as they were written, one file after the other; for a replay that takes over what it keeps."""
        for file in self._table.files():
            frame = pl.read_parquet(self._table.folder / file.path)
            yield frame.drop(TEXT, FOLDED, strict=False)

    # -------------------------------------------------------------------------------------------------- upkeep

    def compact(self) -> Mapping[str, int]:
        """Merge small files, then remove what left the table an hour ago (see `Upkeep.compact`)."""
        return self._upkeep.compact()

    def retain(self, before: datetime) -> int:
        """Remove events received before a moment; returns how many went."""
        return self._upkeep.retain(before)

    def close(self) -> None:
        """Release the query engine."""
        if self._engine:
            self._engine.close()
            self._engine = None

    # ------------------------------------------------------------------------------------------------- helpers

    def _ask(
        self,
        select: Callable[[Condition], str],
        query: Node,
        span: Span,
        scope: Scope,
        *,
        tail: str = "",
        places: bool = False,
    ) -> pl.DataFrame:
        check(query)
        condition = Condition(query)
        files = _overlapping(self._table.files(), span, datasets(query))
        source, where = self._from(condition, files, span, scope, places=places)
        return self._run(f"{select(condition)} FROM {source} WHERE {where} {tail}", condition)

    def _from(
        self, condition: Condition, files: Iterable[DataFile], span: Span, scope: Scope, *, places: bool = False
    ) -> tuple[str, str]:
        """The files as a source, and the whole of what their rows must meet."""
        where = [condition.sql, *_inside(condition, span), *_visible(condition, scope)]
        return _source(condition, self._paths(files), places=places), " AND ".join(where)

    def _rows(self, page: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
        """The whole events of a page, in its order; all but the named rows of each file are skipped."""
        if not page:
            return []
        wanted = {(place["file"], place["row"]): at for at, place in enumerate(page)}
        condition = Condition(All())
        files = condition.bind([str(self._table.folder / EMPTY), *{file for file, _row in wanted}])
        rows = condition.bind([row for _file, row in wanted])
        ids = condition.bind([place["id"] for place in page])
        sql = f"""SELECT * EXCLUDE ("{TEXT}", "{FOLDED}")
                  FROM read_parquet({files}, union_by_name = true, filename = true, file_row_number = true)
                  WHERE file_row_number IN (SELECT unnest({rows})) AND "event.id" IN (SELECT unnest({ids}))"""
        found: dict[int, dict[str, Any]] = {}
        table = self._run(sql, condition)
        places = table.select("filename", "file_row_number").iter_rows()
        for place, event in zip(places, events(table.drop("filename", "file_row_number")), strict=True):
            if place in wanted:
                found[wanted[place]] = event
        return [found[at] for at in sorted(found)]

    def _run(self, sql: str, condition: Condition) -> pl.DataFrame:
        if self._engine is None:
            from secops.store.events.engine import Engine  # who only writes is spared the start of DuckDB

            memory, threads, seconds = self._limits
            self._engine = Engine(self._table.folder, memory=memory, threads=threads, seconds=seconds)
        return self._engine.ask(sql, condition.params)

    def _paths(self, files: Iterable[DataFile]) -> list[str]:
        return [str(self._table.folder / EMPTY), *(str(self._table.folder / file.path) for file in files)]

    def _again(self, once: Callable[[], _T]) -> _T:
        """Ask; when a file went meanwhile (compaction, retention), ask again with a fresh list."""
        for _attempt in range(3):
            try:
                return once()
            except FileGoneError:
                continue
        try:
            return once()
        except FileGoneError as error:
            raise StoreError(_("検索用データのファイルがありません: {error}").format(error=error)) from error


def _kind(
    row: Mapping[str, Any], counted: Sequence[str], beside: Mapping[tuple[str | None, ...], set[str]]
) -> SeenKind:
    values = {name: row[f"k{at}"] for at, name in enumerate(KIND_COLUMNS)}
    fields = {name for at, name in enumerate(counted) if row[f"c{at}"]}
    fields |= {name for name, value in values.items() if value is not None}
    return SeenKind(values, int(row["n"]), frozenset(fields | beside.get(tuple(values.values()), set())))


def _overlapping(files: Iterable[DataFile], span: Span, met: frozenset[str] | None = None) -> list[DataFile]:
    """The files whose time range meets the span, and whose dataset is one of those ``met``."""
    return [
        file
        for file in files
        if (span.since is None or file.last_time >= span.since)
        and (span.until is None or file.first_time < span.until)
        and (met is None or not file.dataset or fold(file.dataset) in met)
    ]


def _received(files: Iterable[DataFile], span: Span) -> list[DataFile]:
    """The files with events that may have been received in the span."""
    return [
        file
        for file in files
        if (span.since is None or file.last_received >= span.since)
        and (span.until is None or file.first_received < span.until)
    ]


def _source(condition: Condition, paths: list[str], *, places: bool = False) -> str:
    extra = ", filename = true, file_row_number = true" if places else ""
    return f"read_parquet({condition.bind(paths)}, union_by_name = true{extra})"


def _inside(condition: Condition, span: Span, column: str = "@timestamp") -> list[str]:
    where = []
    if span.since is not None:
        where.append(f'"{column}" >= {condition.bind(span.since.isoformat())}::TIMESTAMPTZ')
    if span.until is not None:
        where.append(f'"{column}" < {condition.bind(span.until.isoformat())}::TIMESTAMPTZ')
    return where


def _behind(condition: Condition, place: Place, newest_first: bool) -> str:
    """What stands behind a place in the order of the search."""
    sign = "<" if newest_first else ">"
    time, id_ = f"{condition.bind(place.time.isoformat())}::TIMESTAMPTZ", condition.bind(place.id)
    return f"""WHERE "@timestamp" {sign} {time} OR ("@timestamp" = {time} AND "event.id" {sign} {id_})"""


def _visible(condition: Condition, scope: Scope) -> list[str]:
    """What the user may see; an event without a zone or department is seen only by those who see all."""
    where = []
    for column, allowed in (("labels.zone", scope.zones), ("labels.department", scope.departments)):
        if allowed is not None:
            where.append(f'coalesce(list_contains({condition.bind(sorted(allowed))}::VARCHAR[], "{column}"), false)')
    return where
