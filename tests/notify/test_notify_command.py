"""Real commands: what they are given, and what becomes of every way to fail."""

from __future__ import annotations

import json
import sys
import time
from datetime import UTC, datetime
from pathlib import Path

import pytest

from secops.notify.channel import SendError
from secops.notify.command import SHOWN, Command
from secops.notify.message import Message
from secops.settings_notify import ChannelSettings

MESSAGE = Message("alert", "緑区", datetime(2026, 11, 22, 17, 4, tzinfo=UTC), "high", ("LGWAN接続系",), (12,))


def command(folder: Path, *argv: str, seconds: float = 20) -> Command:
    return Command(ChannelSettings(id="c", kind="command", argv=list(argv), timeout_s=seconds), folder)


def python(folder: Path, code: str, seconds: float = 20) -> Command:
    return command(folder, sys.executable, "-c", code, seconds=seconds)


def test_the_message_comes_on_standard_input_and_in_the_environment(tmp_path, monkeypatch):
    monkeypatch.setenv("SECRET_OF_OURS", "x")
    code = (
        "import json, os, sys; json.dump([json.load(sys.stdin), dict(os.environ), os.getcwd()], open('got', 'w'));"
        "print('受付番号\\x1b[31m 7')"
    )
    said = python(tmp_path, code).send(MESSAGE, "090-0000-0000; rm -rf /", "secops.midori.4.1f")
    assert said.endswith("受付番号 [31m 7")
    given, environment, folder = json.loads((tmp_path / "got").read_text())
    assert given["to"] == environment["SECOPS_TO"] == "090-0000-0000; rm -rf /"
    assert given["id"] == environment["SECOPS_ID"] == "secops.midori.4.1f"
    assert (given["level"], given["numbers"], given["zones"]) == ("high", [12], ["LGWAN接続系"])
    assert given["subject"] == environment["SECOPS_SUBJECT"] == "[secops 緑区] ▲ 高 アラート 1 件"
    assert "SECRET_OF_OURS" not in environment
    assert folder == str(tmp_path)


def test_an_exit_code_is_a_failure_with_what_it_printed_shortened(tmp_path):
    with pytest.raises(SendError) as caught:
        python(tmp_path, "print('あ' * 5000); raise SystemExit(7)").send(MESSAGE, "1", "m")
    assert "終了コード 7" in str(caught.value)
    assert str(caught.value).count("あ") == SHOWN
    assert str(caught.value).endswith("…")


def test_a_command_that_hangs_is_ended_with_its_children(tmp_path):
    hanging = command(tmp_path, "/bin/sh", "-c", "sleep 60 & echo $! > child; sleep 60", seconds=1.5)
    with pytest.raises(SendError, match=r"1\.5 秒で終わらない"):
        hanging.send(MESSAGE, "1", "m")
    child = Path(f"/proc/{int((tmp_path / 'child').read_text())}/stat")
    deadline = time.monotonic() + 20
    while _lives(child):
        assert time.monotonic() < deadline
        time.sleep(0.02)


def _lives(stat: Path) -> bool:
    """A process that nobody has buried yet is dead all the same."""
    try:
        return stat.read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


def test_a_command_that_is_not_there_or_may_not_be_run(tmp_path):
    with pytest.raises(SendError, match="起動できません"):
        command(tmp_path, "/no/such/command").send(MESSAGE, "1", "m")
    (tmp_path / "script").write_text("#!/bin/sh\n")
    with pytest.raises(SendError, match="起動できません"):
        command(tmp_path, str(tmp_path / "script")).send(MESSAGE, "1", "m")
