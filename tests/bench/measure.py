"""Run a command as a whole and measure it from outside: seconds, and peak memory over all its processes."""

from __future__ import annotations

import os
import resource
import subprocess
import sys
import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parent.parent.parent
SHARED = Path(os.environ.get("SECOPS_SHARED", ROOT.parent / "shared")) / "data"
SECOPS = [sys.executable, "-m", "secops.cli"]


@dataclass(frozen=True)
class Run:
    seconds: float
    peak_mib: float
    code: int
    output: str
    cpu: float = 0.0  # seconds of processor time of the command and all that it waited for


@dataclass(frozen=True)
class Row:
    """A line of the table; ``ratio`` is against the yardstick of the same run, ``target`` what the project asks."""

    name: str
    value: str
    ratio: str = ""
    target: str = ""


def tree_rss(root: int) -> int:
    """Resident bytes of a process and everything below it, shared pages counted once per process (an upper bound)."""
    total, pending = 0, [root]
    while pending:  # of the tree alone: a look at every process takes a twentieth of a core from what is measured
        process = Path(f"/proc/{pending.pop()}")
        try:
            total += int((process / "statm").read_text().split()[1])
            for thread in (process / "task").iterdir():
                pending += map(int, (thread / "children").read_text().split())
        except (OSError, IndexError):
            continue
    return total * os.sysconf("SC_PAGE_SIZE")


def run(argv: Sequence[str | Path], env: dict[str, str] | None = None) -> Run:
    """Run a command to its end. Compiled modules are kept, as everywhere where the program is installed."""
    kept = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
    before = _children_cpu()
    started = time.perf_counter()
    process = subprocess.Popen(
        [str(part) for part in argv],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        env={**kept, **(env or {})},
        text=True,
    )
    peak = 0
    done = threading.Event()

    def watch() -> None:
        nonlocal peak
        while not done.wait(0.1):
            peak = max(peak, tree_rss(process.pid))

    watcher = threading.Thread(target=watch)
    watcher.start()
    output, _ = process.communicate()
    seconds = time.perf_counter() - started
    done.set()
    watcher.join()
    return Run(seconds, peak / 2**20, process.returncode, output, _children_cpu() - before)


def _children_cpu() -> float:
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def secops(*args: str | Path, env: dict[str, str] | None = None) -> Run:
    """Run the program as its users do."""
    result = run([*SECOPS, *args], env)
    if result.code not in {0, 1}:
        raise SystemExit(f"secops {' '.join(map(str, args))}: exit code {result.code}\n{result.output}")
    return result
