"""Start child processes, keep them running, stop them cleanly. Knows argv and exit codes, nothing of what they do."""

from __future__ import annotations

import os
import signal
import subprocess
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

FIRST_DELAY = 0.5
LONGEST_DELAY = 30.0
STEADY_AFTER = 60.0
STOP_SECONDS = 15.0
LIFE_LINE = "SECOPS_LIFE_LINE"


@dataclass(frozen=True, slots=True)
class Child:
    """A process to keep running."""

    name: str
    argv: Sequence[str]


@dataclass(slots=True)
class _Running:
    child: Child
    process: subprocess.Popen[bytes] | None = None
    started: float = 0.0
    restart_at: float = 0.0
    delay: float = FIRST_DELAY


class Supervisor:
    """Runs children until told to stop; one that dies is started again, later each time, up to 30 seconds."""

    def __init__(self, children: Sequence[Child], say: Callable[[str, int], None]) -> None:
        """``say(name, exit code)`` is called when a child ended unasked."""
        self._running = [_Running(child) for child in children]
        self._say = say
        self._stop = False

    def run(self, ready: Callable[[], None] = lambda: None) -> int:
        """Start everything, call ``ready`` once, and stay until SIGINT or SIGTERM; returns the exit code.

        A child that exits with 2 (its settings are wrong: starting it again cannot help) ends the program with 2.
        """
        previous = {number: signal.signal(number, self._on_signal) for number in (signal.SIGINT, signal.SIGTERM)}
        try:
            for running in self._running:
                self._start(running)
            ready()
            code = self._watch()
        finally:
            self._stop_all()
            for number, handler in previous.items():
                signal.signal(number, handler)
        return code

    def stop(self) -> None:
        """Ask the loop to end."""
        self._stop = True

    def _on_signal(self, _number: int, _frame: object) -> None:
        self.stop()

    def _start(self, running: _Running) -> None:
        # A session of its own: Ctrl-C on the terminal reaches the supervisor only, which then stops children in order.
        # The pipe is its life line: nothing is written, but it ends when the supervisor does, however that happens.
        running.process = subprocess.Popen(
            list(running.child.argv), start_new_session=True, stdin=subprocess.PIPE, env=supervised_environment()
        )
        running.started = time.monotonic()

    def _watch(self) -> int:
        while not self._stop:
            now = time.monotonic()
            for running in self._running:
                if running.process is None:
                    if now >= running.restart_at:
                        self._start(running)
                    continue
                code = running.process.poll()
                if code is None:
                    continue
                if running.process.stdin is not None:
                    running.process.stdin.close()
                self._say(running.child.name, code)
                if code == 2:
                    return 2
                self._plan_restart(running, now)
            time.sleep(0.1)
        return 0

    @staticmethod
    def _plan_restart(running: _Running, now: float) -> None:
        steady = now - running.started > STEADY_AFTER
        running.delay = FIRST_DELAY if steady else min(running.delay * 2, LONGEST_DELAY)
        running.restart_at = now + running.delay
        running.process = None

    def _stop_all(self) -> None:
        """SIGTERM in the order of the list (collectors first, so that what they took in is still worked off)."""
        for running in self._running:
            process = running.process
            if process is None:
                continue
            if process.poll() is None:
                process.terminate()
                try:
                    process.wait(STOP_SECONDS)
                except subprocess.TimeoutExpired:
                    process.kill()
                    process.wait()
            if process.stdin is not None:
                process.stdin.close()


def supervised_environment() -> dict[str, str]:
    """The environment of a child whose standard input is its life line (see `when_orphaned`)."""
    return {**os.environ, LIFE_LINE: "stdin"}


def when_orphaned(then: Callable[[], None]) -> None:
    """Call ``then`` from a thread when the supervisor is gone; does nothing in a process it did not start."""
    if os.environ.get(LIFE_LINE) != "stdin":
        return

    def wait() -> None:
        # Not through sys.stdin: a buffered read under way would break the interpreter's shutdown.
        while os.read(0, 1):
            pass
        then()

    threading.Thread(target=wait, name="life-line", daemon=True).start()
