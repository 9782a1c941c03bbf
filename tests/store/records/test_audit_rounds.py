from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import date, datetime, timedelta
from pathlib import Path

import pytest

from secops.errors import AuditError, ConflictError, NotFoundError, UsageError
from secops.isms.audit.frozen import freeze, stale, thaw
from secops.isms.audit.independence import AuditedSystem, Engagement, Organisation, Post, SystemDuty
from secops.isms.audit.model import Verdict
from secops.isms.audit.ports import AnswerChangedError, Appointment, Foot, NewFile, Opening, Viewer
from secops.isms.audit.round import Plan, PlanLevel, Unit, Visit
from secops.isms.audit.sheets import Answer, SheetKind, SheetState
from secops.schema.dates import JST
from secops.store.records.audit_rounds import SqlRounds
from secops.store.records.engine import Database, connect
from secops.store.records.trail import SqlTrail
from tests.rounds import (
    CLERK,
    HEAD,
    KUMIN,
    KUMIN_SYSTEM,
    LEAD,
    NAMES,
    NOW,
    OTHER,
    ZEIMU,
    annual,
    begin,
    catalogue,
    fill,
    places,
    sheet_of,
)

ORG = Organisation({"kumin": "kumin-bu", "zeimu": "kumin-bu", "joho": "kumin-bu"}, NAMES)


@pytest.fixture
def database(records_place: Path | str) -> Iterator[Database]:
    made = connect(records_place)
    yield made
    made.close()


@pytest.fixture
def rounds(database) -> SqlRounds:
    return SqlRounds(database)


def save(rounds: SqlRounds, number: int, item: str, verdict: Verdict, revision: int, viewer: Viewer = CLERK, **said):
    return rounds.save(number, Answer(item, verdict, **said), revision=revision, viewer=viewer, now=NOW)


def test_plans_get_numbers_and_stand_above_each_other(rounds):
    programme = Plan("", PlanLevel.PROGRAMME, "中期計画", (2026, 2028))
    assert rounds.create_plan(programme, actor="toukatsu", now=NOW).plan.number == "2026-2028"
    year = rounds.create_plan(annual(number="", above="2026-2028", audited=(KUMIN,)), actor="toukatsu", now=NOW)
    assert (year.plan.number, year.plan.audited, year.approved) == ("2026", (KUMIN,), False)
    engagement = Plan("", PlanLevel.ENGAGEMENT, "実施計画", (2026, 2026), units=(KUMIN,), above="2026")
    assert rounds.create_plan(engagement, actor="toukatsu", now=NOW).plan.number == "2026-1"
    special = Plan("", PlanLevel.SPECIAL, "特命監査", (2026, 2026), units=(ZEIMU,))
    assert rounds.create_plan(special, actor="toukatsu", now=NOW).plan.number == "2026-S1"
    assert [one.plan.number for one in rounds.plans(LEAD, year=2027)] == ["2026-2028"]
    with pytest.raises(ConflictError, match="すでに"):
        rounds.create_plan(annual(number=""), actor="toukatsu", now=NOW)


def test_everything_that_is_wrong_with_a_plan_is_said_at_once(rounds):
    rounds.create_plan(annual(), actor="toukatsu", now=NOW)
    wrong = Plan("-", PlanLevel.ENGAGEMENT, " ", (2027, 2028), units=(KUMIN,), above="2026", stage=4)
    with pytest.raises(UsageError) as caught:
        rounds.create_plan(wrong, actor="toukatsu", now=NOW)
    text = str(caught.value)
    assert all(part in text for part in ("番号「-」", "題名", "段階", "1 つの年度", "2027 年度は", "選ばれていません"))


def test_a_person_decides_who_is_audited_and_the_ranking_of_that_moment_is_kept(rounds, database):
    rounds.create_plan(annual(), actor="toukatsu", now=NOW)
    said = {"note": "窓口の移転が重なるため", "proposed": "3位 12点", "actor": "toukatsu", "now": NOW}
    found = rounds.decide("2026", ZEIMU, chosen=True, **said)
    assert found.plan.audited == (ZEIMU,)
    assert (found.decisions[0].note, found.decisions[0].proposed) == ("窓口の移転が重なるため", "3位 12点")
    changed = rounds.change_plan(annual(purpose="目的", audited=(ZEIMU,)), revision=1, actor="toukatsu", now=NOW)
    assert changed.decisions == found.decisions, "another text leaves what was decided"
    with pytest.raises(ConflictError, match="ほかの人"):
        rounds.change_plan(annual(), revision=1, actor="toukatsu", now=NOW)
    assert rounds.decide("2026", ZEIMU, chosen=False, **said).plan.audited == ()
    with pytest.raises(UsageError, match="監査単位にありません"):
        rounds.decide("2026", Unit("nowhere"), chosen=True, **said)
    actions = [one.action for one in SqlTrail(database).entries(target="plan 2026")]
    assert actions == ["plan.decided", "plan.changed", "plan.decided", "plan.created"]


def test_an_approved_annual_plan_opens_a_sheet_for_every_unit_and_never_changes(rounds):
    begin(rounds)
    found = [(one.kind.value, str(one.unit), one.items) for one in rounds.sheets(LEAD, of="2026")]
    assert found == [
        ("department", "kumin", ("t1", "t2", "t3")),
        ("staff", "kumin", ("t2",)),
        ("system", "kumin/juki", ("t4",)),
        ("department", "zeimu", ("t1", "t2", "t3")),
        ("staff", "zeimu", ("t2",)),
        ("ward", "joho", ("t5",)),
    ]
    with pytest.raises(ConflictError, match="承認されています"):
        rounds.change_plan(annual(title="別の題"), revision=1, actor="toukatsu", now=NOW)
    assert rounds.plan("2026", LEAD).plan.approved_by == "情報セキュリティ委員会"


def test_a_plan_without_units_or_under_a_draft_is_not_approved(rounds):
    rounds.create_plan(Plan("2026-2028", PlanLevel.PROGRAMME, "中期計画", (2026, 2028)), actor="x", now=NOW)
    rounds.create_plan(annual(above="2026-2028", units=()), actor="x", now=NOW)
    how = {"by": "委員会", "on": date(2026, 5, 20), "actor": "x", "now": NOW, "opening": Opening(catalogue(), places())}
    with pytest.raises(ConflictError, match="2026-2028"):
        rounds.approve("2026", **how)
    rounds.approve("2026-2028", **how)
    with pytest.raises(UsageError, match="監査単位がありません"):
        rounds.approve("2026", **how)
    assert not rounds.plan("2026", LEAD).approved, "nothing is left of what was refused"


def test_a_draft_is_taken_away_and_the_trail_knows_what_it_was(rounds):
    rounds.create_plan(Plan("2026-2028", PlanLevel.PROGRAMME, "中期計画", (2026, 2028)), actor="x", now=NOW)
    rounds.create_plan(annual(above="2026-2028"), actor="x", now=NOW)
    why = {"reason": "年度を間違えた", "actor": "toukatsu", "now": NOW}
    with pytest.raises(ConflictError, match="2026"):
        rounds.drop_plan("2026-2028", **why)
    with pytest.raises(UsageError, match="理由"):
        rounds.drop_plan("2026", **{**why, "reason": " "})
    rounds.drop_plan("2026", **why)
    assert [one.plan.number for one in rounds.plans(LEAD)] == ["2026-2028"]
    with pytest.raises(NotFoundError):
        rounds.drop_plan("2026", **why)
    rounds.create_plan(annual(above="2026-2028", units=()), actor="x", now=NOW)
    assert rounds.plan("2026", LEAD).plan.units == (), "nothing of the first one is left"


def test_an_approved_plan_is_not_taken_away(rounds):
    begin(rounds)
    with pytest.raises(ConflictError, match="承認されています"):
        rounds.drop_plan("2026", reason="x", actor="toukatsu", now=NOW)
    assert rounds.plan("2026", LEAD).approved


def test_an_edited_catalogue_does_not_change_a_running_round(rounds):
    begin(rounds)
    frozen = rounds.round("2026").catalogue
    assert frozen == thaw(freeze(catalogue()))
    assert frozen.digest == catalogue().digest
    today = catalogue(("t7", "新しい項目か。", "department", "true", "mic-2025-03-7.1", 1))
    without = type(today)(today.items[1:], today.chapters, "x")
    found = stale(frozen, without, {"mic-2025-03-5.1", "mic-2025-03-4.4", "mic-2025-03-1", "mic-2025-03-6.2"})
    assert found.vanished == (("t1", "c.yml:4"),)
    assert [(item, clause) for item, clause, _where in found.clauses] == [
        ("t1", "mic-2025-03-2"),
        ("t6", "mic-2025-03-5.2"),
    ]
    assert not stale(frozen, catalogue(), None)


def test_two_people_at_the_same_item_the_second_sees_what_changed_and_nothing_is_lost(rounds, database):
    begin(rounds)
    number = sheet_of(rounds).number
    first = save(rounds, number, "t1", Verdict.PARTIAL, 0, note="台帳あり", reason="更新が遅い", improvement="毎月直す")
    assert (first.revision, first.by) == (1, "kumin-tanto")
    with pytest.raises(AnswerChangedError, match="kumin-tanto") as caught:
        save(rounds, number, "t1", Verdict.MET, 0, HEAD, note="問題なし")
    assert caught.value.current == first
    assert caught.value.since == (first,)
    assert rounds.answers(number, CLERK)["t1"] == first
    assert save(rounds, number, "t1", Verdict.MET, 1, HEAD, note="問題なし").revision == 2
    assert [one.verdict for one in rounds.history(number, "t1", CLERK)] == [Verdict.PARTIAL, Verdict.MET]
    again = save(rounds, number, "t1", Verdict.MET, 0, note=" 問題なし ")
    assert again.revision == 2, "the same words are no conflict"
    with pytest.raises(Exception, match="only grows"), database.write() as connection:
        connection.exec_driver_sql("UPDATE audit_answer_history SET note = 'x'")


def test_a_department_sees_and_answers_only_its_own(rounds):
    begin(rounds)
    own, system = sheet_of(rounds), sheet_of(rounds, KUMIN_SYSTEM, SheetKind.SYSTEM)
    fill(rounds, own)
    assert {str(one.unit) for one in rounds.sheets(CLERK)} == {"kumin", "kumin/juki"}
    file = rounds.add_file(own.number, "t1", NewFile("a.pdf", "pdf", 10, "a" * 64), viewer=CLERK, now=NOW)
    for refused in (
        lambda: rounds.sheet(own.number, OTHER),
        lambda: rounds.answers(own.number, OTHER),
        lambda: rounds.last_answers(own.number, OTHER),
        lambda: rounds.history(own.number, "t1", OTHER),
        lambda: rounds.files(own.number, OTHER),
        lambda: rounds.file(file.number, OTHER),
        lambda: rounds.withdraw_file(file.number, "x", viewer=OTHER, now=NOW),
        lambda: save(rounds, system.number, "t4", Verdict.MET, 0, OTHER),
        lambda: rounds.save_foot(own.number, Foot("x"), revision=0, viewer=OTHER, now=NOW),
        lambda: rounds.finish(own.number, viewer=OTHER, now=NOW),
        lambda: rounds.confirm(own.number, revision=0, viewer=OTHER, now=NOW),
        lambda: rounds.make_codes(own.number + 1, 1, viewer=OTHER, now=NOW),
        lambda: rounds.add_file(own.number, "t1", NewFile("a", "pdf", 1, "b" * 64), viewer=OTHER, now=NOW),
    ):
        with pytest.raises(NotFoundError):
            refused()
    assert rounds.papers("2026", OTHER)[0].department == "zeimu"
    assert rounds.sheet(own.number, Viewer("by-code", frozenset({"kumin"}))) == rounds.sheet(own.number, CLERK)
    assert len(rounds.sheets(Viewer("bucho", frozenset({"区民部"})))) == 6, "a 部 with its sections"
    assert rounds.sheets(Viewer("nobody", frozenset())) == []


def test_a_sheet_is_finished_returned_and_confirmed(rounds, database):
    begin(rounds)
    number = sheet_of(rounds).number
    save(rounds, number, "t1", Verdict.PARTIAL, 0)
    save(rounds, number, "t3", Verdict.NOT_APPLICABLE, 0)
    with pytest.raises(AuditError) as caught:
        rounds.finish(number, viewer=CLERK, now=NOW)
    assert [one.where for one in caught.value.problems] == ["t1", "t1", "t2", "t3"]
    fill(rounds, sheet_of(rounds), but="t3")
    entered = rounds.finish(number, viewer=CLERK, now=NOW)
    assert (entered.state, entered.entered_by) == (SheetState.ENTERED, "kumin-tanto")
    with pytest.raises(ConflictError, match="確認待ち"):
        save(rounds, number, "t1", Verdict.NOT_MET, 2)
    assert rounds.take_back(number, viewer=CLERK, now=NOW).state is SheetState.OPEN
    rounds.finish(number, viewer=CLERK, now=NOW)
    with pytest.raises(UsageError, match="理由"):
        rounds.give_back(number, " ", viewer=HEAD, now=NOW)
    back = rounds.give_back(number, "t3 の期限が遅い", viewer=HEAD, now=NOW)
    assert (back.state, back.returned_reason) == (SheetState.RETURNED, "t3 の期限が遅い")
    foot = rounds.save_foot(number, Foot("おおむね済んだ", ""), revision=back.revision, viewer=CLERK, now=NOW)
    with pytest.raises(ConflictError, match="ほかの人"):
        rounds.save_foot(number, Foot("別の総括"), revision=back.revision, viewer=HEAD, now=NOW)
    seen = rounds.finish(number, viewer=CLERK, now=NOW)
    with pytest.raises(ConflictError, match="ほかの人"):
        rounds.confirm(number, revision=foot.revision, viewer=HEAD, now=NOW)
    done = rounds.confirm(number, revision=seen.revision, viewer=HEAD, now=NOW)
    assert (done.state, done.confirmed_by) == (SheetState.CONFIRMED, "kumin-kacho")
    with pytest.raises(ConflictError, match="確認済"):
        rounds.give_back(number, "やはり", viewer=HEAD, now=NOW)
    again = rounds.give_back(number, "監査の前に直す", viewer=LEAD, now=NOW, confirmed=True)
    assert again.state is SheetState.RETURNED
    assert SqlTrail(database).verify().number is None


def test_answers_of_last_year_stand_beside(rounds):
    begin(rounds, 2025)
    old = sheet_of(rounds, of="2025")
    fill(rounds, old, but="t1")
    begin(rounds)
    new = sheet_of(rounds)
    assert rounds.answers(new.number, CLERK) == {}
    assert rounds.last_answers(new.number, CLERK)["t1"].reason == "台帳がない"
    assert rounds.last_answers(old.number, CLERK) == {}


def test_papers_carry_what_was_declared_and_the_evidence_that_counts(rounds):
    begin(rounds)
    sheet = sheet_of(rounds)
    fill(rounds, sheet, but="t1")
    for name, digest in (("台帳.pdf", "a"), ("台帳.pdf", "b"), ("誤り.pdf", "c")):
        file = rounds.add_file(sheet.number, "t1", NewFile(name, "pdf", 10, digest * 64), viewer=CLERK, now=NOW)
    rounds.withdraw_file(file.number, "別の課のもの", viewer=CLERK, now=NOW)
    papers = {(one.department, one.system, one.item): one for one in rounds.papers("2026", LEAD)}
    assert len(papers) == 8
    paper = papers["kumin", "", "t1"]
    assert (paper.declared, paper.confirmed) == (Verdict.NOT_MET, Verdict.NOT_VERIFIED)
    assert [(one.title, one.sha256[0]) for one in paper.evidence] == [("台帳.pdf(第 2 版)", "b")]
    assert papers["joho", "", "t5"].declared is Verdict.NOT_VERIFIED


def test_evidence_has_versions_and_is_never_deleted(rounds):
    begin(rounds)
    number = sheet_of(rounds).number

    def add(name: str, digest: str, size: int = 10):
        return rounds.add_file(number, "t1", NewFile(name, "pdf", size, digest * 64), viewer=CLERK, now=NOW)

    first, same, second = add("a.pdf", "a"), add("a.pdf", "a"), add("a.pdf", "b")
    assert (first.number, first.version, second.version) == (same.number, 1, 2)
    gone = rounds.withdraw_file(first.number, "古い", viewer=CLERK, now=NOW)
    assert gone.withdrawn_reason == "古い"
    with pytest.raises(ConflictError, match="すでに"):
        rounds.withdraw_file(first.number, "古い", viewer=CLERK, now=NOW)
    assert len(rounds.files(number, CLERK)) == 2
    with pytest.raises(ConflictError, match="合計 200 MB"):
        add("big.pdf", "c", 200 << 20)


def test_staff_answer_once_with_a_code_and_only_counts_are_kept(rounds, database):
    begin(rounds)
    number = sheet_of(rounds, KUMIN, SheetKind.STAFF).number
    codes = rounds.make_codes(number, 6, viewer=HEAD, now=NOW)
    assert len(set(codes)) == 6
    for code in codes[:4]:
        assert rounds.staff_sheet(code.lower().replace("-", " ")).number == number
        rounds.staff_answer(code, {"t2": Verdict.MET}, now=NOW)
    assert rounds.staff_counts(number, HEAD).counts is None, "four could be told apart"
    with pytest.raises(NotFoundError, match="使えません"):
        rounds.staff_answer(codes[0], {"t2": Verdict.MET}, now=NOW)
    with pytest.raises(UsageError, match="すべて"):
        rounds.staff_answer(codes[4], {"t2": Verdict.NOT_VERIFIED}, now=NOW)
    rounds.staff_answer(codes[4], {"t2": Verdict.NOT_MET}, now=NOW)
    found = rounds.staff_counts(number, HEAD)
    assert (found.respondents, found.codes_left) == (5, 1)
    assert found.counts is not None
    assert (found.counts["t2"][Verdict.MET], found.counts["t2"][Verdict.NOT_MET]) == (4, 1)
    entry = SqlTrail(database).entries()[0]
    assert (entry.actor, entry.action, entry.detail) == ("staff", "staff.answered", {})
    with pytest.raises(UsageError, match="3000"):
        rounds.make_codes(number, 3000, viewer=HEAD, now=NOW)
    with pytest.raises(ConflictError, match="一人ずつ"):
        save(rounds, number, "t2", Verdict.MET, 0)


def engage(unit: Unit = KUMIN, *systems: AuditedSystem) -> Engagement:
    return Engagement(unit.department, systems, date(2025, 4, 1), date(2026, 11, 30))


def test_an_auditor_with_a_conflict_is_refused_with_the_reason_over_all_posts(rounds):
    begin(rounds)
    past = Post("1001", "kumin", date(2024, 4, 1), date(2025, 6, 30))
    duty = SystemDuty("1002", "juki", "開発の担当", date(2025, 4, 1))
    how = {"actor": "toukatsu", "now": NOW}
    assert rounds.add_posts([past], [duty], **how) == 2
    assert rounds.add_posts([past], [duty], **how) == 0
    now = Post("1001", "joho", date(2025, 7, 1))
    with pytest.raises(ConflictError, match="監査を受ける部署に在籍: 区民課"):
        rounds.assign("2026", Appointment(KUMIN, "1001", "佐藤", "sato", [now]), engage(), ORG, **how)
    system = AuditedSystem("juki", "住民記録システム", "kumin")
    there = Post("1002", "joho", date(2025, 4, 1))
    who = Appointment(KUMIN_SYSTEM, "1002", "鈴木", "suzuki", [there])
    with pytest.raises(ConflictError, match="開発の担当"):
        rounds.assign("2026", who, engage(KUMIN_SYSTEM, system), ORG, **how)
    made = rounds.assign("2026", Appointment(ZEIMU, "1001", "佐藤", "sato", [now]), engage(ZEIMU), ORG, **how)
    assert made.notes == ()
    assert rounds.plan("2026", LEAD).plan.auditors == ("佐藤",)


def test_an_auditor_sees_what_is_in_their_plan_and_nothing_else(rounds):
    begin(rounds)
    auditor = Viewer("sato", None, assigned=True)
    assert (rounds.plans(auditor), rounds.sheets(auditor)) == ([], [])
    posts = [Post("1001", "joho", date(2025, 4, 1))]
    how = {"actor": "toukatsu", "now": NOW + timedelta(days=1)}
    rounds.assign("2026", Appointment(ZEIMU, "1001", "佐藤", "sato", posts), engage(ZEIMU), ORG, **how)
    assert [one.plan.number for one in rounds.plans(auditor)] == ["2026"]
    assert {str(one.unit) for one in rounds.sheets(auditor)} == {"zeimu"}
    assert {one.department for one in rounds.papers("2026", auditor)} == {"zeimu"}
    rounds.unassign("2026", ZEIMU, "1001", **how)
    with pytest.raises(NotFoundError):
        rounds.plan("2026", auditor)


def test_answers_are_saved_all_or_none(rounds):
    begin(rounds)
    sheet = sheet_of(rounds)
    good, bad = Answer("t1", Verdict.MET, "見た"), Answer("t1", Verdict.NOT_MET, "ない")
    with pytest.raises(NotFoundError):
        rounds.save_many(sheet.number, [(good, 0), (Answer("t5", Verdict.MET), 0)], viewer=CLERK, now=NOW)
    assert not rounds.answers(sheet.number, CLERK)
    with pytest.raises(AnswerChangedError):
        rounds.save_many(sheet.number, [(good, 0), (bad, 0)], viewer=CLERK, now=NOW)
    saved = rounds.save_many(sheet.number, [(good, 0), (bad, 1)], viewer=CLERK, now=NOW)
    assert [one.revision for one in saved] == [1, 2]
    assert rounds.answers(sheet.number, CLERK)["t1"].note == "ない"
    assert [one.item for one in rounds.papers_of(sheet.number, CLERK)] == list(sheet.items)


def test_appointments_are_arranged_moved_and_called_off_after_the_approval(rounds, database):
    begin(rounds)
    how = {"actor": "toukatsu", "now": NOW}
    begins = datetime(2026, 9, 14, 9, 30, tzinfo=JST)
    visit = Visit(KUMIN, begins, begins + timedelta(hours=2), " 会議室A ", ("課長", " "), ("台帳",))
    rounds.plan_visit(
        "2026", replace(visit, unit=ZEIMU, begins=begins - timedelta(days=1), ends=begins - timedelta(hours=23)), **how
    )
    found = rounds.plan_visit("2026", visit, **how)
    assert [one.unit for one in found.visits] == [ZEIMU, KUMIN], "by time"
    assert found.visits[1] == replace(visit, place="会議室A", attendees=("課長",))
    again = rounds.plan_visit("2026", replace(visit, place="会議室B"), **how)
    assert [one.place for one in again.visits] == ["会議室A", "会議室B"], "the same unit at the same time is one"
    assert rounds.drop_visit("2026", ZEIMU, begins - timedelta(days=1), **how).visits == again.visits[1:]
    with pytest.raises(NotFoundError, match="予定はありません"):
        rounds.drop_visit("2026", KUMIN, begins + timedelta(minutes=1), **how)
    told = [one.action for one in SqlTrail(database).entries(target="plan 2026")]
    assert told[:4] == ["visit.dropped", "visit.planned", "visit.planned", "visit.planned"]


@pytest.mark.parametrize(
    ("change", "why"),
    [
        ({"unit": Unit("somu")}, "監査単位にありません"),
        ({"ends": datetime(2026, 9, 14, 9, 30, tzinfo=JST)}, "後の時刻"),
        ({"ends": datetime(2026, 9, 15, 9, 40, tzinfo=JST)}, "同じ日"),
        ({"place": "x" * 201}, "200 字"),
        ({"materials": ("台帳",) * 31}, "30 個"),
    ],
)
def test_an_appointment_that_makes_no_sense_is_refused(rounds, change, why):
    begin(rounds)
    begins = datetime(2026, 9, 14, 9, 30, tzinfo=JST)
    visit = replace(Visit(KUMIN, begins, begins + timedelta(hours=2)), **change)
    with pytest.raises(UsageError, match=why):
        rounds.plan_visit("2026", visit, actor="toukatsu", now=NOW)
    assert rounds.plan("2026", LEAD).visits == ()
