"""Writes the ward's lines where its machines would: history as files at once, then live into files and sockets."""

from __future__ import annotations

import json
import socket
import threading
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from secops.demo.pen import FIREWALL, LINUX, SQUID, Line
from secops.demo.plan import Plan
from secops.demo.writers import skysea
from secops.errors import NotFoundError
from secops.locale import _
from secops.schema.dates import JST

STATE_FILE = "demo.json"
STEP_SECONDS = 0.5
# What was not written while the player was off: beyond this the machines were off too.
_LONGEST_GAP = timedelta(minutes=30)
_QUEUE = 20_000


@dataclass(frozen=True, slots=True)
class State:
    """What the player remembers: the plan's facts, and the spans of time whose lines were written.

    ``lines`` are those of the history, from before the ward was built.
    """

    seed: int
    built: datetime
    days: int
    udp: int
    tcp: int
    played: tuple[tuple[datetime, datetime], ...]
    lines: int = 0

    @property
    def plan(self) -> Plan:
        """The calendar of this ward."""
        return Plan(self.seed, self.built, self.days)


def read_state(folder: Path) -> State:
    """The state of a demo ward.

    Raises:
        NotFoundError: the folder holds none.
    """
    path = folder / STATE_FILE
    try:
        data: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise NotFoundError(
            _("{folder} に模擬の区がありません。secops demo で作ってください。").format(folder=folder)
        ) from None
    moment = datetime.fromisoformat
    played = tuple((moment(begin), moment(end)) for begin, end in data["played"])
    return State(
        data["seed"], moment(data["built"]), data["days"], data["udp"], data["tcp"], played, data.get("lines", 0)
    )


def write_state(folder: Path, state: State) -> None:
    """Put the state in place atomically."""
    data = {
        "seed": state.seed,
        "built": state.built.isoformat(),
        "days": state.days,
        "udp": state.udp,
        "tcp": state.tcp,
        "lines": state.lines,
        "played": [[begin.isoformat(), end.isoformat()] for begin, end in state.played],
    }
    fresh = folder / f".{STATE_FILE}.new"
    fresh.write_text(json.dumps(data, indent=1), encoding="utf-8")
    fresh.replace(folder / STATE_FILE)


def file_of(line: Line) -> str:
    """The file a line goes to, below ``logs/``; daily files carry the day in Japan."""
    day = f"{line.at.astimezone(JST):%Y%m%d}"
    kind, _dash, zone = line.stream.partition("-")
    if kind == "win":
        return f"{zone}/winlogbeat/winlogbeat.ndjson"
    if kind == "ops":
        return f"{zone}/sousa/操作ログ_{day}.csv"
    return {
        SQUID: "internet/squid/access.log",
        FIREWALL: f"boundary/fortigate/FW-CORE01_{day}.log",
        LINUX: f"internet/syslog/messages_{day}",
    }[line.stream]


def write_files(logs: Path, lines: Iterable[Line]) -> None:
    """Append lines to their files; a new CSV file begins with its header."""
    by_file: dict[str, list[bytes]] = {}
    for line in lines:
        by_file.setdefault(file_of(line), []).append(line.data)
    for name, records in by_file.items():
        path = logs / name
        path.parent.mkdir(parents=True, exist_ok=True)
        end = b"\r\n" if path.suffix == ".csv" else b"\n"
        with path.open("ab") as out:
            if path.suffix == ".csv" and out.tell() == 0:
                out.write(skysea.header() + end)
            # One write: a reader sees whole lines, as from a program that flushes after each.
            out.write(b"".join(record + end for record in records))


class Wires:
    """The firewall's datagrams and the Linux server's syslog connection, which waits and reconnects as rsyslog does."""

    def __init__(self, udp: int, tcp: int) -> None:
        self._udp = ("127.0.0.1", udp)
        self._tcp = ("127.0.0.1", tcp)
        self._datagrams = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._stream: socket.socket | None = None
        self._waiting: list[bytes] = []

    def reachable(self) -> bool:
        """Whether the collector listens."""
        if self._stream is None:
            try:
                self._stream = socket.create_connection(self._tcp, timeout=1)
            except OSError:
                return False
        return True

    def send(self, lines: Iterable[Line]) -> None:
        """Send the lines of the firewall and of the Linux server; others are not for the wire."""
        for line in lines:
            if line.stream == FIREWALL:
                self._datagrams.sendto(line.data, self._udp)
            elif line.stream == LINUX:
                self._waiting.append(line.data + b"\n")
        del self._waiting[:-_QUEUE]
        if self._waiting and self.reachable():
            self._flush()

    def _flush(self) -> None:
        assert self._stream is not None
        try:
            self._stream.sendall(b"".join(self._waiting))
        except OSError:
            self._stream.close()
            self._stream = None
            return
        self._waiting.clear()

    def close(self) -> None:
        """Close both sockets."""
        self._datagrams.close()
        if self._stream is not None:
            self._stream.close()


def write_history(folder: Path, state: State) -> int:
    """Write all history as files; returns the number of lines. Called once, when the ward is built."""
    lines = state.plan.lines(state.plan.begin, state.built)
    write_files(folder / "logs", lines)
    return len(lines)


def step(folder: Path, state: State, wires: Wires, now: datetime) -> State:
    """Write what happened since the last step, and remember it."""
    begin, until = state.played[-1]
    if now <= until:
        return state
    if now - until > _LONGEST_GAP:
        begin = until = now - timedelta(seconds=STEP_SECONDS)
        state = replace(state, played=(*state.played, (begin, until)))
    lines = state.plan.lines(until, now)
    state = replace(state, played=(*state.played[:-1], (begin, now)))
    # Remembered first: after a kill in between a line may be missing, as from a machine that lost power, never doubled.
    write_state(folder, state)
    write_files(folder / "logs", (line for line in lines if line.stream not in {FIREWALL, LINUX}))
    wires.send(lines)
    return state


def play(folder: Path, clock: Callable[[], datetime], stop: threading.Event) -> None:
    """Be the ward until told to stop: in real time, from where the last run ended.

    Begins when the collector listens (at most 20 s later), so that the first datagrams are not lost.
    """
    state = read_state(folder)
    wires = Wires(state.udp, state.tcp)
    try:
        for _turn in range(100):
            if wires.reachable() or stop.wait(0.2):
                break
        while not stop.is_set():
            state = step(folder, state, wires, clock().astimezone(UTC))
            stop.wait(STEP_SECONDS)
    finally:
        wires.close()
