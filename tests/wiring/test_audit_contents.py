"""What stands on the pages and in the files of the audit wing, for each role: contents, and not status codes alone.

Everything that a unit wrote or that was found at it bears a mark. Each person asks for every page and file that there
is, and may have met no mark but those of their own.
"""

from __future__ import annotations

import io
import re
import threading
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, date, datetime
from itertools import product
from pathlib import Path

import pytest
from fastapi import FastAPI
from fastapi.routing import APIRoute
from fastapi.testclient import TestClient

from secops.access.ports import Access, Role, SessionLimits
from secops.isms.audit.evidence_text import sealed
from secops.isms.audit.findings_ports import Confirmation, GapAnswer, Horizontal, HorizontalAnswer
from secops.isms.audit.model import Verdict
from secops.isms.audit.paper_style import PaperKind
from secops.isms.audit.ports import Foot, NewFile, Viewer
from secops.isms.audit.releases import ReleaseRequest
from secops.isms.audit.round import EvidenceSheet, Unit
from secops.isms.audit.sheets import Answer, SheetKind
from secops.isms.audit.workpaper import Evidence
from secops.store.records.accounts import SqlAccounts
from secops.web.app import create_app
from secops.web.serve import services
from secops.wiring.papers import papers_of
from secops.wiring.site import Site, create_site, open_site
from tests.audit_work import FINDING, SECOND, appoint
from tests.rounds import KUMIN, KUMIN_SYSTEM, LEAD, NOW, ZEIMU, begin, sheet_of
from tests.web.stage import PASSWORD, QUICK

UNITS = {"kumin": KUMIN, "juki": KUMIN_SYSTEM, "zeimu": ZEIMU}
HEADS = {"kumin": "区民課", "juki": "区民課", "zeimu": "税務課"}
PLACES = ("note", "paper", "evidence", "file")
MARK = re.compile(r"zz-(\w+?)-(\w+?)-zz")
ALL = frozenset(product(UNITS, PLACES))
FOUND = frozenset(product(("kumin", "zeimu"), ("finding",)))
LATER = datetime(2026, 11, 20, 3, 0, tzinfo=UTC)


def mark(unit: str, place: str) -> str:
    return f"zz-{unit}-{place}-zz"


def of(*units: str) -> frozenset[tuple[str, str]]:
    return frozenset(one for one in ALL | FOUND if one[0] in units)


def inspect(site: Site, name: str, unit: Unit) -> None:
    """Answers, workpapers that a second auditor agreed with, a file, an evidence sheet."""
    rounds, work = site.desk.rounds, site.desk.audit_work
    kind = SheetKind.SYSTEM if unit.system else SheetKind.DEPARTMENT
    sheet, own = sheet_of(rounds, unit, kind), Viewer("tanto", frozenset({HEADS[name]}))
    for item in sheet.items:
        rounds.save(sheet.number, Answer(item, Verdict.MET, mark(name, "note")), revision=0, viewer=own, now=NOW)
    file = NewFile(f"{mark(name, 'file')}.txt", "text/plain", 1, "0" * 64)
    rounds.add_file(sheet.number, sheet.items[0], file, viewer=own, now=NOW)
    foot = Foot(mark(name, "note"), "")
    rounds.save_foot(sheet.number, foot, revision=rounds.sheet(sheet.number, own).revision, viewer=own, now=NOW)
    rounds.finish(sheet.number, viewer=own, now=NOW)
    rounds.confirm(sheet.number, revision=rounds.sheet(sheet.number, own).revision, viewer=own, now=NOW)
    for item in sheet.items:
        seen = (Evidence(mark(name, "paper")),)
        made = Confirmation(item, Verdict.MET, f"{mark(name, 'paper')}を確認した。", evidence=seen)
        kept = work.confirm_paper(sheet.number, made, revision=0, viewer=LEAD, now=NOW)
        work.review_paper(sheet.number, item, revision=kept.revision, viewer=replace(SECOND, assigned=False), now=NOW)
    rows = ({"user.name": mark(name, "evidence")},)
    told = EvidenceSheet(
        "failed_logons", "認証の失敗", unit, (NOW, NOW), LATER, "x", {mark(name, "evidence"): 3}, rows, notes=("x",)
    )  # fmt: skip
    told = replace(told, department=HEADS[name], system="住民記録システム" if unit.system else "")
    site.desk.evidence.keep(sealed(told), round_="2026", actor="kansa", now=LATER)


def find(site: Site, name: str) -> str:
    """A finding that was issued."""
    work, head = site.desk.audit_work, Viewer("kacho", frozenset({HEADS[name]}))
    made = replace(FINDING, department=name, title=f"{mark(name, 'finding')}がない")
    drafted = work.draft_finding(made, year=2026, plan="2026", department_name=HEADS[name], viewer=LEAD, now=NOW)
    number: str = drafted.finding.number
    work.send_finding(number, viewer=LEAD, now=NOW)
    work.reply_finding(number, agreed=True, opinion="", viewer=head, now=NOW)
    work.issue_finding(number, viewer=LEAD, now=NOW)
    return number


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    folder: Path = tmp_path_factory.mktemp("contents") / "site"
    create_site(folder, site_id="sumida", name="〇〇区")
    with open_site(folder) as opened:
        begin(opened.desk.rounds, audited=(KUMIN, KUMIN_SYSTEM, ZEIMU))
        for name, unit in UNITS.items():
            appoint(opened.desk.rounds, Viewer(f"kansa-{name}"), unit, home="joho")
            inspect(opened, name, unit)
        numbers = [find(opened, name) for name in ("kumin", "zeimu")]
        work = opened.desk.audit_work
        asked = Horizontal(
            numbers[0], "", "同じことはないか。", "CISO", NOW.date(), date(2027, 1, 31),
            (HorizontalAnswer("zeimu", "税務課"),),
        )  # fmt: skip
        work.order_horizontal(asked, actor="lead", now=NOW)
        answer = HorizontalAnswer("zeimu", "税務課", GapAnswer.HAS, mark("zeimu", "note"), date(2027, 1, 31))
        work.answer_horizontal(numbers[0], answer, viewer=Viewer("kacho", frozenset({"税務課"})), now=NOW)
        for department in ("", "kumin", "zeimu"):
            papers_of(opened).release(ReleaseRequest(PaperKind.WORKPAPER, department=department), actor="lead")
        yield opened


PEOPLE: dict[str, tuple[Role, Access]] = {
    "lead": (Role.AUDIT_LEAD, Access()),
    "kansa-kumin": (Role.AUDITOR, Access()),
    "kansa-juki": (Role.AUDITOR, Access()),
    "kansa-zeimu": (Role.AUDITOR, Access()),
    "kansa-lgwan": (Role.AUDITOR, Access(zones=frozenset({"lgwan"}))),
    "stranger": (Role.AUDITOR, Access()),
    "kumin-kacho": (Role.SECURITY_MANAGER, Access(departments=frozenset({"区民課"}))),
    "kumin-tanto": (Role.STAFF, Access(departments=frozenset({"区民課"}))),
    "zeimu-kacho": (Role.SECURITY_MANAGER, Access(departments=frozenset({"税務課"}))),
    "nowhere-kacho": (Role.SECURITY_MANAGER, Access()),
    "nowhere-tanto": (Role.STAFF, Access()),
    "viewer": (Role.VIEWER, Access()),
    "owner": (Role.POLICY_OWNER, Access()),
    "csirt": (Role.CSIRT, Access()),
    "admin": (Role.ADMIN, Access()),
}
SIGHT: dict[str, frozenset[tuple[str, str]]] = {
    "lead": ALL | FOUND,
    "kansa-kumin": of("kumin"),
    "kansa-juki": of("juki"),
    "kansa-zeimu": of("zeimu"),
    "stranger": frozenset(),
    "kumin-kacho": frozenset(one for one in of("kumin", "juki") if one[1] in {"note", "file", "finding"}),
    "kumin-tanto": frozenset(one for one in of("kumin", "juki") if one[1] in {"note", "file", "finding"}),
    "zeimu-kacho": frozenset(one for one in of("zeimu") if one[1] in {"note", "file", "finding"}),
    "nowhere-kacho": frozenset(),
    "nowhere-tanto": frozenset(),
    "viewer": frozenset(),
    "owner": frozenset(),
    "csirt": frozenset((name, "evidence") for name in UNITS),  # CSIRT sees telemetry
    "admin": frozenset(),
}


@pytest.fixture(scope="module")
def app(site: Site) -> FastAPI:
    accounts = SqlAccounts(site.desk.database, SessionLimits(), QUICK)
    for name, (role, access) in PEOPLE.items():
        accounts.add(name, PASSWORD, role=role, access=access, actor="test", now=LATER)
    made = replace(services(site, threading.Event()), accounts=accounts, now=lambda: LATER)
    return create_app(made)


def paths(app: FastAPI) -> list[str]:
    """Every page and file of the audit wing that can be asked for."""
    found: set[str] = set()

    def walk(some) -> None:
        for route in some:
            if isinstance(route, APIRoute) and "GET" in (route.methods or ()):
                found.add(route.path)
            elif hasattr(route, "original_router"):
                walk(route.original_router.routes)

    walk(app.routes)
    return sorted(one for one in found if one.startswith(("/audit", "/findings", "/horizontal", "/inspection")))


def urls(app: FastAPI, site: Site) -> list[str]:
    """The same with every sheet, item, finding, file and release that there is."""
    rounds, everything = site.desk.rounds, Viewer("all")
    sheets = rounds.sheets(everything)
    values = {
        "number": [str(one.number) for one in sheets],
        "sheet": [str(one.number) for one in sheets],
        "item": sorted({item for one in sheets for item in one.items}),
        "item_id": ["a1.1-01"],
        "plan": ["2026"],
        "finding": [one.finding.number for one in site.desk.audit_work.findings(everything)],
        "sheet_number": ["1", "2", "3"],
        "file": [str(file.number) for one in sheets for file in rounds.files(one.number, everything)],
        "code": ["none"],
    }
    made: list[str] = []
    for path in paths(app):
        names = re.findall(r"\{(\w+)\}", path)
        if "release_number" in names:
            for release in papers_of(site).releases():
                made += [f"/audit/reports/{release.number}/{one.name}" for one in release.files]
            continue
        made += [
            path.format(**dict(zip(names, chosen, strict=True)))
            for chosen in product(*(values[name] for name in names))
        ]
    kinds = [kind.value for kind in PaperKind]
    made += [
        f"/audit/reports/draft?kind={kind}&department={department}&format={suffix}"
        for kind, department, suffix in product(kinds, ("", "kumin", "zeimu"), ("docx", "xlsx"))
        if suffix == "docx" or kind == "report"
    ]
    made += [f"/audit/evidence/{number}/file?format=html" for number in (1, 2, 3)]
    made += [
        "/audit/heatmap?view=years",
        "/audit/heatmap?view=declared",
        "/findings?q=zz",
        "/audit/evidence?department=zeimu",
    ]
    return made


def words(data: bytes) -> str:
    """What stands in a page or a file."""
    if not data.startswith(b"PK"):
        return data.decode("utf-8", "replace")
    with zipfile.ZipFile(io.BytesIO(data)) as package:
        return "\n".join(
            package.read(name).decode("utf-8", "replace") for name in package.namelist() if name.endswith("xml")
        )


@contextmanager
def visitor(app: FastAPI, site: Site, who: str) -> Iterator[TestClient]:
    """A browser in which somebody is logged in."""
    accounts = SqlAccounts(site.desk.database, SessionLimits(), QUICK)
    with TestClient(app, base_url="http://127.0.0.1", follow_redirects=False, raise_server_exceptions=False) as client:
        token, _session = accounts.login(who, PASSWORD, peer="test", now=LATER, demo_allowed=True)
        client.cookies.set("secops", token)
        yield client


def met(app: FastAPI, site: Site, who: str) -> dict[tuple[str, str], str]:
    """Every mark that somebody meets, and where they met it first."""
    found: dict[tuple[str, str], str] = {}
    with visitor(app, site, who) as client:
        for url in urls(app, site):
            answer = client.get(url)
            assert answer.status_code < 500, url
            if answer.status_code < 400:
                for unit, place in MARK.findall(words(answer.content)):
                    found.setdefault((unit, place), url)
    return found


@pytest.mark.parametrize("who", SIGHT)
def test_nobody_meets_what_is_not_theirs_and_everybody_what_is(app, site, who):
    found = met(app, site, who)
    strange = {one: url for one, url in found.items() if one not in SIGHT[who]}
    assert not strange
    assert not SIGHT[who] - set(found)


def test_a_released_report_is_for_its_department_and_for_who_reads_all(app, site):
    made = papers_of(site).release(ReleaseRequest(PaperKind.REPORT, department="kumin"), actor="lead")
    (url,) = (f"/audit/reports/{made.number}/{one.name}" for one in made.files if one.name.endswith("docx"))
    for who in PEOPLE:
        with visitor(app, site, who) as client:
            answer = client.get(url)
            sees = who not in {"zeimu-kacho", "nowhere-kacho", "nowhere-tanto"}
            assert (answer.status_code == 200) is sees, who
            assert (("kumin", "finding") in MARK.findall(words(answer.content))) is sees, who
