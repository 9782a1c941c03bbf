"""What a stage does with many alerts: actions go to the alerts of its desk in memory, the rest to real records.

The contract suite of the port (`tests/contract/test_bulk_desk.py`) runs over it and over the real desk.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from secops.access.ports import SessionLimits
from secops.errors import ConflictError, NotFoundError, SetChangedError, UsageError
from secops.siem.ports import (
    Alert,
    AlertFilter,
    Bonds,
    Bulk,
    BulkAction,
    Chosen,
    ChosenSet,
    HistoryEntry,
    Left,
    Scope,
    State,
    Undone,
)
from secops.siem.triage import states
from secops.siem.triage.identity import Assets
from secops.store.records import Records
from secops.store.records.bulk import CHANGES, mark_of
from secops.store.records.engine import Database
from tests.fakes.desk import MemoryDesk


@dataclass
class Done:
    """An action, the alerts as they stood before, and how many lines of history each had behind it."""

    bulk: Bulk
    before: dict[int, Alert]
    told: dict[int, int]


class StageWork(Records):
    """A `WorkDesk` over the alerts of a `MemoryDesk`; it links nothing."""

    def __init__(self, database: Database, desk: MemoryDesk) -> None:
        super().__init__(database, (), Assets(), SessionLimits())
        self.desk = desk
        self.kept: list[Done] = []

    def bonds(self, alert_id: int, scope: Scope) -> Bonds:
        """Nothing is bound here."""
        return Bonds()

    def chosen(self, chosen: Chosen, scope: Scope) -> ChosenSet:
        """See `BulkDesk`."""
        found = self._open_ones(chosen, scope)
        seen = {one.id for one in self.desk.alerts(AlertFilter(), scope, limit=1 << 20).alerts}
        asked = set(chosen.ids) if chosen.wanted is None else set()
        closed = len((asked & seen).difference(found))
        return ChosenSet(len(found), mark_of(found), closed=closed, missing=len(asked - seen), numbers=found)

    def act(
        self, chosen: Chosen, action: BulkAction, *, mark: str | None, actor: str, scope: Scope, now: datetime
    ) -> Bulk:
        """See `BulkDesk`."""
        assert action.leader is None, "the stage links nothing"
        if action.verdict:
            states.said(action.reason, "完了の理由")
            text = states.closing_text(action.verdict, action.reason)
        else:
            text = states.said(action.assignee, "担当者")
        found = self._open_ones(chosen, scope)
        if mark is not None and mark != mark_of(found):
            raise SetChangedError("changed", len(found))
        if not found:
            raise UsageError("対象のアラートがありません。")
        before = {number: self.desk.stored[number] for number in found}
        if action.verdict:
            self.desk.close(found, action.verdict, action.reason, actor=actor, scope=scope, now=now)
        else:
            self.desk.assign(found, action.assignee, actor=actor, scope=scope, now=now)
        count = len(found)
        bulk = Bulk(len(self.kept) + 1, actor, now, action.name, text, chosen.words, count, count, 0, None, 0)
        self.kept.append(Done(bulk, before, {number: len(self.desk.history[number]) for number in found}))
        return bulk

    def bulks(self, actor: str, since: datetime) -> Sequence[Bulk]:
        """See `BulkDesk`."""
        return [one.bulk for one in reversed(self.kept) if one.bulk.actor == actor and one.bulk.at >= since]

    def undo(self, bulk_id: int, *, actor: str, scope: Scope, now: datetime) -> Undone:
        """See `BulkDesk`."""
        if not 0 < bulk_id <= len(self.kept) or self.kept[bulk_id - 1].bulk.actor != actor:
            raise NotFoundError(f"{bulk_id}")
        wanted = self.kept[bulk_id - 1]
        if wanted.bulk.undone_at is not None or now - wanted.bulk.at > timedelta(hours=1):
            raise ConflictError(f"{bulk_id}")
        seen = {one.id for one in self.desk.alerts(AlertFilter(), scope, limit=1 << 20).alerts}
        left = [why for number in sorted(wanted.before) if (why := self._why(wanted, number, seen))]
        back = sorted(wanted.before.keys() - {one.alert_id for one in left})
        for number in back:
            self.desk.stored[number] = _put_back(self.desk.stored[number], wanted.before[number])
            self.desk.history[number].append(HistoryEntry(now, actor, "undone", wanted.bulk.text))
        wanted.bulk = replace(wanted.bulk, undone_at=now, restored=len(back))
        return Undone(wanted.bulk, len(back), left)

    def _why(self, done: Done, number: int, seen: set[int]) -> Left | None:
        """Why an alert cannot be put back."""
        since = [one for one in self.desk.history[number][done.told[number] :] if one.action in CHANGES]
        if since:
            return Left(number, since[-1].action, since[-1].actor, since[-1].at)
        if number not in seen:
            return Left(number)
        key, alerts = self.desk.stored[number].key, self.desk.stored.values()
        active = [one.id for one in alerts if one.key == key and one.state is not State.CLOSED and one.id != number]
        return Left(number, successor=active[0]) if active else None

    def places(self, numbers: Sequence[int], *, bulk: int | None = None) -> frozenset[tuple[str, str]]:
        """See `BulkDesk`."""
        touched = self.kept[bulk - 1].before if bulk else {}
        found = [self.desk.stored[number] for number in {*numbers, *touched} if number in self.desk.stored]
        return frozenset((one.zone, one.department) for one in found)

    def _open_ones(self, chosen: Chosen, scope: Scope) -> list[int]:
        page = self.desk.alerts(chosen.wanted or AlertFilter(), scope, limit=1 << 20)
        found = [one.id for one in page.alerts if one.state is not State.CLOSED]
        return sorted(one for one in found if chosen.wanted is not None or one in chosen.ids)


def _put_back(alert: Alert, before: Alert) -> Alert:
    """What people can change of an alert, as it was."""
    names = ("state", "assignee", "verdict", "closed_reason", "closed_at", "acknowledged_at")
    return replace(alert, **{name: getattr(before, name) for name in names})
