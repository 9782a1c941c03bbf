"""The embedded event store: one generation of a Delta table, written with polars, asked with DuckDB.

Exactly once: the position of each source is in the same Delta commit as its rows (``source@generation``). Delta itself
takes a lower position silently, so it is compared first; two writers of one source conflict, and the later one looks
again. Writers of different sources only append, which Delta lets through.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from pathlib import Path

import polars as pl
from deltalake.transaction import AddAction

from secops.errors import StoreError
from secops.locale import _
from secops.schema.names import EXTRA_TEXT
from secops.siem.ports import StoreStats
from secops.store.events.generations import current_lake
from secops.store.events.lake_reading import LakeReading
from secops.store.events.rows import fresh, kept
from secops.store.events.searchable import FOLDED, TEXT, searchable
from secops.store.events.table import DAY, receive_day
from secops.store.events.upkeep import Upkeep

_RETRIES = 20


class Lake(LakeReading):
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
        super().__init__(place, memory, threads, seconds)
        self.generation = place.name
        self._upkeep = Upkeep(self._table)

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

    # ------------------------------------------------------------------------------------------------- looking after

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
