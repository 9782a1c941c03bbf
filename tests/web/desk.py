"""What a stage does with many alerts: actions go to the alerts of its desk in memory, the rest to real records."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime

from secops.access.ports import SessionLimits
from secops.errors import NotFoundError, SetChangedError
from secops.siem.ports import (
    Alert,
    AlertFilter,
    Bonds,
    Bulk,
    BulkAction,
    Chosen,
    ChosenSet,
    Left,
    Scope,
    State,
    Undone,
)
from secops.siem.triage.identity import Assets
from secops.siem.triage.states import closing_text
from secops.store.records import Records
from secops.store.records.bulk import mark_of
from secops.store.records.engine import Database
from tests.fakes.desk import MemoryDesk


class StageWork(Records):
    """A `WorkDesk` over the alerts of a `MemoryDesk`."""

    def __init__(self, database: Database, desk: MemoryDesk) -> None:
        super().__init__(database, (), Assets(), SessionLimits())
        self.desk = desk
        self.kept: list[tuple[Bulk, dict[int, Alert]]] = []

    def bonds(self, alert_id: int, scope: Scope) -> Bonds:
        """Nothing is bound here."""
        return Bonds()

    def chosen(self, chosen: Chosen, scope: Scope) -> ChosenSet:
        """See `BulkDesk`."""
        found = self._numbers(chosen, scope)
        seen = {one.id for one in self.desk.alerts(AlertFilter(), scope, limit=1 << 20).alerts}
        asked = set(chosen.ids) if chosen.wanted is None else set()
        closed = len((asked & seen).difference(found))
        return ChosenSet(len(found), mark_of(found), closed=closed, missing=len(asked - seen), numbers=found)

    def act(
        self, chosen: Chosen, action: BulkAction, *, mark: str | None, actor: str, scope: Scope, now: datetime
    ) -> Bulk:
        """See `BulkDesk`."""
        found = self._numbers(chosen, scope)
        if mark is not None and mark != mark_of(found):
            raise SetChangedError("changed", len(found))
        before = {number: self.desk.stored[number] for number in found}
        who = {"actor": actor, "scope": scope, "now": now}
        if action.verdict:
            self.desk.close(found, action.verdict, action.reason, **who)  # type: ignore[arg-type]  # names as above
            text = closing_text(action.verdict, action.reason)
        else:
            self.desk.assign(found, action.assignee, **who)  # type: ignore[arg-type]  # names as above
            text = action.assignee
        count = len(found)
        bulk = Bulk(len(self.kept) + 1, actor, now, action.name, text, chosen.words, count, count, 0, None, 0)
        self.kept.append((bulk, before))
        return bulk

    def bulks(self, actor: str, since: datetime) -> Sequence[Bulk]:
        """See `BulkDesk`."""
        return [bulk for bulk, _before in reversed(self.kept) if bulk.actor == actor and bulk.at >= since]

    def undo(self, bulk_id: int, *, actor: str, scope: Scope, now: datetime) -> Undone:
        """See `BulkDesk`."""
        if bulk_id > len(self.kept):
            raise NotFoundError(f"{bulk_id}")
        bulk, before = self.kept[bulk_id - 1]
        left = [Left(number, "noted", "x", now) for number in before if self.desk.history[number][-1].actor != actor]
        back = [number for number in before if number not in {one.alert_id for one in left}]
        self.desk.stored.update({number: before[number] for number in back})
        done = replace(bulk, undone_at=now, restored=len(back))
        self.kept[bulk_id - 1] = (done, before)
        return Undone(done, len(back), left)

    def _numbers(self, chosen: Chosen, scope: Scope) -> list[int]:
        page = self.desk.alerts(chosen.wanted or AlertFilter(), scope, limit=1 << 20)
        found = [one.id for one in page.alerts if one.state is not State.CLOSED]
        return sorted(one for one in found if chosen.wanted is not None or one in chosen.ids)
