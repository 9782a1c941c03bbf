"""The real command line, from an empty folder to a closed alert, and what survives a replay."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from tests.e2e.here import run_here


class Program:
    """`secops` as a person would run it, on one site; ``here`` runs the whole of `main` within this process instead.

    The main job runs real processes, each second of whose start-up the others save.
    """

    def __init__(self, folder: Path, *, here: bool = False) -> None:
        self.folder, self.here = folder, here

    def __call__(self, *arguments: str | Path, code: int = 0) -> str:
        done = self.run(*arguments)
        assert done.returncode == code, f"{arguments}: {done.returncode}\n{done.stdout}\n{done.stderr}"
        assert "Traceback" not in done.stderr
        assert "leaked" not in done.stderr
        return done.stdout

    def json(self, *arguments: str | Path, code: int = 0) -> Any:
        return json.loads(self(*arguments, "--json", code=code))

    def run(self, *arguments: str | Path) -> subprocess.CompletedProcess[str]:
        argv = [*map(str, arguments)]
        if "--site" not in arguments and arguments[0] not in {"init", "hunt"}:
            argv += ["--site", str(self.folder)]
        if self.here:
            return run_here(argv)
        return subprocess.run([sys.executable, "-m", "secops.cli", *argv], capture_output=True, text=True, check=False)


def cleared(record: int, host: str = "LG-FS01") -> str:
    """The Windows event of a cleared security log, as winlogbeat writes it."""
    event = {
        "@timestamp": "2026-11-20T01:02:03.000Z",
        "event": {"code": "1102"},
        "winlog": {
            "channel": "Security",
            "event_id": 1102,
            "provider_name": "Microsoft-Windows-Eventlog",
            "computer_name": host,
            "record_id": record,
            "user_data": {"SubjectUserName": "adm-sato"},
        },
    }
    return json.dumps(event) + "\n"


@pytest.fixture
def processes(tmp_path: Path) -> Program:
    """Every command a process of its own."""
    return initialised(Program(tmp_path / "ward"))


@pytest.fixture
def secops(tmp_path: Path) -> Program:
    return initialised(Program(tmp_path / "ward", here=True))


def initialised(program: Program) -> Program:
    program("init", program.folder, "--id", "ward", "--name", "試験区")
    return program


def ingest(secops: Program, path: Path, text: str) -> Any:
    path.write_text(text, encoding="utf-8")
    return secops.json("ingest", path, "--zone", "lgwan")


def test_from_a_file_to_a_closed_alert(processes: Program, tmp_path: Path):
    secops = processes
    done = ingest(secops, tmp_path / "a.json", cleared(1) + "no JSON at all\n")
    assert (done["records"], done["alerts_opened"]) == (2, 1)
    assert done["files"][0]["members"][0]["format"] == "windows_json"

    (alert,) = secops.json("alerts", "list")["alerts"]
    assert (alert["title"], alert["zone"], alert["count"], alert["state"]) == ("イベントログの消去", "lgwan", 1, "open")
    assert "LG-FS01" in secops("alerts", "show", str(alert["id"]))
    close = ("alerts", "close", str(alert["id"]), "--as", "benign_true_positive")
    secops("alerts", "note", str(alert["id"]), "サーバ更新の作業届あり")
    secops(*close, "--reason", "作業届 12 号")
    secops(*close, "--reason", "もう一度", code=1)

    again = ingest(secops, tmp_path / "b.json", cleared(2))
    assert (again["alerts_opened"], again["alerts_raised"]) == (1, 0)
    (new,) = secops.json("alerts", "list", "--state", "open")["alerts"]
    assert new["previous"] == alert["id"]


def test_a_file_is_taken_in_once(secops: Program, tmp_path: Path):
    ingest(secops, tmp_path / "a.json", cleared(1))
    second = secops.json("ingest", tmp_path / "a.json", "--zone", "lgwan")
    assert (second["records"], second["files"][0]["skipped"]) == (0, True)


def test_search_status_and_journal_agree(secops: Program, tmp_path: Path):
    ingest(secops, tmp_path / "a.json", cleared(1) + cleared(2) + "broken\n")
    found = secops.json("search", "labels.zone:lgwan AND event.code:1102", "--since", "2026-11-01")
    assert found["total"] == 2
    assert secops("search", "labels.zone:lgwan AND event.code:1102", "--since", "2026-11-01", "--count").strip() == "2"
    status = secops.json("status")
    (source,) = status["sources"]
    assert source["received"] == source["stored"] + source["rejected"] + sum(source["dropped"].values()) == 3
    assert source["rejected"] == 1
    assert status["ok"] is True
    assert "broken" in secops("journal", "show", "import-lgwan", "3")
    secops("journal", "verify")


def test_a_changed_journal_is_found(secops: Program, tmp_path: Path):
    ingest(secops, tmp_path / "a.json", "".join(cleared(number) for number in range(200)))
    secops("journal", "seal")
    secops("journal", "verify")
    (segment,) = (secops.folder / "journal").glob("*.sealed")
    data = bytearray(segment.read_bytes())
    data[len(data) // 2] ^= 0xFF
    segment.chmod(0o600)
    segment.write_bytes(data)
    done = secops.run("journal", "verify")
    assert done.returncode == 1
    assert "1" in done.stdout


def test_the_keeper_seals_what_is_old_enough(secops: Program, tmp_path: Path):
    ingest(secops, tmp_path / "a.json", cleared(1))
    settings = secops.folder / "secops.toml"
    text = settings.read_text(encoding="utf-8")
    settings.write_text(text.replace('segment_age = "1h"', 'segment_age = "1s"'), encoding="utf-8")
    argv = [sys.executable, "-m", "secops.cli", "run", "--site", str(secops.folder), "--part", "keeper"]
    with subprocess.Popen(argv, stderr=subprocess.PIPE, text=True) as keeper:
        deadline = time.monotonic() + 60
        while not list((secops.folder / "journal").glob("*.sealed")):
            assert time.monotonic() < deadline
            time.sleep(0.2)
        keeper.terminate()
        assert keeper.wait(30) == 0
    states = [segment["state"] for segment in secops.json("journal", "list")]
    assert states[0] == "sealed"
    secops("journal", "verify")


def test_a_replay_keeps_what_people_wrote_and_takes_new_rules(secops: Program, tmp_path: Path):
    ingest(secops, tmp_path / "a.json", cleared(1))
    (alert,) = secops.json("alerts", "list")["alerts"]
    secops("alerts", "note", str(alert["id"]), "確認中")
    rule = secops.folder / "rules" / "any.yml"
    rule.write_text(
        "title: Any windows event\nid: 3b1f3d2e-8f0b-4f7c-9a53-111111111111\nstatus: test\n"
        "logsource: {product: windows}\ndetection: {a: {EventID: 1102}, condition: a}\nlevel: low\n",
        encoding="utf-8",
    )
    for arguments in (["replay"], ["replay", "--since", "1h"]):
        done = secops.json(*arguments)
        assert done["records"] == 1
    alerts = secops.json("alerts", "list")["alerts"]
    assert sorted(one["title"] for one in alerts) == ["Any windows event", "イベントログの消去"]
    kept = next(one for one in alerts if one["id"] == alert["id"])
    assert kept["count"] == 1
    assert "確認中" in secops("alerts", "show", str(alert["id"]))
    assert secops.json("search", "event.code:1102", "--since", "2026-11-01")["total"] == 1


def test_wrong_settings_are_all_said_at_once(processes: Program):
    secops = processes
    settings = secops.folder / "secops.toml"
    text = settings.read_text(encoding="utf-8").replace("port = 8765", "port = 0\ncolour = 1")
    settings.write_text(text, encoding="utf-8")
    done = secops.run("status")
    assert done.returncode == 1
    assert "web.port" in done.stderr
    assert "web.colour" in done.stderr


def test_an_unknown_zone_is_wrong_usage(secops: Program, tmp_path: Path):
    (tmp_path / "a.json").write_text(cleared(1), encoding="utf-8")
    done = secops.run("ingest", tmp_path / "a.json", "--zone", "moon")
    assert done.returncode == 2
    assert "lgwan" in done.stderr
