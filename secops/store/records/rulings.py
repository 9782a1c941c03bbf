"""Decisions about links to the guideline; see `secops.isms.policy.rulings.LinkRulings`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, delete, insert, select, update

from secops.errors import NotFoundError, UsageError
from secops.isms.clauses.model import LinkKind
from secops.isms.policy.suggest import Pair, Ruling
from secops.locale import _
from secops.store.records.engine import Database
from secops.store.records.gap_tables import policy_links
from secops.store.records.trail import note

LONGEST = 1000


class SqlLinkRulings:
    """See `LinkRulings`."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def rulings(self) -> Sequence[Ruling]:
        """See `LinkRulings`."""
        table = policy_links.c
        statement = select(policy_links).order_by(table.document, table.clause, table.guideline)
        with self._database.read() as connection:
            return [_ruling(row) for row in connection.execute(statement).mappings()]

    def ruling(self, pair: Pair) -> Ruling | None:
        """See `LinkRulings`."""
        with self._database.read() as connection:
            row = connection.execute(select(policy_links).where(*_here(pair))).mappings().first()
        return _ruling(row) if row else None

    def rule(self, ruling: Ruling) -> Ruling:
        """See `LinkRulings`."""
        reason = ruling.reason.strip()
        if not reason and not ruling.confirmed:
            raise UsageError(_("採用しない理由を入力してください。次に見る人が判断できるようにするためです。"))
        if len(reason) > LONGEST:
            raise UsageError(
                _("理由が長すぎます({n} 字)。{most} 字以内にしてください。").format(n=len(reason), most=LONGEST)
            )
        pair = {"document": ruling.pair.document, "clause": ruling.pair.clause, "guideline": ruling.pair.guideline}
        values = {
            "confirmed": ruling.confirmed,
            "kind": ruling.kind.value,
            "reason": reason,
            "actor": ruling.actor,
            "at": ruling.at,
            "clause_digest": ruling.clause_digest,
            "guideline_digest": ruling.guideline_digest,
        }
        with self._database.write() as connection:
            if not connection.execute(update(policy_links).where(*_here(ruling.pair)).values(values)).rowcount:
                connection.execute(insert(policy_links).values(pair | values))
            detail = {
                "guideline": ruling.pair.guideline,
                "kind": ruling.kind.value,
                "reason": reason,
                "clause_digest": ruling.clause_digest,
                "guideline_digest": ruling.guideline_digest,
            }
            action = "policy.link_confirmed" if ruling.confirmed else "policy.link_refused"
            note(
                connection, actor=ruling.actor, action=action, target=_target(ruling.pair), now=ruling.at, detail=detail
            )
        return ruling

    def withdraw(self, pair: Pair, *, by: str, now: datetime) -> Ruling:
        """See `LinkRulings`."""
        with self._database.write() as connection:
            row = connection.execute(select(policy_links).where(*_here(pair))).mappings().first()
            if row is None:
                raise NotFoundError(_("この組についての判断は記録されていません。"))
            connection.execute(delete(policy_links).where(*_here(pair)))
            detail = {"guideline": pair.guideline, "confirmed": row["confirmed"]}
            action = "policy.link_withdrawn"
            note(connection, actor=by, action=action, target=_target(pair), now=now, detail=detail)
        return _ruling(row)


def _here(pair: Pair) -> list[ColumnElement[bool]]:
    table = policy_links.c
    return [table.document == pair.document, table.clause == pair.clause, table.guideline == pair.guideline]


def _target(pair: Pair) -> str:
    return f"policy {pair.document} {pair.clause}"


def _ruling(row: Mapping[Any, Any]) -> Ruling:
    return Ruling(
        Pair(row["document"], row["clause"], row["guideline"]),
        row["confirmed"],
        LinkKind(row["kind"]),
        row["reason"],
        row["actor"],
        row["at"],
        row["clause_digest"],
        row["guideline_digest"],
    )
