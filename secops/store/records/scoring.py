"""Which parameters audits were scored with, since when: entries of the trail, one for each change of the file."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import Connection, select

from secops.isms.audit.rules import ScoringRules, spelled
from secops.store.records.codec import from_json
from secops.store.records.engine import Database
from secops.store.records.trail import note
from secops.store.records.trail_tables import trail

TARGET = "scoring"


class SqlScoring:
    """Tells the trail when scores are computed with other parameters than the last time."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def tell(self, rules: ScoringRules, *, actor: str, now: datetime) -> bool:
        """Note a change with its old and new values; True where there was one.

        The first scores ever are told too, without old values: later ones are compared with them.
        """
        with self._database.read() as connection:
            if _last(connection).get("digest") == rules.digest:
                return False
        with self._database.write() as connection:  # one writer at a time: what another process told is seen here
            last = _last(connection)
            if last.get("digest") == rules.digest:
                return False
            detail = {
                "digest": rules.digest,
                "before": last.get("digest", ""),
                "new": spelled(rules),
                "old": last.get("new", {}),
            }
            note(connection, actor=actor, action="scoring.changed", target=TARGET, now=now, detail=detail)
        return True


def _last(connection: Connection) -> dict[str, object]:
    statement = select(trail.c.detail).where(trail.c.target == TARGET).order_by(trail.c.id.desc()).limit(1)
    text = connection.execute(statement).scalar()
    return dict(from_json(text)) if text else {}
