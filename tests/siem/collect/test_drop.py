"""Folder drop and one-shot import: each content once, whatever happens in between."""

from __future__ import annotations

import gzip
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from secops.errors import UsageError
from secops.siem.collect import take
from secops.siem.collect.drop import DropFolder
from secops.siem.collect.ingest import Summary, files_of, one_shot
from secops.siem.collect.whole import Wanted
from tests.fakes.journal import MemoryJournal
from tests.siem.collect.scripts import Clock, batches, drain, records

LINES = b"".join(b"%06d a line\n" % n for n in range(3000))


class Bench:
    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.journal = MemoryJournal()
        self.clock = Clock()

    def start(self) -> DropFolder:
        known = self.journal.checkpoints("drop:in:")
        return DropFolder("in", str(self.folder), known, now=self.clock, wanted=Wanted(zone="lgwan"))

    def settle(self, drop: DropFolder) -> list[bytes]:
        """Look, wait until files count as complete, look again."""
        drain(drop, self.journal)
        self.clock.turn(3)
        drain(drop, self.journal)
        return records(self.journal, "in")


@pytest.fixture
def bench(tmp_path: Path) -> Bench:
    return Bench(tmp_path)


def test_a_file_is_taken_when_it_is_complete(bench: Bench):
    drop = bench.start()
    (bench.folder / "a.log").write_bytes(b"one\n")
    drain(drop, bench.journal)
    bench.clock.turn(1.5)
    (bench.folder / "a.log").write_bytes(b"one\ntwo\n")
    drain(drop, bench.journal)
    bench.clock.turn(1.5)
    drain(drop, bench.journal)
    assert records(bench.journal, "in") == []
    bench.clock.turn(1)
    drain(drop, bench.journal)
    assert records(bench.journal, "in") == [b"one", b"two"]
    [batch] = batches(bench.journal, "in")
    assert (batch.origin.kind, batch.origin.zone) == ("file", "lgwan")


def test_a_name_that_says_unfinished_waits_for_the_rename(bench: Bench):
    drop = bench.start()
    (bench.folder / "a.log.part").write_bytes(b"one\n")
    assert bench.settle(drop) == []
    (bench.folder / "a.log.part").rename(bench.folder / "a.log")
    assert bench.settle(drop) == [b"one"]


def test_the_same_content_is_taken_once_also_after_a_restart_and_under_another_name(bench: Bench):
    (bench.folder / "a.log").write_bytes(LINES)
    bench.settle(bench.start())
    (bench.folder / "copy.log").write_bytes(LINES)
    (bench.folder / "a.log").touch()
    assert len(bench.settle(bench.start())) == 3000


def test_killed_in_the_middle_it_goes_on(bench: Bench, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(take, "DELIVERY", 2000)
    monkeypatch.setattr("secops.siem.collect.whole.CHUNK", 4096)
    monkeypatch.setattr("secops.siem.collect.whole.SAMPLE", 4096)
    (bench.folder / "a.log.gz").write_bytes(gzip.compress(LINES))
    for _kill in range(8):
        drop = bench.start()
        drop.poll()
        bench.clock.turn(3)
        if delivery := drop.poll():
            bench.journal.append(delivery.batches, delivery.checkpoints)
        drop.poll()  # read, but killed before the commit
    assert bench.settle(bench.start()) == LINES.splitlines()


def test_a_copy_that_paused_too_long_is_continued(bench: Bench):
    drop = bench.start()
    (bench.folder / "a.log").write_bytes(b"one\ntwo\nthr")
    bench.settle(drop)
    (bench.folder / "a.log").write_bytes(b"one\ntwo\nthree\nfour\n")
    assert bench.settle(drop) == [b"one", b"two", b"thr", b"three", b"four"]


def test_a_broken_file_is_a_problem_until_it_is_replaced_also_after_a_restart(bench: Bench):
    path = bench.folder / "a.log.gz"
    path.write_bytes(gzip.compress(LINES)[:-20])
    bench.settle(bench.start())
    drop = bench.start()
    bench.settle(drop)
    assert "途中で切れています" in drop.problems[str(path)].what
    path.write_bytes(gzip.compress(b"whole\n"))
    assert bench.settle(drop)[-1] == b"whole"
    assert drop.problems == {}


def test_a_missing_folder_is_a_problem_until_it_is_there(bench: Bench):
    drop = DropFolder("in", str(bench.folder / "later"), {}, now=bench.clock, wanted=Wanted())
    assert drop.poll() is None
    assert "フォルダがない" in drop.problems[str(bench.folder / "later")].what
    (bench.folder / "later").mkdir()
    (bench.folder / "later" / "a.log").write_bytes(b"x\n")
    assert bench.settle(drop) == [b"x"]
    assert drop.problems == {}


# ------------------------------------------------------------------------------------------------------------- one shot


def run(bench: Bench, *paths: Path, force: bool = False, format: str | None = None) -> Summary:
    return one_shot(
        paths, journal=bench.journal, source="import", zone="lgwan", now=bench.clock, force=force, format=format
    )


def test_files_and_folders_are_imported_and_what_was_recognised_is_said(bench: Bench):
    (bench.folder / "in").mkdir()
    (bench.folder / "in" / "a.log").write_bytes(b"<34>Apr  1 09:00:00 h su: x\n")
    (bench.folder / "b.json").write_bytes(b'{"EventID":1,"Channel":"x"}\n')
    summary = run(bench, bench.folder / "in", bench.folder / "b.json")
    assert summary.records == 2
    assert [file.members[0][1].format for file in summary.files] == ["syslog", "windows_json"]
    assert {batch.origin.kind for batch in batches(bench.journal, "import")} == {"import"}


def test_a_repeated_file_is_skipped_and_said_unless_forced(bench: Bench):
    (bench.folder / "a.log").write_bytes(LINES)
    run(bench, bench.folder / "a.log")
    again = run(bench, bench.folder / "a.log")
    assert (again.files[0].skipped, again.records) == (True, 0)
    assert run(bench, bench.folder / "a.log", force=True).records == 3000


def test_a_missing_file_does_not_stop_the_others(bench: Bench):
    (bench.folder / "a.log").write_bytes(b"x\n")
    summary = run(bench, bench.folder / "nowhere.log", bench.folder / "a.log")
    assert summary.records == 1
    assert summary.problems[0].where.endswith("nowhere.log")


def test_an_unknown_format_is_wrong_usage(bench: Bench):
    with pytest.raises(UsageError, match="nonsense"):
        run(bench, bench.folder, format="nonsense")


@settings(max_examples=15, deadline=None)
@given(st.lists(st.integers(0, 6), min_size=1, max_size=6))
def test_an_import_killed_any_number_of_times_is_complete_in_the_end(
    tmp_path_factory: pytest.TempPathFactory, kills: list[int]
):
    bench = Bench(tmp_path_factory.mktemp("import"))
    path = bench.folder / "a.log"
    path.write_bytes(LINES)
    before, take.DELIVERY = take.DELIVERY, 5000
    try:
        for commits in kills:
            left = iter(range(commits))

            class Dying(MemoryJournal):
                def append(self, batches, checkpoints=None, drops=()):
                    next(left)  # noqa: B023 - the journal is used within this turn of the loop
                    return bench.journal.append(batches, checkpoints, drops)

                def checkpoint(self, key):
                    return bench.journal.checkpoint(key)

            try:
                one_shot([path], journal=Dying(), source="import", zone=None, now=bench.clock)
            except StopIteration:
                continue
        run(bench, path)
    finally:
        take.DELIVERY = before
    assert records(bench.journal, "import") == LINES.splitlines()


def test_progress_adds_up_to_the_size(bench: Bench):
    path = bench.folder / "a.log"
    path.write_bytes(LINES)
    seen: list[int] = []
    one_shot([path], journal=bench.journal, source="import", zone=None, now=bench.clock, progress=seen.append)
    assert sum(seen) == len(LINES)
    assert files_of([bench.folder]) == [path]
