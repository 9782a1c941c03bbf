"""Processes die between any two steps; what was acknowledged is there, once, and the journal goes on."""

from __future__ import annotations

import os
import random
import signal
import time
from functools import partial

import pytest

from secops.siem.journal import create_journal
from tests.fakes.journal import new_batch
from tests.siem.journal.places import HOUR, NOW, everything
from tests.siem.journal.processes import DIED, exit_code, in_child

LOCKS = ("rotate.lock", "seal.lock", "next.lock", "write.lock")
STEPS = [
    "rotate:closing",
    "rotate:successor",
    "rotate:closed",
    "seal:written",
    "seal:placed",
    "seal:removed",
    "retain:written",
    "retain:placed",
]


def a_life(place, die_at: str) -> None:
    """Append, rotate, seal and retain, and die at a step."""

    def step(name: str) -> None:
        if name == die_at:
            os._exit(DIED)

    journal = place.open(step)
    journal.append([new_batch("a", b"2", received=NOW)], {"key": b"2"})
    journal.rotate(NOW)
    journal.append([new_batch("a", b"3", received=NOW + HOUR)], {"key": b"3"})
    journal.seal_closed(NOW)
    journal.retain(NOW + HOUR, {"a": 99}, now=NOW, by="keeper", reason="test")


@pytest.mark.parametrize("die_at", STEPS)
def test_death_at_each_step(place, die_at):
    wait, go = os.pipe()

    def life() -> None:
        os.read(wait, 1)
        a_life(place, die_at)

    child = in_child(life)
    journal = place.open()  # after the fork: SQLite connections must not be carried over one
    journal.append([new_batch("a", b"1", received=NOW)])
    os.write(go, b"!")
    assert exit_code(child) == DIED
    os.close(wait)
    os.close(go)

    # Whoever was there before, and whoever comes new, goes on at once.
    with journal, place.open() as fresh:
        known = fresh.heads()["a"]
        assert journal.append([new_batch("a", b"next")]) == [known + 1]
        assert fresh.checkpoint("key") == b"%d" % known
        if not die_at.startswith("retain"):
            assert everything(fresh) == everything(journal) == [*[b"1", b"2", b"3"][:known], b"next"]
        assert place.verify().ok

        # The keeper finishes what was begun, and leaves nothing lying about.
        journal.rotate(NOW)
        journal.seal_closed(NOW)
        assert everything(fresh, after=2) == [b"3", b"next"][-(known - 1) :]
        assert place.verify().ok
        states = [one.state for one in journal.segments()]
    assert set(states[:-1]) <= {"sealed", "removed"}
    sealed = {f"{number:08d}.sealed" for number in range(1, len(states))}
    left = {path.name for path in place.journal.iterdir()}
    assert left == sealed | {f"{len(states):08d}.open", *LOCKS}


def test_death_while_the_journal_is_made_can_be_repeated(tmp_path):
    (tmp_path / "00000001.open.tmp").write_bytes(b"half a file")
    create_journal(tmp_path, "demo", NOW)
    assert not list(tmp_path.glob("*.tmp"))


def keep_busy(place, acknowledge: int) -> None:
    """Append for ever, rotating and sealing now and then; every acknowledged number goes down the pipe."""
    journal = place.open()
    number = journal.heads().get("a", 0)
    while True:
        (first,) = journal.append([new_batch("a", b"%d" % (number + 1), b"%d" % (number + 2))])
        number = first + 1
        os.write(acknowledge, b"%d\n" % number)
        if number % 20 == 0:
            journal.rotate(NOW)
        if number % 40 == 0:
            journal.seal_closed(NOW)


def test_kill_9_at_any_moment_loses_nothing_that_was_acknowledged(place):
    chance = random.Random(7)
    known = 0
    for _round in range(25):
        read, write = os.pipe()
        child = in_child(partial(keep_busy, place, write))
        os.close(write)
        with os.fdopen(read, "rb") as acknowledged:
            acknowledged.readline()
            time.sleep(chance.random() * 0.08)
            os.kill(child, signal.SIGKILL)
            lines = acknowledged.read().split()
        assert exit_code(child) == -signal.SIGKILL
        with place.open() as journal:
            found = everything(journal)
            assert found == [b"%d" % number for number in range(1, len(found) + 1)]
            known = max([known, *map(int, lines)])
            assert journal.heads() == {"a": len(found)}
            assert len(found) >= known
    with place.open() as journal:
        journal.seal_closed(NOW)
        assert len(journal.segments()) > 3
    assert place.verify().ok


def append_many(place, name: int, count: int) -> None:
    with place.open() as journal:
        for index in range(count):
            wanted = [b"%d-%d-%d" % (name, index, part) for part in range(3)]
            (first,) = journal.append([new_batch("a", *wanted)], {f"key:{name}": b"%d" % index})
            batch = journal.read("a", first - 1, max_bytes=1)[0]
            assert list(batch.records[:3]) == wanted
            if index % 10 == name:
                journal.rotate(NOW)
            if index % 20 == name:
                journal.seal_closed(NOW)


def test_four_processes_append_to_one_source_without_loss_double_or_gap(place):
    children = [in_child(partial(append_many, place, name, 60)) for name in range(4)]
    assert [exit_code(child) for child in children] == [0] * 4
    with place.open() as journal:
        found = everything(journal)
        assert journal.heads() == {"a": 4 * 60 * 3}
        assert journal.checkpoints("key:") == {f"key:{name}": b"59" for name in range(4)}
    for name in range(4):
        own = [record for record in found if record.startswith(b"%d-" % name)]
        assert own == [b"%d-%d-%d" % (name, index, part) for index in range(60) for part in range(3)]
    assert place.verify().ok
