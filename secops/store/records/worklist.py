"""The work lists of revisions; see `secops.isms.policy.work.ReviewWork`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from datetime import date, datetime
from typing import Any

from sqlalchemy import Connection, func, insert, select, update

from secops.errors import ConflictError, NotFoundError, UsageError
from secops.isms.policy.impact import Kind
from secops.isms.policy.work import Entry, Made, Why, WorkItem, WorkList
from secops.locale import _
from secops.store.records.codec import from_json, to_json
from secops.store.records.engine import Database
from secops.store.records.trail import note
from secops.store.records.worklist_tables import work_items, work_lists

LONGEST_OWNER = 100
LONGEST_NOTE = 2000
_ORDER = {kind.value: at for at, kind in enumerate(Kind)}


class SqlReviewWork:
    """See `ReviewWork`."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def lists(self) -> Sequence[WorkList]:
        """See `ReviewWork`."""
        counts = (
            select(
                work_items.c.list_id,
                func.count().label("all_items"),
                func.count(work_items.c.done_at).label("all_done"),
            )
            .group_by(work_items.c.list_id)
            .subquery()
        )
        statement = (
            select(
                work_lists,
                func.coalesce(counts.c.all_items, 0).label("items"),
                func.coalesce(counts.c.all_done, 0).label("done"),
            )
            .outerjoin(counts, counts.c.list_id == work_lists.c.id)
            .order_by(work_lists.c.id.desc())
        )
        with self._database.read() as connection:
            return [WorkList(**row) for row in connection.execute(statement).mappings()]

    def items(self, list_id: int | None = None, *, open_only: bool = False) -> Sequence[WorkItem]:
        """See `ReviewWork`."""
        statement = select(work_items).order_by(work_items.c.list_id.desc(), work_items.c.id)
        if list_id is not None:
            statement = statement.where(work_items.c.list_id == list_id)
        if open_only:
            statement = statement.where(work_items.c.done_at.is_(None))
        with self._database.read() as connection:
            if (
                list_id is not None
                and not connection.execute(select(work_lists.c.id).where(work_lists.c.id == list_id)).first()
            ):
                raise NotFoundError(_("見直しの一覧 {number} はありません。").format(number=list_id))
            found = [_item(dict(row)) for row in connection.execute(statement).mappings()]
        return sorted(found, key=lambda one: (-one.list_id, _ORDER[one.kind.value]))

    def make(
        self,
        source: str,
        target: str,
        entries: Sequence[Entry],
        *,
        owner: str = "",
        due: date | None = None,
        by: str,
        now: datetime,
    ) -> Made:
        """See `ReviewWork`."""
        owner = _line(owner, LONGEST_OWNER)
        here = (work_lists.c.source == source, work_lists.c.target == target)
        with self._database.write() as connection:
            number = connection.execute(select(work_lists.c.id).where(*here)).scalar()
            if number is None:
                row = {"source": source, "target": target, "created_at": now, "created_by": by}
                connection.execute(insert(work_lists).values(row))
                number = connection.execute(select(work_lists.c.id).where(*here)).scalar_one()
            columns = select(work_items.c.kind, work_items.c.thing).where(work_items.c.list_id == number)
            known = {(kind, thing) for kind, thing in connection.execute(columns)}
            fresh = [one for one in entries if (one.kind.value, one.thing) not in known]
            for entry in fresh:
                connection.execute(insert(work_items).values(_row(number, entry, owner, due)))
            if fresh:
                detail = {"source": source, "target": target, "added": len(fresh), "owner": owner, "due": _day(due)}
                note(connection, actor=by, action="work.made", target=f"work {number}", now=now, detail=detail)
        return Made(number, len(fresh), len(entries) - len(fresh))

    def assign(
        self, ids: Sequence[int], *, owner: str | None = None, due: date | None = None, by: str, now: datetime
    ) -> Sequence[WorkItem]:
        """See `ReviewWork`."""
        values: dict[str, Any] = {}
        if owner is not None:
            values["owner"] = _line(owner, LONGEST_OWNER)
        if due is not None:
            values["due"] = due
        if not values:
            raise UsageError(_("担当か期限を指定してください。"))
        with self._database.write() as connection:
            _found(connection, ids)
            detail = {"ids": list(ids), "owner": values.get("owner"), "due": _day(due)}
            return _change(connection, ids, values, "work.assigned", detail, by, now)

    def finish(self, ids: Sequence[int], note: str = "", *, by: str, now: datetime) -> Sequence[WorkItem]:
        """See `ReviewWork`."""
        text = _line(note, LONGEST_NOTE)
        with self._database.write() as connection:
            for one in _found(connection, ids):
                if one.done:
                    what = _("{number} はすでに {who} が済ませています。")
                    raise ConflictError(what.format(number=one.id, who=one.done_by))
            values = {"done_by": by, "done_at": now, "note": text}
            return _change(connection, ids, values, "work.done", {"ids": list(ids), "note": text}, by, now)

    def reopen(self, ids: Sequence[int], *, by: str, now: datetime) -> Sequence[WorkItem]:
        """See `ReviewWork`."""
        with self._database.write() as connection:
            for one in _found(connection, ids):
                if not one.done:
                    raise ConflictError(_("{number} はまだ済んでいません。").format(number=one.id))
            values = {"done_by": "", "done_at": None}
            return _change(connection, ids, values, "work.reopened", {"ids": list(ids)}, by, now)


def _line(text: str, longest: int) -> str:
    text = " ".join(text.split())
    if len(text) > longest:
        raise UsageError(
            _("長すぎます({count} 文字)。{limit} 文字までにしてください。").format(count=len(text), limit=longest)
        )
    return text


def _day(day: date | None) -> str | None:
    return day.isoformat() if day else None


def _row(number: int, entry: Entry, owner: str, due: date | None) -> Mapping[str, Any]:
    return {
        "list_id": number,
        "kind": entry.kind.value,
        "thing": entry.thing,
        "title": entry.title,
        "why": to_json([asdict(one) for one in entry.why]),
        "where": entry.where,
        "owner": owner or entry.owner,
        "due": due,
        "done_by": "",
        "done_at": None,
        "note": "",
    }


def _found(connection: Connection, ids: Sequence[int]) -> list[WorkItem]:
    """The entries; every one of them must exist."""
    rows = connection.execute(select(work_items).where(work_items.c.id.in_(ids))).mappings()
    found = {row["id"]: _item(dict(row)) for row in rows}
    if missing := [str(one) for one in ids if one not in found]:
        raise NotFoundError(_("見直しの対象 {numbers} はありません。").format(numbers=", ".join(missing)))
    if not found:
        raise UsageError(_("見直しの対象を選んでください。"))
    return [found[one] for one in dict.fromkeys(ids)]


def _change(
    connection: Connection,
    ids: Sequence[int],
    values: Mapping[str, Any],
    action: str,
    detail: Mapping[str, Any],
    by: str,
    now: datetime,
) -> list[WorkItem]:
    connection.execute(update(work_items).where(work_items.c.id.in_(ids)).values(**values))
    found = _found(connection, ids)
    lists = ", ".join(sorted({str(one.list_id) for one in found}))
    note(connection, actor=by, action=action, target=f"work {lists}", now=now, detail=detail)
    return found


def _item(row: Mapping[str, Any]) -> WorkItem:
    why = tuple(Why(**one) for one in from_json(row["why"]))
    return WorkItem(**{**row, "kind": Kind(row["kind"]), "why": why})
