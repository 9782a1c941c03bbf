"""DuckDB for the lake's readers: shut off from everything but the lake's files, bounded in memory, threads and time."""

from __future__ import annotations

import threading
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import duckdb
import polars as pl

from secops.errors import QueryError, StoreError
from secops.locale import _
from secops.store.events.sql import MACROS
from secops.store.events.table import FileGoneError

AT_ONCE = 4  # queries; more would only take each other's memory and processors


class Engine:
    """One in-memory database for a lake folder.

    Each query has its own cursor, so threads may ask at the same time; `AT_ONCE` are answered, the others wait in turn.
    """

    def __init__(self, folder: Path, *, memory: str, threads: int, seconds: float) -> None:
        self._seconds = seconds
        self._places = threading.BoundedSemaphore(AT_ONCE)
        self._main = duckdb.connect(config={"memory_limit": memory, "threads": threads})
        for statement in (
            "SET TimeZone = 'UTC'",
            "SET parquet_metadata_cache = true",
            "SET autoinstall_known_extensions = false",
            "SET autoload_known_extensions = false",
            "SET temp_directory = ''",
            *MACROS,
        ):
            self._main.execute(statement)
        # From here on no SQL can reach another file, the network or these settings.
        quoted = str(folder.resolve()).replace("'", "''")
        self._main.execute(f"SET allowed_directories = ['{quoted}']")
        self._main.execute("SET enable_external_access = false")
        self._main.execute("SET lock_configuration = true")

    def ask(self, sql: str, params: Mapping[str, Any]) -> pl.DataFrame:
        """Run a query.

        Raises:
            FileGoneError: a file of the query does not exist any more.
            QueryError: it took too long or too much memory.
            StoreError: a file cannot be read.
        """
        if not self._places.acquire(timeout=self._seconds):
            text = _(
                "ほかの検索が続いていて、{seconds:g} 秒待っても始められませんでした。少し待ってやり直してください。"
            )
            raise QueryError(text.format(seconds=self._seconds), limit=True)
        try:
            return self._ask(sql, params)
        finally:
            self._places.release()

    def _ask(self, sql: str, params: Mapping[str, Any]) -> pl.DataFrame:
        cursor = self._main.cursor()
        timer = threading.Timer(self._seconds, cursor.interrupt)
        timer.daemon = True
        timer.start()
        try:
            found = pl.from_arrow(cursor.sql(sql, params=dict(params)).to_arrow_table())
        except duckdb.InterruptException:
            text = _("検索が {seconds:g} 秒で終わりませんでした。期間を短くするか、条件を加えてください。")
            raise QueryError(text.format(seconds=self._seconds), limit=True) from None
        except duckdb.OutOfMemoryException:
            text = _("検索に使えるメモリーが足りません。期間を短くするか、条件を加えてください。")
            raise QueryError(text, limit=True) from None
        except duckdb.IOException as error:
            if "No files found" in str(error) or "No such file" in str(error) or "Cannot open" in str(error):
                raise FileGoneError(str(error)) from error
            raise StoreError(_("検索用データを読めませんでした: {error}").format(error=error)) from error
        except duckdb.Error as error:
            raise StoreError(_("検索用データを読めませんでした: {error}").format(error=error)) from error
        finally:
            timer.cancel()
            cursor.close()
        assert isinstance(found, pl.DataFrame)
        return found

    def close(self) -> None:
        """Release memory and files."""
        self._main.close()
