"""What can be asked of a lake: SQL over the files of one moment, by DuckDB.

A statement costs by what it binds, so it names only columns that are needed and files that can hold an answer.
"""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from pathlib import Path
from re import findall
from typing import TYPE_CHECKING, Any, TypeVar

import polars as pl

from secops.errors import StoreError
from secops.locale import _
from secops.query.evaluate import check
from secops.query.limits import check_page
from secops.query.tree import All, And, Node, Or
from secops.schema.names import EXTRA
from secops.siem.ports import KIND_COLUMNS, Answer, Found, Nearby, Place, Question, Scope, SeenKind, Span
from secops.store.events.lake_sql import (
    EPOCH,
    all_of,
    behind,
    holding_the_page,
    inside,
    moment,
    overlapping,
    received_in,
    visible,
    wholly_in,
)
from secops.store.events.remembered import Remembered, key_of
from secops.store.events.rows import event, middle
from secops.store.events.searchable import FOLDED, TEXT
from secops.store.events.several import check_counted, datasets, together
from secops.store.events.sql import Condition
from secops.store.events.table import ALL_COLUMNS, EMPTY, DataFile, FileGoneError, Table

if TYPE_CHECKING:
    from secops.store.events.engine import Engine

MANY_ROWS = 500_000  # in so many it pays to count first: only files that can hold the page are looked into then
LOOKED_AT = 4  # files whose columns are looked up; a column that none of them has may be in no file
_ROW_BYTES = 200  # of a remembered row of counts, roughly
_KEYS = ", ".join(f'"{name}"::VARCHAR AS k{at}' for at, name in enumerate(KIND_COLUMNS))  # what tells kinds apart
_GROUPS = ", ".join(f"k{at}" for at in range(len(KIND_COLUMNS)))
_PLACE = """{'at': "@timestamp", 'id': "event.id", 'file': filename, 'row': file_row_number}"""

_T = TypeVar("_T")
_Rows = Sequence[tuple[Any, ...]]


class LakeReading:
    """The reading half of `secops.store.events.lake.Lake`; see `secops.siem.ports.EventStore`."""

    def __init__(self, place: Path, memory: str, threads: int, seconds: float) -> None:
        self._table = Table(place)
        self._engine: Engine | None = None
        self._starting = threading.Lock()
        self._limits = (memory, threads, seconds)
        self._remembered = Remembered()
        self._listed: tuple[DataFile, ...] = ()

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
        wanted = max(limit + offset, 1)

        def select(condition: Condition) -> str:
            behind_it = f" FILTER ({behind(condition, after, newest_first)})" if after else ""
            best = "max" if newest_first else "min"
            return f"SELECT count(*) AS total, {best}({_PLACE}, {wanted}){behind_it} AS found"

        def once() -> Found:
            files, total = overlapping(self._files(), span, datasets(query)), None
            if sum(file.rows for file in files) > MANY_ROWS:
                counts = {path: rows[0][0] for path, rows in self._by_file("count(*)", query, span, scope).items()}
                total = sum(counts.values())
                files = holding_the_page(files, counts, wanted, after, newest_first=newest_first)
                if not files:
                    return Found([], total)
            row = self._ask(select, query, span, scope, files, places=True).row(0, named=True)
            page = (row["found"] or [])[offset : offset + limit]
            return Found(self._rows(page), int(row["total"]) if total is None else total)

        return self._again(once)

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
        """Events around a moment, with all counts, in one pass; then the rows that are shown (see the port)."""
        check_page(limit, 0)

        def select(condition: Condition) -> str:
            at = moment(condition, centre)
            counts = [f"count(*) FILTER (WHERE {condition.also(term)}) AS n{nth}" for nth, term in enumerate(terms)]
            before = f"""max({_PLACE}, {max(limit, 1)}) FILTER (WHERE "@timestamp" < {at}) AS before"""
            after = f"""min({_PLACE}, {max(limit, 1)}) FILTER (WHERE "@timestamp" >= {at}) AS after"""
            return f"SELECT {', '.join(['count(*) AS total', *counts, before, after])}"

        def once() -> Nearby:
            files = overlapping(self._files(), span, datasets(query))
            row = self._ask(select, query, span, scope, files, places=True).row(0, named=True)
            shown = middle(row["before"] or [], row["after"] or [], limit)
            counts = [int(row[f"n{nth}"]) for nth in range(len(terms))]
            return Nearby(self._rows(shown, fields), int(row["total"]), counts)

        for term in terms:
            check(term)
        return self._again(once)

    def count(self, query: Node, span: Span, scope: Scope) -> int:
        """Exact number of events that match."""
        found = self._again(lambda: self._by_file("count(*)", query, span, scope))
        return sum(rows[0][0] for rows in found.values())

    def histogram(self, query: Node, span: Span, scope: Scope, seconds: int) -> list[tuple[datetime, int]]:
        """Counts per bucket of so many seconds since the epoch, ascending, empty buckets left out."""
        picked = f"""epoch_us("@timestamp") // {int(seconds) * 1_000_000} AS bucket, count(*)"""
        counts: Counter[int] = Counter()
        for rows in self._again(lambda: self._by_file(picked, query, span, scope)).values():
            for bucket, n in rows:
                counts[bucket] += n
        return [(EPOCH + timedelta(seconds=bucket * seconds), counts[bucket]) for bucket in sorted(counts)]

    def tally(
        self, query: Node, span: Span, scope: Scope, fields: Sequence[str], limit: int = 1000
    ) -> Sequence[tuple[tuple[str | None, ...], int]]:
        """Counts by the values of some columns of text, the largest first (see the port)."""
        names = [f"f{at}" for at in range(len(fields))]
        check_counted(fields)
        picked = ", ".join(f'"{field}" AS {name}' for field, name in zip(fields, names, strict=True))
        tail = f"GROUP BY {', '.join(names)} ORDER BY n DESC, {', '.join(names)} NULLS LAST LIMIT {int(limit)}"
        select = f"SELECT {picked}, count(*) AS n"

        def once() -> pl.DataFrame:
            return self._ask(
                lambda _: select, query, span, scope, overlapping(self._files(), span, datasets(query)), tail=tail
            )

        return [(tuple(values), n) for *values, n in self._again(once).iter_rows()]

    def several(self, common: Node, questions: Sequence[Question], span: Span, scope: Scope) -> Sequence[Answer]:
        """All counts in one pass over the files, the values by columns in another (see the port)."""
        for one in questions:
            check_counted(one.fields)
        check(common)
        met = datasets(And((common, Or(tuple(one.query for one in questions)))))

        def rows(condition: Condition, first: str, inner: str, tail: str) -> pl.DataFrame:
            where = all_of([condition.sql, *inside(condition, span), *visible(condition, scope)])
            source = f"{{source}} WHERE {where}"
            source = f"(SELECT {inner} FROM {source})" if inner else source
            return self._run(f"SELECT {first} FROM {source} {tail}", condition, overlapping(self._files(), span, met))

        return self._again(lambda: together(common, questions, rows)) if questions else []

    def arrivals(self, received: Span, scope: Scope, seconds: int) -> Mapping[str, Sequence[tuple[datetime, int]]]:
        """Counts by source and time of receipt (see the port)."""

        def once() -> pl.DataFrame:
            condition = Condition(All())
            where = [*inside(condition, received, "event.ingested"), *visible(condition, scope)]
            bucket = f"""epoch_us("event.ingested") // {int(seconds) * 1_000_000} AS bucket"""
            sql = f"""SELECT "labels.source" AS source, {bucket}, count(*) AS n FROM {{source}}
                      WHERE {all_of(where)} GROUP BY source, bucket ORDER BY source, bucket"""
            return self._run(sql, condition, received_in(self._files(), received))

        counts: dict[str, list[tuple[datetime, int]]] = {}
        for source, bucket, n in self._again(once).iter_rows():
            counts.setdefault(source or "", []).append((EPOCH + timedelta(seconds=bucket * seconds), n))
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
                for file in self._files()
                if file.first_source <= source <= file.last_source and file.first_seq <= seq <= file.last_seq
            ]
            condition = Condition(All())
            where = ['"event.id" = ' + condition.bind(event_id), *visible(condition, scope)]
            sql = f"SELECT {self._columns(file.path for file in files)} FROM {{source}} WHERE {all_of(where)} LIMIT 1"
            return next((event(row) for row in self._run(sql, condition, files).iter_rows(named=True)), None)

        return self._again(once)

    def seen(self, received: Span, asked: Collection[str] = ()) -> Sequence[SeenKind]:
        """The kinds of events received in a span; two passes over the columns, bounded in memory (see the port)."""

        def once() -> list[SeenKind]:
            files = received_in(self._files(), received)
            condition = Condition(All())
            where = inside(condition, received, "event.ingested")
            names = {name for file in files for name in self._table.columns(file.path)}
            counted = [name for name in ALL_COLUMNS if name in names - {TEXT, FOLDED, EXTRA, *KIND_COLUMNS}]
            counts = "".join(f', count("{name}") > 0 AS c{at}' for at, name in enumerate(counted))
            sql = f"""SELECT {_KEYS}, count(*) AS n{counts} FROM {{source}}
                      WHERE {all_of(where)} GROUP BY {_GROUPS} ORDER BY {_GROUPS}"""
            kinds = self._run(sql, condition, files)
            beside = self._beside(where, condition, files, asked) if asked else {}
            return [_kind(row, counted, beside) for row in kinds.iter_rows(named=True)]

        return self._again(once)

    def _beside(
        self, where: Sequence[str], condition: Condition, files: Sequence[DataFile], asked: Collection[str]
    ) -> dict[tuple[str | None, ...], set[str]]:
        """Which of the asked fields without a column the events of a kind have, by the kind's values."""
        here = all_of([*where, f'"{EXTRA}" IS NOT NULL'])
        sql = f"""SELECT DISTINCT {_GROUPS}, field
                  FROM (SELECT {_KEYS}, unnest(json_keys("{EXTRA}")) AS field FROM {{source}} WHERE {here})
                  WHERE field IN (SELECT unnest({condition.bind(sorted(asked))}::VARCHAR[]))"""
        found: dict[tuple[str | None, ...], set[str]] = {}
        for *values, name in self._run(sql, condition, files).iter_rows():
            found.setdefault(tuple(values), set()).add(name)
        return found

    # ------------------------------------------------------------------------------------------------- helpers

    def _files(self) -> tuple[DataFile, ...]:
        """The files as of now; answers made of others are forgotten."""
        files = self._table.files()
        if files is not self._listed:
            self._listed = files
            self._remembered.only_of(file.path for file in files)
        return files

    def _ask(
        self,
        select: Callable[[Condition], str],
        query: Node,
        span: Span,
        scope: Scope,
        files: Sequence[DataFile],
        *,
        tail: str = "",
        places: bool = False,
    ) -> pl.DataFrame:
        check(query)
        condition = Condition(query)
        where = all_of([condition.sql, *inside(condition, span), *visible(condition, scope)])
        return self._run(f"{select(condition)} FROM {{source}} WHERE {where} {tail}", condition, files, places=places)

    def _by_file(self, picked: str, query: Node, span: Span, scope: Scope) -> dict[str, _Rows]:
        """What is picked (counts, by what else is picked) of the events that match, for each file with one.

        What a file says is remembered where the span holds all of it: then only its query and scope matter.
        """
        check(query)
        found: dict[str, _Rows] = {}
        unknown: dict[str, DataFile] = {}
        keys: dict[str, bytes] = {}
        asked_for = repr((picked, query, scope))
        for file in overlapping(self._files(), span, datasets(query)):
            if wholly_in(file, span):
                keys[file.path] = key_of(asked_for, file.path)
                rows = self._remembered.get(keys[file.path])
                if rows is not None:
                    found[file.path] = rows
                    continue
            unknown[str(self._table.folder / file.path)] = file
        if unknown:
            fresh: dict[str, list[tuple[Any, ...]]] = {file.path: [] for file in unknown.values()}
            table = self._ask(
                lambda _: f"SELECT filename, {picked}",
                query,
                span,
                scope,
                list(unknown.values()),
                tail="GROUP BY ALL",
                places=True,
            )
            for name, *values in table.iter_rows():
                fresh[unknown[name].path].append(tuple(values))
            for path, rows in fresh.items():
                found[path] = rows
                if path in keys:
                    self._remembered.put(keys[path], rows, [path], _ROW_BYTES * (1 + len(rows)))
        return {path: rows for path, rows in found.items() if rows}

    def _rows(self, page: Sequence[Mapping[str, Any]], fields: Collection[str] | None = None) -> list[dict[str, Any]]:
        """The events of a page, in its order, whole or with some columns; all but these rows of a file are skipped."""
        if not page:
            return []
        wanted = {(place["file"], place["row"]): at for at, place in enumerate(page)}
        paths = {file: Path(file).relative_to(self._table.folder).as_posix() for file, _row in wanted}
        condition = Condition(All())
        rows = condition.bind([row for _file, row in wanted])
        ids = condition.bind([place["id"] for place in page])
        sql = f"""SELECT {self._columns(paths.values(), fields)}, filename, file_row_number FROM {{source}}
                  WHERE file_row_number IN (SELECT unnest({rows})) AND "event.id" IN (SELECT unnest({ids}))"""
        found: dict[int, dict[str, Any]] = {}
        for row in self._run(sql, condition, sorted(paths.values()), places=True).iter_rows(named=True):
            at = wanted.get((row.pop("filename"), row.pop("file_row_number")))
            if at is not None:
                found[at] = event(row)
        return [found[at] for at in sorted(found)]

    def _columns(self, paths: Iterable[str], fields: Collection[str] | None = None) -> str:
        """The columns that these files have, of all that make an event or of some."""
        known = {name for path in paths for name in self._table.columns(path)} - {TEXT, FOLDED}
        names = [name for name in ALL_COLUMNS if name in known and (fields is None or name in fields)]
        return ", ".join(f'"{name}"' for name in names) or '"event.id"'

    def _run(
        self, sql: str, condition: Condition, files: Sequence[DataFile] | Sequence[str], *, places: bool = False
    ) -> pl.DataFrame:
        """Run a statement over files (``{source}`` stands for them), or remember what it said of them before."""
        paths = [file if isinstance(file, str) else file.path for file in files]
        key = key_of(sql, condition.params, paths)
        known = self._remembered.get(key)
        if known is not None:
            assert isinstance(known, pl.DataFrame)
            return known
        whole = [str(self._table.folder / path) for path in (*self._empty(sql, paths), *paths)]
        extra = ", filename = true, file_row_number = true" if places else ""
        source = f"read_parquet($files, union_by_name = true{extra})"
        answer = self._asked().ask(sql.replace("{source}", source), {**condition.params, "files": whole})
        self._remembered.put(key, answer, paths, 1000 + int(answer.estimated_size()))
        return answer

    def _empty(self, sql: str, paths: Sequence[str]) -> list[str]:
        """The file with all columns and no rows, where a column of the statement may be in none of its files.

        Left out where it can be: to bind hundreds of columns takes longer than to read a few.
        """
        if not paths:
            return [EMPTY]
        needed = ALL_COLUMNS.keys() & set(findall(r'"([^"]+)"', sql))
        for path in paths[:LOOKED_AT]:
            needed -= self._table.columns(path)
        return [EMPTY] if needed else []

    def _asked(self) -> Engine:
        with self._starting:
            if self._engine is None:
                from secops.store.events.engine import Engine  # who only writes is spared the start of DuckDB

                memory, threads, seconds = self._limits
                self._engine = Engine(self._table.folder, memory=memory, threads=threads, seconds=seconds)
            return self._engine

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
