"""Folded names of alerts (titles, entities, clauses), for the search language of the queue."""

from __future__ import annotations

import orjson
import sqlalchemy as sa
from alembic import op

from secops.schema.text import fold

revision = "0009"
down_revision = "0008"

BATCH = 2000


def upgrade() -> None:
    """Up: the column, and its value for the alerts there are."""
    op.add_column("alerts", sa.Column("names", sa.Text(), nullable=False, server_default="[]"))
    connection = op.get_bind()
    last = 0
    while True:
        read = "SELECT id, title, title_en, entities, clauses FROM alerts WHERE id > :last ORDER BY id LIMIT :batch"
        rows = connection.execute(sa.text(read), {"last": last, "batch": BATCH}).all()
        if not rows:
            return
        last = rows[-1][0]
        values = [{"id": row[0], "names": orjson.dumps(_names(*row[1:])).decode()} for row in rows]
        connection.execute(sa.text("UPDATE alerts SET names = :names WHERE id = :id"), values)


OWN = {
    "number", "severity", "state", "verdict", "zone", "department", "assignee", "rule", "title", "category", "clause",
    "opened", "closed", "first", "last",
}  # fmt: skip


def _names(title: str, title_en: str, entities: str, clauses: str) -> list[str]:
    pairs = [("title", title), ("title", title_en), *(("clause", one) for one in orjson.loads(clauses))]
    pairs += [(f"entity.{name}" if name in OWN else name, value) for name, value in orjson.loads(entities).items()]
    return [f"{name}={fold(value)}" for name, value in pairs if value]
