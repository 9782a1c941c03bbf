"""Joins the inventory of a site with its audit plans: units, names, posts of today, and what the ranking is made of."""

from __future__ import annotations

import csv
import io
from collections import Counter
from collections.abc import Iterable, Mapping
from datetime import date, datetime, time
from pathlib import Path

from secops.errors import AuditError, NotFoundError, Problem, UsageError
from secops.isms.audit.independence import AuditedSystem, Engagement, Organisation, Post, SystemDuty
from secops.isms.audit.model import Grade
from secops.isms.audit.ports import Appointment, Opening, PlanRecord, Viewer
from secops.isms.audit.priority import PersonalData, Ranked, UnitRecord, rank
from secops.isms.audit.round import FindingKind, FindingState, Plan, PlanLevel, Unit
from secops.isms.audit.scoring import Judgement, score_round
from secops.isms.audit.sheets import Place
from secops.locale import _
from secops.org.model import Department, Directory, Person
from secops.schema.dates import JST
from secops.schema.text import fold
from secops.wiring.audits import open_catalogue, open_risk, open_rules, read_csv
from secops.wiring.site import Site

EVERYTHING = Viewer("cli")
_YEARS_BACK = 3  # alerts of a unit that was never audited are counted over so many fiscal years


def organisation(directory: Directory) -> Organisation:
    """Parents and names of all departments."""
    known = directory.departments
    return Organisation({one.code: one.parent for one in known}, {one.code: one.name for one in known})


def department_of(directory: Directory, text: str) -> str:
    """The code of a department given by code or name.

    Raises:
        NotFoundError: no such department, or several of that name.
    """
    if text in directory.department_by_code:
        return text
    found = [one.code for one in directory.departments if fold(one.name) == fold(text.strip())]
    if len(found) != 1:
        what = _(
            "部署「{text}」は台帳(inventory/departments.csv)にないか、同じ名前が複数あります。コードで指定してください。"
        )
        raise NotFoundError(what.format(text=text))
    return found[0]


def unit_of(directory: Directory, text: str) -> Unit:
    """A unit as people type it: ``kumin``, ``区民課``, ``kumin/juki``.

    Raises:
        NotFoundError: no such department or system.
    """
    department, _stroke, system = text.partition("/")
    code = department_of(directory, department.strip())
    if not system:
        return Unit(code)
    found = [one for one in directory.systems if system.strip() in {one.code, one.name}]
    if not found:
        what = _("情報システム「{text}」は台帳(inventory/systems.csv)にありません。")
        raise NotFoundError(what.format(text=system))
    return Unit(code, found[0].code)


def all_units(directory: Directory) -> list[Unit]:
    """Every 課 with its systems that are not given up; without levels: every department that has none below."""
    above = {one.parent for one in directory.departments}
    sections = [one for one in directory.departments if one.level == "ka"]
    sections = sections or [one for one in directory.departments if one.code not in above]
    systems: dict[str, list[str]] = {}
    for system in directory.systems:
        if system.state == "retired":
            continue
        systems.setdefault(system.department, []).append(system.code)
    listed = [Unit(one.code, code) for one in sections for code in ("", *systems.get(one.code, ()))]
    apart = [Unit(owner, code) for owner, codes in systems.items() for code in codes]
    return list(dict.fromkeys([*listed, *(one for one in apart if one.department)]))


def place_of(directory: Directory, unit: Unit) -> Place:
    """A unit with its names of today."""
    division = _division(directory, unit.department)
    system = next((one.name for one in directory.systems if one.code == unit.system), unit.system)
    return Place(
        unit,
        directory.department_name(unit.department),
        system if unit.system else "",
        division.code if division else "",
        division.name if division else "",
    )


def _division(directory: Directory, code: str) -> Department | None:
    known, seen = directory.department_by_code, set[str]()
    while code in known and known[code].level != "bu" and code not in seen:
        seen.add(code)
        code = known[code].parent
    return known.get(code) if code in known and known[code].level == "bu" else None


def opening_of(site: Site, plan: Plan) -> Opening:
    """What a round of this plan is opened with: today's catalogue and names."""
    units = [*plan.units, *([Unit(plan.office)] if plan.office else [])]
    return Opening(open_catalogue(site.folder), {unit: place_of(site.directory, unit) for unit in units})


def appointment_of(directory: Directory, unit: Unit, person: str, login: str, today: date) -> Appointment:
    """Somebody of the staff by number or name; the inventory tells their posts of today, 兼務 too.

    Raises:
        NotFoundError: no such person, or several of that name.
    """
    found = _person(directory, person)
    posts = [Post(found.number, code, today, None, at > 0) for at, code in enumerate(found.departments)]
    return Appointment(unit, found.number, found.name, login, posts)


def _person(directory: Directory, text: str) -> Person:
    if text in directory.person_by_number:
        return directory.person_by_number[text]
    found = [one for one in directory.staff if fold(one.name) == fold(text)]
    if len(found) != 1:
        what = _(
            "職員「{text}」は台帳(inventory/staff.csv)にないか、同じ名前が複数います。職員番号で指定してください。"
        )
        raise NotFoundError(what.format(text=text))
    return found[0]


def engagement_of(directory: Directory, plan: Plan, unit: Unit) -> Engagement:
    """From the first day of the audited period to the last of the fieldwork; by default the whole 年度."""
    begins = plan.period[0] if plan.period else plan.begins or date(plan.years[0], 4, 1)
    last = filter(None, (plan.ends, plan.period[1] if plan.period else None))
    ends = max(last, default=date(plan.years[1] + 1, 3, 31))
    systems = [one for one in directory.systems if unit.system and one.code == unit.system]
    audited = tuple(AuditedSystem(one.code, one.name, one.department) for one in systems)
    return Engagement(unit.department, audited, begins, ends)


def appoint(
    site: Site, plan: Plan, unit: Unit, person: str, login: str
) -> tuple[Appointment, Engagement, Organisation]:
    """What it takes to judge whether somebody is independent of a unit of a plan.

    Raises:
        NotFoundError: no such person, or several of that name.
    """
    directory = site.directory
    who = appointment_of(directory, unit, person, login, site.now().astimezone(JST).date())
    return who, engagement_of(directory, plan, unit), organisation(directory)


def ranked(site: Site, year: int) -> list[Ranked]:
    """All units by risk, with the reasons; what nobody recorded is said to be unknown."""
    last = _last_audited(site.desk.rounds.plans(EVERYTHING), year)
    grades, findings = _last_grades(site, year), _open_findings(site)
    counts: dict[int, Mapping[str, tuple[int, int]]] = {}
    records = []
    for unit in all_units(site.directory):
        since = last.get(unit, year - _YEARS_BACK)
        if since not in counts:
            counts[since] = site.desk.rounds.alert_counts(_begin(since))
        # Alerts bear a department; which system they are of is not told.
        name = site.directory.department_name(unit.department)
        incidents, alerts = counts[since].get(name, (0, 0)) if not unit.system else (None, None)
        looked = unit in last or unit in findings
        records.append(
            UnitRecord(
                unit.department,
                unit.system,
                last_grade=grades.get(unit),
                last_audited=last.get(unit),
                majors=findings.get(unit, Counter())[FindingKind.MAJOR] if looked else None,
                minors=findings.get(unit, Counter())[FindingKind.MINOR] if looked else None,
                incidents=incidents,
                alerts=alerts,
                personal_data=_personal_data(site.directory, unit),
            )
        )
    return rank(records, open_risk(site.folder), year)


def _open_findings(site: Site) -> dict[Unit, Counter[FindingKind]]:
    """Unit → its findings that are not put right yet, by kind."""
    found: dict[Unit, Counter[FindingKind]] = {}
    for one in site.desk.audit_work.findings(EVERYTHING):
        if one.finding.state is FindingState.OPEN:
            unit = Unit(one.finding.department, one.finding.system)
            found.setdefault(unit, Counter())[one.finding.kind] += 1
    return found


def _last_grades(site: Site, year: int) -> dict[Unit, Grade]:
    """The last grade of each unit, of what auditors confirmed in the rounds before."""
    rules = open_rules(site.folder)
    found: dict[Unit, Grade] = {}
    for one in site.desk.rounds.rounds():  # the newest first
        if one.year >= year:
            continue
        papers = site.desk.audit_work.round_papers(one.number, EVERYTHING)
        # A unit stands in the place of a department: a system has a grade of its own.
        values = [Judgement(p.item, f"{p.department}/{p.system}", p.confirmed) for p in papers]
        for key, score in score_round(values, (), one.catalogue, rules, {}).departments.items():
            department, _stroke, system = key.partition("/")
            if score.grade is not None:
                found.setdefault(Unit(department, system), score.grade)
    return found


def propose(site: Site, record: PlanRecord, unit: Unit, note: str) -> str:
    """What the ranking says of a unit that somebody wants to audit: ``3位 27点``.

    Raises:
        UsageError: units before it are left out, and no note says why.
    """
    listed = [
        one
        for one in ranked(site, record.plan.years[0])
        if Unit(one.unit.department, one.unit.system) in record.plan.units
    ]
    order = [Unit(one.unit.department, one.unit.system) for one in listed]
    if unit not in order:
        return ""
    place = order.index(unit)
    passed = [one for one in order[:place] if one not in record.plan.audited]
    if passed and not note.strip():
        what = _("提案では {unit} は {place} 位で、上位の {passed} を飛ばします。理由を書いてください。")
        raise UsageError(what.format(unit=unit, place=place + 1, passed="、".join(map(str, passed[:5]))))
    return _("{place}位 {points}点").format(place=place + 1, points=listed[place].points)


def _begin(year: int) -> datetime:
    return datetime.combine(date(year, 4, 1), time(), JST)


def _last_audited(plans: Iterable[PlanRecord], year: int) -> dict[Unit, int]:
    """The last 年度 before this one in which an approved plan had an auditor look at a unit."""
    found: dict[Unit, int] = {}
    for one in plans:
        plan = one.plan
        audits = plan.level in {PlanLevel.ENGAGEMENT, PlanLevel.SPECIAL}
        for unit in plan.units if audits and one.approved and plan.years[0] < year else ():
            found[unit] = max(plan.years[0], found.get(unit, 0))
    return found


def _personal_data(directory: Directory, unit: Unit) -> PersonalData | None:
    """The gravest kind by the register of systems; a system in the zone of マイナンバー handles 特定個人情報."""
    own = [one for one in directory.systems if one.department == unit.department]
    mine = [one for one in own if one.code == unit.system] if unit.system else own
    said = {PersonalData(one.personal_data) for one in mine if one.personal_data}
    said |= {PersonalData.SPECIFIC for one in mine if one.zone == "mynumber"}
    return max(said, key=list(PersonalData).index, default=None)


_PERSON, _DEPARTMENT, _SYSTEM = (
    ("職員番号", "person"),
    ("部署コード", "部署", "department"),
    ("システムコード", "system"),
)
_BEGINS, _ENDS = ("始期", "開始日", "begins"), ("終期", "終了日", "ends")
_CONCURRENT, _DUTY = ("兼務", "concurrent"), ("担当", "duty")


def read_posts(directory: Directory, path: Path) -> tuple[list[Post], list[SystemDuty]]:
    """Earlier posts and duties from a CSV: 職員番号, 部署コード or システムコード, 始期, 終期, 兼務, 担当.

    Raises:
        AuditError: with every wrong row.
    """
    name, text = read_csv(path)
    posts: list[Post] = []
    duties: list[SystemDuty] = []
    wrong: list[Problem] = []
    for number, row in enumerate(csv.DictReader(io.StringIO(text.removeprefix("\ufeff"))), 2):
        cells = {key.strip(): (value or "").strip() for key, value in row.items() if isinstance(key, str)}
        try:
            begins, ends = _day(cells, _BEGINS), _day(cells, _ENDS)
            if begins is None or not _cell(cells, _PERSON):
                wrong.append(Problem(f"{name}:{number}", _("職員番号と始期が必要です。")))
            elif system := _cell(cells, _SYSTEM):
                duties.append(SystemDuty(_cell(cells, _PERSON), system, _cell(cells, _DUTY) or _("担当"), begins, ends))
            else:
                code = department_of(directory, _cell(cells, _DEPARTMENT))
                posts.append(Post(_cell(cells, _PERSON), code, begins, ends, bool(_cell(cells, _CONCURRENT))))
        except (ValueError, NotFoundError) as error:
            wrong.append(Problem(f"{name}:{number}", str(error)))
    if wrong:
        raise AuditError(wrong)
    return posts, duties


def _cell(cells: Mapping[str, str], names: Iterable[str]) -> str:
    return next((cells[name] for name in names if cells.get(name)), "")


def _day(cells: Mapping[str, str], names: Iterable[str]) -> date | None:
    text = _cell(cells, names).replace("/", "-")
    if not text:
        return None
    try:
        year, month, day = map(int, text.split("-"))
        return date(year, month, day)
    except ValueError:
        what = _("「{text}」は日付として読めません(例: 2026-04-01)。")
        raise ValueError(what.format(text=text)) from None
