from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

from secops.errors import JournalError
from secops.settings import JournalSettings, Settings, parse
from secops.siem.keeper import Keeper
from tests.fakes.desk import MemoryDesk
from tests.fakes.event_store import MemoryEventStore

NOW = datetime(2026, 11, 23, tzinfo=UTC)
SETTINGS: Settings = parse(
    '[site]\nid = "ward"\nname = "区"\n[zones.lgwan]\nlabel = "L"\n[retention]\njournal = "10d"\nlake = "5d"\n', "x"
)


@dataclass(frozen=True)
class Gone:
    segments: tuple[int, ...]


@dataclass
class RecordingJournal:
    full: bool = False
    calls: list[str] = field(default_factory=list)
    retained: list[tuple[datetime, Mapping[str, int]]] = field(default_factory=list)

    def rotate_if_due(self, now: datetime, settings: JournalSettings) -> int | None:
        self.calls.append("rotate")
        return None

    def seal_closed(self, now: datetime) -> list[int]:
        self.calls.append("seal")
        if self.full:
            raise JournalError("disk full")
        return [1]

    def retain(self, before: datetime, positions: Mapping[str, int], *, now: datetime, by: str, reason: str) -> Gone:
        self.retained.append((before, positions))
        return Gone((1, 2))

    def removed(self) -> Mapping[str, int]:
        return {"win": 200}


def keeper(journal: RecordingJournal) -> tuple[Keeper, list[str]]:
    said: list[str] = []
    return Keeper(SETTINGS, journal, MemoryEventStore(), MemoryDesk(), said.append), said


def test_a_turn_rotates_and_seals_and_the_rest_when_due():
    journal = RecordingJournal()
    one, said = keeper(journal)
    one.turn(NOW)
    one.turn(NOW + timedelta(seconds=2))
    assert journal.calls == ["rotate", "seal"] * 2
    assert [before for before, _ in journal.retained] == [NOW - timedelta(days=10)]
    assert any("journal" in text for text in said)


def test_a_duty_that_fails_is_said_and_the_others_go_on():
    journal = RecordingJournal(full=True)
    one, said = keeper(journal)
    one.turn(NOW)
    assert "seal: disk full" in said
    assert journal.retained


def test_a_failed_duty_is_tried_again_on_the_next_turn():
    journal = RecordingJournal(full=True)
    one, _said = keeper(journal)
    one.turn(NOW)
    journal.full = False
    one.turn(NOW + timedelta(seconds=2))
    assert journal.calls.count("seal") == 2
