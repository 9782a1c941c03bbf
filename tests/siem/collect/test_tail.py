"""File tail, one story per test; the property test has the interleavings."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from secops.siem.collect.follow import Reading
from secops.siem.collect.lines import MAX_RECORD
from secops.siem.collect.tail import CHUNK, Tail
from tests.fakes.journal import MemoryJournal
from tests.siem.collect.scripts import Clock, batches, drain, records

AUTO = Reading(None, None)
BULK = b"".join(b"line %05d with enough text to fill the first kilobyte of a file\n" % n for n in range(40))


class Bench:
    """A folder, a journal, a clock and the tail that is running now."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.log = folder / "app.log"
        self.journal = MemoryJournal()
        self.clock = Clock()
        self.tails: list[Tail] = []

    def start(self, path: str = "app.log", reading: Reading = AUTO, from_start: bool = True) -> Tail:
        known = self.journal.checkpoints("file:app:")
        where = str(self.folder / path)
        tail = Tail("app", where, known, now=self.clock, reading=reading, from_start=from_start, zone="lgwan")
        self.tails.append(tail)
        return tail

    def look(self, tail: Tail) -> list[bytes]:
        drain(tail, self.journal)
        return records(self.journal, "app")


@pytest.fixture
def bench(tmp_path: Path) -> Iterator[Bench]:
    one = Bench(tmp_path)
    yield one
    for tail in one.tails:
        tail.close()


def append(path: Path, data: bytes) -> None:
    with path.open("ab") as file:
        file.write(data)


def test_lines_come_with_their_origin(bench: Bench):
    bench.log.write_bytes(b"Apr  1 09:00:00 h sshd[1]: one\n")
    tail = bench.start()
    bench.look(tail)
    append(bench.log, b"Apr  1 09:00:01 h sshd[1]: two\n")
    bench.look(tail)
    [first, second] = batches(bench.journal, "app")
    assert (first.origin.kind, first.origin.format, first.origin.path) == ("file", "syslog", str(bench.log))
    assert (first.origin.offset, second.origin.offset, second.origin.zone) == (0, 31, "lgwan")


def test_a_partial_line_waits_until_it_is_whole(bench: Bench):
    bench.log.write_bytes(b"one\ntw")
    tail = bench.start()
    assert bench.look(tail) == [b"one"]
    bench.clock.turn(3600)
    assert bench.look(tail) == [b"one"]
    append(bench.log, b"o\n")
    assert bench.look(tail) == [b"one", b"two"]


def test_a_restart_goes_on_behind_the_last_committed_line(bench: Bench):
    bench.log.write_bytes(BULK + b"unfinish")
    bench.look(bench.start())
    append(bench.log, b"ed\nnew\n")
    assert bench.look(bench.start())[40:] == [b"unfinished", b"new"]


def test_after_a_restart_within_a_line_the_file_is_still_the_same(bench: Bench):
    bench.log.write_bytes(b"one\nunfinish")
    bench.look(bench.start())
    tail = bench.start()
    bench.look(tail)
    append(bench.log, b"ed\n")
    assert bench.look(tail) == [b"one", b"unfinished"]


def test_a_renamed_file_is_finished_before_the_new_one(bench: Bench):
    bench.log.write_bytes(b"1\n")
    tail = bench.start()
    bench.look(tail)
    append(bench.log, b"2\n")
    bench.log.rename(bench.folder / "app.log.1")
    append(bench.folder / "app.log.1", b"3\n")
    bench.log.write_bytes(b"4\n")
    assert bench.look(tail) == [b"1", b"2", b"3", b"4"]


@pytest.mark.parametrize("idle", range(3))  # polls begin with another file each time
def test_a_second_rotation_soon_after_the_first_keeps_the_order(bench: Bench, idle: int):
    bench.log.write_bytes(b"1\n")
    tail = bench.start()
    bench.look(tail)
    bench.log.rename(bench.folder / "app.log.1")
    bench.log.write_bytes(b"2\n")
    bench.look(tail)  # the first generation is still held open: its last line may come yet
    for _ in range(idle):
        bench.look(tail)
    append(bench.log, b"3\n")
    bench.log.rename(bench.folder / "app.log.2")
    bench.log.write_bytes(b"4\n")
    assert bench.look(tail) == [b"1", b"2", b"3", b"4"]


@pytest.mark.parametrize("idle", range(3))
def test_a_file_that_was_away_and_back_is_finished_before_the_next_one(bench: Bench, idle: int):
    first, second = bench.folder / "first", bench.folder / "second"
    bench.log.write_bytes(b"1\n")
    tail = bench.start()
    bench.look(tail)
    bench.log.rename(first)
    bench.log.write_bytes(b"2\n")
    bench.look(tail)
    bench.log.rename(second)
    first.rename(bench.log)
    for _ in range(idle + 1):
        bench.look(tail)
    append(bench.log, b"3\n")
    bench.log.rename(first)
    bench.log.write_bytes(b"4\n")
    assert bench.look(tail) == [b"1", b"2", b"3", b"4"]


def test_a_file_renamed_while_nobody_looked_is_finished_under_its_new_name(bench: Bench):
    bench.log.write_bytes(b"1\n")
    bench.look(bench.start())
    append(bench.log, b"2\nlast words")
    bench.log.rename(bench.folder / "app.log.1")
    bench.log.write_bytes(b"3\n")
    tail = bench.start()
    assert bench.look(tail) == [b"1", b"2", b"3"]
    bench.clock.turn(10)
    assert bench.look(tail) == [b"1", b"2", b"3", b"last words"]


def test_generations_rotated_away_while_nobody_looked_are_read_in_order(bench: Bench):
    bench.log.write_bytes(b"1\n")
    (bench.folder / "app.log.9").write_bytes(b"from before the first look\n")
    os.utime(bench.folder / "app.log.9", (1, 1))
    bench.look(bench.start())
    append(bench.log, b"2\n")
    bench.log.rename(bench.folder / "app.log.3")
    for number in (2, 1):
        (bench.folder / f"app.log.{number}").write_bytes(b"%d\n" % (5 - number))
    (bench.folder / "app.log.errors").write_bytes(b"another log\n")
    bench.log.write_bytes(b"5\n")
    tail = bench.start()
    assert bench.look(tail) == [b"1", b"2", b"3", b"4", b"5"]
    bench.clock.turn(60)
    assert bench.look(bench.start()) == [b"1", b"2", b"3", b"4", b"5"]


def test_the_last_line_of_a_deleted_file_is_kept(bench: Bench):
    bench.log.write_bytes(b"1\nlast words")
    tail = bench.start()
    bench.look(tail)
    bench.log.unlink()
    bench.look(tail)
    bench.clock.turn(10)
    assert bench.look(tail) == [b"1", b"last words"]
    assert tail.followed == 0
    assert str(bench.log) in tail.problems


def test_copytruncate_takes_the_rest_from_the_copy(bench: Bench):
    bench.log.write_bytes(BULK)
    tail = bench.start()
    bench.look(tail)
    append(bench.log, b"written after the last look\n")
    (bench.folder / "app.log.1").write_bytes(bench.log.read_bytes())
    bench.log.write_bytes(b"fresh\n")
    assert bench.look(tail)[40:] == [b"written after the last look", b"fresh"]


@pytest.mark.parametrize("begin", [b"1\n", BULK], ids=["short", "long"])
def test_a_copy_made_while_nobody_looked_is_known_also_where_the_log_is_away(bench: Bench, begin: bytes):
    bench.log.write_bytes(begin)
    seen = bench.look(bench.start())
    append(bench.log, b"written after the last look\n")
    (bench.folder / "app.log.1").write_bytes(bench.log.read_bytes())
    bench.log.write_bytes(b"fresh\n")
    bench.log.rename(bench.folder / "away")
    tail = bench.start()
    bench.look(tail)
    (bench.folder / "away").rename(bench.log)
    assert bench.look(tail) == [*seen, b"written after the last look", b"fresh"]
    assert bench.look(bench.start()) == [*seen, b"written after the last look", b"fresh"]


@pytest.mark.parametrize("idle", range(2))
def test_a_log_that_is_back_waits_for_the_rest_of_its_copy(bench: Bench, idle: int):
    bench.log.write_bytes(BULK)
    seen = bench.look(bench.start())
    rest = [b"%07d " % n + b"x" * 500 for n in range(4 * CHUNK // 500)]  # more than some polls read
    (bench.folder / "app.log.1").write_bytes(BULK + b"\n".join(rest) + b"\n")
    bench.log.write_bytes(b"fresh\n")
    bench.log.rename(bench.folder / "away")
    tail = bench.start()
    for _ in range(idle + 1):
        delivery = tail.poll()
        assert delivery
        bench.journal.append(delivery.batches, delivery.checkpoints)
    (bench.folder / "away").rename(bench.log)
    assert bench.look(tail) == [*seen, *rest, b"fresh"]


def test_a_copy_in_the_inode_of_an_older_copy_is_known_by_its_content(bench: Bench):
    tail = bench.start()
    copy = bench.folder / "app.log.1"
    for day in range(3):
        append(bench.log, b"first line of day %d\n" % day)
        bench.look(tail)
        append(bench.log, b"last line of day %d\n" % day)
        copy.write_bytes(bench.log.read_bytes())  # the same inode each day
        bench.log.write_bytes(b"")
        bench.look(tail)
        bench.clock.turn(10)
        bench.look(tail)
    assert records(bench.journal, "app") == [
        b"%s line of day %d" % (w, d) for d in range(3) for w in (b"first", b"last")
    ]


def test_a_truncated_file_that_grew_beyond_the_old_size_is_noticed(bench: Bench):
    bench.log.write_bytes(b"old 1\nold 2\n")
    tail = bench.start()
    bench.look(tail)
    bench.log.write_bytes(BULK)
    assert len(bench.look(tail)) == 42


def test_an_unfinished_line_of_a_truncated_file_is_not_lost(bench: Bench):
    bench.log.write_bytes(b"one\nunfinished")
    tail = bench.start()
    bench.look(tail)
    bench.log.write_bytes(b"new\n")
    assert bench.look(tail) == [b"one", b"unfinished", b"new"]
    assert [batch.origin.note for batch in batches(bench.journal, "app")] == [None, "truncated", None]


def test_a_file_that_is_gone_and_back_goes_on(bench: Bench):
    bench.log.write_bytes(b"one\n")
    tail = bench.start()
    bench.look(tail)
    bench.log.rename(bench.folder / "away")
    bench.look(tail)
    bench.clock.turn(60)
    bench.look(tail)
    (bench.folder / "away").rename(bench.log)
    append(bench.log, b"two\n")
    assert bench.look(tail) == [b"one", b"two"]
    assert tail.problems == {}


def test_a_restored_file_is_not_read_again(bench: Bench):
    bench.log.write_bytes(BULK)
    tail = bench.start()
    bench.look(tail)
    bench.log.unlink()
    bench.look(tail)
    bench.clock.turn(60)
    bench.look(tail)
    bench.log.write_bytes(BULK + b"more\n")  # another inode, the same content and more
    assert bench.look(tail)[40:] == [b"more"]


def test_an_inode_that_is_used_again_is_another_file(bench: Bench):
    bench.log.write_bytes(b"first life\n")
    bench.look(bench.start())
    bench.log.write_bytes(b"second life\n")  # the same inode
    assert bench.look(bench.start()) == [b"first life", b"second life"]


def test_a_glob_follows_many_files_and_does_not_read_copies_twice(bench: Bench):
    for number in range(300):
        (bench.folder / f"host{number}.log").write_bytes(b"%d\n" % number)
    tail = bench.start("*.log*")
    assert sorted(map(int, bench.look(tail))) == list(range(300))
    (bench.folder / "host7.log").write_bytes(BULK)
    bench.look(tail)
    (bench.folder / "host7.log.bak").write_bytes(BULK)
    assert len(bench.look(tail)) == 340
    bench.clock.turn(120)
    bench.look(tail)  # idle files are closed,
    append(bench.folder / "host9.log", b"again\n")
    assert bench.look(tail)[-1] == b"again"  # and opened again when they grow
    assert tail.followed == 301  # the copy would be read on if it were continued


def test_a_symlink_that_moves_on_is_followed(bench: Bench):
    for name in ("monday", "tuesday"):
        (bench.folder / name).write_bytes(name.encode() + b"\n")
    bench.log.symlink_to(bench.folder / "monday")
    tail = bench.start()
    bench.look(tail)
    bench.log.unlink()
    bench.log.symlink_to(bench.folder / "tuesday")
    assert bench.look(tail) == [b"monday", b"tuesday"]


@pytest.mark.skipif(os.geteuid() == 0, reason="root reads everything")
def test_a_file_without_permission_is_a_problem_until_it_has_it(bench: Bench):
    bench.log.write_bytes(b"secret\n")
    bench.log.chmod(0)
    tail = bench.start()
    assert bench.look(tail) == []
    assert "権限" in tail.problems[str(bench.log)].what
    bench.log.chmod(0o600)
    assert bench.look(tail) == [b"secret"]
    assert tail.problems == {}


def test_a_missing_file_is_a_problem_until_it_appears(bench: Bench):
    tail = bench.start()
    bench.look(tail)
    assert "ファイルがありません" in tail.problems[str(bench.log)].what
    bench.log.write_bytes(b"here\n")
    assert bench.look(tail) == [b"here"]
    assert tail.problems == {}


def test_a_folder_in_place_of_a_file_is_a_problem(bench: Bench):
    bench.log.mkdir()
    tail = bench.start()
    bench.look(tail)
    assert "ファイルではありません" in tail.problems[str(bench.log)].what


def test_from_the_end_only_new_lines_are_read(bench: Bench):
    bench.log.write_bytes(b"old\nunfini")
    tail = bench.start(from_start=False)
    assert bench.look(tail) == []
    append(bench.log, b"shed\n")
    assert bench.look(tail) == [b"unfinished"]
    append(bench.log, b"while away\n")
    assert bench.look(bench.start(from_start=False)) == [b"unfinished", b"while away"]


def test_csv_in_cp932_keeps_its_header_across_restarts(bench: Bench):
    header = "発生日時,端末機名,ログオンユーザー名,操作"
    path = bench.folder / "ops.csv"
    path.write_bytes((header + '\r\n2026/04/01 9:00,PC1,山田,"複数\r\n行"\r\n').encode("cp932"))
    bench.look(bench.start("ops.csv"))
    append(path, "2026/04/01 9:01,PC1,山田,印刷\r\n".encode("cp932"))
    bench.look(bench.start("ops.csv"))
    found = batches(bench.journal, "app")
    assert [batch.origin.header for batch in found] == [header, header]
    assert {(batch.origin.format, batch.origin.encoding) for batch in found} == {("skysea_csv", "cp932")}
    assert found[0].records[0].decode("cp932") == '2026/04/01 9:00,PC1,山田,"複数\r\n行"'
    assert found[0].origin.offset == len((header + "\r\n").encode("cp932"))


def test_utf_16_with_a_mark(bench: Bench):
    bench.log.write_bytes("一行目\r\n二行目\r\n".encode("utf-16"))
    bench.look(bench.start())
    append(bench.log, "三行目\r\n".encode("utf-16-le"))
    bench.look(bench.start())
    found = batches(bench.journal, "app")
    assert [record.decode(one.origin.encoding) for one in found for record in one.records] == [
        "一行目",
        "二行目",
        "三行目",
    ]


def test_a_log_that_changes_its_format_midway(bench: Bench):
    syslog = b"Apr  1 09:00:00 h sshd[1]: x\n" * 6
    bench.log.write_bytes(syslog)
    tail = bench.start()
    bench.look(tail)
    append(bench.log, b'{"level":"info"}\n' * 6)
    bench.look(tail)
    assert [batch.origin.format for batch in batches(bench.journal, "app")] == ["syslog", "json"]


def test_a_line_of_three_megabytes_and_what_follows(bench: Bench):
    bench.log.write_bytes(b"a\n" + b"x" * (3 * MAX_RECORD - 5) + b"\nb\n")
    found = bench.look(bench.start())
    assert b"".join(found[1:-1]) == b"x" * (3 * MAX_RECORD - 5)
    assert (found[0], found[-1]) == (b"a", b"b")


def test_a_file_that_never_ends_does_not_starve_the_others(bench: Bench):
    (bench.folder / "big.log").write_bytes((b"x" * 99 + b"\n") * 200_000)
    (bench.folder / "small.log").write_bytes(b"small\n")
    tail = bench.start("*.log")
    first = tail.poll()
    second = tail.poll()
    assert first
    assert second
    taken = [record for one in (first, second) for batch in one.batches for record in batch.records]
    assert b"small" in taken
