"""The registers of systems and assets as a page: filters, counts, what is missing, and files to take away."""

from __future__ import annotations

from typing import Annotated, Any
from urllib.parse import urlencode

from fastapi import APIRouter, Depends, Request
from starlette.responses import Response

from secops.access.ports import AuditEntry, Right, Session
from secops.locale import _
from secops.org.model import ASSET_KINDS, CLASSES, CLOUD, MEDIA, PERSONAL_DATA, SYSTEM_STATES
from secops.org.registers import GAP_LABELS, Registers, Row, Wanted, classification, counts, gap_counts, gaps, printed
from secops.org.tables import TABLES
from secops.report.hits import csv_row, safe_cell
from secops.report.register_book import filled_book
from secops.schema.dates import JST
from secops.web.isms.viewing import access_of
from secops.web.pages import page
from secops.web.session import reads, services, visit

router = APIRouter()
SHOWN = 1_000
Seeing = Annotated[Session, Depends(reads(Right.SEE_REGISTERS))]
KINDS = {"systems": "情報システム", "assets": "情報資産"}
CLASS_WORDS = {**CLASSES, "unknown": "分類なし"}
WORDS: dict[str, Any] = {
    "kinds": KINDS,
    "gap_labels": GAP_LABELS,
    "classes": CLASS_WORDS,
    "cloud": CLOUD,
    "personal": PERSONAL_DATA,
    "states": SYSTEM_STATES,
    "asset_kinds": ASSET_KINDS,
    "media": MEDIA,
}


def _wanted(request: Request) -> tuple[str, Wanted]:
    values = request.query_params
    kind = values.get("kind", "")
    names = {"department": "department", "zone": "zone", "class": "classification", "gap": "gap", "q": "text"}
    fields = {field: values.get(name, "").strip()[:100] for name, field in names.items()}
    return kind if kind in KINDS else "systems", Wanted(**fields)


def _found(request: Request, session: Session) -> tuple[str, Wanted, Registers, list[Row]]:
    here = services(request)
    kind, wanted = _wanted(request)
    registers = here.care.registers(access_of(session.user))
    today = here.now().astimezone(JST).date()
    return kind, wanted, registers, [one for one in registers.rows(kind) if wanted.fits(one, today)]


@router.get("/policy/registers")
def show(request: Request, session: Seeing) -> Response:
    """What this person may see of a register."""
    here = services(request)
    kind, wanted, registers, found = _found(request, session)
    everything = registers.rows(kind)
    today = here.now().astimezone(JST).date()
    asked = {"kind": kind, "department": wanted.department, "zone": wanted.zone}
    asked |= {"class": wanted.classification, "gap": wanted.gap, "q": wanted.text}

    def url(**more: str) -> str:
        query = {name: value for name, value in {**asked, **more}.items() if value}
        return f"/policy/registers?{urlencode(query)}"

    def export(form: str) -> str:
        return f"/policy/registers/export?{urlencode({**asked, 'format': form})}"

    return page(
        request,
        "policy_registers.html",
        kind=kind,
        sizes={name: len(registers.rows(name)) for name in KINDS},
        found=found[:SHOWN],
        total=len(found),
        everything=len(everything),
        lacking=sum(bool(gaps(one, today)) for one in everything),
        gaps=lambda row: gaps(row, today),
        gap_counts=gap_counts(everything, today),
        class_counts=counts(everything, lambda one: classification(one) or "unknown"),
        departments=counts(everything, lambda one: one.department),
        zones=list(here.settings.zones),
        name=registers.name,
        asked=asked,
        url=url,
        export=export,
        narrowed=wanted != Wanted(),
        **WORDS,
    )


@router.get("/policy/registers/export")
def export(request: Request, session: Seeing) -> Response:
    """The rows that are shown, all columns, as CSV or Excel that holds nothing but text."""
    here = services(request)
    kind, _wanted_rows, registers, found = _found(request, session)
    heads = [column.headings[0] for column in TABLES[kind].columns]
    rows = printed(kind, found, registers, here.zone_label)
    form = "xlsx" if request.query_params.get("format") == "xlsx" else "csv"
    who = visit(request)
    text = f"{kind} {form} {len(found)}"
    here.accounts.record(AuditEntry(who.now, session.user.name, "register_exported", kind, who.peer, text))
    headers = {"content-disposition": f'attachment; filename="{kind}-{who.now.astimezone(JST):%Y%m%d}.{form}"'}
    if form == "xlsx":
        media = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
        return Response(filled_book(_(KINDS[kind]), heads, rows), media_type=media, headers=headers)
    lines = [csv_row(heads), *(csv_row([safe_cell(cell) for cell in row]) for row in rows)]
    data = b"\xef\xbb\xbf" + b"".join(lines)
    return Response(data, media_type="text/csv; charset=utf-8", headers=headers)
