"""Checkpoints of files that are gone do not stay for ever, and nothing is taken twice for it."""

from __future__ import annotations

from pathlib import Path

from secops.siem.collect.drop import DropFolder
from secops.siem.collect.follow import Reading
from secops.siem.collect.tail import Tail
from secops.siem.collect.whole import Wanted
from tests.fakes.journal import MemoryJournal
from tests.siem.collect.scripts import Clock, drain, records

DAY = 86_400


class Tailed:
    """A followed ``app.log``; each `look` is a new run of the program, for the time that counts outlives it."""

    def __init__(self, folder: Path, pattern: str = "app.log") -> None:
        self.log = folder / "app.log"
        self.path = str(folder / pattern)
        self.journal = MemoryJournal()
        self.clock = Clock()

    def look(self) -> int:
        """Look, wait until what is renamed counts as finished, look again; how many marks there are."""
        known = self.journal.checkpoints("file:app:")
        tail = Tail("app", self.path, known, now=self.clock, reading=Reading(None, None))
        drain(tail, self.journal)
        self.clock.turn(2 * 3600)
        drain(tail, self.journal)
        tail.close()
        return len(self.journal.checkpoints("file:app:"))

    def rotate(self, number: int) -> None:
        self.log.rename(self.log.with_name(f"app.log.{number}"))
        self.log.write_bytes(b"line %d\n" % number)


def test_the_marks_of_rotated_files_are_forgotten_after_thirty_days(tmp_path: Path):
    bench = Tailed(tmp_path)
    bench.log.write_bytes(b"line 0\n")
    for number in range(1, 61):
        bench.look()
        bench.rotate(number)
        bench.clock.turn(DAY)
        if number > 3:
            (tmp_path / f"app.log.{number - 3}").unlink()
    assert bench.look() <= 33
    assert records(bench.journal, "app") == [b"line %d" % number for number in range(61)]


def test_a_file_that_is_still_there_is_remembered_however_old(tmp_path: Path):
    bench = Tailed(tmp_path, "app.log*")
    bench.log.write_bytes(b"line 0\n")
    bench.look()
    bench.rotate(1)
    for _day in range(100):
        bench.clock.turn(DAY)
        assert bench.look() == 2
    assert records(bench.journal, "app") == [b"line 0", b"line 1"]


def test_an_unmounted_folder_forgets_nothing(tmp_path: Path):
    logs = tmp_path / "logs"
    logs.mkdir()
    bench = Tailed(logs, "*.log")
    for name in ("app.log", "b.log"):
        (logs / name).write_bytes(b"of " + name.encode() + b"\n")
    assert bench.look() == 2
    logs.rename(tmp_path / "away")
    for _day in range(50):
        bench.clock.turn(DAY)
        assert bench.look() == 2
    (tmp_path / "away").rename(logs)
    bench.look()
    assert sorted(records(bench.journal, "app")) == [b"of app.log", b"of b.log"]


class Dropped:
    """A drop folder; each `look` is a new run of the program."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.journal = MemoryJournal()
        self.clock = Clock()

    def look(self) -> int:
        """Look until everything is taken in; how many contents are remembered."""
        drop = DropFolder("in", str(self.folder), self.journal.checkpoints("drop:in:"), now=self.clock, wanted=Wanted())
        for _again in range(3):
            drain(drop, self.journal)
            self.clock.turn(3600)
        return len(self.journal.checkpoints("drop:in:"))


def test_a_content_is_remembered_for_thirty_days_after_its_last_file(tmp_path: Path):
    bench = Dropped(tmp_path)
    (tmp_path / "stays.log").write_bytes(b"stays\n")
    (tmp_path / "a.log").write_bytes(b"one\n")
    assert bench.look() == 2
    (tmp_path / "a.log").unlink()
    bench.look()
    bench.clock.turn(20 * DAY)
    (tmp_path / "again.log").write_bytes(b"one\n")
    assert bench.look() == 2
    assert records(bench.journal, "in") == [b"one", b"stays"]
    bench.clock.turn(40 * DAY)  # under its new name it is there
    assert bench.look() == 2
    (tmp_path / "again.log").unlink()
    bench.look()
    bench.clock.turn(31 * DAY)
    assert bench.look() == 1
    assert records(bench.journal, "in") == [b"one", b"stays"]


def test_an_empty_drop_folder_forgets_nothing(tmp_path: Path):
    bench = Dropped(tmp_path)
    (tmp_path / "a.log").write_bytes(b"one\n")
    bench.look()
    (tmp_path / "a.log").rename(tmp_path.parent / "away.log")
    for _month in range(3):
        bench.clock.turn(30 * DAY)
        assert bench.look() == 1
    (tmp_path.parent / "away.log").rename(tmp_path / "a.log")
    bench.look()
    assert records(bench.journal, "in") == [b"one"]
