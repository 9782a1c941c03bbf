"""What the simulated ward audited: two years that are over, and a round that is under way.

All words and verdicts follow from year, unit and item, so the same ward has the same past. Days that are still to come
are not written: a ward that is made in May has only begun.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta

from secops.demo.findings import add_findings
from secops.demo.world import DEPARTMENTS, DIVISIONS, SECTIONS
from secops.isms.audit.findings_ports import AuditWorkDesk, Confirmation, Step
from secops.isms.audit.independence import AuditedSystem, Engagement, Organisation, Post
from secops.isms.audit.model import Catalogue, Item, Method, Verdict
from secops.isms.audit.ports import Appointment, Foot, Opening, RoundDesk, Viewer
from secops.isms.audit.round import Conduct, Phase, Plan, PlanLevel, Unit
from secops.isms.audit.sampling import draw
from secops.isms.audit.sheets import Answer, Sheet, SheetKind, cleaned
from secops.isms.audit.workpaper import Evidence
from secops.schema.dates import JST, fiscal_year

OFFICE = "121"  # 情報政策課: runs policy and systems, so others audit it
SYSTEMS = (
    ("211", "JUMIN", "住民記録システム"),
    ("212", "ZEI", "税務システム"),
    ("221", "FUKUSHI", "福祉総合システム"),
    ("223", "HOIKU", "保育園入園選考システム"),
    ("111", "BUNSHO", "文書管理システム"),
    ("122", "YOYAKU", "施設予約システム"),
)
UNITS = (*(Unit(code) for code, *_rest in DEPARTMENTS), *(Unit(code, system) for code, system, _name in SYSTEMS))
LEAD, AUDITOR = Viewer("tokatsu"), Viewer("kansa")
COMMITTEE = "情報セキュリティ委員会"
# Who was looked at by auditors: years before this one → departments.
AUDITED = {2: ("211", "112"), 1: ("221", "223", "111"), 0: ("221", "213", "222")}
LATE = ("113", "122", "131")  # what they have still to do in the year that is under way

_NOTES = {
    Verdict.MET: "{evidence}で確認した。",
    Verdict.PARTIAL: "{evidence}はあるが、一部の係で更新されていない。",
    Verdict.NOT_MET: "{evidence}がない。",
    Verdict.NOT_APPLICABLE: "この業務を行っていない。",
}
_REASONS = ("人事異動の引継ぎで漏れた。", "手順が文書になっていない。", "担当が一人で、点検の時間が取れなかった。")
_PLANS = ("手順書を改め、係会議で周知する。", "点検日を決め、記録を残す。", "情報政策課に相談し、様式を整える。")


@dataclass(frozen=True, slots=True)
class Audits:
    """What the years are written into; ``opening`` freezes today's catalogue for a plan."""

    rounds: RoundDesk
    work: AuditWorkDesk
    opening: Callable[[Plan], Opening]
    now: datetime


def add_audits(audits: Audits) -> None:
    """Fill in the years, if there are none yet."""
    if audits.rounds.rounds():
        return
    today = audits.now.astimezone(JST).date()
    this = fiscal_year(today)
    _programme(audits, this)
    for back in (2, 1, 0):
        year = this - back
        sheets = _open(audits, year, back)
        for sheet in sheets:
            _inspect(audits, sheet, year, back)
        _fieldwork(audits, sheets, year, back)
        add_findings(audits.work, year, back, audits.now)


def at(audits: Audits, year: int, month: int, day: int, hour: int = 10) -> datetime:
    """A moment of a fiscal year, not later than now."""
    moment = datetime(year if month >= 4 else year + 1, month, day, hour, 20, tzinfo=JST)
    return min(moment, audits.now - timedelta(minutes=5))


def _programme(audits: Audits, this: int) -> None:
    first = this - 2
    when = at(audits, first, 4, 14)
    plan = Plan(
        "",
        PlanLevel.PROGRAMME,
        "情報セキュリティ監査 中期計画",
        (first, this),
        purpose="三年で全ての部を一巡し、各課が自ら点検する力を付ける。",
        theme="自己点検の定着と、特定個人情報を扱う課の確認",
    )
    made = audits.rounds.create_plan(plan, actor=LEAD.name, now=when)
    audits.rounds.approve(made.plan.number, by=COMMITTEE, on=when.date(), actor=LEAD.name, now=when)


def _open(audits: Audits, year: int, back: int) -> list[Sheet]:
    when = at(audits, year, 4, 20)
    this = fiscal_year(audits.now.astimezone(JST).date())
    looked = tuple(unit for unit in UNITS if unit.department in AUDITED[back])
    plan = Plan(
        str(year),
        PlanLevel.ANNUAL,
        "情報セキュリティ監査 年度計画",
        (year, year),
        conduct=Conduct.INTERNAL,
        stage=1,
        purpose="対策基準が守られているかを確かめ、改善につなげる。",
        theme="利用者IDの管理と、外部記録媒体の取扱い",
        units=UNITS,
        phases=(Phase.SELF_INSPECTION, Phase.DOCUMENTS, Phase.ON_SITE),
        begins=date(year, 8, 3),
        ends=date(year, 11, 30),
        period=(date(year, 4, 1), date(year + 1, 3, 31)),
        above=f"{this - 2}-{this}",
        audited=looked,
        office=OFFICE,
        due=date(year, 7, 31),
    )
    rounds = audits.rounds
    rounds.create_plan(plan, actor=LEAD.name, now=when)
    rounds.approve(plan.number, by=COMMITTEE, on=when.date(), actor=LEAD.name, now=when, opening=audits.opening(plan))
    for unit in looked:
        _appoint(audits, plan, unit, when)
    return list(rounds.sheets(LEAD, of=plan.number))


def _appoint(audits: Audits, plan: Plan, unit: Unit, when: datetime) -> None:
    """The auditor comes from 財政課, which owns none of what is audited."""
    names = {**SECTIONS, **{code: name for code, name, _kana in DIVISIONS}}
    org = Organisation({code: above for code, _name, _kana, above, *_rest in DEPARTMENTS}, names)
    systems = tuple(AuditedSystem(code, name, owner) for owner, code, name in SYSTEMS if code == unit.system)
    engagement = Engagement(unit.department, systems, date(plan.years[0], 4, 1), date(plan.years[0] + 1, 3, 31))
    person = Appointment(unit, "900113", "内部監査員", AUDITOR.name, [Post("900113", "113", date(2015, 4, 1))])
    audits.rounds.assign(plan.number, person, engagement, org, actor=LEAD.name, now=when)


def _inspect(audits: Audits, sheet: Sheet, year: int, back: int) -> None:
    """The answers of one sheet, and how far its department has come."""
    if sheet.kind is SheetKind.STAFF:
        return
    late = back == 0 and sheet.unit.department in LATE
    if late and sheet.unit.department == LATE[2]:
        return
    catalogue = audits.rounds.round(sheet.round).catalogue
    items = sheet.items[: len(sheet.items) // 2] if late and sheet.unit.department == LATE[1] else sheet.items
    name = sheet.unit.department
    clerk, head = Viewer(f"tanto-{name}"), Viewer(f"kacho-{name}")
    when = at(audits, year, 6, 8 + _dice(year, name, "day") % 18)
    answers = [(_answer(catalogue.by_id[item], sheet, year, back), 0) for item in items]
    audits.rounds.save_many(sheet.number, answers, viewer=clerk, now=when)
    if len(items) < len(sheet.items):
        return
    said = Foot("全体として手順は定着している。記録の更新に漏れがあった。", "")
    kept = audits.rounds.save_foot(sheet.number, said, revision=sheet.revision, viewer=clerk, now=when)
    done = audits.rounds.finish(kept.number, viewer=clerk, now=when + timedelta(minutes=3))
    if not late:
        later = min(when + timedelta(days=5), audits.now - timedelta(minutes=3))
        audits.rounds.confirm(done.number, revision=done.revision, viewer=head, now=later)


def _answer(item: Item, sheet: Sheet, year: int, back: int) -> Answer:
    verdict = declared(item.id, sheet.unit, year, back)
    roll = _dice(year, str(sheet.unit), item.id, "words")
    note = _NOTES[verdict].format(evidence=item.evidence[0])
    if verdict in {Verdict.MET, Verdict.NOT_APPLICABLE}:
        return Answer(item.id, verdict, note)
    due = date(year, 9 + roll % 4, 30)
    return Answer(item.id, verdict, note, _REASONS[roll % 3], _PLANS[roll // 3 % 3], due)


def declared(item: str, unit: Unit, year: int, back: int) -> Verdict:
    """What a unit says of itself: a little better every year."""
    roll = _dice(year // 2, str(unit), item) % 100
    met = 74 + 5 * (2 - back) + _dice(str(unit)) % 9
    if roll < met:
        return Verdict.MET
    if roll < met + (100 - met) * 6 // 10:
        return Verdict.PARTIAL
    return Verdict.NOT_MET if roll < met + (100 - met) * 8 // 10 else Verdict.NOT_APPLICABLE


def _fieldwork(audits: Audits, sheets: list[Sheet], year: int, back: int) -> None:
    """Confirmed values of the audited units; of the year that is under way two thirds."""
    catalogue = audits.rounds.round(str(year)).catalogue
    looked = [one for one in sheets if one.unit.department in AUDITED[back] and one.kind is not SheetKind.STAFF]
    for place, sheet in enumerate(looked):
        day = at(audits, year, 9, 3 + place * 4)
        items = sheet.items if back else sheet.items[: len(sheet.items) * 2 // 3]
        for step, days in ((Step.NOTICE, -40), (Step.PREPARATION, -10), (Step.INTERVIEW, 0), (Step.INSPECTION, 1)):
            on = min(day + timedelta(days=days), audits.now)
            note = "課長、係長。執務室。" if step in {Step.INTERVIEW, Step.INSPECTION} else ""
            audits.work.take_step(sheet.number, step, on=on.astimezone(JST).date(), note=note, viewer=AUDITOR, now=on)
        for item, made in _confirmations(catalogue, sheet, items, year, back):
            audits.work.confirm_paper(sheet.number, made, revision=0, viewer=AUDITOR, now=day)
            if back or _dice(year, item) % 2:
                audits.work.review_paper(sheet.number, item, revision=1, viewer=LEAD, now=day)


def _confirmations(
    catalogue: Catalogue, sheet: Sheet, items: tuple[str, ...], year: int, back: int
) -> Iterator[tuple[str, Confirmation]]:
    for number, name in enumerate(items):
        item = catalogue.by_id[name]
        said = declared(name, sheet.unit, year, back)
        roll = _dice(year, str(sheet.unit), name, "auditor") % 100
        found = Verdict.PARTIAL if said is Verdict.MET and roll < 8 else said
        done: Mapping[Method, str] = {next(iter(item.check)): f"{item.evidence[0]}を見た。"}
        sample = (
            draw([f"{item.evidence[0]} {n}" for n in range(1, 41)], 5, f"{year}-{name}") if number % 12 == 0 else None
        )
        result = {
            Verdict.MET: f"{item.evidence[0]}で、定めのとおり行われていることを確認した。",
            Verdict.PARTIAL: f"{item.evidence[0]}の一部に、記録のない月があることを確認した。",
            Verdict.NOT_MET: f"{item.evidence[0]}が作られていないことを確認した。",
            Verdict.NOT_APPLICABLE: "対象となる業務がないことを、事務分掌で確認した。",
        }[found]
        evidence = (Evidence(f"{item.evidence[0]}(写し)", f"監査調書綴 {year}-{sheet.number}"),)
        yield (
            name,
            replace(
                Confirmation(name, found), result=cleaned(result), procedure=done, sample=sample, evidence=evidence
            ),
        )


def _dice(*parts: object) -> int:
    text = "/".join(map(str, parts))
    return int.from_bytes(hashlib.sha256(text.encode()).digest()[:4], "big")
