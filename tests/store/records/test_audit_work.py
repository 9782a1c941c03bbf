"""Findings, workpapers and horizontal checks in the records: who sees what, what follows what, what is told."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import date, timedelta
from pathlib import Path

import pytest

from secops.errors import AuditError, ConflictError, NotFoundError, UsageError
from secops.isms.audit.findings_ports import (
    Confirmation,
    FindingChangedError,
    GapAnswer,
    Horizontal,
    HorizontalAnswer,
    PaperChangedError,
    Step,
    Wanted,
)
from secops.isms.audit.model import Method, Verdict
from secops.isms.audit.ports import NewFile, Viewer
from secops.isms.audit.round import FindingKind, FindingState
from secops.isms.audit.sampling import draw
from secops.isms.audit.workpaper import Evidence
from secops.store.records.audit_findings import open_majors
from secops.store.records.audit_rounds import SqlRounds
from secops.store.records.audit_work import SqlAuditWork
from secops.store.records.engine import Database, connect
from secops.store.records.trail import SqlTrail
from tests.audit_work import AUDITOR, DONE, FINDING, MEASURE, SECOND, appoint, draft, issue
from tests.rounds import CLERK, HEAD, LEAD, NOW, OTHER, begin, fill, sheet_of


@pytest.fixture
def database(records_place: Path | str) -> Iterator[Database]:
    made = connect(records_place)
    yield made
    made.close()


@pytest.fixture
def rounds(database) -> SqlRounds:
    made = SqlRounds(database)
    begin(made)
    for viewer in (AUDITOR, SECOND):
        appoint(made, viewer)
    return made


@pytest.fixture
def work(database, rounds) -> SqlAuditWork:
    return SqlAuditWork(database, rounds)


def test_a_finding_goes_from_draft_to_closed_and_the_trail_tells_it(work, database):
    record = issue(work)
    number = record.finding.number
    assert (number, record.finding.state, record.agreed) == ("2026-01", FindingState.OPEN, True)
    assert open_majors(work.findings(LEAD)) == [("kumin", "t1")]
    planned = work.plan_actions(number, "手順がなかった", [MEASURE], revision=record.revision, viewer=HEAD, now=NOW)
    assert planned.finding.actions == (MEASURE,)
    done = work.plan_actions(number, "手順がなかった", [DONE], revision=planned.revision, viewer=HEAD, now=NOW)
    assert done.finding.actions == (DONE,)
    work.check_action(number, 1, on=date(2027, 1, 10), text="手順を見た", effective=True, viewer=AUDITOR, now=NOW)
    closed = work.close_finding(number, viewer=LEAD, now=NOW)
    assert closed.finding.state is FindingState.CLOSED
    assert open_majors(work.findings(LEAD)) == []
    again = work.reopen_finding(number, "再発した", viewer=LEAD, now=NOW)
    assert again.finding.state is FindingState.OPEN
    told = [one.action.partition(".")[2] for one in SqlTrail(database).entries(target=f"finding {number}")][::-1]
    steps = ["drafted", "sent", "replied", "issued", "planned", "planned", "checked", "closed", "reopened"]
    assert told == steps
    assert SqlTrail(database).verify().number is None


def test_departments_see_their_own_once_it_is_out(work):
    number = draft(work).finding.number
    for viewer in (HEAD, CLERK, OTHER, Viewer("x", frozenset())):
        assert not work.findings(viewer)
        with pytest.raises(NotFoundError):
            work.finding(number, viewer)
    work.send_finding(number, viewer=AUDITOR, now=NOW)
    assert [one.finding.number for one in work.findings(HEAD)] == [number]
    assert not work.findings(OTHER)
    with pytest.raises(NotFoundError):
        work.reply_finding(number, agreed=True, opinion="", viewer=OTHER, now=NOW)
    work.take_back_finding(number, "確認が足りない", viewer=AUDITOR, now=NOW)
    assert not work.findings(HEAD)


def test_an_auditor_sees_what_they_are_assigned_to(work, rounds):
    draft(work)
    elsewhere = Viewer("kansa3", assigned=True)
    assert [one.finding.department for one in work.findings(SECOND)] == ["kumin"]
    assert not work.findings(elsewhere)
    appoint(rounds, elsewhere)
    assert len(work.findings(elsewhere)) == 1


def test_a_draft_that_lacks_something_stays_one(work):
    number = draft(work, replace(FINDING, fact="", evidence=())).finding.number
    with pytest.raises(AuditError) as told:
        work.send_finding(number, viewer=AUDITOR, now=NOW)
    assert len(told.value.problems) == 2
    assert work.finding(number, LEAD).finding.state is FindingState.DRAFT


def test_two_people_do_not_overwrite_each_other(work):
    first = draft(work)
    number = first.finding.number
    changed = replace(first.finding, cause="担当の引継ぎがなかった。")
    work.change_finding(changed, revision=1, viewer=AUDITOR, now=NOW)
    with pytest.raises(FindingChangedError) as told:
        work.change_finding(replace(first.finding, title="別の件名"), revision=1, viewer=SECOND, now=NOW)
    assert told.value.current.finding.cause == "担当の引継ぎがなかった。"
    assert work.finding(number, LEAD).finding.title == FINDING.title
    work.send_finding(number, viewer=AUDITOR, now=NOW)
    with pytest.raises(ConflictError, match="事実確認中"):
        work.change_finding(changed, revision=3, viewer=AUDITOR, now=NOW)


def test_who_does_not_agree_with_the_facts_says_why(work):
    number = draft(work).finding.number
    work.send_finding(number, viewer=AUDITOR, now=NOW)
    with pytest.raises(UsageError):
        work.reply_finding(number, agreed=False, opinion=" ", viewer=HEAD, now=NOW)
    record = work.reply_finding(number, agreed=False, opinion="受付簿は紙だけである。", viewer=HEAD, now=NOW)
    assert (record.agreed, record.replied_by, record.finding.opinion) == (False, HEAD.name, "受付簿は紙だけである。")


def test_findings_are_looked_for_by_state_department_and_delay(work):
    number = issue(work).finding.number
    work.plan_actions(number, "手順", [MEASURE], revision=4, viewer=HEAD, now=NOW)
    draft(work, replace(FINDING, kind=FindingKind.GOOD, title="掲示が分かりやすい"))
    assert len(work.findings(LEAD)) == 2
    assert [one.finding.number for one in work.findings(LEAD, Wanted(overdue=date(2027, 1, 1)))] == [number]
    assert not work.findings(LEAD, Wanted(overdue=date(2026, 12, 31)))
    assert [one.finding.number for one in work.findings(LEAD, Wanted(text="掲示"))] == ["2026-02"]
    assert not work.findings(LEAD, Wanted(text="%"))
    assert len(work.findings(LEAD, Wanted(states=frozenset({FindingState.DRAFT}), year=2026, plan="2026"))) == 1


def test_findings_of_an_external_report_are_imported_once(work):
    old = replace(FINDING, state=FindingState.OPEN, source="令和6年度外部監査報告書", opened_on=date(2025, 3, 1))
    rows = [(old, 2024, "区民課"), (replace(old, title="鍵の管理"), 2024, "区民課")]
    assert work.import_findings(rows, actor="toukatsu", now=NOW) == ["2024-01", "2024-02"]
    assert work.import_findings(rows, actor="toukatsu", now=NOW) == []
    assert [one.finding.number for one in work.findings(HEAD)] == ["2024-01", "2024-02"]


def test_confirmed_values_stand_beside_the_declared_ones(work, rounds):
    sheet = sheet_of(rounds)
    fill(rounds, sheet)
    sample = draw([f"資産{n}" for n in range(40)], 5, "seed-1")
    made = Confirmation(
        "t1",
        Verdict.PARTIAL,
        "5 件のうち 1 件が台帳になかった。",
        {Method.EXAMINE: "台帳を読んだ"},
        sample,
        (Evidence("台帳"),),
    )
    record = work.confirm_paper(sheet.number, made, revision=0, viewer=AUDITOR, now=NOW)
    paper = record.paper
    assert (paper.declared, paper.confirmed, paper.preparer, record.note) == (
        Verdict.MET,
        Verdict.PARTIAL,
        AUDITOR.name,
        "台帳で確認",
    )
    assert (paper.sample, paper.evidence) == (sample, (Evidence("台帳"),))
    with pytest.raises(ConflictError, match="査閲"):
        work.review_paper(sheet.number, "t1", revision=1, viewer=AUDITOR, now=NOW)
    assert work.review_paper(sheet.number, "t1", revision=1, viewer=SECOND, now=NOW).paper.reviewer == SECOND.name
    whole = work.round_papers("2026", LEAD)
    assert {one.item: one.confirmed for one in whole if one.department == "kumin"}["t1"] is Verdict.PARTIAL
    assert {one.confirmed for one in whole if one.item == "t3"} == {Verdict.NOT_VERIFIED}


def test_a_review_of_an_item_that_the_sheet_does_not_have_says_so(work, rounds):
    with pytest.raises(NotFoundError, match="t9"):
        work.review_paper(sheet_of(rounds).number, "t9", revision=1, viewer=SECOND, now=NOW)


def test_a_paper_written_anew_has_to_be_reviewed_again_and_nobody_is_overwritten(work, rounds):
    sheet = sheet_of(rounds).number
    work.confirm_paper(sheet, Confirmation("t1", Verdict.MET, "見た"), revision=0, viewer=AUDITOR, now=NOW)
    work.review_paper(sheet, "t1", revision=1, viewer=SECOND, now=NOW)
    with pytest.raises(PaperChangedError) as told:
        work.confirm_paper(sheet, Confirmation("t1", Verdict.NOT_MET, "ない"), revision=0, viewer=SECOND, now=NOW)
    assert told.value.current.paper.confirmed is Verdict.MET
    again = work.confirm_paper(sheet, Confirmation("t1", Verdict.NOT_MET, "ない"), revision=1, viewer=SECOND, now=NOW)
    assert (again.revision, again.paper.reviewer, again.reviewed_at) == (2, "", None)
    with pytest.raises(UsageError, match="根拠"):
        work.confirm_paper(sheet, Confirmation("t3", Verdict.MET), revision=0, viewer=AUDITOR, now=NOW)
    with pytest.raises(NotFoundError):
        work.confirm_paper(sheet, Confirmation("t5", Verdict.MET, "x"), revision=0, viewer=AUDITOR, now=NOW)


def test_papers_of_a_round_stay_at_hand_until_something_on_them_changes(work, rounds, database):
    sheet = sheet_of(rounds)
    before = work.round_papers("2026", LEAD)
    assert work.round_papers("2026", LEAD) is before
    kept = []

    def confirm() -> None:
        made = Confirmation("t1", Verdict.PARTIAL, "一部にない。", evidence=(Evidence("台帳"),))
        work.confirm_paper(sheet.number, made, revision=0, viewer=AUDITOR, now=NOW)

    changes = (
        lambda: fill(rounds, sheet),
        confirm,
        lambda: work.review_paper(sheet.number, "t1", revision=1, viewer=SECOND, now=NOW),
        lambda: kept.append(
            rounds.add_file(sheet.number, "t1", NewFile("a.pdf", "pdf", 10, "a" * 64), viewer=HEAD, now=NOW)
        ),
        lambda: rounds.withdraw_file(kept[0].number, "取り違え", viewer=HEAD, now=NOW),
    )
    for change in changes:
        change()
        after = work.round_papers("2026", LEAD)
        assert after != before
        assert list(after) == list(SqlAuditWork(database, rounds).round_papers("2026", LEAD))
        assert work.round_papers("2026", LEAD) is after
        before = after
    # What somebody does not see is not given to them because another one asked before.
    assert {one.department for one in work.round_papers("2026", OTHER)} == {"zeimu"}


def test_papers_are_for_those_who_audit_the_unit(work, rounds):
    sheet = sheet_of(rounds).number
    stranger = Viewer("kansa3", assigned=True)
    for call in (
        lambda: work.sheet_papers(sheet, stranger),
        lambda: work.confirm_paper(sheet, Confirmation("t1", Verdict.MET, "x"), revision=0, viewer=stranger, now=NOW),
        lambda: work.take_step(sheet, Step.INTERVIEW, on=date(2026, 9, 1), note="", viewer=stranger, now=NOW),
    ):
        with pytest.raises(NotFoundError):
            call()


def test_steps_of_the_fieldwork_are_noted(work, rounds):
    sheet = sheet_of(rounds).number
    for step, day in ((Step.INTERVIEW, 10), (Step.NOTICE, 1)):
        work.take_step(sheet, step, on=date(2026, 9, day), note="課長、係長", viewer=AUDITOR, now=NOW)
    assert [one.step for one in work.steps("2026", AUDITOR)] == [Step.NOTICE, Step.INTERVIEW]


def test_other_departments_check_themselves_on_the_order_of_the_ciso(work):
    number = issue(work).finding.number
    asked = tuple(HorizontalAnswer(code, name) for code, name in (("zeimu", "税務課"), ("kumin", "区民課")))
    made = Horizontal(
        number, "", "台帳に漏れがないか確かめてください。", "CISO", date(2026, 12, 1), date(2026, 12, 20), asked
    )
    assert work.order_horizontal(made, actor="toukatsu", now=NOW).waiting == 2
    with pytest.raises(ConflictError):
        work.order_horizontal(made, actor="toukatsu", now=NOW)
    [mine] = work.horizontals(OTHER)
    assert [one.department for one in mine.answers] == ["zeimu"]
    with pytest.raises(UsageError, match="いつまでに"):
        work.answer_horizontal(number, HorizontalAnswer("zeimu", "", GapAnswer.HAS), viewer=OTHER, now=NOW)
    has = HorizontalAnswer("zeimu", "", GapAnswer.HAS, "滞納整理の名簿がない", date(2027, 1, 31))
    work.answer_horizontal(number, has, viewer=OTHER, now=NOW + timedelta(days=1))
    with pytest.raises(NotFoundError):
        work.answer_horizontal(number, replace(has, department="kumin"), viewer=OTHER, now=NOW)
    [whole] = work.horizontals(LEAD)
    assert (whole.waiting, whole.title) == (1, FINDING.title)
    assert [one.answer for one in whole.answers] == [None, GapAnswer.HAS]
    assert work.horizontals(Viewer("x", frozenset({"福祉課"}))) == []
