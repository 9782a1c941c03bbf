"""Evidence from logs and alerts: made for a department and a period, listed, looked at, compared, taken along."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date, datetime, time, timedelta
from typing import Annotated
from urllib.parse import urlencode

from fastapi import APIRouter, Depends, Form, Request
from starlette.responses import RedirectResponse, Response

from secops.access.ports import AuditEntry, Right, Session
from secops.errors import DeniedError, NotFoundError, SecopsError, UsageError
from secops.isms.audit.plans import reach_of
from secops.isms.audit.ports import Reach
from secops.isms.audit.round import EvidenceSheet
from secops.locale import _
from secops.query.parse import MAX_LENGTH
from secops.report.evidence import as_html, as_xlsx, figure_words, query_words
from secops.schema.dates import JST, fiscal_year
from secops.store.records.evidence import Kept, SheetFilter
from secops.web.isms.viewing import viewer_of
from secops.web.pages import page
from secops.web.problems import status_of
from secops.web.session import changes, reads, scope_of, services
from secops.web.siem import spans
from secops.wiring.evidence import Period, Verified
from secops.wiring.evidence_site import chosen

router = APIRouter()
PAGE_SIZE = 50
DAYS = 90
FILES: Mapping[str, str] = {
    "xlsx": "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
    "html": "text/html; charset=utf-8",
}
Reader = Annotated[Session, Depends(reads(Right.SEE_EVIDENCE))]
Maker = Annotated[Session, Depends(changes(Right.SEE_EVIDENCE))]


def _list(
    request: Request, session: Session, *, problem: SecopsError | None = None, draft: Mapping[str, object] | None = None
) -> Response:
    """The form and the sheets made so far; after a refusal with the reason and what was entered."""
    here, scope, values = services(request), scope_of(session.user), request.query_params
    code, _stroke, system = values.get("department", "")[:80].partition("/")
    wanted = SheetFilter(code, values.get("item", "")[:60], values.get("query", "")[:60], system=system)
    before = _number(values.get("before", ""))
    reach = _reach(request, session)
    sheets, total = here.evidence.sheets.sheets(wanted, scope, reach, limit=PAGE_SIZE, before=before)
    telemetry, catalogue = here.evidence.telemetry(), here.evidence.catalogue()
    today = here.now().astimezone(JST).date()
    entered: dict[str, object] = {
        "department": values.get("department", "")[:80],
        "since": (today - timedelta(days=DAYS)).isoformat(),
        "until": today.isoformat(),
        "names": [wanted.name] if wanted.name else [],
        "item": wanted.item,
        "round": "",
        **(draft or {}),
    }
    asked = {name: values[name] for name in ("department", "item", "query") if values.get(name)}
    older = urlencode({**asked, "before": sheets[-1].number}) if len(sheets) == PAGE_SIZE else ""
    return page(
        request,
        "evidence.html",
        status=status_of(problem) if problem else 200,
        problem=str(problem) if problem else "",
        said=_said(request),
        sheets=sheets,
        total=total,
        older=older,
        paged=before is not None,
        narrowed=asked,
        units=_units(request, session, reach),
        bound=reach is not None,
        queries=list(telemetry.queries.values()),
        answerable=[one for one in telemetry.queries.values() if not one.missing],
        with_logs=[one for one in catalogue.items if one.telemetry],
        plans=_plans(request, session),
        entered=entered,
    )


def _number(text: str) -> int | None:
    """A number of an address, None where it is none."""
    return int(text) if text.isascii() and text.isdigit() and len(text) < 19 else None


def _reach(request: Request, session: Session) -> tuple[Reach, ...] | None:
    """The units of the plans that an auditor is assigned to; None for who sees telemetry without any."""
    viewer = viewer_of(session.user)
    return reach_of(services(request).rounds.plans(viewer), viewer) if viewer.assigned else None


def _units(request: Request, session: Session, reach: Sequence[Reach] | None) -> list[tuple[str, str]]:
    """The departments and their systems that sheets can be made of now: what the form sends, what it shows."""
    here, scope = services(request), scope_of(session.user)
    systems: dict[str, list[tuple[str, str]]] = {}
    for one in here.evidence.room.systems(scope):
        systems.setdefault(one.department, []).append((f"{one.department}/{one.code}", one.name))
    found: list[tuple[str, str]] = []
    for department in here.evidence.room.departments(scope):
        own = [(department.code, f"{department.code} {department.name}")]
        own += [
            (value, f"{department.code} {department.name} {name}") for value, name in systems.get(department.code, ())
        ]
        found += own
    if reach is None:
        return found
    mine = {str(one.unit) for one in _of_now(reach, here.now())}
    return [one for one in found if one[0] in mine]


def _of_now(reach: Sequence[Reach], now: datetime) -> list[Reach]:
    year = fiscal_year(now.astimezone(JST).date())
    return [one for one in reach if one.years[0] <= year <= one.years[1]]


def _plans(request: Request, session: Session) -> dict[str, str]:
    """Number → title of the plans whose reports may carry a sheet, as far as the reader sees them."""
    if not session.user.may(Right.SEE_AUDIT):
        return {}
    return {one.plan.number: one.plan.title for one in services(request).rounds.plans(viewer_of(session.user))}


def _said(request: Request) -> str:
    made, failed = request.query_params.get("made", ""), request.query_params.get("failed", "")
    if not made.isascii() or not made.isdigit():
        return ""
    text = _("裏付け票を {n} 件作りました。").format(n=int(made[:6]))
    if failed:
        text += _("答えられなかった照会: {names}").format(names=failed[:300])
    return text


@router.get("/audit/evidence")
def show_evidence(request: Request, session: Reader) -> Response:
    """Sheets made so far, newest first, and the form that makes more."""
    return _list(request, session)


@router.post("/audit/evidence")
def make_evidence(
    request: Request,
    session: Maker,
    department: Annotated[str, Form()] = "",
    since: Annotated[str, Form()] = "",
    until: Annotated[str, Form()] = "",
    item: Annotated[str, Form()] = "",
    plan: Annotated[str, Form()] = "",
    names: Annotated[Sequence[str], Form()] = (),
) -> Response:
    """Ask the chosen queries and keep their sheets; nothing chosen: all of them."""
    here, scope, now = services(request), scope_of(session.user), services(request).now()
    draft = {
        "department": department,
        "since": since,
        "until": until,
        "item": item,
        "names": list(names),
        "round": plan,
    }
    try:
        if plan and plan not in _plans(request, session):
            raise NotFoundError(_("監査計画 {number} はありません。").format(number=plan[:40]))
        telemetry = here.evidence.telemetry()
        wanted = chosen(telemetry, here.evidence.catalogue(), [item] if item else [], list(names))
        code, _stroke, system = department.partition("/")
        period = Period(code, _midnight(since), _midnight(until) + timedelta(days=1), system)
        _check_reach(request, session, department)
        made = here.evidence.room.make(wanted, telemetry, period, scope, session.user.name)
    except SecopsError as error:
        return _list(request, session, problem=error, draft=draft)
    numbers = [here.evidence.sheets.keep(one, round_=plan, actor=session.user.name, now=now) for one in made.sheets]
    if len(numbers) == 1 and not made.failed:
        return RedirectResponse(f"/audit/evidence/{numbers[0]}", 303)
    query = {"department": department, "made": len(numbers), "failed": " ".join(made.failed)}
    return RedirectResponse("/audit/evidence?" + urlencode({k: v for k, v in query.items() if v != ""}), 303)


def _check_reach(request: Request, session: Session, unit: str) -> None:
    """Whether somebody may ask about a unit now.

    Raises:
        NotFoundError: an auditor asks about what is in no plan of theirs this year.
    """
    reach = _reach(request, session)
    if reach is not None and unit not in {value for value, _name in _units(request, session, reach)}:
        what = _(
            "「{unit}」は、あなたが担当する今年度の監査計画にありません。担当の割当てを監査の責任者に確かめてください。"
        )
        raise NotFoundError(what.format(unit=unit[:80] or "—"))


def _midnight(text: str) -> datetime:
    """The begin of a day in Japan.

    Raises:
        UsageError: no date.
    """
    try:
        return datetime.combine(date.fromisoformat(text.strip()), time(), JST)
    except ValueError:
        what = _("期間の日付を入力してください(例: 2026-04-01): {found}")
        raise UsageError(what.format(found=text[:40] or "—")) from None


@router.get("/audit/evidence/{sheet_number}")
def show_sheet(request: Request, sheet_number: int, session: Reader) -> Response:
    """One sheet; that it was looked at is in the audit log: it names accounts and hosts."""
    kept = _kept(request, session, sheet_number)
    _record(request, session, "evidence_viewed", kept)
    return _sheet(request, session, kept)


def _kept(request: Request, session: Session, number: int) -> Kept:
    sheets = services(request).evidence.sheets
    return sheets.sheet(number, scope_of(session.user), _reach(request, session))


def _sheet(
    request: Request,
    session: Session,
    kept: Kept,
    *,
    verified: Verified | None = None,
    problem: SecopsError | None = None,
) -> Response:
    sheet = kept.sheet
    may_search = session.user.may(Right.SEARCH_EVENTS)
    return page(
        request,
        "evidence_sheet.html",
        status=status_of(problem) if problem else 200,
        kept=kept,
        sheet=sheet,
        checks=services(request).evidence.sheets.checks(kept.number),
        figure=figure_words,
        query=query_words,
        heads=list(sheet.rows[0]) if sheet.rows else [],
        search=lambda title: _search_of(sheet, title) if may_search else "",
        verified=verified,
        problem=str(problem) if problem else "",
        item=services(request).evidence.catalogue().by_id.get,
    )


def _search_of(sheet: EvidenceSheet, title: str) -> str:
    """The address of the search that a figure is the count of, over the same period."""
    text = sheet.asked.get(title, "")
    if not text or len(text) > MAX_LENGTH:
        return ""
    begin, end = sheet.period
    return "/events?" + urlencode({"q": text, "since": spans.typed(begin), "until": spans.typed(end)})


@router.post("/audit/evidence/{sheet_number}/verify")
def verify_sheet(request: Request, sheet_number: int, session: Maker) -> Response:
    """Look at the hash, ask again, and show what differs; who did so is noted, the sheet stays as it is."""
    here, scope = services(request), scope_of(session.user)
    kept = _kept(request, session, sheet_number)
    try:
        verified = here.evidence.room.again(kept.sheet, scope)
    except (NotFoundError, DeniedError) as error:
        return _sheet(request, session, kept, problem=error)
    differing = [one.title for one in verified.differences]
    here.evidence.sheets.checked(kept, differing, actor=session.user.name, now=here.now())
    return _sheet(request, session, kept, verified=verified)


@router.get("/audit/evidence/{sheet_number}/file")
def take_sheet(request: Request, sheet_number: int, session: Reader, format: str = "xlsx") -> Response:
    """The sheet as a file to file with the workpapers."""
    if format not in FILES:
        raise UsageError(_("出力の形式は xlsx か html です: {found}").format(found=format[:40]))
    kept = _kept(request, session, sheet_number)
    _record(request, session, "evidence_exported", kept)
    checks = services(request).evidence.sheets.checks(sheet_number)
    data = (
        as_xlsx(kept.sheet, sheet_number, checks)
        if format == "xlsx"
        else as_html(kept.sheet, sheet_number, checks).encode("utf-8", "replace")
    )
    name = f"secops-evidence-{sheet_number}-{kept.sheet.sha256[:8]}.{format}"
    return Response(data, media_type=FILES[format], headers={"content-disposition": f'attachment; filename="{name}"'})


def _record(request: Request, session: Session, action: str, kept: Kept) -> None:
    here = services(request)
    here.accounts.record(
        AuditEntry(
            at=here.now(),
            actor=session.user.name,
            action=action,
            target=str(kept.number),
            peer=request.client.host if request.client else "",
            text=kept.sheet.name,
            zone="",
            department=kept.sheet.department,
        )
    )
