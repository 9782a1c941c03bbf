"""自己点検票 and 監査調書: one sheet for each unit."""

from __future__ import annotations

from collections.abc import Iterable

from secops.isms.audit.model import METHOD_LABELS, VERDICT_MARKS, Method, Verdict
from secops.isms.audit.paper_style import PaperKind
from secops.isms.audit.round import Answered, SheetFoot, Unit
from secops.isms.audit.workpaper import GAP_LABELS, Workpaper
from secops.report.papers.desk import Desk, day, section, wide
from secops.report.papers.model import Block, Break, Cover, Fields, Heading, Paper, Para, Table, Text
from secops.schema.dates import dated, wareki


def units_of(desk: Desk) -> list[Unit]:
    """Units with papers, in the order of the plan."""
    papers = [Unit(one.department, one.system) for one in desk.book.papers]
    return [
        one for one in dict.fromkeys([*desk.book.plan.units, *papers]) if desk.order.department in {"", one.department}
    ]


def papers_of(desk: Desk, unit: Unit) -> list[Workpaper]:
    """The papers of a unit in the order of the catalogue."""
    place = {item.id: at for at, item in enumerate(desk.book.catalogue.items)}
    found = [one for one in desk.book.papers if (one.department, one.system) == (unit.department, unit.system)]
    return sorted(found, key=lambda one: place.get(one.item, len(place)))


def form(desk: Desk) -> Paper:
    """The form of the self-inspection: what was answered is in it, the rest is room to write."""
    word = desk.style.inspection
    title = desk.style.titles.get(PaperKind.FORM) or f"情報セキュリティ{word}票"
    body: list[Block] = []
    for unit in units_of(desk):
        papers = papers_of(desk, unit)
        if not papers:
            continue
        if body:
            body.append(Break())
        body += _form_of(desk, unit, papers, title)
    return Paper(desk.order, f"{title}（{desk.year()}）", tuple(body), landscape=True)


def _form_of(desk: Desk, unit: Unit, papers: list[Workpaper], title: str) -> Iterable[Block]:
    foot = next((one for one in desk.book.feet if one.unit == unit), SheetFoot(unit))
    said = {one.item: one for one in desk.book.answers if one.unit == unit}
    yield Heading(1, f"{title}（{desk.year()}）", numbered=False)
    yield Fields(
        (
            ("部課名", desk.place(unit.department, "")),
            ("情報システム", desk.book.systems.get(unit.system, unit.system) or "（課の点検）"),
            ("実施日", "　　　年　　月　　日"),
            ("点検者（職・氏名）", "　"),
            (f"確認者（{desk.style.manager}）", f"　　　　　　　　　　　　　　確認日　{day(foot.confirmed_on)}"),
        ),
        0.25,
    )
    how = "判定には、○（できている）、△（一部できていない）、×（できていない）、対象外のいずれかを記入"
    yield Para(desk.say(f"{how}する。", f"{how}してください。"), "note")
    rows = tuple(_form_row(desk, one, said.get(one.item, Answered(unit, one.item))) for one in papers)
    yield Table(
        ("番号", "分類", "点検項目", "判定", "現状・根拠", "△×の理由", "改善予定（内容・時期）", "前年度"),
        rows,
        (1.05, 1.7, 4.7, 0.95, 2.5, 2.1, 2.2, 1.0),
        "lllclllc",
    )
    whole = (("課としての総括", foot.summary or "\n\n"), ("特記事項", foot.remarks or "\n\n"))
    yield Fields(whole, 0.18, whole=True, quote=True)


def _form_row(desk: Desk, one: Workpaper, said: Answered) -> tuple[Text, ...]:
    item = desk.book.catalogue.by_id.get(one.item)
    if item is None:
        return (one.item, "", "（監査項目にない番号）", "", "", "", "", "")
    mark, last = ("" if given is Verdict.NOT_VERIFIED else VERDICT_MARKS[given] for given in (one.declared, said.last))
    plan = "\n".join(filter(None, (said.improvement, day(said.due) if said.due else "")))
    chapter = f"{item.chapter} {desk.book.catalogue.chapters[item.chapter]}"
    return (
        item.id,
        chapter,
        item.title + ("（必須）" if item.mandatory else ""),
        mark,
        said.note,
        said.reason,
        plan,
        last,
    )


def workpapers(desk: Desk) -> Paper:
    """The workpapers, item by item: kept, not handed out."""
    style = desk.style
    title = style.title(PaperKind.WORKPAPER)
    body: list[Block] = [
        Para(
            desk.say(
                "本調書は、監査人が保管し、外部に交付しない。",
                "本調書は、監査人が保管し、外部に交付しません。",
            )
        )
    ]
    for unit in desk.units or units_of(desk):
        papers = papers_of(desk, unit)
        if papers:
            body += section(1, desk.unit(unit), _summary(desk, papers))
            body += [_paper(desk, one) for one in papers if one.confirmed is not Verdict.NOT_VERIFIED]
            body += _unseen(desk, papers)
    body += _sheets(desk)
    one = desk.name(desk.order.department) if desk.order.department else "全対象"
    cover = Cover(
        title,
        f"{desk.year()}　{one}",
        f"{wareki(desk.order.made_on).rsplit('月', 1)[0]}月",
        desk.by(style.auditors),
    )
    return Paper(desk.order, f"{title}（{desk.year()} {one}）", tuple(body), cover)


def _summary(desk: Desk, papers: list[Workpaper]) -> Block:
    known = desk.book.catalogue.by_id
    rows = tuple(
        (
            one.item,
            known[one.item].title if one.item in known else "",
            VERDICT_MARKS[one.declared],
            VERDICT_MARKS[one.confirmed],
            wide(GAP_LABELS[one.gap]),
        )
        for one in papers
    )
    head = ("番号", "監査項目", desk.style.inspection, "監査人確認", "差")
    return Table(head, rows, (1.15, 5.0, 1.15, 1.35, 1.8), "llccl", small=True)


def _paper(desk: Desk, one: Workpaper) -> Fields:
    item = desk.book.catalogue.by_id.get(one.item)
    clauses = "\n".join(map(desk.clause, item.clauses)) if item else ""
    ways = one.procedure or {}
    procedure = "\n".join(f"{METHOD_LABELS[way]}　{ways[way]}" for way in Method if way in ways)
    rows: list[tuple[str, Text]] = [
        ("監査要点", one.objective or (item.title if item else "")),
        ("基準", clauses),
        ("監査手続", procedure),
    ]
    if sample := one.sample:
        rows.append(("母集団", f"{sample.population_size}件（SHA-256 {sample.population[:16]}…）"))
        rows.append(
            ("標本", f"{sample.size}件　シード{sample.seed}（方法 {sample.method}）\n{'、'.join(sample.members)}")
        )
    rows += [
        (desk.style.inspection, VERDICT_MARKS[one.declared]),
        ("監査人確認", f"{VERDICT_MARKS[one.confirmed]}（{wide(GAP_LABELS[one.gap])}）"),
        ("確認した結果", one.result or "（未記入）"),
        ("証拠", desk.evidence(one.evidence) or "（なし）"),
        ("作成者・査閲者", f"作成者 {wide(one.preparer) or '（未記入）'}　査閲者 {wide(one.reviewer) or '（未記入）'}"),
    ]
    return Fields(tuple(rows), 0.18, title=f"{one.item}　{item.title if item else ''}")


def _unseen(desk: Desk, papers: list[Workpaper]) -> Iterable[Block]:
    missing = [one.item for one in papers if one.confirmed is Verdict.NOT_VERIFIED]
    if missing:
        yield Para(
            desk.say(
                f"監査人が確認していない項目は、上の表で未確認とした{len(missing)}件である。",
                f"監査人が確認していない項目は、上の表で未確認とした{len(missing)}件です。",
            )
        )


def _sheets(desk: Desk) -> Iterable[Block]:
    sheets = [one for one in desk.book.sheets if desk.order.department in {"", one.unit.department}]
    if not sheets:
        return
    yield Heading(1, "ログ等による証拠資料")
    yield Para(
        desk.say(
            "次の数値は、監査人の判断を助ける資料であり、判定ではない。",
            "次の数値は、監査人の判断を助ける資料であり、判定ではありません。",
        )
    )
    for one in sheets:
        figures = "\n".join(
            f"{name}　{'資料なし' if value is None else f'{value:,}'}" for name, value in one.figures.items()
        )
        rows: list[tuple[str, Text]] = [
            ("対象", desk.unit(one.unit)),
            ("期間", f"{dated(one.period[0])}から{dated(one.period[1])}まで"),
            ("作成日時", dated(one.made_at)),
            ("問合せ", one.query),
            ("数値", figures),
            ("欠けている資料", "\n".join(one.missing) or "なし"),
            ("関係する項目", "、".join(one.items)),
            ("SHA-256", one.sha256),
        ]
        yield Fields(tuple(rows), 0.18, title=one.title)
