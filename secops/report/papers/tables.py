"""Tables and charts that several papers show: scores, verdicts, findings, years."""

from __future__ import annotations

from collections.abc import Sequence

from secops.isms.audit.model import VERDICT_MARKS, Verdict
from secops.isms.audit.round import FINDING_LABELS, FINDING_STATES, Finding, FindingKind
from secops.isms.audit.scoring import Score
from secops.report.charts_audit import Cell, heat_map, heat_rows, ward_years, year_bars, year_rows
from secops.report.papers.desk import Desk, day
from secops.report.papers.model import Block, Chart, Fields, Heading, Landscape, Table, Text

ROWS_A_PAGE = 17  # departments on a page of the heat map
POLITE_MEANINGS = {
    "基準を満たしている。": "基準を満たしています。",
    "基準の一部を満たしていない。": "基準の一部を満たしていません。",
    "基準を満たしていない。": "基準を満たしていません。",
    "当該部署又はシステムに該当しない。": "当該部署又はシステムに該当しません。",
    "監査人が確認していない。○とはみなさない。": "監査人が確認していません。○とはみなしません。",
}
_ORDER = (Verdict.MET, Verdict.PARTIAL, Verdict.NOT_MET, Verdict.NOT_APPLICABLE, Verdict.NOT_VERIFIED)
MEANINGS = (
    ("○", "基準を満たしている。", "1.0"),
    ("△", "基準の一部を満たしていない。", "0.5"),
    ("×", "基準を満たしていない。", "0"),
    ("対象外", "当該部署又はシステムに該当しない。", "計算から除く"),
    ("未確認", "監査人が確認していない。○とはみなさない。", "達成率から除き、網羅率に反映する"),
)


def targets(desk: Desk) -> Table:
    """The audited departments with their audited systems."""
    rows = []
    for code in desk.departments:
        systems = [desk.book.systems.get(one.system, one.system) for one in desk.units if one.department == code]
        division = desk.name(desk.book.divisions.get(code, ""))
        rows.append((division, desk.name(code), "、".join(filter(None, systems)) or "―"))
    return Table(("部", "課", "対象システム"), tuple(rows), (2, 2.6, 4), caption="対象部署及び対象システム")


def kinds(desk: Desk, name: str = "findings") -> Table:
    """How many findings of each kind."""
    rows: list[tuple[Text, ...]] = [
        (FINDING_LABELS[kind], (desk.number(f"{name}.{kind.value}"),), desk.style.terms.get(FINDING_LABELS[kind], ""))
        for kind in FindingKind
    ]
    return Table(("区分", "件数", "意味"), tuple(rows), (2.2, 1, 6), "lrl", caption="指摘事項等の件数")


def verdicts(desk: Desk) -> Table:
    """How many items of each verdict, and what each means."""
    rows = tuple(
        (
            mark,
            POLITE_MEANINGS[meaning] if desk.order.polite else meaning,
            worth,
            (desk.number(f"verdict.{verdict.value}"),),
        )
        for verdict, (mark, meaning, worth) in zip(_ORDER, MEANINGS, strict=True)
    )
    return Table(("判定", "意味", "計算上の値", "件数"), rows, (1.2, 5, 3, 1), "clcr", caption="監査項目の判定")


def chapters(desk: Desk) -> Table:
    """Scores by chapter of the 対策基準."""
    rows = []
    for number, title in desk.book.catalogue.chapters.items():
        if desk.has(f"chapter.{number}.achievement"):
            rows.append((number, title, *_scores(desk, f"chapter.{number}.")))
    return Table(
        ("章", "章名", "達成率（％）", "網羅率（％）", *(("評価",) if desk.style.grades else ())),
        tuple(rows),
        (0.7, 4, 1.5, 1.5, *((1.0,) if desk.style.grades else ())),
        "clrrc",
        caption="章別の状況",
    )


def departments(desk: Desk) -> Table:
    """Scores by department in the order of the plan."""
    rows = []
    for code in desk.departments:
        division = desk.name(desk.book.divisions.get(code, ""))
        cells = _scores(desk, f"department.{code}.") if desk.has(f"department.{code}.achievement") else _blank(desk)
        rows.append((division, desk.name(code), *cells, (desk.number(f"department.{code}.findings"),)))
    graded = desk.style.grades
    return Table(
        ("部", "課", "達成率（％）", "網羅率（％）", *(("評価",) if graded else ()), "指摘件数"),
        tuple(rows),
        (2.2, 3, 1.5, 1.5, *((0.9,) if graded else ()), 1.2),
        "llrrcr" if graded else "llrrr",
        caption="部署別の状況",
    )


def _scores(desk: Desk, name: str) -> list[Text]:
    shown = ["achievement", "coverage", *(["grade"] if desk.style.grades else [])]
    return [(desk.number(name + one),) for one in shown]


def _blank(desk: Desk) -> list[Text]:
    return ["―"] * (3 if desk.style.grades else 2)


def heat_maps(desk: Desk) -> list[Block]:
    """The heat map, on as many landscape pages as it takes."""
    rows = [row for row in heat_rows(desk.book) if desk.order.department in {"", row.key}]
    if not rows:
        return []
    columns = [f"{number}\n{title}" for number, title in desk.book.catalogue.chapters.items()]
    pages = [rows[at : at + ROWS_A_PAGE] for at in range(0, len(rows), ROWS_A_PAGE)]
    made: list[Block] = [Heading(1, "別紙1　部署及び章ごとの達成状況", numbered=False)]
    for number, page in enumerate(pages, 1):
        part = f"（{number}／{len(pages)}）" if len(pages) > 1 else ""
        caption = f"部署及び章ごとの達成率（低い部署の順）{part}　数字は達成率（％）、斜線は網羅率が低いもの"
        alt = "部署と章ごとの達成率。" + "、".join(f"{row.label}{_spoken(row.total)}" for row in page)
        # A page with few rows is no larger than one that is full, so that letters have one size.
        made.append(Chart(heat_map(page, columns, caption, total="全体"), caption, alt, 0.98))
    return [Landscape(tuple(made))]


def years(desk: Desk) -> list[Block]:
    """The ward's years side by side, where there are years before."""
    points = ward_years(desk.book)
    if desk.order.department or len(points) < 2:
        return []
    caption = f"達成率及び網羅率の推移（{points[0][0]}から{points[-1][0]}まで）"
    alt = "。".join(f"{label}{_spoken(cell)}" for label, cell in points)
    rows = tuple((label, _shown(cell.achievement), _shown(cell.coverage)) for label, cell in points)
    table = Table(("年度", "達成率（％）", "網羅率（％）"), rows, (2, 1, 1), "lrr")
    return [Chart(year_bars(points, caption), caption, alt, 0.78), table]


def department_years(desk: Desk) -> list[Block]:
    """Departments × years."""
    names, rows = year_rows(desk.book)
    rows = [row for row in rows if desk.order.department in {"", row.key}]
    if len(names) < 2 or not rows:
        return []
    shown = tuple((row.label, *(_shown(cell.achievement) for cell in row.cells)) for row in rows)
    widths = (3.0, *([1.2] * len(names)))
    caption = "部署別の達成率の推移（％）"
    return [Table(("部署", *names), shown, widths, "l" + "r" * len(names), caption=caption, small=len(names) > 4)]


def _spoken(cell: Cell) -> str:
    return "判定なし" if cell.achievement is None else f"{cell.achievement:.1f}%"


def _shown(value: float | None) -> str:
    return "―" if value is None else f"{value:.1f}"


def finding(desk: Desk, one: Finding, *, opinion: bool = True) -> Fields:
    """A finding with everything that it rests on."""
    clauses = "\n".join(map(desk.clause, one.clauses))
    rows: list[tuple[str, Text]] = [
        ("指摘番号", one.number),
        ("区分", FINDING_LABELS[one.kind]),
        ("対象", desk.place(one.department, one.system)),
        ("事実", one.fact),
        ("基準", "\n".join(filter(None, (one.criterion, clauses)))),
    ]
    rows += [
        (label, text)
        for label, text in (
            ("原因", one.cause),
            ("リスク", one.risk),
            ("改善提言", one.recommendation),
            ("証拠", desk.evidence(one.evidence)),
            ("過年度との関係", f"指摘番号{one.repeats}と同じ内容の再指摘" if one.repeats else ""),
            ("出典", one.source),
        )
        if text
    ]
    if opinion and one.kind is not FindingKind.GOOD:
        rows.append(("所管の見解", one.opinion or "（事実確認の回答待ち）"))
    return Fields(tuple(rows), 0.18)


def finding_list(desk: Desk, found: Sequence[Finding], *, states: bool = False) -> Table:
    """Findings in a list."""
    rows = []
    for one in found:
        row: tuple[Text, ...] = (
            one.number,
            FINDING_LABELS[one.kind],
            one.title,
            desk.place(one.department, one.system),
        )
        rows.append((*row, FINDING_STATES[one.state], day(one.closed_on) if one.closed_on else "") if states else row)
    head = ("指摘番号", "区分", "件名", "対象")
    if states:
        return Table((*head, "状況", "完了日"), tuple(rows), (1.15, 1.55, 2.8, 1.9, 1.4, 2.1), "lllllc", small=True)
    return Table(head, tuple(rows), (1.3, 1.8, 4.2, 2.6))


def items(desk: Desk) -> Table:
    """別紙: every item that was asked, with how often each verdict was given."""
    scores = desk.book.confirmed.items
    own: dict[str, Score] | None = None
    if desk.order.department:
        return _items_of_one(desk)
    rows = [
        (item.id, item.title + ("（必須）" if item.mandatory else ""), *(str(score.counts[one]) for one in _ORDER))
        for item in desk.book.catalogue.items
        if (score := (own or scores).get(item.id))
    ]
    head = ("番号", "監査項目", *(VERDICT_MARKS[one] for one in _ORDER))
    return Table(head, tuple(rows), (1.3, 6.5, 0.7, 0.7, 0.7, 1.0, 1.0), "llrrrrr", small=True)


def _items_of_one(desk: Desk) -> Table:
    known = desk.book.catalogue.by_id
    rows = []
    for one in desk.book.papers:
        if one.department != desk.order.department or one.item not in known:
            continue
        item = known[one.item]
        system = desk.book.systems.get(one.system, one.system)
        rows.append(
            (
                item.id,
                item.title + ("（必須）" if item.mandatory else ""),
                system,
                VERDICT_MARKS[one.declared],
                VERDICT_MARKS[one.confirmed],
            )
        )
    head = ("番号", "監査項目", "システム", desk.style.inspection, "監査人確認")
    return Table(head, tuple(rows), (1.15, 5.3, 1.8, 1.15, 1.35), "lllcc", small=True)
