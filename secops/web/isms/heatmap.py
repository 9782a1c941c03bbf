"""The heat map: departments × chapters, or departments × years, the worst first, with a table that says the same."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Depends, Request
from markupsafe import Markup
from starlette.responses import Response

from secops.access.ports import Right, Session
from secops.isms.audit.figures import percent
from secops.isms.audit.releases import Reader
from secops.isms.audit.round import Book
from secops.isms.audit.rules import changes
from secops.locale import _
from secops.report.charts_audit import Row, heat_map, heat_rows, step_of, ward_years, year_bars, year_rows
from secops.store.records.scoring import TARGET
from secops.store.records.trail import Entry
from secops.web.isms.viewing import access_of
from secops.web.pages import page
from secops.web.session import reads, services

router = APIRouter()
VIEWS = ("chapters", "declared", "years")


def reader_of(session: Session) -> Reader:
    """Who reads: an auditor sees what they are assigned to, the one who leads the audits sees all."""
    user = session.user
    audits = user.may(Right.SEE_AUDIT)
    return Reader(access_of(user), audits, user.name if audits and not user.may(Right.LEAD_AUDIT) else "", user.name)


def year_asked(text: str) -> int | None:
    """The year in an address; None where there is none that could be one."""
    return int(text) if text.isascii() and text.isdigit() and len(text) == 4 else None


@router.get("/audit/heatmap")
def show_heatmap(request: Request, session: Annotated[Session, Depends(reads(Right.SEE_AUDIT))]) -> Response:
    """The map of a round, as far as the reader may see it."""
    papers, values = services(request).papers, request.query_params
    view = values.get("view", "")
    view = view if view in VIEWS else VIEWS[0]
    book = papers.book(year_asked(values.get("year", "")), reader_of(session))
    rows, columns = _shown(book, view) if book else ([], [])
    scores = (book.declared if view == "declared" else book.confirmed) if book else None
    return page(
        request,
        "heatmap.html",
        book=book,
        years=papers.years(),
        view=view,
        rows=rows,
        columns=columns,
        total=_("全体") if view != "years" else "",
        title=_title(rows, view),
        drawing=_drawing(book, rows, columns, view),
        bars=_bars(book, view),
        percent=percent,
        step_of=step_of,
        grade_of=lambda code: scores.departments[code].grade if scores else None,
        ward=scores.ward if scores else None,
        formula=_formula(request, book),
        changes=changes,
    )


def _formula(request: Request, book: Book | None) -> Entry | None:
    """What the trail tells of the parameters that a book was scored by; None where it was scored elsewhere."""
    told = services(request).trail(TARGET) if book else ()
    return next((one for one in told if book and one.detail["digest"] == book.confirmed.rules), None)


def _shown(book: Book, view: str) -> tuple[list[Row], list[str]]:
    if view == "years":
        names, rows = year_rows(book)
        return rows, names
    rows = heat_rows(book, declared=view == "declared")
    return rows, [f"{number}\n{title}" for number, title in book.catalogue.chapters.items()]


def _title(rows: list[Row], view: str) -> str:
    """The finding in one line."""
    judged = [row for row in rows if row.total.achievement is not None]
    if view == "years" or not judged:
        return ""
    worst = judged[0]
    text = _("達成率が最も低いのは {name} の {value}%。{count} 部署のうち {low} 部署が 75% 未満")
    low = sum((row.total.achievement or 0.0) < 75 for row in judged)
    return text.format(name=worst.label, value=percent(worst.total.achievement), count=len(rows), low=low)


def _drawing(book: Book | None, rows: list[Row], columns: list[str], view: str) -> Markup:
    if book is None or not rows:
        return Markup("")
    title = _("部署と年度ごとの達成率") if view == "years" else _("部署と章ごとの達成率")
    drawn = heat_map(rows, columns, title, total="" if view == "years" else _("全体"))
    return Markup(drawn)  # noqa: S704 - drawn by charts_audit, which escapes every word in it


def _bars(book: Book | None, view: str) -> Markup:
    if book is None or view != "years" or len(ward_years(book)) < 2:
        return Markup("")
    return Markup(year_bars(ward_years(book), _("全体の達成率の推移")))  # noqa: S704 - as above
