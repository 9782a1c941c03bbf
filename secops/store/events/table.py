"""The Delta table of one generation: its schema, commits that are durable, and the files that may hold what is asked.

Layout: partitioned by dataset and receive day (JST, the ward's day; a wrong clock in a log cannot make partitions).
Files hold the columns that have a value; the log keeps, per file, the range of `STATISTICS`, by which files are left
out before anything is read. Data is on the disk before it is committed, the commit before `commit` returns.
"""

from __future__ import annotations

import json
import logging
import re
import threading
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq
from deltalake import CommitProperties, DeltaTable, Field, Schema, Transaction
from deltalake.exceptions import CommitFailedError, DeltaError, TableNotFoundError
from deltalake.schema import ArrayType, PrimitiveType
from deltalake.transaction import AddAction, RemoveAction

from secops.durable import make_folder, place, sync
from secops.errors import StoreError
from secops.locale import _
from secops.query.fields import NOT_SEARCHED
from secops.schema.dates import JST
from secops.schema.ecs import COLUMNS, dtype
from secops.schema.frame import EXTRA
from secops.store.events.boot import check_after_boot
from secops.store.events.lock import locked
from secops.store.events.searchable import FOLDED, TEXT

DATASET, DAY = "part.dataset", "part.day"
STATISTICS = ("@timestamp", "event.ingested", "event.sequence", "labels.source")
ROW_GROUP = 20_000  # rows; small enough that fetching a few rows is quick, large enough to compress
EMPTY = "_schema.parquet"  # all columns and no rows, so that a reader knows columns that no file has yet

_LONG = frozenset({TEXT, FOLDED, EXTRA, "message", "event.original"})  # no range of these leaves anything out

_TYPES = {"long": "long", "float": "double", "boolean": "boolean", "date": "timestamp"}
_CONFIGURATION = {
    "delta.checkpointInterval": "10",  # reading the log costs more than writing a checkpoint
    "delta.logRetentionDuration": "interval 1 days",
    "delta.deletedFileRetentionDuration": "interval 1 hours",
    "delta.dataSkippingNumIndexedCols": str(len(STATISTICS)),
}
_log = logging.getLogger(__name__)

ALL_COLUMNS = {**{name: dtype(name) for name in COLUMNS}, EXTRA: pl.String(), TEXT: pl.String(), FOLDED: pl.String()}


class FileGoneError(Exception):
    """A file was removed while a query began: ask again with a fresh list."""


@dataclass(frozen=True, slots=True)
class DataFile:
    """A live file: its path in the table folder, size in bytes, rows, partition and statistics."""

    path: str
    size: int
    rows: int
    dataset: str
    day: str
    first_time: datetime
    last_time: datetime
    first_received: datetime
    last_received: datetime
    first_seq: int
    last_seq: int
    first_source: str
    last_source: str


class Table:
    """One generation's Delta table, held open (opening by path again for each commit costs ten times as much)."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._lock = threading.RLock()
        self._listed: tuple[int, tuple[DataFile, ...]] = (-1, ())
        self._named: dict[str, frozenset[str]] = {}  # columns by path: a file is never changed
        make_folder(folder)
        with locked(folder / ".open.lock"):
            check_after_boot(folder)
            self._delta = self._open()
            self._write_empty()
        self._durable = self._delta.version()

    def transactions(self, app_ids: Sequence[str]) -> dict[str, int]:
        """The committed version of each application id that has one."""
        with self._lock:
            self._delta.update_incremental()
            found = {app: self._delta.transaction_version(app) for app in app_ids}
        return {app: version for app, version in found.items() if version is not None}

    def app_ids(self) -> set[str]:
        """All application ids with a committed version: Delta can be asked for one only, so the log is read."""
        log = self.folder / "_delta_log"
        for _attempt in range(5):
            try:
                return _app_ids(log)
            except FileNotFoundError:  # a checkpoint by another process cleaned up meanwhile
                continue
        return _app_ids(log)

    def write_file(self, frame: pl.DataFrame, dataset: str, day: str) -> AddAction:
        """Write rows as one file of a partition, on the disk when this returns; not yet part of the table."""
        folder = self.folder / re.sub(r"[^a-z0-9._-]", "_", dataset) / day
        make_folder(folder)
        path = folder / f"{uuid.uuid4().hex}.parquet"
        present = [column.name for column in frame if column.null_count() < frame.height or column.name == FOLDED]
        short = [name for name in present if name not in _LONG]
        pq.write_table(
            frame.select(present).to_arrow(compat_level=pl.CompatLevel.newest()),  # its texts are views: no copy
            path,
            compression="zstd",
            compression_level=1,
            row_group_size=ROW_GROUP,
            use_dictionary=[name for name in short if name not in NOT_SEARCHED],
            write_statistics=short,
            store_schema=False,
        )
        return self.action(path, dataset, day, statistics(frame.lazy())[1])

    def action(self, path: Path, dataset: str, day: str, stats: str, *, new: bool = True) -> AddAction:
        """What the log says of a file that was written: its content and name are forced to the disk first."""
        sync(path)
        sync(path.parent)
        status = path.stat()
        name = path.relative_to(self.folder).as_posix()
        values = {DATASET: dataset, DAY: day}
        return AddAction(name, status.st_size, values, int(status.st_mtime * 1000), new, stats)

    def removal(self, file: DataFile, moment: int, *, gone: bool) -> RemoveAction:
        """Take a file out of the table; ``gone`` where its rows are not kept elsewhere, ``moment`` in milliseconds."""
        values: dict[str, str | None] = {DATASET: file.dataset, DAY: file.day}
        return RemoveAction(file.path, gone, moment, file.size, values)

    def commit(self, actions: Sequence[AddAction | RemoveAction], transactions: Mapping[str, int]) -> bool:
        """Commit durably; False where another process committed what this was based on (look again, then retry).

        Raises:
            StoreError: the log cannot be written.
        """
        properties = CommitProperties(app_transactions=[Transaction(app, at) for app, at in transactions.items()])
        with self._lock:
            try:
                self._delta.create_write_transaction(
                    list(actions), "append", table_schema(), [DATASET, DAY], commit_properties=properties
                )
            except CommitFailedError:
                self._delta.update_incremental()
                return False
            except (DeltaError, OSError) as error:
                raise StoreError(
                    _("検索用データに書き込めませんでした({folder}): {error}").format(folder=self.folder, error=error)
                ) from error
            self._delta.update_incremental()
            self._sync_log()
        return True

    def files(self) -> tuple[DataFile, ...]:
        """The live files as of now; cheap where nothing was committed since."""
        with self._lock:
            self._delta.update_incremental()
            version = self._delta.version()
            if version != self._listed[0]:
                self._listed = (version, _listing(self._delta))
                live = {file.path for file in self._listed[1]}
                self._named = {path: names for path, names in self._named.items() if path in live}
            return self._listed[1]

    def columns(self, path: str) -> frozenset[str]:
        """The columns that a file has.

        Raises:
            FileGoneError: the file does not exist any more.
        """
        known = self._named.get(path)
        if known is None:
            try:
                known = frozenset(pq.read_schema(self.folder / path).names)
            except FileNotFoundError as error:
                raise FileGoneError(path) from error
            except (OSError, pa.ArrowException) as error:
                raise StoreError(_("検索用データを読めませんでした: {error}").format(error=error)) from error
            self._named[path] = known
        return known

    def vacuum(self, hours: int) -> int:
        """Delete files that left the table that long ago, or never joined it; returns how many."""
        with self._lock:
            self._delta.update_incremental()
            gone = self._delta.vacuum(hours, dry_run=False, enforce_retention_duration=False)
            self._delta.update_incremental()
        return len(gone)

    def _open(self) -> DeltaTable:
        if "%" in str(self.folder.resolve()):  # delta-rs 1.6 takes it for an escape, however it is written
            raise StoreError(
                _("{folder}: フォルダの名前に % は使えません。サイトを別のフォルダに移してください。").format(
                    folder=self.folder
                )
            )
        try:
            table = DeltaTable(self.folder)
        except TableNotFoundError:
            table = DeltaTable.create(
                self.folder,
                table_schema(),
                mode="ignore",
                partition_by=[DATASET, DAY],
                configuration=_CONFIGURATION,
            )
            sync(self.folder)
        known = {field.name for field in table.schema().fields}
        if added := [field for field in table_schema().fields if field.name not in known]:
            # A newer program has more columns; older files simply lack them.
            table.alter.add_columns(added)
        return table

    def _write_empty(self) -> None:
        path = self.folder / EMPTY
        wanted = pl.DataFrame(schema=ALL_COLUMNS)
        if not path.exists() or pl.read_parquet_schema(path) != wanted.schema:
            temporary = path.with_name(f".{EMPTY}")
            wanted.write_parquet(temporary)
            sync(temporary)
            place(temporary, path)

    def _sync_log(self) -> None:
        """Force the commits that this process has not seen on the disk yet; others' too, since ours builds on them."""
        folder = self.folder / "_delta_log"
        version = self._delta.version()
        for one in range(self._durable + 1, version + 1):
            path = folder / f"{one:020d}.json"
            if path.exists():  # cleaned up already: then a checkpoint holds it
                sync(path)
        sync(folder)
        self._durable = version


def table_schema() -> Schema:
    """The Delta schema; the columns with statistics come first, for Delta counts them from the left."""
    order = [*STATISTICS, *(name for name in COLUMNS if name not in STATISTICS)]
    own = [Field(name, PrimitiveType("string")) for name in (EXTRA, TEXT, FOLDED, DATASET, DAY)]
    return Schema([*(Field(name, _delta_type(COLUMNS[name])) for name in order), *own])


def _delta_type(kind: str) -> PrimitiveType | ArrayType:
    inner = PrimitiveType(_TYPES.get(kind.removesuffix("[]"), "string"))
    return ArrayType(inner, contains_null=True) if kind.endswith("[]") else inner


def receive_day() -> pl.Expr:
    """The partition day of a row."""
    return pl.col("event.ingested").dt.convert_time_zone(str(JST)).dt.strftime("%Y-%m-%d")


def statistics(rows: pl.LazyFrame) -> tuple[int, str]:
    """The number of rows, and the ``stats`` of their file by the Delta protocol: the ranges of `STATISTICS`."""
    found = rows.select(
        pl.len().alias("rows"),
        *(pl.col(name).min().alias(f"min {name}") for name in STATISTICS),
        *(pl.col(name).max().alias(f"max {name}") for name in STATISTICS),
    ).collect()
    values = found.row(0, named=True)
    low, high = ({name: values[f"{side} {name}"] for name in STATISTICS} for side in ("min", "max"))
    stats = {
        "numRecords": values["rows"],
        "minValues": _written(low),
        "maxValues": _written(high),
        "nullCount": dict.fromkeys(STATISTICS, 0),  # columns of every frame, never null
    }
    return values["rows"], json.dumps(stats)


def _written(values: Mapping[str, object]) -> dict[str, object]:
    return {
        name: f"{value:%Y-%m-%dT%H:%M:%S.%f}Z" if isinstance(value, datetime) else value
        for name, value in values.items()
        if value is not None
    }


def _listing(delta: DeltaTable) -> tuple[DataFile, ...]:
    table = pl.DataFrame(delta.get_add_actions(flatten=True))
    if table.is_empty():
        return ()
    times = [f"{side}.{name}" for side in ("min", "max") for name in ("@timestamp", "event.ingested")]
    table = table.with_columns(pl.col(times).dt.convert_time_zone("UTC"))
    wanted = ("path", "size_bytes", "num_records", f"partition.{DATASET}", f"partition.{DAY}")
    ranges = [f"{side}.{name}" for name in STATISTICS for side in ("min", "max")]
    return tuple(DataFile(*row) for row in table.select(*wanted, *ranges).iter_rows())


def _app_ids(log: Path) -> set[str]:
    checkpoints = sorted(log.glob("*.checkpoint.parquet"))
    found: set[str] = set()
    if checkpoints:
        column = pl.scan_parquet(checkpoints[-1]).select(pl.col("txn").struct.field("appId")).collect()["appId"]
        found.update(column.drop_nulls())
    since = checkpoints[-1].name.split(".")[0] if checkpoints else ""
    for path in log.glob("[0-9]*.json"):
        if path.stem >= since:
            lines = path.read_bytes().splitlines()
            found.update(json.loads(line)["txn"]["appId"] for line in lines if line.startswith(b'{"txn"'))
    return found
