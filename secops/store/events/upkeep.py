"""Keeping the lake small and quick: merge files, forget what is past its retention, delete what nobody refers to.

Each step is one Delta commit that replaces files by files: a crash leaves either state, never half, and a reader that
began before keeps its files for an hour. One process does this at a time; writers are not stopped.
"""

from __future__ import annotations

import time
import uuid
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from pathlib import Path

import polars as pl
from deltalake.transaction import AddAction, RemoveAction

from secops.store.events.lock import locked
from secops.store.events.table import ALL_COLUMNS, ROW_GROUP, DataFile, Table, statistics

KEEP_HOURS = 1  # that long a removed file stays for readers that know it
TODAY_BYTES = 8 << 20  # on a day that still grows, files of this size are left alone: merging must not rewrite all
WHOLE_BYTES = 64 << 20  # on a day that is over, files may grow to this
MOST_ROWS = 400_000  # rows of one merged file: bounds memory
_FEWEST = 4  # small files on a growing day before merging pays


class Upkeep:
    """Compaction and retention of one table."""

    def __init__(self, table: Table) -> None:
        self._table = table

    def compact(self) -> Mapping[str, int]:
        """Merge small files of each partition and vacuum.

        Returns ``{"merged": files gone, "written": files made, "vacuumed": files deleted}``; all 0 where another
        process is at it.
        """
        done = {"merged": 0, "written": 0, "vacuumed": 0}
        with locked(self._table.folder / ".upkeep.lock", wait=False) as mine:
            if not mine:
                return done
            files = self._table.files()
            newest = max((file.day for file in files), default="")
            for group in _groups(files, newest):
                self._replace(group)
                done["merged"] += len(group)
                done["written"] += 1
            done["vacuumed"] = self._table.vacuum(KEEP_HOURS)
        return done

    def retain(self, before: datetime) -> int:
        """Remove rows received before a moment: whole files where all rows are, else the file is written anew."""
        gone = 0
        with locked(self._table.folder / ".upkeep.lock"):
            old = [file for file in self._table.files() if file.first_received < before]
            whole = [file for file in old if file.last_received < before]
            if whole and self._table.commit([self._removal(file, gone=True) for file in whole], {}):
                gone += sum(file.rows for file in whole)
            for file in old:
                if file.last_received >= before:
                    gone += self._replace([file], keep=pl.col("event.ingested") >= before)
        return gone

    def _replace(self, group: Sequence[DataFile], keep: pl.Expr | None = None) -> int:
        """Write the rows of some files of one partition as one file; returns how many rows were left out."""
        # By first time: within a file rows are in order, so the merged file is nearly so and prunes as well.
        ordered = sorted(group, key=lambda file: file.first_time)
        paths = [self._table.folder / file.path for file in ordered]
        folder = paths[0].parent
        target = folder / f"{uuid.uuid4().hex}.parquet"
        rows = pl.scan_parquet(paths, schema=_columns(paths), missing_columns="insert")
        if keep is not None:
            rows = rows.filter(keep)
        rows.sink_parquet(target, compression="zstd", compression_level=3, row_group_size=ROW_GROUP)
        left, stats = statistics(pl.scan_parquet(target))
        one = ordered[0]
        added: list[AddAction] = [self._table.action(target, one.dataset, one.day, stats, new=keep is not None)]
        removed = [self._removal(file, gone=keep is not None) for file in ordered]
        if not self._table.commit([*added, *removed], {}):
            target.unlink(missing_ok=True)
            return 0
        return sum(file.rows for file in ordered) - left

    def _removal(self, file: DataFile, *, gone: bool) -> RemoveAction:
        # The machine's clock, because Delta's vacuum compares with it; it is in no event and in no answer.
        return self._table.removal(file, int(time.time() * 1000), gone=gone)


def _columns(paths: Iterable[Path]) -> dict[str, pl.DataType]:
    """The columns that some of the files have, in the table's order."""
    present = {name for path in paths for name in pl.read_parquet_schema(path)}
    return {name: kind for name, kind in ALL_COLUMNS.items() if name in present}


def _groups(files: Sequence[DataFile], newest: str) -> list[list[DataFile]]:
    """What to merge: files of one partition that together make at most one full file."""
    partitions: dict[tuple[str, str], list[DataFile]] = {}
    for file in files:
        partitions.setdefault((file.dataset, file.day), []).append(file)
    groups: list[list[DataFile]] = []
    for (_dataset, day), members in partitions.items():
        full, fewest = (TODAY_BYTES, _FEWEST) if day == newest else (WHOLE_BYTES, 2)
        small = sorted((file for file in members if file.size < full), key=lambda file: file.first_time)
        group: list[DataFile] = []
        for file in small:
            too_big = sum(one.size for one in group) + file.size > full
            too_long = sum(one.rows for one in group) + file.rows > MOST_ROWS
            if group and (too_big or too_long):
                groups += [group] if len(group) >= fewest else []
                group = []
            group.append(file)
        groups += [group] if len(group) >= fewest else []
    return groups
