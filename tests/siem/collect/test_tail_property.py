"""Whatever happens to a followed file, every complete line is journaled exactly once and in order.

The exceptions are part of the model. Lines written between the copier's last read and the truncation of
``copytruncate`` exist nowhere afterwards, so the model does not write any there. And a source that names one file is
looked at at least once, with something in it, before that file is truncated: a copy is known by what was read.
"""

from __future__ import annotations

import itertools
import tempfile
from datetime import UTC, datetime, timedelta
from pathlib import Path

from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from secops.siem.collect.follow import Reading
from secops.siem.collect.tail import Tail
from tests.fakes.journal import MemoryJournal


class Clock:
    def __init__(self) -> None:
        self.time = datetime(2026, 4, 1, tzinfo=UTC)

    def __call__(self) -> datetime:
        return self.time


class FollowedFile(RuleBasedStateMachine):
    """A log file in the hands of a writer and of two kinds of rotation; a collector that may be killed."""

    glob = False

    def __init__(self) -> None:
        super().__init__()
        self.folder = tempfile.TemporaryDirectory()
        self.log = Path(self.folder.name) / "app.log"
        self.log.write_bytes(b"")
        self.clock = Clock()
        self.journal = MemoryJournal()
        self.numbers = itertools.count()
        self.rotations = itertools.count(1)
        self.written: list[bytes] = []
        self.partial = b""
        self.looked = False
        self.start_tail()

    def start_tail(self) -> None:
        self.tail = Tail(
            "app",
            str(self.log) + ("*" if self.glob else ""),
            self.journal.checkpoints("file:app:"),
            now=self.clock,
            reading=Reading("text", "utf-8"),
        )

    def poll(self) -> bool:
        delivery = self.tail.poll()
        if delivery:
            self.journal.append(delivery.batches, delivery.checkpoints)
        return bool(delivery and delivery.batches)

    def write(self, data: bytes) -> None:
        with self.log.open("ab") as file:
            file.write(data)

    @rule(count=st.integers(1, 40), width=st.sampled_from([0, 10, 200]))
    def append(self, count: int, width: int) -> None:
        if self.log.exists():
            lines = [b"%06d %s" % (next(self.numbers), b"x" * width) for _ in range(count)]
            self.write(b"\n".join(lines) + b"\n")
            self.written += [self.partial + lines[0], *lines[1:]]
            self.partial = b""

    @rule()
    def write_part_of_a_line(self) -> None:
        if self.log.exists():
            part = b"%06d part " % next(self.numbers)
            self.write(part)
            self.partial += part

    def may_rotate(self) -> bool:
        """Whether the collector can know of the generation that goes away: see above."""
        may = self.looked or self.glob
        self.looked = False
        return may

    @precondition(lambda self: not self.partial)
    @rule()
    def rename(self) -> None:
        if self.log.exists() and self.may_rotate():
            self.log.rename(self.log.with_name(f"app.log.{next(self.rotations)}"))
            self.log.write_bytes(b"")

    @precondition(lambda self: not self.partial)
    @rule()
    def copytruncate(self) -> None:
        if self.log.exists() and self.may_rotate():
            self.log.with_name(f"app.log.{next(self.rotations)}").write_bytes(self.log.read_bytes())
            with self.log.open("r+b") as file:
                file.truncate(0)

    @rule()
    def gone_or_back(self) -> None:
        away = Path(self.folder.name) / "away"
        if away.exists():
            away.rename(self.log)
        elif self.log.exists():
            self.log.rename(away)

    @rule()
    def glance(self) -> None:
        self.poll()

    @rule()
    def look(self) -> None:
        while self.poll():
            pass
        self.poll()
        self.looked = self.log.exists() and self.log.stat().st_size > 0

    @rule()
    def time_passes(self) -> None:
        if not self.partial:
            self.clock.time += timedelta(seconds=30)

    @rule(lost=st.booleans())
    def killed_and_started_again(self, lost: bool) -> None:
        if lost:
            self.tail.poll()  # read, handed over, but never committed
        self.tail.close()
        self.start_tail()

    def journaled(self) -> list[bytes]:
        return [record for batch in self.journal.read("app", 0, 1 << 40) for record in batch.records]

    @invariant()
    def nothing_twice_nothing_out_of_order(self) -> None:
        seen = self.journaled()
        if self.glob:  # several generations at once: in order within each file only
            assert len(set(seen)) == len(seen)
            assert set(seen) <= set(self.written)
        else:
            assert seen == self.written[: len(seen)]

    def teardown(self) -> None:
        try:
            away = Path(self.folder.name) / "away"
            if away.exists():
                away.rename(self.log)
            for _ in range(10):
                self.poll()
            assert sorted(self.journaled()) == sorted(self.written)
        finally:
            self.tail.close()
            self.folder.cleanup()


class FollowedGlob(FollowedFile):
    """The same where the source's glob matches the rotated files and the copies too."""

    glob = True


TestFollowedFile = FollowedFile.TestCase
TestFollowedFile.settings = settings(
    max_examples=60,
    stateful_step_count=25,
    deadline=None,
    phases=[Phase.explicit, Phase.reuse, Phase.generate],  # shrinking takes minutes; take it in to look at a failure
    suppress_health_check=[HealthCheck.too_slow],
)
TestFollowedGlob = FollowedGlob.TestCase
TestFollowedGlob.settings = TestFollowedFile.settings
