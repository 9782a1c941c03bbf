"""The demo ward's audits: two years that are over, one under way, told the same each time."""

from __future__ import annotations

from datetime import UTC, date, datetime
from pathlib import Path

import pytest

from secops.demo.audit import UNITS, Audits, add_audits, declared
from secops.demo.build import add_logins
from secops.demo.policies import add_policies
from secops.isms.audit.findings_ports import Wanted
from secops.isms.audit.model import Verdict
from secops.isms.audit.ports import Viewer
from secops.isms.audit.round import FindingState, Unit
from secops.isms.audit.sheets import SheetKind, SheetState
from secops.isms.audit.workpaper import unfinished
from secops.wiring.book import Books
from secops.wiring.policies import open_library
from secops.wiring.rounds import opening_of
from secops.wiring.site import Site, create_site, open_site

NOW = datetime(2026, 11, 27, 1, 0, tzinfo=UTC)
LEAD = Viewer("tokatsu")


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory):
    folder: Path = tmp_path_factory.mktemp("demo") / "site"
    create_site(folder)
    with open_site(folder) as made:
        audits = Audits(made.desk.rounds, made.desk.audit_work, lambda plan: opening_of(made, plan), NOW)
        add_audits(audits)
        add_audits(audits)  # a second call adds nothing
        add_policies(open_library(made), NOW)
        yield made


def test_three_rounds_stand_one_after_the_other(site: Site):
    assert [one.number for one in site.desk.rounds.rounds()] == ["2026", "2025", "2024"]
    past = site.desk.rounds.sheets(LEAD, of="2025")
    assert {one.state for one in past if one.kind is not SheetKind.STAFF} == {SheetState.CONFIRMED}
    now = {one.state for one in site.desk.rounds.sheets(LEAD, of="2026") if one.kind is SheetKind.DEPARTMENT}
    assert now == {SheetState.CONFIRMED, SheetState.ENTERED, SheetState.OPEN}


def test_papers_of_the_past_are_finished_and_differ_from_the_self_inspection_somewhere(site: Site):
    papers = [one for one in site.desk.audit_work.round_papers("2025", LEAD) if one.department == "221"]
    assert not unfinished(papers)
    assert {one.confirmed for one in papers} > {Verdict.MET, Verdict.PARTIAL}
    assert any(one.confirmed is not one.declared for one in papers)


def test_findings_stand_in_every_state_and_one_repeats_an_earlier_one(site: Site):
    found = site.desk.audit_work.findings(LEAD)
    assert {one.finding.state for one in found} == set(FindingState)
    assert [one.finding.repeats for one in found if one.finding.repeats] == ["2025-01"]
    told = {one.finding.source for one in found if one.year == 2024}
    assert told == {"令和6年度 情報セキュリティ外部監査報告書(助言型)"}
    assert site.desk.audit_work.findings(LEAD, Wanted(overdue=date(2026, 11, 27)))


def test_the_book_of_the_round_has_grades_of_the_years_before(site: Site):
    book = Books(site).open().book
    assert book.year == 2026
    assert {one.year for one in book.history} == {2024, 2025}
    assert {one.department for one in book.findings} == {"221", "213"}, "a draft is in no paper"


def test_departments_get_better_and_the_same_question_has_the_same_answer():
    def met(year: int, back: int) -> int:
        return sum(declared(f"x{n}", unit, year, back) is Verdict.MET for unit in UNITS for n in range(50))

    assert met(2024, 2) < met(2026, 0)
    assert declared("a1-01", Unit("211"), 2026, 0) is declared("a1-01", Unit("211"), 2026, 0)


def test_the_policy_is_published_and_under_revision(site: Site):
    entry = open_library(site).entry("taisaku", date(2026, 11, 27))
    assert [one.number for one in entry.versions] == [1, 2]
    assert entry.draft is not None


def test_logins_of_all_who_work_in_the_audit_are_there(site: Site):
    add_logins(site.accounts, NOW)
    roles = {one.role.value for one in site.accounts.users()}
    assert roles >= {"audit_lead", "auditor", "security_manager", "staff", "policy_owner"}
