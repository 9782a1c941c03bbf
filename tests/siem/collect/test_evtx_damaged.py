"""What is left of a damaged EVTX file is read, and what is lost is said."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from secops.errors import Problem
from secops.siem.collect.evtx_mend import is_sound, mended, records
from secops.siem.collect.whole import Chunk, Wanted, read_whole

SHARED = Path(os.environ.get("SECOPS_SHARED", Path(__file__).parents[4] / "shared" / "data"))
HEADER, CHUNK = 4096, 65_536


@pytest.fixture(scope="module")
def sound() -> bytes:
    """A recording with one chunk of several records."""
    for path in sorted((SHARED / "sigmahq").rglob("*.evtx")):
        data = path.read_bytes()
        if len(data) == HEADER + CHUNK and len(list(records(data[HEADER:]))) >= 5:
            return data
    pytest.skip("the shared Sigma regression data is not here")


@pytest.fixture(scope="module")
def ids(sound, tmp_path_factory) -> list[int]:
    """What its events call themselves (an exported file numbers its records anew)."""
    found, said = read(tmp_path_factory.mktemp("sound"), sound)
    assert said == ""
    assert len(found) == len(list(records(sound[HEADER:])))
    return found


def file_of(sound: bytes, *chunks: bytes) -> bytes:
    header = bytearray(sound[:HEADER])
    header[42:44] = len(chunks).to_bytes(2, "little")
    return bytes(header) + b"".join(chunks)


def read(folder: Path, data: bytes) -> tuple[list[int], str]:
    """The record numbers, and what was said."""
    path = folder / "a.evtx"
    path.write_bytes(data)
    items = list(read_whole(path, Wanted()))
    found = [json.loads(record) for item in items if isinstance(item, Chunk) for record in item.records]
    problems = [item.what for item in items if isinstance(item, Problem)]
    assert len(problems) <= 1
    return [event["Event"]["System"]["EventRecordID"] for event in found], "".join(problems)


def spoilt(chunk: bytes, start: int, end: int, by: bytes = b"\xff") -> bytes:
    return chunk[:start] + by * (end - start) + chunk[end:]


def test_a_sound_file_is_read_without_a_word(sound, ids, tmp_path):
    chunk = sound[HEADER:]
    assert is_sound(chunk)
    assert read(tmp_path, sound) == (ids, "")
    assert read(tmp_path, file_of(sound, chunk, chunk)) == (ids * 2, "")
    assert read(tmp_path, sound + bytes(CHUNK)) == (ids, "")  # room that was never used


@pytest.mark.parametrize("what", ["magic", "header", "tables", "check sum"])
def test_the_records_of_a_chunk_with_a_spoilt_header_are_read(sound, ids, tmp_path, what):
    start, end = {"magic": (0, 8), "header": (0, 128), "tables": (128, 512), "check sum": (52, 56)}[what]
    chunk = sound[HEADER:]
    found, said = read(tmp_path, file_of(sound, chunk, spoilt(chunk, start, end), chunk))
    assert found == ids * 3
    assert "チャンク 3 個のうち 1 個が壊れ、0 個がありません" in said


def test_a_chunk_that_is_lost_as_a_whole_does_not_take_others_along(sound, ids, tmp_path):
    chunk = sound[HEADER:]
    for lost, what in ((b"\xff" * CHUNK, "1 個が壊れ、0 個"), (bytes(CHUNK), "0 個が壊れ、1 個")):
        found, said = read(tmp_path, file_of(sound, chunk, lost, chunk))
        assert found == ids * 2
        assert f"チャンク 3 個のうち {what}がありません" in said


@pytest.mark.parametrize("place", ["magic", "size", "size at the end", "all of it"])
def test_only_the_damaged_record_of_a_chunk_is_lost(sound, ids, tmp_path, place):
    chunk = sound[HEADER:]
    every = list(records(chunk))
    lost = every[len(every) // 2]
    start, end = lost.start, lost.start + lost.size
    start, end = {
        "magic": (start, start + 4),
        "size": (start + 4, start + 8),
        "size at the end": (end - 4, end),
        "all of it": (start, end),
    }[place]
    found, said = read(tmp_path, file_of(sound, chunk, spoilt(chunk, start, end)))
    assert found == ids + [one for one in ids if one != ids[len(every) // 2]]
    assert "1 件は読めませんでした" in said


def test_a_file_cut_in_its_first_chunk_gives_the_records_before_the_cut(sound, ids, tmp_path):
    every = list(records(sound[HEADER:]))
    end = every[2].start + every[2].size
    found, said = read(tmp_path, sound[: HEADER + end + 100])
    assert found == ids[:3]
    assert f"3 件を読み、{len(every) - 3} 件は読めませんでした" in said


@pytest.mark.parametrize("length", [8, 100, HEADER - 1, HEADER, HEADER + 300])
def test_a_file_cut_before_its_first_record_is_said(sound, tmp_path, length):
    found, said = read(tmp_path, sound[:length])
    assert found == []
    assert "壊れているか、途中で切れています" in said


def test_a_cut_anywhere_gives_what_is_whole_and_is_said(sound, ids, tmp_path):
    chunk = sound[HEADER:]
    ends = [record.start + record.size for record in records(chunk)]
    for cut in range(512, CHUNK, 1777):
        found, said = read(tmp_path, file_of(sound, chunk, chunk)[: HEADER + CHUNK + cut])
        assert found == ids + [one for one, end in zip(ids, ends, strict=True) if end <= cut]
        assert said


def test_a_chunk_without_a_whole_record_cannot_be_mended():
    assert mended(b"") is None
    assert mended(b"\xff" * CHUNK) is None
    assert mended(b"**\0\0" * (CHUNK // 4)) is None
