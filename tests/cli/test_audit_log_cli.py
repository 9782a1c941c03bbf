"""``secops audit log`` on a real site."""

from __future__ import annotations

import json
import sqlite3
from datetime import UTC, datetime
from pathlib import Path

import pytest
from click.testing import CliRunner

from secops.cli import secops
from secops.store.records.trail import note
from secops.wiring.site import create_site, open_site

NOW = datetime(2026, 11, 23, 2, 4, tzinfo=UTC)


@pytest.fixture
def site(tmp_path: Path) -> Path:
    folder = tmp_path / "site"
    create_site(folder)
    with open_site(folder) as opened, opened.desk.database.write() as connection:
        for number in (1, 2):
            note(connection, actor="kansa", action="plan.approved", target=f"plan 2026-{number}", now=NOW)
    return folder


def ask(site: Path, *arguments: str):
    return CliRunner().invoke(secops, ["audit", "log", "--site", str(site), *arguments])


def test_the_log_is_listed_verified_and_exported(site, tmp_path):
    assert "plan 2026-2" in ask(site).output
    found = json.loads(ask(site, "--json", "--target", "plan 2026-1").output)
    assert [one["number"] for one in found] == [1]
    done = ask(site, "--export", str(tmp_path / "log.jsonl"))
    assert done.exit_code == 0, done.output
    lines = (tmp_path / "log.jsonl").read_text(encoding="utf-8").splitlines()
    assert [json.loads(line)["action"] for line in lines] == ["plan.approved"] * 2
    assert json.loads(lines[-1])["digest"] in done.output


def test_a_changed_log_is_told_with_the_number(site):
    with sqlite3.connect(site / "records.db") as file:
        file.execute("DROP TRIGGER trail_no_update")
        file.execute("UPDATE trail SET actor = 'x' WHERE id = 2")
    file.close()
    done = ask(site, "--verify")
    assert done.exit_code == 1
    assert "番号 2 " in done.output
