"""Archives are read by a child with limits: what is too much for it is reported, the other files are taken in."""

from __future__ import annotations

import binascii
import gzip
import lzma
import os
import signal
import zipfile
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from secops.errors import Problem
from secops.siem.collect import apart
from secops.siem.collect.apart import Apart
from secops.siem.collect.drop import SETTLED, DropFolder
from secops.siem.collect.ingest import Summary, one_shot
from secops.siem.collect.streams import Limits
from secops.siem.collect.whole import Chunk, Member, Wanted, read_whole
from tests.fakes.journal import MemoryJournal
from tests.siem.collect.scripts import records

NOW = datetime(2026, 11, 26, tzinfo=UTC)
LINES = [b"%06d a line of a log" % n for n in range(5000)]


def zipped(path: Path, name: str, data: bytes) -> Path:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr(name, data)
    return path


def hungry(path: Path) -> Path:
    """An xz file of a few bytes that makes its reader ask for 4 GiB at once."""
    packed = bytearray(lzma.compress(b"x\n", format=lzma.FORMAT_XZ))
    size = (packed[12] + 1) * 4  # of the block's header: its flags, the filter 0x21, one byte: the dictionary
    assert packed[14:16] == b"\x21\x01"
    packed[16] = 40
    packed[12 + size - 4 : 12 + size] = binascii.crc32(packed[12 : 12 + size - 4]).to_bytes(4, "little")
    path.write_bytes(packed)
    return path


def endless(path: Path) -> Path:
    """A small zip that keeps its reader busy for seconds: nothing but empty lines."""
    return zipped(path, "a.log", b"x\n" + b"\n" * (96 << 20))


def ingest(folder: Path, journal: MemoryJournal, reader: Apart | None = None) -> Summary:
    paths = sorted(folder.iterdir())
    return one_shot(paths, journal=journal, source="import", zone=None, now=lambda: NOW, reader=reader)


def test_a_child_reads_what_this_process_reads(tmp_path: Path):
    paths = [zipped(tmp_path / "a.zip", "記録.log", b"\n".join(LINES)), tmp_path / "b.csv.gz", tmp_path / "c.gz"]
    paths[1].write_bytes(gzip.compress("番号,名前\r\n1,山田\r\n".encode("cp932")))
    paths[2].write_bytes(gzip.compress(b"\n".join(LINES))[:-30])
    with Apart() as reader:
        for path in paths:
            here: list[int] = []
            there: list[int] = []
            assert list(reader.read(path, Wanted(), there.append)) == list(read_whole(path, Wanted(), here.append))
            assert sum(here) == sum(there) == path.stat().st_size


def test_plain_text_needs_no_child(tmp_path: Path):
    (tmp_path / "a.log").write_bytes(b"x\n")
    with Apart() as reader:
        assert [type(one) for one in reader.read(tmp_path / "a.log", Wanted())] == [Member, Chunk]
        assert reader._pipe is None


def test_a_file_that_asks_for_too_much_memory_is_reported_and_the_others_are_taken_in(tmp_path: Path):
    zipped(tmp_path / "a.zip", "a.log", b"first\n")
    hungry(tmp_path / "b.xz")
    zipped(tmp_path / "c.zip", "c.log", b"last\n")
    journal = MemoryJournal()
    summary = ingest(tmp_path, journal)
    assert records(journal, "import") == [b"first", b"last"]
    [problem] = summary.problems
    assert problem.where == str(tmp_path / "b.xz")
    assert "メモリの上限" in problem.what
    assert [file.skipped for file in ingest(tmp_path, journal).files] == [True, True, True]
    assert records(journal, "import") == [b"first", b"last"]


def test_a_file_that_takes_too_long_ends_its_child_and_the_others_are_taken_in(tmp_path: Path):
    hostile = endless(tmp_path / "b.zip")
    zipped(tmp_path / "c.zip", "c.log", b"last\n")
    wanted = Wanted(limits=Limits(ratio=1 << 30))
    with Apart(seconds=0) as reader:
        found = list(reader.read(hostile, wanted))
        problem = found[-1]
        assert isinstance(problem, Problem)
        assert (problem.where, "処理時間の上限" in problem.what) == (str(hostile), True)
        [chunk] = [item for item in reader.read(tmp_path / "c.zip", wanted) if isinstance(item, Chunk)]
        assert chunk.records == [b"last"]


def test_a_child_that_is_killed_leaves_what_it_had_read_and_nothing_is_stored_twice(tmp_path: Path):
    zipped(tmp_path / "a.zip", "a.log", b"\n".join(LINES * 150))  # some 17 MB: more than is under way at once
    zipped(tmp_path / "b.zip", "b.log", b"last\n")

    class Killing(Apart):
        def read(self, path: Path, *arguments):
            for number, item in enumerate(super().read(path, *arguments)):
                yield item
                if number == 2 and path.name == "a.zip":
                    os.kill(self._child.pid, signal.SIGKILL)

    journal = MemoryJournal()
    with Killing() as reader:
        summary = ingest(tmp_path, journal, reader)
    found = records(journal, "import")
    assert 0 < len(found) < len(LINES) * 400
    assert found == [*(LINES * 150)[: len(found) - 1], b"last"]
    assert ["-9" in problem.what for problem in summary.problems] == [True]
    ingest(tmp_path, journal)
    assert records(journal, "import") == found


def test_a_reader_that_is_left_amid_a_file_reads_the_next_one(tmp_path: Path):
    big = zipped(tmp_path / "a.zip", "a.log", b"\n".join(LINES * 150))
    small = zipped(tmp_path / "b.zip", "b.log", b"x\n")
    with Apart() as reader:
        reading = reader.read(big, Wanted())
        assert isinstance(next(reading), Member)
        del reading
        assert [item.records for item in reader.read(small, Wanted()) if isinstance(item, Chunk)] == [[b"x"]]


def test_a_file_that_is_gone_is_an_error_of_the_disk(tmp_path: Path):
    with Apart() as reader, pytest.raises(FileNotFoundError):
        list(reader.read(tmp_path / "nowhere.zip", Wanted()))
    failed = apart._framed(apart._FAILED, {"errno": 5, "strerror": "Input/output error", "filename": "x"})
    with pytest.raises(OSError, match="Input/output error"):
        apart._item(failed)


def test_a_drop_folder_goes_on_behind_a_hostile_file_and_keeps_no_child(tmp_path: Path):
    folder = tmp_path / "in"
    folder.mkdir()
    hungry(folder / "a.xz")
    zipped(folder / "b.zip", "b.log", b"last\n")
    journal, clock, reader = MemoryJournal(), [NOW], Apart()
    drop = DropFolder("in", str(folder), {}, now=lambda: clock[0], wanted=Wanted(), reader=reader)
    for _turn in range(8):
        if delivery := drop.poll():
            journal.append(delivery.batches, delivery.checkpoints)
        clock[0] += SETTLED + timedelta(seconds=1)
    assert records(journal, "in") == [b"last"]
    assert "メモリの上限" in drop.problems[str(folder / "a.xz")].what
    assert drop.poll() is None
    assert reader._pipe is None
