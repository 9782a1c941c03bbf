"""The slices of a file together give what the whole file gives."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from secops.siem.collect import slices as module
from secops.siem.collect.slices import read_slice, slices
from secops.siem.collect.whole import Chunk, Wanted, read_whole

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
