"""The files that make up the live generation of a lake as of one version, while others go on committing to it.

Data files are never changed, and stay for an hour after they left the table; of the log, what is later than the version
is left out. So the copy is the table as it was at that version, with the positions of its sources.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from deltalake import DeltaTable

from secops.store.events.generations import CURRENT, current_generation
from secops.store.events.table import EMPTY


@dataclass(frozen=True, slots=True)
class LakeFiles:
    """``files`` are paths below the lake folder; ``version`` is that of the Delta table."""

    generation: str
    version: int
    files: tuple[str, ...]


def lake_files(folder: Path) -> LakeFiles:
    """What has to be copied of a lake folder; the log first, since it is what is cleaned up first."""
    generation = current_generation(folder)
    lake = folder / generation
    table = DeltaTable(lake)
    version = table.version()
    data = [one.removeprefix("file://") for one in table.file_uris()]
    names = [*_log(lake / "_delta_log", version), *_data(lake, data)]
    return LakeFiles(generation, version, (CURRENT, *(f"{generation}/{name}" for name in names)))


def _log(log: Path, version: int) -> Iterator[str]:
    """Commits and checkpoints up to the version. The hint at the last checkpoint is left out: it may be of later."""
    for path in sorted(log.iterdir()):
        number = path.name.partition(".")[0]
        if number.isdigit() and int(number) <= version and path.suffix in {".json", ".parquet"}:
            yield f"{log.name}/{path.name}"


def _data(lake: Path, uris: list[str]) -> Iterator[str]:
    if (lake / EMPTY).exists():
        yield EMPTY
    root = lake.resolve()
    for uri in sorted(uris):
        yield Path(uri).relative_to(root).as_posix()
