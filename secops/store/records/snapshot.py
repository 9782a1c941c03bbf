"""A copy of the records database that is being written to, without what lets anybody log in elsewhere."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path
from urllib.parse import quote

# Table → what is done to it. Passwords stay: argon2id hashes let nobody in. Sessions end, and secrets of one-time
# codes go, sealed as they are: their key is in no backup, and those of older programs are not sealed. Their owners set
# the second factor up again.
_CLEARED = {
    "sessions": "DELETE FROM sessions",
    "devices": "DELETE FROM devices",
    "users": "UPDATE users SET totp_secret = NULL WHERE totp_secret IS NOT NULL",
}


def copy_records(source: Path, target: Path) -> Path:
    """The database as it stands at one moment, whoever writes to it meanwhile; returns the target."""
    with (
        closing(sqlite3.connect(f"file:{quote(str(source))}?mode=rw", uri=True, timeout=60)) as old,
        closing(sqlite3.connect(target, isolation_level=None)) as new,
    ):
        old.backup(new)
        new.execute("PRAGMA journal_mode=DELETE").close()  # one file, without a log beside it
        new.execute("PRAGMA secure_delete=ON").close()  # what is cleared leaves no bytes in free pages
        for table, statement in _CLEARED.items():
            columns = {row[1] for row in new.execute(f"PRAGMA table_info({table})")}
            if columns and ("totp_secret" not in statement or "totp_secret" in columns):
                new.execute(statement).close()
    return target
