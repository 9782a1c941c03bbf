"""Writers, readers, the keeper and the auditor at the same time, each in a process of its own."""

from __future__ import annotations

import time
from functools import partial

from tests.fakes.journal import batches_of, new_batch
from tests.siem.journal.places import NOW, Place, everything
from tests.siem.journal.processes import exit_code, in_child

SECONDS = 2.0
END = b"end"


def write(place: Place, name: int, until: float) -> None:
    with place.open() as journal:
        number = 0
        while time.monotonic() < until:
            journal.append([new_batch("a", *(b"%d %d" % (name, number + index) for index in range(20)))])
            number += 20


def keep(place: Place, until: float) -> None:
    with place.open() as journal:
        while time.monotonic() < until:
            journal.rotate(NOW)
            journal.seal_closed(NOW)
            time.sleep(0.02)


def audit(place: Place, until: float) -> None:
    while time.monotonic() < until:
        assert place.verify().findings == []


def follow(place: Place) -> None:
    """Read until the end mark; every writer's records come in order, each once."""
    known = {b"0": -1, b"1": -1}
    after = 0
    with place.open() as journal:
        while True:
            for batch in batches_of(journal, "a", after):
                assert batch.first_seq == after + 1
                after = batch.last_seq
                for record in batch.records:
                    if record == END:
                        return
                    name, number = record.split()
                    assert int(number) == known[name] + 1
                    known[name] += 1
            time.sleep(0.002)


def test_everybody_at_once(place):
    until = time.monotonic() + SECONDS
    readers = [in_child(partial(follow, place)) for _ in range(2)]
    others = [
        in_child(partial(write, place, 0, until)),
        in_child(partial(write, place, 1, until)),
        in_child(partial(keep, place, until)),
        in_child(partial(audit, place, until)),
    ]
    assert [exit_code(child) for child in others] == [0] * 4
    with place.open() as journal:
        journal.append([new_batch("a", END)])
        assert [exit_code(child) for child in readers] == [0, 0]
        found = everything(journal)
        assert len(journal.segments()) > 2
    assert sorted(found[:-1]) == sorted({*found[:-1]})
    assert place.verify().ok
