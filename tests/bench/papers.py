"""Papers of a ward of 60 departments × 200 items: the report as Word and PDF, the page of the heat map."""

from __future__ import annotations

import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from statistics import median

from secops.access.ports import Role
from secops.isms.audit.paper_style import PaperKind
from secops.report.papers import build
from secops.report.papers.model import Order
from secops.report.papers.pdf import write_pdf
from secops.report.papers.word import write_docx
from secops.wiring.papers import open_style
from tests.bench.measure import Row
from tests.fakes.shelf import Shelf
from tests.isms.audit import books
from tests.web.stage import Stage

SIZE = "60 departments × 200 items"


def rows(folder: Path) -> Iterator[Row]:
    ledger = books.large()
    order = Order(PaperKind.REPORT, open_style(None), books.DAY)
    yield Row(
        f"papers: report as Word, {SIZE}",
        f"{_seconds(lambda: write_docx(build(ledger.book, order))):.2f} s",
        "",
        "< 5 s",
    )
    yield Row(f"papers: report as PDF, {SIZE}", f"{_seconds(lambda: write_pdf(build(ledger.book, order))):.2f} s")
    with tempfile.TemporaryDirectory(dir=folder) as place:
        stage = Stage(Path(place))
        stage.shelf = Shelf(books={2026: ledger})
        stage.person("lead", Role.AUDIT_LEAD)
        browser = stage.client("lead")
        taken = _seconds(lambda: browser.get("/audit/heatmap").raise_for_status(), times=9)
        yield Row("papers: page of the heat map, 60 × 9 cells", f"{1000 * taken:.0f} ms", "", "< 200 ms")
        stage.close()
    small = replace(order, department=books.DEPARTMENTS[0])
    made = _seconds(lambda: write_docx(build(books.ledger().book, small)))
    yield Row("papers: report of one department as Word", f"{made:.2f} s")


def _seconds(once: Callable[[], object], times: int = 3) -> float:
    taken = []
    for _time in range(times):
        started = time.perf_counter()
        once()
        taken.append(time.perf_counter() - started)
    return median(taken)
