"""`secops alerts bulk|undo|link|merge|split|unlink` on a real site: nothing happens to a set nobody has confirmed."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from secops.cli import secops
from secops.errors import ConflictError, NotFoundError, UsageError
from secops.schema.severity import Severity
from secops.siem.ports import Hit, Scope
from secops.store.records import open_records
from secops.wiring import create_site

NOW = datetime(2026, 11, 23, 2, 4, tzinfo=UTC)
HOSTILE = "K-\x1b[31m9"


@pytest.fixture
def site(tmp_path: Path) -> Path:
    """Alerts 1-12 of the LGWAN zone (K-1 … K-12), 13 of the internet zone."""
    folder = tmp_path / "ward"
    create_site(folder)
    records = open_records(folder / "records.db")
    hits = []
    for seq in range(1, 14):
        host = HOSTILE if seq == 9 else f"K-{seq}"
        event = {"host.name": host, "user.name": f"u{seq}"}
        zone = "internet" if seq == 13 else "lgwan"
        at = NOW + timedelta(seconds=seq)
        hits.append(Hit("r1", Severity.HIGH, f"ward.win.{seq}", "win", seq, at, at, zone, event))
    records.put_hits(hits, {"win": 13}, NOW)
    records.dispose()
    return folder


def ran(site: Path, *arguments: str, typed: str = "", code: int = 0):
    """What a command said, in a pipe."""
    full = ["alerts", *arguments, "--site", str(site), "--as-user", "sato"]
    done = CliRunner().invoke(secops, full, input=typed, catch_exceptions=False)
    assert done.exit_code == code, done.output
    return done


def read(site: Path, *arguments: str, **more: Any) -> Any:
    return json.loads(ran(site, *arguments, "--json", **more).stdout)


def states(site: Path) -> dict[int, str]:
    done = CliRunner().invoke(secops, ["alerts", "list", "--json", "--site", str(site)])
    return {one["id"]: one["state"] for one in json.loads(done.stdout)["alerts"]}


CLOSE = ("--close", "false_positive", "--reason", "複合機の更新")


def test_a_set_is_shown_and_closed_only_with_its_own_number(site: Path):
    for wrong in ((), ("--yes", "11"), ("--yes", "13")):
        with pytest.raises((UsageError, ConflictError), match="何も変更していません"):
            ran(site, "bulk", "--zone", "lgwan", *CLOSE, *wrong)
    assert set(states(site).values()) == {"open"}
    done = ran(site, "bulk", "--zone", "lgwan", *CLOSE, "--yes", "12")
    assert "対象のアラート 12 件" in done.stderr
    assert "ほか 2 件" in done.stderr
    assert "\x1b" not in done.stderr
    assert "12 件を変更しました(一括操作 1)" in done.stdout
    assert {number for number, state in states(site).items() if state != "closed"} == {13}


def test_the_number_can_be_typed_in_at_a_terminal(site: Path):
    command = ["alerts", "bulk", "--zone", "lgwan", "--assign", "tanaka", "--site", str(site)]
    answer, code = at_terminal(command, "13\n")
    assert (code, "何も変更していません" in answer) == (1, True)
    assert set(states(site).values()) == {"open"}
    answer, code = at_terminal(command, "12\n")
    assert (code, "12 件を変更しました" in answer) == (0, True)


def at_terminal(command: list[str], typed: str) -> tuple[str, int]:
    """What the program says to somebody at a terminal, and its exit code."""
    ours, theirs = os.openpty()
    argv = [sys.executable, "-m", "secops.cli", *command]
    done = subprocess.Popen(argv, stdin=theirs, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    os.close(theirs)
    os.write(ours, typed.encode())
    said, _none = done.communicate(timeout=60)
    os.close(ours)
    return said, done.returncode


def test_an_undo_puts_back_what_nobody_has_touched_since(site: Path):
    done = read(site, "bulk", "K-1", *CLOSE, "--yes", "5")  # K-1, K-10, K-11, K-12, K-13
    ran(site, "reopen", "10")
    with pytest.raises(NotFoundError):  # somebody else's
        CliRunner().invoke(
            secops, ["alerts", "undo", str(done["bulk"]), "--site", str(site), "--as-user", "x"], catch_exceptions=False
        )
    said = ran(site, "undo", str(done["bulk"]), code=1).stdout
    assert "4 件を元に戻しました" in said
    assert "アラート 10 はそのままです: " in said
    assert "sato が操作しました" in said
    assert set(states(site).values()) == {"open"}
    with pytest.raises(ConflictError):
        ran(site, "undo", str(done["bulk"]))


def test_a_set_is_linked_and_one_link_taken_back(site: Path):
    done = read(site, "bulk", "K-1", "--zone", "lgwan", "--link", "2", "--yes", "4")
    assert done == {"bulk": 1, "asked": 4, "done": 4, "left": 0, "leader": 2}
    ran(site, "unlink", "2", "10")
    with pytest.raises(NotFoundError):
        ran(site, "unlink", "2", "10")
    records = open_records(site / "records.db")
    assert sorted(one.id for one in records.bonds(2, Scope()).links) == [1, 11, 12]
    records.dispose()


def test_hits_are_split_off_after_a_look_at_what_can_be(site: Path):
    records = open_records(site / "records.db")
    event = {"host.name": "K-1", "user.name": "u1"}
    more = [
        Hit("r1", Severity.HIGH, f"ward.win.{seq}", "win", seq, NOW, NOW, "lgwan", {**event, "source.ip": address})
        for seq, address in ((14, "10.2.0.1"), (15, "10.2.0.2"))
    ]
    records.put_hits(more, {"win": 15}, NOW)
    records.dispose()
    assert read(site, "show", "1")["alert"]["count"] == 3
    parts = read(site, "split", "1")["parts"]
    assert {"field": "source.ip", "value": "10.2.0.2", "hits": 1} in parts
    assert "10.2.0.2" in ran(site, "split", "1").stdout
    with pytest.raises(UsageError):
        ran(site, "split", "1", "source.ip", "10.2.0.3")
    assert "検知 1 件をアラート 14 に分けました" in ran(site, "split", "1", "source.ip", "10.2.0.2").stdout
    assert "分けられる値はありません" in ran(site, "split", "13").stdout


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--zone", "lgwan"], "--close"),
        (["--zone", "lgwan", "--assign", "x", "--link", "1"], "どれか 1 つ"),
        (["--zone", "lgwan", "--close", "false_positive"], "--reason"),
        (["--assign", "x"], "条件がありません"),
        (["--zone", "moon", "--assign", "x"], "moon"),
        (["nothing like it", "--assign", "x"], "ありません"),
        (["--since", "yesterday", "--assign", "x"], "--since"),
    ],
)
def test_what_is_not_clear_is_refused(site: Path, arguments: list[str], said: str):
    with pytest.raises(UsageError, match=said):
        ran(site, "bulk", *arguments, "--yes", "12")
    assert set(states(site).values()) == {"open"}
