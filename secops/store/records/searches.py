"""Searches under a name: a person's own, and what others share with readers who see at least as much."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, delete, func, insert, or_, select, update

from secops.errors import ConflictError, NotFoundError, UsageError
from secops.locale import _
from secops.siem.ports import SavedSearch, Scope
from secops.store.records.codec import from_json, to_json
from secops.store.records.desk_tables import searches
from secops.store.records.engine import Database

MOST = 50  # a person
LONGEST_NAME = 60
LONGEST_QUERY = 12_000
KINDS = ("alerts", "events")


class Searches:
    """See `secops.siem.ports.SavedSearches`."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def searches(self, owner: str, scope: Scope, kind: str = "") -> Sequence[SavedSearch]:
        """See `SavedSearches`."""
        statement = select(searches).where(or_(searches.c.owner == owner, searches.c.shared))
        if kind:
            statement = statement.where(searches.c.kind == kind)
        with self._database.read() as connection:
            rows = connection.execute(statement).mappings().all()
        found = [_search(row) for row in rows if row["owner"] == owner or _covers(scope, row)]
        return sorted(found, key=lambda one: (one.owner != owner, one.name, one.id))

    def save_search(
        self, kind: str, name: str, query: str, *, shared: bool, owner: str, scope: Scope, now: datetime
    ) -> SavedSearch:
        """See `SavedSearches`."""
        name = _named(name)
        if kind not in KINDS:
            raise UsageError(_("保存できるのは、アラートの絞り込みとイベントの検索です。"))
        if len(query) > LONGEST_QUERY:
            raise UsageError(_("検索が長すぎるため保存できません({n} 字)。").format(n=len(query)))
        values = {
            "query": query,
            "shared": shared,
            "zones": _listed(scope.zones),
            "departments": _listed(scope.departments),
            "changed_at": now,
        }
        key = {"owner": owner, "kind": kind, "name": name}
        with self._database.write() as connection:
            mine = [searches.c[part] == value for part, value in key.items()]
            if not connection.execute(update(searches).where(*mine).values(values)).rowcount:
                _check_room(connection, owner)
                connection.execute(insert(searches).values(key | values))
            return _search(connection.execute(select(searches).where(*mine)).mappings().one())

    def rename_search(self, search_id: int, name: str, *, shared: bool, owner: str, now: datetime) -> SavedSearch:
        """See `SavedSearches`."""
        name = _named(name)
        with self._database.write() as connection:
            old = _own(connection, search_id, owner)
            same = [searches.c.owner == owner, searches.c.kind == old["kind"], searches.c.name == name]
            if connection.execute(select(searches.c.id).where(*same, searches.c.id != search_id)).first():
                raise ConflictError(_("「{name}」という名前の検索はすでにあります。").format(name=name))
            here = searches.c.id == search_id
            connection.execute(update(searches).where(here).values(name=name, shared=shared, changed_at=now))
            return _search(connection.execute(select(searches).where(here)).mappings().one())

    def delete_search(self, search_id: int, *, owner: str) -> None:
        """See `SavedSearches`."""
        with self._database.write() as connection:
            _own(connection, search_id, owner)
            connection.execute(delete(searches).where(searches.c.id == search_id))


def _own(connection: Connection, search_id: int, owner: str) -> Any:
    statement = select(searches).where(searches.c.id == search_id, searches.c.owner == owner)
    row = connection.execute(statement).mappings().first()
    if row is None:
        raise NotFoundError(_("保存した検索が見つかりませんでした。変更できるのは、自分が保存したものだけです。"))
    return row


def _check_room(connection: Connection, owner: str) -> None:
    count = connection.execute(select(func.count()).select_from(searches).where(searches.c.owner == owner)).scalar_one()
    if count >= MOST:
        raise ConflictError(
            _("保存できる検索は 1 人 {most} 件までです。使わないものを削除してください。").format(most=MOST)
        )


def _named(name: str) -> str:
    name = " ".join("".join(char if char.isprintable() else " " for char in name).split())
    if not name or len(name) > LONGEST_NAME:
        raise UsageError(_("名前を {most} 字以内で入力してください。").format(most=LONGEST_NAME))
    return name


def _listed(values: frozenset[str] | None) -> str | None:
    return None if values is None else to_json(sorted(values))


def _covers(scope: Scope, row: Any) -> bool:
    """Whether a reader sees at least what the owner sees: the words of a search may name what others must not know."""

    def wide(mine: frozenset[str] | None, text: str | None) -> bool:
        return mine is None or (text is not None and set(from_json(text)) <= mine)

    return wide(scope.zones, row["zones"]) and wide(scope.departments, row["departments"])


def _search(row: Any) -> SavedSearch:
    names = ("id", "owner", "kind", "name", "query", "shared", "changed_at")
    return SavedSearch(**{name: row[name] for name in names})
