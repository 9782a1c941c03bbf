"""The rules: which work, why the others do not, how often they fired, and what of ATT&CK that covers."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Annotated
from urllib.parse import quote, urlencode

from fastapi import APIRouter, Depends, Request
from markupsafe import Markup
from starlette.responses import Response

from secops.access.ports import Right, Session
from secops.errors import NotFoundError
from secops.locale import _, language
from secops.report.attack_map import WIDER, cells_of, name_of, scrolling, tactic_label, title_of
from secops.schema.severity import Severity
from secops.siem.detect.attack import TACTICS, Cell, matrix, places, techniques_of
from secops.siem.detect.coverage import STATUS_LABELS, RuleCoverage, Status, counts
from secops.siem.ports import AlertFilter, Rule, Scope, Span
from secops.web.isms.cited import cited
from secops.web.pages import page
from secops.web.services import Services, Standing
from secops.web.session import reads, scope_of, services

router = APIRouter()
DAYS = 30  # how far back hits are counted, as the status looks back at logs
PAGE_SIZE = 100
ALERTS_SHOWN = 10
NONE = "-"  # in an address: no tactic, no technique
MARKS = {
    Status.ACTIVE: "✓",
    Status.NO_SOURCE: "○",
    Status.SILENT: "◌",
    Status.NO_FIELD: "△",
    Status.UNSUPPORTED: "—",
    Status.BROKEN: "✕",
    Status.DISABLED: "□",
}


@dataclass(frozen=True, slots=True)
class Row:
    """A rule with its status and the hits that this reader may see."""

    rule: Rule
    status: Status
    reason: str
    hits: int


@dataclass(frozen=True, slots=True)
class RuleView:
    """What the reader asked to see; it lives in the URL. ``start`` is a row.

    ``tactic`` and ``technique`` are those of ATT&CK (``execution``, T1059); `NONE` asks for rules that name none.
    """

    status: Status | None = None
    level: Severity | None = None
    tactic: str = ""
    technique: str = ""
    fired: bool = False
    text: str = ""
    start: int = 0

    def url(self, **changes: object) -> str:
        """The address of this view with some values changed; a change of filter goes back to the first row."""
        if "start" not in changes:
            changes["start"] = 0
        wanted = replace(self, **changes)  # type: ignore[arg-type]  # names are checked by the dataclass
        values = {
            "status": wanted.status.value if wanted.status else "",
            "level": wanted.level.code if wanted.level is not None else "",
            "tactic": wanted.tactic,
            "technique": wanted.technique,
            "fired": "1" if wanted.fired else "",
            "q": wanted.text,
            "start": str(wanted.start or ""),
        }
        query = urlencode({name: value for name, value in values.items() if value})
        return f"/rules?{query}" if query else "/rules"

    def shows(self, row: Row) -> bool:
        """Whether a rule passes all filters but that of the status."""
        return (
            (self.level is None or row.rule.level == self.level)
            and self._stands(row.rule.tags)
            and (row.hits > 0 or not self.fired)
            and (not self.text or self.text.casefold() in _searched(row.rule))
        )

    def _stands(self, tags: Sequence[str]) -> bool:
        """Whether a rule stands in the cell, the row or the column of the matrix that was asked for."""
        if not self.tactic and not self.technique:
            return True
        asked = ["" if one == NONE else one or None for one in (self.tactic, self.technique)]
        return any(
            all(want is None or want == have for want, have in zip(asked, place, strict=True)) for place in places(tags)
        )


def _searched(rule: Rule) -> str:
    parts = (rule.id, rule.title, rule.title_ja, rule.path, *rule.tags, *rule.clauses, *rule.logsource.values())
    return "\n".join(parts).casefold()


def parse(values: Mapping[str, str]) -> tuple[RuleView, list[str]]:
    """Read a URL's values; what makes no sense is left out and named."""
    wrong: list[str] = []
    status: Status | None = None
    level: Severity | None = None
    try:
        status = Status(values["status"]) if values.get("status") else None
    except ValueError:
        wrong.append(f"status={values['status']}")
    try:
        level = Severity.parse(values["level"]) if values.get("level") else None
    except ValueError:
        wrong.append(f"level={values['level']}")
    technique, tactic = values.get("technique", "").strip().upper(), values.get("tactic", "").strip().lower()
    if technique not in {"", NONE} and techniques_of([f"attack.{technique.lower()}"]) != [technique]:
        wrong.append(f"technique={technique}")
        technique = ""
    if tactic not in {"", NONE, *TACTICS}:
        wrong.append(f"tactic={tactic}")
        tactic = ""
    start = values.get("start", "")
    number = int(start) if start.isascii() and start.isdigit() and len(start) < 8 else 0
    text = values.get("q", "").strip()[:200]
    return RuleView(status, level, tactic, technique, values.get("fired") == "1", text, number), wrong


def _rows(here: Services, standing: Standing, scope: Scope) -> list[Row]:
    hits = here.desk.fired(Span(since=here.now() - timedelta(days=DAYS)), scope)
    rows = [_row(standing, one, hits) for one in standing.found]
    order = list(Status)
    return sorted(rows, key=lambda one: (order.index(one.status), -one.hits, -one.rule.level, one.rule.title))


def _row(standing: Standing, one: RuleCoverage, hits: Mapping[str, int]) -> Row:
    rule = standing.rules[one.rule]
    return Row(rule, one.status, one.reason, hits.get(rule.id, 0))


def title(rule: Rule) -> str:
    """The title of a rule in the language of the screen."""
    return (rule.title_ja or rule.title) if language() == "ja" else (rule.title or rule.title_ja)


@router.get("/rules")
def show_rules(request: Request, session: Annotated[Session, Depends(reads(Right.SEE_STATUS))]) -> Response:
    """The list: every rule with its status, and the reason where it does not work."""
    here = services(request)
    view, wrong = parse(request.query_params)
    standing = here.coverage()
    rows = _rows(here, standing, scope_of(session.user))
    passing = [row for row in rows if view.shows(row)]
    tabs = Counter(row.status for row in passing)
    chosen = [row for row in passing if view.status is None or row.status is view.status]
    begin = min(view.start, max(0, len(chosen) - 1)) // PAGE_SIZE * PAGE_SIZE
    return page(
        request,
        "rules.html",
        view=view,
        wrong=wrong,
        standing=standing,
        all_counts=counts(standing.found),
        tabs={status: tabs[status] for status in Status},
        passing=len(passing),
        rows=chosen[begin : begin + PAGE_SIZE],
        total=len(chosen),
        begin=begin,
        previous=view.url(start=begin - PAGE_SIZE) if begin else "",
        next=view.url(start=begin + PAGE_SIZE) if begin + PAGE_SIZE < len(chosen) else "",
        levels=sorted(Severity, reverse=True),
        place=_place(view),
        status_labels=STATUS_LABELS,
        marks=MARKS,
        title=title,
        address=address,
        days=DAYS,
    )


def address(rule_id: str) -> str:
    """The page of a rule."""
    return f"/rules/{quote(rule_id, safe='')}"


@router.get("/rules/coverage")
def show_coverage(request: Request, session: Annotated[Session, Depends(reads(Right.SEE_STATUS))]) -> Response:
    """The ATT&CK matrix, and the same as a table."""
    here = services(request)
    standing = here.coverage()
    rows = _rows(here, standing, scope_of(session.user))
    found = matrix((row.rule.tags, row.status is Status.ACTIVE, row.hits) for row in rows)
    return page(
        request,
        "coverage.html",
        standing=standing,
        found=found,
        sentence=title_of(found),
        name_of=name_of,
        picture=Markup(scrolling(found, _cell_address)) if found.columns else "",  # noqa: S704 - escaped there
        wider=WIDER,
        tactic=tactic_label,
        cells_of=cells_of,
        link=_cell_address,
        days=DAYS,
    )


def _cell_address(tactic: str, cell: Cell) -> str:
    return RuleView(tactic=tactic or NONE, technique=cell.id or NONE).url()


def _place(view: RuleView) -> str:
    """In words, the part of the matrix that was asked for; empty where none was."""
    tactic = tactic_label("" if view.tactic == NONE else view.tactic) if view.tactic else ""
    if view.technique == NONE:
        return f"{tactic} {name_of('')}".strip()
    return f"{tactic} {view.technique} {_name(view.technique) if view.technique else ''}".strip()


@router.get("/rules/{rule_id}")
def show_rule(
    request: Request, rule_id: str, session: Annotated[Session, Depends(reads(Right.SEE_STATUS))]
) -> Response:
    """One rule: what it looks for, whether it works, what it raised, and which exceptions bear on it."""
    here, scope = services(request), scope_of(session.user)
    standing = here.coverage()
    one = next((one for one in standing.found if standing.rules[one.rule].id == rule_id), None)
    if one is None:
        raise NotFoundError(_("このルールは今のルール集にありません: {id}").format(id=rule_id))
    rule = standing.rules[one.rule]
    span = Span(since=here.now() - timedelta(days=DAYS))
    recent = here.desk.alerts(AlertFilter(rule_id=rule.id, span=span), scope, limit=ALERTS_SHOWN)
    return page(
        request,
        "rule.html",
        rule=rule,
        ours=cited(request),
        one=one,
        hits=here.desk.fired(span, scope).get(rule.id, 0),
        recent=recent,
        standing=standing,
        techniques=_techniques(rule.tags),
        tactics=[tactic_label(name) for name in _tactics(rule.tags)],
        filters=[state for state in here.system().filters if rule.id in state.rules],
        may_see_alerts=session.user.may(Right.SEE_ALERTS),
        status_labels=STATUS_LABELS,
        marks=MARKS,
        title=title,
        days=DAYS,
    )


def _techniques(tags: Sequence[str]) -> list[tuple[str, str, str]]:
    """(id, name, address) of the techniques that a rule is tagged with."""
    return [(one, _name(one), RuleView(technique=one).url()) for one in techniques_of(tags)]


def _name(technique: str) -> str:
    """What a technique is called beside its id; empty where it is known by that alone."""
    found = name_of(technique)
    return "" if found == technique else found


def _tactics(tags: Sequence[str]) -> list[str]:
    named = {tag.removeprefix("attack.") for tag in tags if tag.startswith("attack.")}
    return [name for name in TACTICS if name in named]
