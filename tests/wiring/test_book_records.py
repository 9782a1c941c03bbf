"""The book of a round that is in the records: the way from a plan and its sheets to the issued report."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, datetime, timedelta
from pathlib import Path

import pytest

from secops.access.ports import Access, Role
from secops.errors import AuditError
from secops.isms.audit.findings_ports import Confirmation, Step
from secops.isms.audit.model import Verdict
from secops.isms.audit.paper_style import PaperKind
from secops.isms.audit.releases import Reader, ReleaseRequest
from secops.isms.audit.round import Action, Answered, Finding, Plan, PlanLevel, Unit, Visit
from secops.isms.audit.sheets import Answer
from secops.isms.audit.workpaper import Evidence
from secops.report.papers.model import Fields, Order, Table, plain
from secops.report.papers.read_word import read_word
from secops.schema.dates import JST
from secops.wiring.book import Books, keep_book
from secops.wiring.book_records import with_persons
from secops.wiring.papers import Papers, papers_of
from secops.wiring.site import Site, create_site, open_site
from tests.audit_work import AUDITOR, FINDING, SECOND, appoint, draft, issue
from tests.isms.audit import books
from tests.rounds import CLERK, HEAD, KUMIN, NOW, begin, fill, sheet_of


@pytest.fixture
def site(tmp_path: Path):
    create_site(tmp_path / "site", site_id="sumida", name="〇〇区")
    with open_site(tmp_path / "site") as opened:
        begin(opened.desk.rounds, audited=(KUMIN,))
        for viewer in (AUDITOR, SECOND):
            appoint(opened.desk.rounds, viewer)
        yield opened


def confirm(site: Site, *, reviewed: bool = True) -> None:
    """An auditor looks at every item of 区民課, a second one agrees."""
    sheet, work = sheet_of(site.desk.rounds), site.desk.audit_work
    fill(site.desk.rounds, sheet)
    site.desk.rounds.finish(sheet.number, viewer=HEAD, now=NOW)
    site.desk.rounds.confirm(sheet.number, revision=1, viewer=HEAD, now=NOW)
    for one in work.sheet_papers(sheet.number, AUDITOR):
        made = Confirmation(one.paper.item, Verdict.MET, "台帳と突き合わせた。", evidence=(Evidence("台帳"),))
        kept = work.confirm_paper(sheet.number, made, revision=one.revision, viewer=AUDITOR, now=NOW)
        if reviewed:
            work.review_paper(sheet.number, made.item, revision=kept.revision, viewer=SECOND, now=NOW)


def test_a_round_of_the_records_is_a_book(site):
    confirm(site)
    issue(site.desk.audit_work)
    book = Books(site).open().book
    assert book.ward == "〇〇区"
    assert book.year == 2026
    assert book.names["kumin"] == "区民課"
    assert book.systems == {"juki": "住民記録システム"}
    assert [one.title for one in book.findings] == [FINDING.title]
    assert book.progress["kumin"] == (2, 1)
    assert book.progress["zeimu"] == (1, 0)
    # Of the units that only inspect themselves nothing lowers the coverage of the audit.
    assert set(book.confirmed.departments) == {"kumin"}
    assert book.confirmed.ward.coverage == 100
    assert "zeimu" in book.declared.departments


def test_what_changes_in_the_records_is_in_the_next_book(site):
    shelf = Books(site)
    assert shelf.open().book.findings == ()
    assert shelf.open() is shelf.open()
    issue(site.desk.audit_work)
    assert len(shelf.open().book.findings) == 1


def test_drafts_are_in_no_book(site):
    draft(site.desk.audit_work)
    assert Books(site).open().book.findings == ()


def test_a_year_from_a_file_stands_beside_the_records(site):
    keep_book(site, replace(books.ledger(), book=replace(books.ledger().book, year=2025)))
    shelf = Books(site)
    assert shelf.years() == [2026, 2025]
    book = shelf.open(2026).book
    assert {one.year for one in book.history} == {2024, 2025}
    assert len(book.earlier) == len(books.findings())


def released(papers: Papers, kind: PaperKind = PaperKind.REPORT) -> str:
    return papers.release(ReleaseRequest(kind), actor="lead").number


def test_a_finding_under_fact_check_holds_the_report_up(site):
    confirm(site)
    number = draft(site.desk.audit_work).finding.number
    site.desk.audit_work.send_finding(number, viewer=AUDITOR, now=NOW)
    with pytest.raises(AuditError, match="事実確認"):
        released(papers_of(site))


def test_a_workpaper_that_nobody_reviewed_holds_the_report_up(site):
    confirm(site, reviewed=False)
    with pytest.raises(AuditError, match="査閲者"):
        released(papers_of(site))
    assert released(papers_of(site), PaperKind.PLAN) == "2026-R01"


def test_from_the_records_to_the_issued_report(site):
    confirm(site)
    record = issue(site.desk.audit_work)
    number: str = record.finding.number
    plan = Action("台帳への記載を業務開始の手順に入れる。", "係長", date(2026, 12, 31))
    site.desk.audit_work.plan_actions(
        number, "手順がなかった。", (plan,), revision=record.revision, viewer=HEAD, now=NOW
    )
    papers = papers_of(site)
    assert released(papers) == "2026-R01"
    data = papers.file("2026-R01", "2026-R01-report.docx", Reader(audits=True))
    text = "\n".join(line.text for line in read_word("r", data).lines)
    finding: Finding = record.finding
    assert finding.fact in text
    assert "1部署及び0システムを対象とした。" in text
    assert number in text


def test_an_auditor_is_shown_what_they_are_assigned_to(site):
    papers = papers_of(site)
    book = papers.book(2026, Reader(audits=True, login="kansa"))
    assert book is not None
    assert {one.department for one in book.papers} == {"kumin"}
    stranger = papers.book(2026, Reader(audits=True, login="nobody"))
    assert stranger is not None
    assert stranger.papers == ()


def test_the_form_shows_what_was_written_this_year_and_the_verdict_of_the_last(site):
    rounds = site.desk.rounds
    sheet = sheet_of(rounds)
    item = sheet.items[0]
    answer = Answer(
        item, Verdict.PARTIAL, note="台帳の一部", reason="点検が遅れた", improvement="月に一度", due=date(2027, 3, 31)
    )
    rounds.save(sheet.number, answer, revision=0, viewer=CLERK, now=NOW)
    press = papers_of(site).press(None)
    book = press.more(press.ledger, PaperKind.FORM).book
    (said,) = [one for one in book.answers if one.note]
    assert said == Answered(Unit("kumin"), item, "台帳の一部", "点検が遅れた", "月に一度", date(2027, 3, 31))
    made = press.paper(Order(PaperKind.FORM, press.style, date(2026, 9, 1), "kumin"))
    rows = [row for one in made.blocks if isinstance(one, Table) for row in one.rows if row[0] == item]
    assert [plain(cell) for cell in rows[0][3:]] == ["△", "台帳の一部", "点検が遅れた", "月に一度\n令和9年3月31日", ""]
    assert press.ledger.book.answers == ()  # other papers do not read them


def test_a_workpaper_has_the_names_of_its_auditors_and_no_other_paper_has(site):
    accounts = site.accounts
    more = {"role": Role.AUDITOR, "access": Access(), "actor": "x", "now": NOW}
    accounts.add(AUDITOR.name, "himitsu-no-aikotoba", display_name="監査 花子", **more)
    accounts.add(SECOND.name, "himitsu-no-aikotoba", display_name="監査 花子", **more)
    confirm(site)
    press = papers_of(site).press(None)
    order = Order(PaperKind.WORKPAPER, press.style, date(2026, 9, 1), "kumin")
    made = "\n".join(plain(row[1]) for one in press.paper(order).blocks if isinstance(one, Fields) for row in one.rows)
    assert f"作成者 監査 花子（{AUDITOR.name}）　査閲者 監査 花子（{SECOND.name}）" in made
    accounts.add("other", "himitsu-no-aikotoba", display_name="監査 次郎", **more)
    named = with_persons(
        site,
        replace(
            press.ledger,
            book=replace(
                press.ledger.book,
                papers=tuple(replace(one, reviewer="other", preparer="gone") for one in press.ledger.book.papers[:1]),
            ),
        ),
    )
    assert [(one.preparer, one.reviewer) for one in named.book.papers] == [("gone", "監査 次郎")]
    assert press.more(press.ledger, PaperKind.REPORT) is press.ledger


def notice(site: Site) -> str:
    """The letter to 区民課, as text."""
    data = papers_of(site).draft(ReleaseRequest(PaperKind.NOTICE, 2026, "kumin"), "docx", Reader(audits=True))[1]
    return "\n".join(line.text for line in read_word("notice.docx", data).lines)


def test_the_notice_names_the_day_that_was_noted_and_the_appointment_that_was_planned(site):
    sheet = sheet_of(site.desk.rounds)
    for step, day in ((Step.NOTICE, 1), (Step.INTERVIEW, 9)):
        site.desk.audit_work.take_step(sheet.number, step, on=date(2026, 9, day), note="", viewer=AUDITOR, now=NOW)
    text = notice(site)
    assert "令和8年9月9日" in text, "the day that the auditor noted"
    assert "令和8年9月1日" not in text, "sending the letter is no visit"
    assert "午前" not in text
    rounds, how = site.desk.rounds, {"actor": "toukatsu", "now": NOW}
    plan = Plan("", PlanLevel.ENGAGEMENT, "実施計画", (2026, 2026), units=(KUMIN,), above="2026")
    number = rounds.create_plan(plan, **how).plan.number
    begins = datetime(2026, 9, 14, 9, 30, tzinfo=JST)
    visit = Visit(KUMIN, begins, begins + timedelta(hours=2), "区役所4階 会議室A", ("課長",), ("外部記録媒体の利用簿",))
    rounds.plan_visit(number, visit, **how)
    text = notice(site)
    for said in ("令和8年9月14日午前9時30分から午前11時30分まで", "区役所4階", "会議室A", "外部記録媒体の利用簿"):
        assert said in text
    assert "9月9日" not in text, "what was planned goes before what was noted"
