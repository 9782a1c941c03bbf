from __future__ import annotations

import subprocess
import sys
import threading
import time
from pathlib import Path

from secops.supervisor import Child, Supervisor


def python(code: str, *args: object) -> list[str]:
    return [sys.executable, "-c", code, *map(str, args)]


def run_until(supervisor: Supervisor, done) -> int:
    """Run in this thread (signals need it); another thread asks it to stop when `done` holds."""

    def watch() -> None:
        deadline = time.monotonic() + 20
        while time.monotonic() < deadline and not done():
            time.sleep(0.02)
        supervisor.stop()

    thread = threading.Thread(target=watch)
    thread.start()
    code = supervisor.run()
    thread.join()
    return code


COUNT = "import sys,pathlib; p=pathlib.Path(sys.argv[1]); p.open('a').write('x'); sys.exit(int(sys.argv[2]))"


def test_a_child_that_dies_is_said_and_started_again(tmp_path: Path):
    said: list[tuple[str, int]] = []
    mark = tmp_path / "starts"
    supervisor = Supervisor([Child("flaky", python(COUNT, mark, 3))], lambda name, code: said.append((name, code)))
    assert run_until(supervisor, lambda: mark.exists() and len(mark.read_text()) >= 2) == 0
    assert said[0] == ("flaky", 3)


def test_wrong_usage_of_a_child_ends_the_program(tmp_path: Path):
    supervisor = Supervisor([Child("wrong", python(COUNT, tmp_path / "x", 2))], lambda _name, _code: None)
    assert supervisor.run() == 2


def test_children_are_asked_to_stop_in_order(tmp_path: Path):
    log = tmp_path / "log"
    code = (
        "import sys,signal,time,pathlib\n"
        "def end(*_):\n    pathlib.Path(sys.argv[1]).open('a').write(sys.argv[2]); sys.exit(0)\n"
        "signal.signal(signal.SIGTERM, end); pathlib.Path(sys.argv[3]).touch()\n"
        "while True: time.sleep(0.05)"
    )
    children = [Child(name, python(code, log, name, tmp_path / f"up-{name}")) for name in "abc"]
    supervisor = Supervisor(children, lambda _name, _code: None)
    assert run_until(supervisor, lambda: all((tmp_path / f"up-{name}").exists() for name in "abc")) == 0
    assert log.read_text() == "abc"


def test_children_notice_that_the_supervisor_was_killed(tmp_path: Path):
    mark = tmp_path / "orphaned"
    child = (
        "import sys,time,pathlib\n"
        "from secops.supervisor import when_orphaned\n"
        "when_orphaned(lambda: pathlib.Path(sys.argv[1]).touch())\n"
        "pathlib.Path(sys.argv[1] + '-up').touch(); time.sleep(20)"
    )
    parent = (
        "import sys\nfrom secops.supervisor import Child, Supervisor\n"
        "Supervisor([Child('c', sys.argv[1:])], lambda n, c: None).run()"
    )
    process = subprocess.Popen(python(parent, *python(child, mark)))
    wait_for((tmp_path / "orphaned-up").exists)
    process.kill()
    process.wait()
    wait_for(mark.exists)


def wait_for(holds) -> None:
    deadline = time.monotonic() + 20
    while not holds():
        assert time.monotonic() < deadline
        time.sleep(0.02)
