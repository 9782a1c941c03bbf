"""One database, two kinds of transaction: short reads, and writes that wait for their turn from the start.

SQLite: WAL, foreign keys on, ``BEGIN IMMEDIATE`` for every write (a transaction that begins by reading and is refused
when it wants to write cannot be repeated blindly). PostgreSQL: the write begins by locking the ``change`` counter, so
that there, too, one writer works at a time and what it reads is what it changes.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from operator import itemgetter
from pathlib import Path
from time import monotonic
from typing import Any

from sqlalchemy import Connection, Engine, Insert, Update, create_engine, event, select, update
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.sql.compiler import SQLCompiler

from secops.errors import QueryError, StoreError
from secops.locale import _
from secops.store.records.tables import Moment, counters, to_microseconds

BUSY_SECONDS = 60  # longer than the longest write, the swap of a replay
PATIENCE = 5.0  # seconds that a search may take: it holds up a page, and on SQLite a processor
_STEPS = 20_000  # of SQLite's machine between two looks at the clock: some hundred microseconds
_WRITES = "secops_writes"


class Database:
    """The engine and its transactions; safe to share between threads, not across a fork.

    ``patience`` is how many seconds a search may take (see `bounded`).
    """

    def __init__(self, engine: Engine, patience: float = PATIENCE) -> None:
        self.engine = engine
        self.patience = patience
        self._writing = engine.execution_options(**{_WRITES: True})

    @contextmanager
    def read(self) -> Iterator[Connection]:
        """A consistent view for a few statements; close it soon, an open reader lets the WAL grow.

        Raises:
            StoreError: the database cannot be reached.
        """
        with _said(self), self.engine.begin() as connection:
            yield connection

    @contextmanager
    def write(self) -> Iterator[Connection]:
        """One writer at a time; committed at the end, or not at all.

        Raises:
            StoreError: the disk is full, the database is locked for longer than `BUSY_SECONDS`, …
        """
        with _said(self), self._writing.begin() as connection:
            if connection.dialect.name != "sqlite":
                connection.execute(select(counters.c.value).where(counters.c.name == "change").with_for_update())
            yield connection

    @contextmanager
    def migrate(self) -> Iterator[Connection]:
        """A write on a database whose tables may not be there yet.

        Raises:
            StoreError: as `write`.
        """
        with _said(self), self._writing.begin() as connection:
            if connection.dialect.name == "postgresql":
                connection.exec_driver_sql("SELECT pg_advisory_xact_lock(7365636)")
            yield connection

    @contextmanager
    def bounded(self, connection: Connection, wanted: bool = True) -> Iterator[None]:
        """What people search for, within one of these transactions: given up when `patience` is over.

        SQLite looks at the clock for all of it, PostgreSQL for each statement. Where nothing is searched for
        (not ``wanted``) there is no limit.

        Raises:
            QueryError: it took too long; raised by `read` or `write` around it, which has changed nothing then.
        """
        if not wanted:
            yield
        elif connection.dialect.name == "postgresql":
            connection.exec_driver_sql(f"SET LOCAL statement_timeout = {max(1, round(self.patience * 1000))}")
            yield
            connection.exec_driver_sql("SET LOCAL statement_timeout = DEFAULT")
        else:
            raw, end = connection.connection.driver_connection, monotonic() + self.patience
            assert isinstance(raw, sqlite3.Connection)
            raw.set_progress_handler(lambda: monotonic() > end, _STEPS)
            try:
                yield
            finally:
                raw.set_progress_handler(None, 0)

    def close(self) -> None:
        """Close all connections."""
        self.engine.dispose()


def connect(url_or_path: str | Path) -> Database:
    """The database at a SQLAlchemy URL, or in the SQLite file at a path (made where it is missing)."""
    text = str(url_or_path)
    url = text if "://" in text else f"sqlite:///{text}"
    if not url.startswith("sqlite:"):
        return Database(create_engine(url, pool_pre_ping=True))
    engine = create_engine(url, connect_args={"timeout": BUSY_SECONDS})
    event.listen(engine, "connect", _prepare_sqlite)
    event.listen(engine, "begin", _begin_sqlite)
    return Database(engine)


def take(connection: Connection, counter: str, amount: int = 1) -> int:
    """Raise a counter and return its new value; only inside a write."""
    statement = (
        update(counters)
        .where(counters.c.name == counter)
        .values(value=counters.c.value + amount)
        .returning(counters.c.value)
    )
    value: int = connection.execute(statement).scalar_one()
    return value


def run_many(connection: Connection, statement: Insert | Update, rows: Sequence[Mapping[str, Any]]) -> None:
    """Execute a statement for many rows, each with the same keys.

    SQLAlchemy's own way spends three times as long on preparing parameters as SQLite does on inserting them; here the
    statement is compiled once and the driver gets plain tuples (or dictionaries, where it wants names).
    """
    if not rows:
        return
    keys = list(rows[0]) if isinstance(statement, Insert) else None
    compiled = statement.compile(dialect=connection.dialect, column_keys=keys)
    assert isinstance(compiled, SQLCompiler)
    moments = [name for name, bind in compiled.binds.items() if isinstance(bind.type, Moment)]
    plain = [{**row, **{name: to_microseconds(row[name]) for name in moments}} for row in rows]
    if compiled.positiontup is None:
        connection.exec_driver_sql(compiled.string, plain)
        return
    get = itemgetter(*compiled.positiontup)
    connection.exec_driver_sql(compiled.string, [get(row) for row in plain])


def _prepare_sqlite(connection: sqlite3.Connection, _record: Any) -> None:
    connection.isolation_level = None  # the driver must not begin transactions of its own; `_begin_sqlite` does
    for pragma in (
        "journal_mode=WAL",
        "synchronous=FULL",
        "foreign_keys=ON",
        "cache_size=-16000",
        "mmap_size=268435456",
    ):
        connection.execute(f"PRAGMA {pragma}").close()


def _begin_sqlite(connection: Connection) -> None:
    writes = connection.get_execution_options().get(_WRITES)
    connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")


@contextmanager
def _said(database: Database) -> Iterator[None]:
    """Database errors in words of the reader."""
    try:
        yield
    except SQLAlchemyError as error:
        cause = getattr(error, "orig", None) or error
        if getattr(cause, "sqlite_errorname", "") == "SQLITE_INTERRUPT" or getattr(cause, "sqlstate", "") == "57014":
            text = _(
                "アラートの検索が {seconds:g} 秒で終わらなかったため、中止しました。"
                "条件を減らすか、状態・系統・期間で絞ってください。"
            )
            raise QueryError(text.format(seconds=database.patience), limit=True) from error
        where = database.engine.url.render_as_string(hide_password=True)
        raise StoreError(
            _(
                "記録データベース {where} を読み書きできませんでした({cause})。"
                "空き容量と接続を確かめてください。書きかけの変更は残っていません。"
            ).format(where=where, cause=cause)
        ) from error
