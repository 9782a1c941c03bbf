"""A segment that is written to, or waits to be sealed: one SQLite file.

A ``batch`` row is what one collector handed over. Heads, checkpoints and drop counts are in the same file, so they are
committed with the records they belong to; the next segment takes them over. ``head.before`` is a source's last sequence
number before this segment, so each segment alone can tell whether a number is in it, before it or behind it.
"""

from __future__ import annotations

import errno
import os
import sqlite3
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import quote

from secops.durable import place, sync
from secops.errors import JournalError
from secops.locale import _
from secops.siem.journal.codec import CodecError, Prepared, decompress, parse_origin, unpack
from secops.siem.journal.failure import DamagedError, database_error, newer_version, not_in_place
from secops.siem.journal.layout import from_micros, remove_database
from secops.siem.ports import Drop, Origin, RecordBatch

APPLICATION_ID = 0x5345434A  # "SECJ"
VERSION = 1
BUSY_SECONDS = 30.0

OPEN = "open"  # takes appends
CLOSING = "closing"  # takes none; its successor may not be in place yet
CLOSED = "closed"  # its successor is in place

_SCHEMA = """
CREATE TABLE segment (
    number INTEGER NOT NULL, site TEXT NOT NULL, state TEXT NOT NULL, opened INTEGER NOT NULL, closed INTEGER,
    first_received INTEGER, last_received INTEGER, records INTEGER NOT NULL, raw_bytes INTEGER NOT NULL
);
CREATE TABLE batch (
    id INTEGER PRIMARY KEY, source TEXT NOT NULL, first_seq INTEGER NOT NULL, count INTEGER NOT NULL,
    received INTEGER NOT NULL, origin TEXT NOT NULL, raw_bytes INTEGER NOT NULL, block BLOB NOT NULL
);
CREATE UNIQUE INDEX batch_place ON batch (source, first_seq);
CREATE TABLE head (source TEXT PRIMARY KEY, before INTEGER NOT NULL, last INTEGER NOT NULL) WITHOUT ROWID;
CREATE TABLE checkpoint (key TEXT PRIMARY KEY, value BLOB NOT NULL) WITHOUT ROWID;
CREATE TABLE dropped (
    source TEXT NOT NULL, reason TEXT NOT NULL, count INTEGER NOT NULL, PRIMARY KEY (source, reason)
) WITHOUT ROWID;
"""


@dataclass(frozen=True, slots=True)
class Facts:
    """The one row about the segment itself; times are microseconds since 1970 UTC."""

    number: int
    site: str
    state: str
    opened: int
    closed: int | None
    first_received: int | None
    last_received: int | None
    records: int
    raw_bytes: int


@dataclass(frozen=True, slots=True)
class Row:
    """A stored batch, still packed."""

    source: str
    first_seq: int
    count: int
    received: int
    origin: str
    raw_bytes: int
    block: bytes

    @property
    def last_seq(self) -> int:
        """Sequence number of the last record."""
        return self.first_seq + self.count - 1

    def content(self, path: Path) -> tuple[Origin, list[bytes]]:
        """Origin and records; ``path`` is for the message.

        Raises:
            DamagedError: one of the two cannot be read; it names the records.
        """
        try:
            records = unpack(decompress(self.block, self.raw_bytes + 4 * self.count), self.count)
            return parse_origin(self.origin), records
        except CodecError as error:
            raise DamagedError(path, self.source, self.first_seq, self.last_seq, str(error)) from error


class OpenSegment:
    """A connection to a segment in SQLite format. Not for several threads at once: the `Journal` holds a lock."""

    def __init__(self, path: Path, *, read_only: bool = False) -> None:
        """Connect to a file that must exist.

        Raises:
            FileNotFoundError: it does not (it may have been sealed meanwhile).
            JournalError: it is no segment, or one of a newer version.
        """
        self.path = path
        about = path.stat()
        self._identity = (about.st_dev, about.st_ino)
        mode = "ro" if read_only else "rw"
        try:
            self._db = sqlite3.connect(
                f"file:{quote(str(path))}?mode={mode}",
                uri=True,
                isolation_level=None,
                timeout=BUSY_SECONDS,
                check_same_thread=False,
            )
        except sqlite3.Error as error:
            self._require_present()
            raise database_error(path, error) from error
        # A damaged text must reach the code that names the record, not fail the whole query.
        self._db.text_factory = lambda data: data.decode("utf-8", "replace")
        try:
            self._check()
        except BaseException:
            self._db.close()
            self._require_present()
            raise
        # Sealing deletes the file itself before its log: still here, so it was opened together with its log.
        if not self.in_place():
            self._db.close()
            self._require_present()

    def _require_present(self) -> None:
        """FileNotFoundError if the file was sealed and deleted while it was being opened."""
        if not self.in_place():
            raise FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT), str(self.path))

    def _check(self) -> None:
        try:
            (application,) = self._db.execute("PRAGMA application_id").fetchone()
            (version,) = self._db.execute("PRAGMA user_version").fetchone()
            # FULL: a commit in WAL mode returns only after the log is on the disk.
            self._db.execute("PRAGMA synchronous=FULL")
            self._db.execute("PRAGMA wal_autocheckpoint=4000")
            self._db.execute(f"PRAGMA journal_size_limit={32 << 20}")
        except sqlite3.Error as error:
            raise database_error(self.path, error) from error
        if application != APPLICATION_ID:
            text = _("{path}: 原本ログのファイルではありません。このフォルダに他のファイルを置かないでください。")
            raise JournalError(text.format(path=self.path))
        if version > VERSION:
            raise newer_version(self.path, version, VERSION)

    def close(self) -> None:
        """Close the connection."""
        self._db.close()

    def in_place(self) -> bool:
        """Whether the path still leads to the file this connection has open."""
        try:
            about = self.path.stat()
        except OSError:
            return False
        return (about.st_dev, about.st_ino) == self._identity

    @contextmanager
    def failing(self) -> Iterator[None]:
        """Turn SQLite's errors into a JournalError with file, reason and what to do."""
        try:
            yield
        except sqlite3.Error as error:
            raise database_error(self.path, error) from error

    @contextmanager
    def writing(self) -> Iterator[None]:
        """A write transaction: committed at the end, rolled back if anything is raised.

        It takes the write lock at once: a transaction that reads first and writes later fails under other writers.
        """
        with self.failing():
            self._db.execute("BEGIN IMMEDIATE")
            try:
                yield
                self._db.execute("COMMIT")
            except BaseException:
                if self._db.in_transaction:
                    self._db.execute("ROLLBACK")
                raise

    @contextmanager
    def reading(self) -> Iterator[None]:
        """Several reads of one and the same state."""
        with self.failing():
            self._db.execute("BEGIN")
            try:
                yield
            finally:
                self._db.execute("ROLLBACK")

    def facts(self) -> Facts:
        """The row about the segment."""
        with self.failing():
            row = self._db.execute(
                "SELECT number, site, state, opened, closed, first_received, last_received, records, raw_bytes"
                " FROM segment"
            ).fetchone()
        if row is None:
            raise DamagedError(self.path)
        return Facts(*row)

    def state(self) -> str:
        """OPEN, CLOSING or CLOSED."""
        (state,) = self._db.execute("SELECT state FROM segment").fetchone()
        return str(state)

    def takes_appends(self) -> bool:
        """Within `writing`: whether the segment is open.

        Raises:
            JournalError: it is, but its file was removed. SQLite would go on writing to the deleted file, and the
                records would be gone with the process. (One that was closed may have been sealed and removed by now.)
        """
        if self.state() != OPEN:
            return False
        if not self.in_place():
            raise not_in_place(self.path)
        return True

    def data_version(self) -> int:
        """A number that changes when another connection has committed; cheap."""
        with self.failing():
            (version,) = self._db.execute("PRAGMA data_version").fetchone()
        return int(version)

    def heads(self) -> dict[str, tuple[int, int]]:
        """Per source: its last sequence number before this segment, and its last one."""
        with self.failing():
            rows = self._db.execute("SELECT source, before, last FROM head").fetchall()
        return {source: (before, last) for source, before, last in rows}

    def drops(self) -> dict[str, dict[str, int]]:
        """Per source: reason → count, since the site was made."""
        found: dict[str, dict[str, int]] = {}
        with self.failing():
            for source, reason, count in self._db.execute("SELECT source, reason, count FROM dropped").fetchall():
                found.setdefault(source, {})[reason] = count
        return found

    def checkpoint(self, key: str) -> bytes | None:
        """The value of a key."""
        with self.failing():
            row = self._db.execute("SELECT value FROM checkpoint WHERE key = ?", (key,)).fetchone()
        return None if row is None else bytes(row[0])

    def checkpoints(self, prefix: str) -> dict[str, bytes]:
        """All keys that begin so."""
        query = "SELECT key, value FROM checkpoint WHERE substr(key, 1, ?) = ?"
        with self.failing():
            rows = self._db.execute(query, (len(prefix), prefix)).fetchall()
        return {key: bytes(value) for key, value in rows}

    def append(
        self, batches: Sequence[Prepared], checkpoints: Mapping[str, bytes], drops: Sequence[Drop]
    ) -> list[int] | None:
        """Commit it all; the first sequence number of each batch, or None if the segment takes no more."""
        with self.writing():
            if not self.takes_appends():
                return None
            firsts = self._insert(batches)
            self._db.executemany(
                "INSERT INTO checkpoint VALUES (?, ?) ON CONFLICT (key) DO UPDATE SET value = excluded.value",
                [(key, value) for key, value in checkpoints.items() if value],
            )
            forgotten = [(key,) for key, value in checkpoints.items() if not value]
            self._db.executemany("DELETE FROM checkpoint WHERE key = ?", forgotten)
            self._db.executemany(
                "INSERT INTO dropped VALUES (?, ?, ?)"
                " ON CONFLICT (source, reason) DO UPDATE SET count = count + excluded.count",
                [(drop.source, drop.reason, drop.count) for drop in drops],
            )
        return firsts

    def _insert(self, batches: Sequence[Prepared]) -> list[int]:
        """Give out the numbers and store the rows; empty batches take none."""
        find = "SELECT last FROM head WHERE source = ?"
        heads: dict[str, int] = {}
        for source in {batch.source for batch in batches}:
            row = self._db.execute(find, (source,)).fetchone()
            heads[source] = 0 if row is None else row[0]
        firsts, rows = [], []
        for batch in batches:
            first = heads[batch.source] + 1
            firsts.append(first)
            if batch.count:
                heads[batch.source] += batch.count
                rows.append(
                    (batch.source, first, batch.count, batch.received, batch.origin, batch.raw_bytes, batch.block)
                )
        self._db.executemany(
            "INSERT INTO batch (source, first_seq, count, received, origin, raw_bytes, block)"
            " VALUES (?, ?, ?, ?, ?, ?, ?)",
            rows,
        )
        stored = {row[0] for row in rows}
        self._db.executemany(
            "INSERT INTO head VALUES (?, 0, ?) ON CONFLICT (source) DO UPDATE SET last = excluded.last",
            [(source, heads[source]) for source in stored],
        )
        if rows:
            self._count(rows)
        return firsts

    def _count(self, rows: Sequence[tuple[Any, ...]]) -> None:
        received = [row[3] for row in rows]
        self._db.execute(
            "UPDATE segment SET records = records + ?1, raw_bytes = raw_bytes + ?2,"
            " first_received = min(coalesce(first_received, ?3), ?3),"
            " last_received = max(coalesce(last_received, ?4), ?4)",
            (sum(row[2] for row in rows), sum(row[5] for row in rows), min(received), max(received)),
        )

    def rows(self, source: str, after: int, max_bytes: int) -> list[Row]:
        """The batches with numbers behind ``after``, at least one, until ``max_bytes`` of raw records are together."""
        query = (
            "SELECT source, first_seq, count, received, origin, raw_bytes, block FROM batch WHERE source = ?1"
            " AND first_seq >= coalesce((SELECT max(first_seq) FROM batch WHERE source = ?1 AND first_seq <= ?2), 0)"
            " AND first_seq + count > ?2 ORDER BY first_seq"
        )
        found: list[Row] = []
        size = 0
        with self.failing():
            cursor = self._db.execute(query, (source, after + 1))
            try:
                for values in cursor:
                    row = Row(*values)
                    size += row.raw_bytes
                    if found and size > max_bytes:
                        break
                    found.append(row)
            finally:
                cursor.close()  # an open cursor would keep the log from being checkpointed
        return found

    def set_state(self, state: str, closed: int | None = None) -> None:
        """Within `writing`: the next state, and when the segment was closed."""
        self._db.execute("UPDATE segment SET state = ?, closed = coalesce(closed, ?)", (state, closed))

    def fold_log(self) -> None:
        """Bring everything from SQLite's log into the file itself, before the file is put away alone."""
        with self.failing():
            self._db.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()

    def write_successor(self, final: Path) -> None:
        """Make the next segment's file, taking over heads, checkpoints and drop counts, and put it in place.

        Only in state CLOSING, when nothing changes any more: a repetition after a crash makes the same file.
        """
        facts = self.facts()
        with self.failing():
            heads = self._db.execute("SELECT source, last, last FROM head").fetchall()
            checkpoints = self._db.execute("SELECT key, value FROM checkpoint").fetchall()
            drops = self._db.execute("SELECT source, reason, count FROM dropped").fetchall()
        opened = facts.opened if facts.closed is None else facts.closed
        create(final, facts.number + 1, facts.site, opened, heads, checkpoints, drops)


def create(
    final: Path,
    number: int,
    site: str,
    opened: int,
    heads: Sequence[tuple[str, int, int]] = (),
    checkpoints: Sequence[tuple[str, bytes]] = (),
    drops: Sequence[tuple[str, str, int]] = (),
) -> None:
    """Write a new, empty segment under a temporary name, sync it and give it its name."""
    temporary = final.with_name(final.name + ".tmp")
    try:
        remove_database(temporary)
        # SQLite would make it with the umask's mode; its side files take over the mode of this one.
        os.close(os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600))
        db = sqlite3.connect(temporary, isolation_level=None)
        try:
            db.execute("PRAGMA synchronous=OFF")  # synced as a whole below
            db.execute(f"PRAGMA application_id={APPLICATION_ID}")
            db.execute(f"PRAGMA user_version={VERSION}")
            db.executescript(f"BEGIN; {_SCHEMA}")
            db.execute("INSERT INTO segment VALUES (?, ?, ?, ?, NULL, NULL, NULL, 0, 0)", (number, site, OPEN, opened))
            db.executemany("INSERT INTO head VALUES (?, ?, ?)", heads)
            db.executemany("INSERT INTO checkpoint VALUES (?, ?)", checkpoints)
            db.executemany("INSERT INTO dropped VALUES (?, ?, ?)", drops)
            db.execute("COMMIT")
            db.execute("PRAGMA journal_mode=WAL")
        finally:
            db.close()
        sync(temporary)
        place(temporary, final)
    except (sqlite3.Error, OSError) as error:
        raise database_error(final, error) from error


def as_batch(path: Path, row: Row, after: int) -> RecordBatch:
    """A stored batch as readers want it, from behind ``after``; a DamagedError names what cannot be read."""
    origin, records = row.content(path)
    return RecordBatch(row.source, row.first_seq, from_micros(row.received), origin, records).after(after)
