"""Bad ground under the journal: full disks, folders that go away, files that are not its own."""

from __future__ import annotations

import os
import resource
import signal
import sqlite3
import threading
from pathlib import Path

import pytest

from secops.errors import JournalError
from secops.siem.journal import DamagedError, Journal
from secops.siem.journal.layout import sealed_path
from secops.siem.ports import Drop
from tests.fakes.journal import batches_of, new_batch
from tests.siem.journal.places import NOW, Place, everything
from tests.siem.journal.processes import exit_code, in_child


def test_a_full_disk_is_said_and_the_same_journal_goes_on_when_there_is_room(place, journal):
    journal.append([new_batch("a", b"1")])
    journal._open_segment()._db.execute("PRAGMA max_page_count=12")  # SQLite answers as on a full disk
    with pytest.raises(JournalError, match=r"00000001\.open: ディスクに空きがない.*空き容量を確保"):
        journal.append([new_batch("a", os.urandom(200_000))], {"key": b"x"}, [Drop("a", "x", 1)])
    # The connection was given up with its limit: now there is room.
    assert journal.heads() == {"a": 1}
    assert journal.checkpoint("key") is None
    assert journal.drops() == {}
    assert journal.append([new_batch("a", b"2")]) == [2]
    assert everything(journal) == [b"1", b"2"]


def append_for_ever(journal: Journal, block: bytes, acknowledged: list[int]) -> None:
    while True:
        acknowledged += journal.append([new_batch("a", block)])


def fill_a_small_disk(place: Place) -> None:
    """Under a limit of file size, appending, rotating and sealing fail; without it they go on."""
    signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    journal = place.open()
    acknowledged: list[int] = []
    block = os.urandom(100_000)
    resource.setrlimit(resource.RLIMIT_FSIZE, (1_000_000, resource.RLIM_INFINITY))
    with pytest.raises(JournalError, match="原本ログ"):
        append_for_ever(journal, block, acknowledged)
    kept = len(acknowledged)
    assert kept > 2
    resource.setrlimit(resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
    assert journal.append([new_batch("a", block)]) == [kept + 1]
    journal.rotate(NOW)
    resource.setrlimit(resource.RLIMIT_FSIZE, (50_000, resource.RLIM_INFINITY))
    with pytest.raises(JournalError, match=r"00000001\.sealed"):
        journal.seal_closed(NOW)
    assert everything(journal) == [block] * (kept + 1)
    resource.setrlimit(resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
    assert journal.seal_closed(NOW) == [1]
    assert everything(journal) == [block] * (kept + 1)


def test_a_disk_that_fills_up_under_writing_and_sealing(place):
    assert exit_code(in_child(lambda: fill_a_small_disk(place))) == 0
    assert place.verify().ok


def test_a_disk_that_is_full_while_rotating(place):
    def work() -> None:
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        journal = place.open()
        journal.append([new_batch("a", b"1")], {f"file:{index}": os.urandom(200) for index in range(200)})
        resource.setrlimit(resource.RLIMIT_FSIZE, (40_000, resource.RLIM_INFINITY))
        for _attempt in range(2):
            with pytest.raises(JournalError):
                journal.rotate(NOW)
        resource.setrlimit(resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
        assert journal.append([new_batch("a", b"2")]) == [2]
        assert len(journal.checkpoints("file:")) == 200
        assert everything(journal) == [b"1", b"2"]

    assert exit_code(in_child(work)) == 0


def test_a_folder_that_is_taken_away_stops_writing_until_it_is_back(place, journal):
    journal.append([new_batch("a", b"1")])
    away = place.journal.with_name("away")
    place.journal.rename(away)
    for _attempt in range(2):
        with pytest.raises(JournalError, match="ログ保管フォルダを開けません"):
            journal.append([new_batch("a", b"lost?")])
    with pytest.raises(JournalError, match="ログ保管フォルダを開けません"):
        journal.heads()
    away.rename(place.journal)
    assert journal.append([new_batch("a", b"2")]) == [2]
    assert everything(journal) == [b"1", b"2"]


def test_a_deleted_open_segment_stops_writing(place, journal):
    journal.append([new_batch("a", b"1")])
    for path in place.journal.glob("00000001.open*"):
        path.unlink()
    with pytest.raises(JournalError, match=r"00000001\.open"):
        journal.append([new_batch("a", b"2")])
    with pytest.raises(JournalError, match="secops init"):
        journal.heads()


def test_a_successor_that_is_gone_is_not_made_again(place, journal):
    journal.append([new_batch("a", b"1")])
    journal.rotate(NOW)
    journal.append([new_batch("a", b"2")])
    for path in place.journal.glob("00000002.open*"):
        path.unlink()
    with place.open() as fresh:
        with pytest.raises(JournalError, match=r"00000002\.open.*新しく作りません"):
            fresh.append([new_batch("a", b"2 again?")])
        with pytest.raises(JournalError, match=r"00000002\.open.*新しく作りません"):
            fresh.heads()


def test_a_deleted_sealed_segment_is_named_by_readers(place, journal):
    journal.append([new_batch("a", b"1")])
    journal.rotate(NOW)
    journal.seal_closed(NOW)
    journal.append([new_batch("a", b"2")])
    sealed_path(place.journal, 1).unlink()
    with pytest.raises(JournalError, match=r"00000001\.sealed.*バックアップ"):
        everything(journal)
    assert everything(journal, after=1) == [b"2"]


def spoil(place: Place, spoiling: str) -> None:
    path = place.journal / "00000001.open"
    if spoiling.startswith("PRAGMA"):
        db = sqlite3.connect(path)
        db.execute(spoiling)
        db.close()
    else:
        path.write_bytes(spoiling.encode() * 1000)


@pytest.mark.parametrize(
    ("spoiling", "message"),
    [
        ("PRAGMA user_version=2", "新しい版の形式です.*形式 2.*1 まで.*更新"),
        ("PRAGMA application_id=1", "原本ログのファイルではありません"),
        ("not a database", "壊れていて読めません"),
    ],
)
def test_a_file_that_is_not_ours_is_not_touched(place, spoiling, message):
    spoil(place, spoiling)
    before = (place.journal / "00000001.open").read_bytes()
    with pytest.raises(JournalError, match=message):
        place.open()
    assert (place.journal / "00000001.open").read_bytes() == before


def test_a_sealed_file_of_a_newer_version_says_so(place, journal):
    journal.append([new_batch("a", b"1")])
    journal.rotate(NOW)
    journal.seal_closed(NOW)
    path = sealed_path(place.journal, 1)
    whole = path.read_bytes()
    path.chmod(0o600)
    path.write_bytes(whole[:14] + b"\x02" + whole[15:])
    with pytest.raises(JournalError, match="新しい版の形式です"):
        everything(journal)


def test_a_damaged_row_is_named_by_readers_and_does_not_stop_the_chain(place, journal):
    journal.append([new_batch("a", b"1"), new_batch("a", b"2" * 100), new_batch("a", b"3")])
    db = sqlite3.connect(place.journal / "00000001.open", isolation_level=None)
    db.execute("UPDATE batch SET block = CAST(substr(block, 1, length(block) - 1) || '!' AS BLOB) WHERE first_seq = 2")
    db.close()
    with pytest.raises(DamagedError, match="a 2-2") as caught:
        journal.read("a", 0)
    assert (caught.value.source, caught.value.first_seq, caught.value.last_seq) == ("a", 2, 2)
    assert [list(batch.records) for batch in journal.read("a", 0, max_bytes=1)] == [[b"1"]]
    assert everything(journal, after=2) == [b"3"]
    journal.rotate(NOW)
    assert journal.append([new_batch("a", b"4")]) == [4]

    # The rest is sealed; what is lost is on record for ever, and the original stays for whoever can save more.
    assert journal.seal_closed(NOW) == [1]
    (finding,) = place.verify().findings
    assert (finding.segment, finding.code, finding.source, finding.first_seq, finding.last_seq) == (
        1,
        "lost",
        "a",
        2,
        2,
    )
    assert [(batch.first_seq, list(batch.records)) for batch in batches_of(journal, "a", 0)] == [
        (1, [b"1"]),
        (3, [b"3"]),
        (4, [b"4"]),
    ]
    assert journal.record("a", 2) is None
    assert journal.segments()[0].records == 2
    assert {path.name for path in place.journal.glob("00000001.*")} == {"00000001.sealed", "00000001.damaged"}


def test_rows_that_are_gone_are_on_record_as_lost(place, journal):
    journal.append([new_batch("a", b"1"), new_batch("a", b"2"), new_batch("b", b"x")])
    db = sqlite3.connect(place.journal / "00000001.open", isolation_level=None)
    db.execute("DELETE FROM batch WHERE source = 'b' OR first_seq = 1")
    db.close()
    journal.rotate(NOW)
    journal.seal_closed(NOW)
    lost = [(one.code, one.source, one.first_seq, one.last_seq) for one in place.verify().findings]
    assert lost == [("lost", "a", 1, 1), ("lost", "b", 1, 1)]
    assert [list(batch.records) for batch in batches_of(journal, "a", 0)] == [[b"2"]]
    assert list(journal.read("b", 0)) == []


@pytest.mark.parametrize("value", ["x'ff'", "'{'", "'[]'", "'{\"offset\":1}'"])
def test_a_damaged_origin_is_damage_too(place, journal, value):
    journal.append([new_batch("a", b"1")])
    db = sqlite3.connect(place.journal / "00000001.open", isolation_level=None)
    db.execute(f"UPDATE batch SET origin = CAST({value} AS TEXT)")
    db.close()
    with pytest.raises(DamagedError, match="壊れていて"):
        journal.read("a", 0)
    assert not place.verify().ok
    journal.rotate(NOW)
    journal.seal_closed(NOW)
    assert [finding.code for finding in place.verify().findings] == ["lost"]


def test_a_blocked_writer_waits_for_its_turn(place, journal):
    db = sqlite3.connect(place.journal / "00000001.open", isolation_level=None, check_same_thread=False)
    db.execute("BEGIN IMMEDIATE")
    release = threading.Timer(0.2, lambda: db.execute("COMMIT"))
    release.start()
    assert journal.append([new_batch("a", b"1")]) == [1]
    release.join()
    db.close()


def test_threads_may_share_one_journal(journal):
    def append(name: int) -> None:
        for index in range(20):
            journal.append([new_batch("a", b"%d-%d" % (name, index))])
            journal.read("a", 0)

    threads = [threading.Thread(target=append, args=(name,)) for name in range(4)]
    for thread in threads:
        thread.start()
    journal.rotate(NOW)
    journal.seal_closed(NOW)
    for thread in threads:
        thread.join()
    assert sorted(everything(journal)) == sorted(b"%d-%d" % (name, index) for name in range(4) for index in range(20))


def test_no_open_file_is_left_behind(place):
    before = len(list(Path("/proc/self/fd").iterdir()))
    for _round in range(3):
        with Journal(place.journal, place.keys) as journal:
            journal.append([new_batch("a", b"1")])
            journal.rotate(NOW)
            everything(journal)
            journal.seal_closed(NOW)
            everything(journal)
    assert len(list(Path("/proc/self/fd").iterdir())) == before
