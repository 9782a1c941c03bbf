"""A round with an auditor at work: what the tests of findings, papers and their pages look at."""

from __future__ import annotations

from dataclasses import replace
from datetime import date

from secops.isms.audit.findings_ports import FindingRecord
from secops.isms.audit.independence import Engagement, Organisation, Post
from secops.isms.audit.ports import Appointment, Viewer
from secops.isms.audit.round import Action, ActionState, Finding, FindingKind, Plan, PlanLevel, Unit
from secops.isms.audit.workpaper import Evidence
from secops.store.records.audit_rounds import SqlRounds
from secops.store.records.audit_work import SqlAuditWork
from tests.rounds import HEAD, KUMIN, LEAD, NAMES, NOW

AUDITOR = Viewer("kansa", assigned=True)
SECOND = Viewer("kansa2", assigned=True)
ORG = Organisation(dict.fromkeys(NAMES, "kumin-bu"), NAMES)
FINDING = Finding(
    "",
    FindingKind.MAJOR,
    "情報資産の一部が台帳にない",
    "kumin",
    item="t1",
    clauses=("mic-2025-03-2",),
    fact="電子申請の受付簿が台帳に載っていないことを確認した。",
    criterion="対策基準第12条は、すべての情報資産を台帳に載せると定めている。",
    cause="新しい業務を始めるときの手順がなかった。",
    risk="持ち出しや廃棄の管理から漏れるおそれがある。",
    recommendation="業務を始めるときに台帳へ載せる手順を定められたい。",
    evidence=(Evidence("情報資産管理台帳(令和8年9月10日)"),),
)
MEASURE = Action("台帳への記載を業務開始の手順に入れる", "係長", date(2026, 12, 31))
DONE = replace(
    MEASURE, state=ActionState.DONE, done_on=date(2026, 12, 10), evidence=(Evidence("改めた手順(12月10日決裁)"),)
)


def appoint(rounds: SqlRounds, viewer: Viewer, unit: Unit = KUMIN, of: str = "2026", home: str = "zeimu") -> None:
    """Make somebody of another department an auditor of a unit in the annual plan."""
    period = Engagement(unit.department, (), date(2026, 4, 1), date(2026, 11, 30))
    who = Appointment(unit, viewer.name, viewer.name, viewer.name, [Post(viewer.name, home, date(2020, 4, 1))])
    rounds.assign(of, who, period, ORG, actor=LEAD.name, now=NOW)


def on_order(rounds: SqlRounds, unit: Unit, *logins: str, year: int = 2026) -> str:
    """A 特命監査 of a unit, with these auditors; its number."""
    number = f"{year}-S{len(rounds.plans(LEAD, level=PlanLevel.SPECIAL, year=year)) + 1}"
    plan = Plan(number, PlanLevel.SPECIAL, "特命監査", (year, year), units=(unit,))
    rounds.create_plan(plan, actor=LEAD.name, now=NOW)
    for login in logins:
        appoint(rounds, Viewer(login), unit, of=number)
    return number


def draft(work: SqlAuditWork, finding: Finding = FINDING, viewer: Viewer = AUDITOR) -> FindingRecord:
    """A draft by the auditor."""
    return work.draft_finding(finding, year=2026, plan="2026", department_name="区民課", viewer=viewer, now=NOW)


def issue(work: SqlAuditWork, finding: Finding = FINDING) -> FindingRecord:
    """A finding that was drafted, checked by the department and issued."""
    number = draft(work, finding).finding.number
    work.send_finding(number, viewer=AUDITOR, now=NOW)
    work.reply_finding(number, agreed=True, opinion="", viewer=HEAD, now=NOW)
    return work.issue_finding(number, viewer=LEAD, now=NOW)
