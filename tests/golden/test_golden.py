"""Raw lines of every format and the events they become.

Each ``<format>/<name>.txt`` (one record a line; for CSV the first line is the header) has its events beside it in
``<name>.json``. After a change that is meant, run with ``SECOPS_GOLDEN=write`` and review the difference.
"""

from __future__ import annotations

import json
import os
from datetime import UTC, datetime
from pathlib import Path

import polars as pl
import pytest

from secops.schema import ecs
from secops.schema.frame import CORE, EXTRA
from secops.siem.normalize.reading import NORMALIZERS, normalize
from secops.siem.ports import Origin, RecordBatch

HERE = Path(__file__).parent
FILES = sorted(path for path in HERE.glob("*/*.txt"))
RECEIVED = datetime(2026, 11, 23, 12, tzinfo=UTC)
WANTED = frozenset({"winlog.event_data.Image", "winlog.event_data.Data", "winlog.event_data.ProcessId"})


def batch_of(path: Path) -> RecordBatch:
    name = path.parent.name
    encoding = "cp932" if name == "skysea_csv" else "utf-8"
    records = path.read_bytes().split(b"\n")[:-1]
    header = None
    if name in {"skysea_csv", "csv"}:
        header, records = records[0].decode(encoding), [one.replace(b"\\n", b"\r\n") for one in records[1:]]
    return RecordBatch("src", 1, RECEIVED, Origin("file", name, encoding, header=header), records)


def events(path: Path) -> list[dict[str, object]]:
    (frame,) = normalize(batch_of(path), "ward", WANTED)
    rows = []
    for row in frame.to_dicts():
        kept = {
            name: value.isoformat() if isinstance(value, datetime) else value
            for name, value in sorted(row.items())
            if value is not None and name not in {"event.ingested", "labels.site", "labels.source"}
        }
        if EXTRA in kept:
            kept[EXTRA] = json.loads(str(kept[EXTRA]))
        rows.append(kept)
    return rows


@pytest.mark.parametrize("path", FILES, ids=lambda path: f"{path.parent.name}/{path.stem}")
def test_events_are_the_reviewed_ones(path: Path):
    expected = path.with_suffix(".json")
    found = events(path)
    if os.environ.get("SECOPS_GOLDEN") == "write":
        expected.write_text(json.dumps(found, ensure_ascii=False, indent=1) + "\n", encoding="utf-8")
    assert found == json.loads(expected.read_text(encoding="utf-8"))


@pytest.mark.parametrize("path", FILES, ids=lambda path: f"{path.parent.name}/{path.stem}")
def test_frames_keep_the_contract(path: Path):
    batch = batch_of(path)
    (frame,) = normalize(batch, "ward", WANTED)
    assert frame.height == len(batch.records)
    assert frame["event.sequence"].to_list() == list(range(1, frame.height + 1))
    assert CORE.keys() <= set(frame.columns)
    assert frame["@timestamp"].null_count() == 0
    for name, kind in frame.schema.items():
        if name in ecs.COLUMNS:
            assert kind == ecs.dtype(name), name
        elif name != EXTRA:
            assert name in WANTED
            assert kind in {pl.String(), pl.List(pl.String())}


def test_every_format_has_a_golden_file():
    assert {path.parent.name for path in FILES} == set(NORMALIZERS)
