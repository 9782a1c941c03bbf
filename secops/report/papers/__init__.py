"""The papers of the audit: built once as a neutral value, written as Word, PDF and HTML. Values in, bytes out."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import replace

from secops.errors import UsageError
from secops.isms.audit.figures import known_departments
from secops.isms.audit.paper_style import PaperKind
from secops.isms.audit.round import Book
from secops.locale import _
from secops.report.papers import after, plan, report, sheets
from secops.report.papers.desk import Desk
from secops.report.papers.finish import finished, sized
from secops.report.papers.model import Order, Paper

_BUILDERS: dict[PaperKind, Callable[[Desk], Paper]] = {
    PaperKind.PLAN: plan.build,
    PaperKind.NOTICE: plan.notice,
    PaperKind.FORM: sheets.form,
    PaperKind.WORKPAPER: sheets.workpapers,
    PaperKind.REPORT: report.build,
    PaperKind.SUMMARY: after.summary,
    PaperKind.BRIEFING: after.briefing,
    PaperKind.IMPROVEMENT: after.improvement,
    PaperKind.FOLLOWUP: after.followup,
}


def build(book: Book, order: Order) -> Paper:
    """The paper that was asked for, of this book.

    Raises:
        UsageError: the round has no such department, or the paper is of a single one and none was named.
    """
    known = known_departments(book)
    if order.department and order.department not in known:
        text = _("部署「{code}」は、この年度の監査の対象ではありません(対象: {known})。")
        raise UsageError(text.format(code=order.department, known=", ".join(known)))
    if order.department and order.kind is PaperKind.SUMMARY:
        raise UsageError(_("公表用概要(summary)は全体のものだけです。--department を外してください。"))
    desk = Desk(book, sized(order))
    paper = finished(_BUILDERS[order.kind](desk))
    meta = {
        "kind": order.kind.value,
        "year": str(book.year),
        "department": order.department,
        "conduct": book.plan.conduct.value,
        "speech": "polite" if order.polite else "plain",
        "made_on": order.made_on.isoformat(),
        "catalogue": book.confirmed.catalogue,
        "rules": book.confirmed.rules,
        "figures": digest_of(desk.figures),
    }
    return replace(paper, figures=desk.figures, meta=meta)


def digest_of(figures: dict[str, str]) -> str:
    """SHA-256 of all numbers of a paper."""
    text = "".join(f"{key}={value}\n" for key, value in sorted(figures.items()))
    return hashlib.sha256(text.encode()).hexdigest()
