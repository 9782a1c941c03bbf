"""Every command in the guides of policy and audit runs, each guide in a ward that is as its reader finds it.

The numbers in a guide are examples: a sheet, a member of staff, a finding. What they are in the ward of the test is
asked of the program first, as a reader reads it on the terminal.
"""

from __future__ import annotations

import json
import re
import shlex
import shutil
from collections.abc import Callable
from datetime import date
from pathlib import Path
from typing import Any

import openpyxl
import pytest
from click.testing import CliRunner

from secops.cli import secops
from secops.isms.audit.book_file import write_book
from secops.schema.dates import JST, fiscal_year
from secops.wiring import create_site, open_site
from tests.isms.audit import books
from tests.test_guides import GUIDES, RUN, commands, here, place_for, run_secops, ward

__all__ = ["ward"]  # the fixture of the other guides
# They say in the guide that they end with 1 where something is overdue.
OVERDUE = ("policy calendar", "policy exception list", "audit findings list --overdue")


def asked(*words: str) -> Any:
    """What a command answers as JSON."""
    done = CliRunner().invoke(secops, [*words, "--json"])
    assert done.exit_code in {0, 1}, done.output
    return json.loads(done.output)


def run_line(line: str) -> None:
    """A line, with its redirection if it has one."""
    line, _arrow, target = line.partition(" > ")
    if target:
        done = CliRunner().invoke(secops, shlex.split(line)[1:])
        assert done.exit_code == 0, done.output
        Path(target.split()[0]).write_text(done.output, encoding="utf-8")
    elif line.removeprefix("secops ").startswith(OVERDUE):
        done = CliRunner().invoke(secops, shlex.split(line, comments=True)[1:])
        assert done.exit_code in {0, 1}, f"{line}\n{done.output}"
        assert done.output.strip()
    else:
        run_secops(line)


def run_guide(name: str, place: Path, change: Callable[[str], str]) -> None:
    lines = commands(name)
    assert len(lines) > 5
    for typed in lines:
        run_line(change(here(typed.replace("/tmp/", f"{place}/"), place)))


@pytest.fixture
def place(request: pytest.FixtureRequest, ward: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder where the reader of this guide types, with a copy of the demo ward in it."""
    found = place_for(request.param, ward)
    monkeypatch.chdir(found)
    monkeypatch.setenv("SECOPS_SITE", str(found / "site"))
    return found


def today(place: Path) -> date:
    with open_site(place / "site") as opened:
        return opened.now().astimezone(JST).date()


def shifted(line: str, by: int) -> str:
    """The years in a line, later."""
    return re.sub(r"\b20[23]\d\b", lambda found: str(int(found[0]) + by), line)


@pytest.mark.parametrize("place", ["policy.md"], indirect=True)
def test_policy(place: Path):
    def change(line: str) -> str:
        if line.startswith("secops policy draft"):  # the reader edits what was written before
            path = place / "taisaku.md"
            path.write_text(path.read_text(encoding="utf-8").replace("半年に1回以上", "3か月に1回以上"), "utf-8")
        return line

    run_guide("policy.md", place, change)


@pytest.mark.parametrize("place", ["policy-calendar.md"], indirect=True)
def test_policy_calendar(place: Path):
    year = fiscal_year(today(place))
    last = max(
        int(one["number"].split("-")[1])
        for one in asked("policy", "exception", "list")["exceptions"]
        if one["number"].startswith(str(year))
    )

    def change(line: str) -> str:
        line = line.replace("2026-4", f"{year}-{last + 1}").replace("2025-1 ", f"{year - 1}-1 ")
        return line.replace("--on 2026-11-20", f"--on {today(place)}")

    run_guide("policy-calendar.md", place, change)


class Auditor:
    """The numbers of the demo ward in the place of those in the guide of the audit."""

    def __init__(self, place: Path) -> None:
        self.place = place
        self.by = fiscal_year(today(place)) + 1 - 2026  # the round of this year has begun: the guide plans the next one
        sheets = range(1, 40)
        self.sheet, self.item = next(found for number in sheets if (found := self._open(number)))
        self.person = self._stranger(place)
        self.finding = ""
        self._files(place)

    @staticmethod
    def _open(sheet: int) -> tuple[int, str] | None:
        """A sheet with an item that no auditor has looked at."""
        papers = [one["record"] for one in asked("audit", "papers", str(sheet))]
        found = [one["paper"]["item"] for one in papers if not one["revision"]]
        return (sheet, found[0]) if found else None

    @staticmethod
    def _stranger(place: Path) -> str:
        """Somebody whose department has nothing to do with 区民課 and its system."""
        with open_site(place / "site") as opened:
            return next(one.number for one in opened.directory.staff if one.departments[0].startswith("131"))

    def _files(self, place: Path) -> None:
        """What lies in the folder where the reader types."""

        def book(name: str, *rows: tuple[str, ...]) -> None:
            made = openpyxl.Workbook()
            sheet = made["Sheet"]
            for row in rows:
                sheet.append(row)
            made.save(place / name)

        book("koumoku.xlsx", ("番号", "監査項目", "条項"), ("k1", "離席時に画面を鎖錠しているか。", "mic-2025-03-5.1"))
        external = "年度", "部署コード", "区分", "件名", "事実", "基準", "条項"
        fact = "委託先の点検の記録がない。", "契約は年 1 回の点検を定めている。", "mic-2025-03-8.1"
        book("gaibu.xlsx", external, ("2024", "211", "軽微な不適合", "委託先の点検の記録がない", *fact))
        items = asked("audit", "items")["items"]
        listed = [f"211,,{one['id']},○,△" for one in items[:5]]
        table = "\n".join(["部署コード,システムコード,番号,自己点検,監査人確認", *listed])
        (place / "hantei.csv").write_text(table, encoding="utf-8")
        (place / "judai.csv").write_text(f"部署コード,番号\n211,{items[0]['id']}\n", encoding="utf-8")
        (place / "shinsei.txt").write_text("\n".join(f"申請{at}" for at in range(40)), encoding="utf-8")
        known = asked("audit", "findings", "show", f"{2025 + self.by}-01")["record"]["finding"]
        names = "kind", "title", "department", "fact", "criterion", "cause", "risk", "recommendation", "clauses"
        finding = {name: known[name] for name in names} | {"evidence": known["evidence"], "title": "別の件"}
        (place / "shiteki.json").write_text(json.dumps(finding), encoding="utf-8")
        done = {"state": "done", "done_on": str(today(place)), "evidence": [{"title": "改めた手順"}]}
        plan = {
            "cause": "手順がなかった。",
            "actions": [{"measure": "手順を定める", "person": "係長", "due": "2030-03-31", **done}],
        }
        (place / "kaizen.json").write_text(json.dumps(plan), encoding="utf-8")

    def line(self, line: str) -> str:
        """A line of the guide with the numbers of this ward."""
        if line.startswith("secops audit score"):  # a catalogue of one item was a trial
            shutil.rmtree(self.place / "site" / "audits" / "catalogue", ignore_errors=True)
        if line.startswith("secops audit plan"):
            return shifted(line, self.by).replace(" 1234 ", f" {self.person} ")
        line = line.replace(" 12 a2-01 ", f" {self.sheet} {self.item} ").replace("step 12 ", f"step {self.sheet} ")
        if "audit findings" in line and not re.search(r"findings (list|show|draft|import)", line):
            self.finding = self.finding or max(one["finding"]["number"] for one in asked("audit", "findings", "list"))
            line = line.replace("2026-01", self.finding)
            now = asked("audit", "findings", "show", self.finding)["record"]["revision"]
            return re.sub(r"--revision \d+", f"--revision {now}", line)
        return line.replace("2026-01 ", f"{2025 + self.by}-01 ")


@pytest.mark.parametrize("place", ["kansa.md"], indirect=True)
def test_audit(place: Path):
    run_guide("kansa.md", place, Auditor(place).line)


def test_papers(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """On a ward whose fieldwork is over: of a round that is under way, nothing can be released."""
    monkeypatch.chdir(tmp_path)
    create_site(tmp_path / "site", site_id="sumida")
    for year in (2025, 2026):
        (tmp_path / f"r{year - 2018}.json").write_text(write_book(books.ledger(year=year)), encoding="utf-8")
    run_secops(f"secops audit book import r8.json --site {tmp_path}/site")
    (tmp_path / "r8.json").unlink()
    (tmp_path / "sohyo.md").write_text("# 総評\n\n記録の一部が確認できなかった。\n", encoding="utf-8")
    run_secops(f"secops audit report report -o hokoku.pdf --site {tmp_path}/site")

    def change(line: str) -> str:
        return line.replace("hokoku.docx --book", "betsu.docx --book")  # on another machine

    run_guide("hokoku.md", tmp_path, change)


def test_no_guide_is_left_out():
    others = {"policy-guideline.md", "policy-word.md", "policy-compare.md", "jiko-tenken.md"}
    here_too = {"policy.md", "policy-calendar.md", "kansa.md", "hokoku.md"}
    with_commands = {path.name for path in GUIDES.glob("*.md") if path.name != "commands.md" and commands(path.name)}
    assert with_commands == {name for name in {*RUN, *others, *here_too} if commands(name)}
