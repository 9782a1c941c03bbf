"""The slices of a file together give what the whole file gives."""

from __future__ import annotations

import random
import zipfile
from datetime import UTC, datetime
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from secops.errors import Problem
from secops.siem.collect import slices as module
from secops.siem.collect.slices import read_slice, slices
from secops.siem.collect.whole import Chunk, Wanted, read_whole
from tests.evtx_writer import CHUNK, Event, evtx

LINE = st.sampled_from([b'{"EventID":1,"Channel":"x"}', b'{"a":1}', b"plain", b"", b"  ", b"x" * 300, b"\xe6\x97\xa5"])


def records(items):
    return [record.rstrip(b"\r\n") for item in items if isinstance(item, Chunk) for record in item.records]


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(
    lines=st.lists(LINE, min_size=1, max_size=30),
    newline=st.sampled_from([b"\n", b"\r\n"]),
    ended=st.booleans(),
    size=st.integers(1, 200),
    mark=st.sampled_from([b"", b"\xef\xbb\xbf"]),
)
def test_slices_of_any_size_give_the_whole(tmp_path: Path, lines, newline, ended, size, mark):
    path = tmp_path / "log.json"
    path.write_bytes(mark + newline.join(lines) + (newline if ended else b""))
    cut = slices(path, size)
    assert [one.stop for one in cut[:-1]] == [one.start for one in cut[1:]]
    found = [record for one in cut for record in records(read_slice(one, Wanted()))]
    whole = records(read_whole(path, Wanted()))
    assert [one for one in found if one.strip()] == [one for one in whole if one.strip()]


@pytest.mark.parametrize("start", [b"\x1f\x8b", b"ElfFile\x00", b"[{},"])
def test_archives_and_documents_are_not_cut(tmp_path: Path, start):
    path = tmp_path / "file.json"
    path.write_bytes(start + b" " * 500)
    assert len(slices(path, 100)) == 1


def test_a_file_that_is_not_there_is_one_slice_that_fails_when_read(tmp_path: Path):
    [one] = slices(tmp_path / "nowhere.json")
    with pytest.raises(OSError, match="nowhere"):
        list(read_slice(one, Wanted()))


def test_a_line_longer_than_what_is_read_at_once_goes_the_careful_way(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(module, "_AT_ONCE", 1000)
    path = tmp_path / "log.json"
    path.write_bytes(b'{"EventID":1,"Channel":"x"}\n' + b'{"EventID":2,"Channel":"' + b"y" * 5000 + b'"}\n')
    found = [record for one in slices(path, 500) for record in records(read_slice(one, Wanted()))]
    assert found == records(read_whole(path, Wanted()))


# ---------------------------------------------------------------------------------------------------------------- EVTX

SYSMON = "Microsoft-Windows-Sysmon/Operational"
AT = datetime(2026, 11, 26, 1, 2, 3, tzinfo=UTC)
SOUND = evtx(Event(SYSMON, 1, "PC-01", AT, "Sysmon", {"Image": f"C:\\{number}.exe"}) for number in range(900))


def changed(at: int, value: bytes) -> bytes:
    return SOUND[:at] + value + SOUND[at + len(value) :]


@pytest.mark.parametrize(
    ("data", "complains"),
    [
        (SOUND, False),
        (SOUND[:-CHUNK], True),  # a chunk is missing
        (SOUND[:-1000], True),  # half a chunk is missing
        (changed(4096, bytes(CHUNK)), True),  # zeros in its place
        (SOUND + bytes(CHUNK), False),  # reserved
        (changed(4096 + 5000, b"\xff\xff"), True),  # in a record
        (changed(4096 + 16, b"\x01"), True),  # in the head of a chunk
        (changed(8, b"\x07"), False),  # in the head of the file, where nothing hangs on it
        (changed(42, b"\x09"), True),  # more chunks promised than there are
        (changed(120, b"\x01"), False),  # being written
        (SOUND[:4096], True),
        (SOUND[:100], True),
    ],
)
def test_an_evtx_file_is_read_as_always_where_anything_is_wrong_with_it(tmp_path: Path, data, complains):
    path = tmp_path / "log.evtx"
    path.write_bytes(data)
    [one] = slices(path)
    found = list(read_slice(one, Wanted()))
    assert found == list(read_whole(path, Wanted()))
    assert any(isinstance(item, Problem) for item in found) is complains


def test_what_the_writer_of_the_tests_writes_is_what_was_given(tmp_path: Path):
    path = tmp_path / "log.evtx"
    path.write_bytes(SOUND)
    found = records(read_slice(slices(path)[0], Wanted()))
    assert len(found) == 900
    assert b'"EventData":{"Image":"C:\\\\899.exe"}' in found[-1]
    assert b'"SystemTime":"2026-11-26T01:02:03.000000Z"' in found[0]


def test_random_bytes_named_evtx_are_no_log(tmp_path: Path):
    path = tmp_path / "Security.EVTX"
    path.write_bytes(random.Random(7).randbytes(100_000))
    with zipfile.ZipFile(tmp_path / "logs.zip", "w") as archive:
        archive.write(path, "a/Security.evtx")
    for file in (path, tmp_path / "logs.zip"):
        for size in (100, 1 << 20):
            cut = slices(file, size)
            found = [item for one in cut for item in read_slice(one, Wanted())]
            assert [type(item) for item in found] == [Problem]
            assert all(isinstance(item, Problem) and "EVTX" in item.what for item in found)
            assert list(read_whole(file, Wanted())) == found


def test_a_log_that_is_only_named_evtx_is_read(tmp_path: Path):
    path = tmp_path / "export.evtx"
    path.write_bytes(b'{"EventID":1,"Channel":"Security","Computer":"x"}\n')
    assert len(records(read_slice(slices(path)[0], Wanted()))) == 1
    path.write_bytes(b"")
    assert list(read_slice(slices(path)[0], Wanted())) == []
    path.write_bytes(b"text that somebody says is text\n")
    assert len(records(read_whole(path, Wanted(format="text")))) == 1
