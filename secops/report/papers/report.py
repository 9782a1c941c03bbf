"""監査報告書: of the whole round, or of one department."""

from __future__ import annotations

from collections.abc import Iterable

from secops.isms.audit.paper_style import PaperKind
from secops.isms.audit.round import CONDUCT_LABELS, PHASE_LABELS, FindingState, Phase
from secops.report.papers import tables
from secops.report.papers.desk import Desk, calendar, day, section, wide, words_of
from secops.report.papers.model import Block, Break, Cover, Fields, Heading, Items, Paper, Para, Table, Text
from secops.schema.dates import wareki

WAYS = {
    Phase.SELF_INSPECTION: "各部署が監査項目に沿って自ら点検した結果を確認した。",
    Phase.DOCUMENTS: "規程、台帳、記録等の文書を閲覧した。",
    Phase.ON_SITE: "担当者への質問、執務室等の観察及び記録の突合を行った。",
    Phase.TECHNICAL: "ログ、設定等を用いて、対策が働いているかを技術的に確かめた。",
}
POLITE_WAYS = {
    Phase.SELF_INSPECTION: "各部署が監査項目に沿って自ら点検した結果を確認しました。",
    Phase.DOCUMENTS: "規程、台帳、記録等の文書を閲覧しました。",
    Phase.ON_SITE: "担当者への質問、執務室等の観察及び記録の突合を行いました。",
    Phase.TECHNICAL: "ログ、設定等を用いて、対策が働いているかを技術的に確かめました。",
}
STANDARDS = (
    "情報セキュリティ基本方針",
    "情報セキュリティ対策基準",
    "総務省「地方公共団体における情報セキュリティポリシーに関するガイドライン」",
)


def build(desk: Desk) -> Paper:
    """The report."""
    order, style = desk.order, desk.style
    one = desk.name(order.department) if order.department else ""
    title = style.title(PaperKind.REPORT)
    body: list[Block] = [
        *section(1, "監査の概要", _outline(desk)),
        *section(1, "監査結果", _results(desk)),
        *section(1, "指摘事項", _findings(desk)),
        *section(1, "優良事例", _good(desk)),
        *section(1, "全庁的な課題（横展開を要する事項）", _everywhere(desk)),
        *section(1, "今後の予定", _next(desk)),
    ]
    body += _annexes(desk, body)
    cover = Cover(
        title,
        f"{desk.year()}" + (f"　{one}" if one else ""),
        f"{wareki(order.made_on).rsplit('月', 1)[0]}月",
        desk.by(style.lead),
        to=f"{style.ciso}　様",
    )
    return Paper(order, f"{title}（{desk.year()}{'　' + one if one else ''}）", tuple(body), cover, toc=True)


def _outline(desk: Desk) -> Iterable[Block]:
    book, plan, style = desk.book, desk.book.plan, desk.style
    say = desk.say
    yield from section(2, "監査の目的", Para(desk.purpose))
    if plan.theme:
        yield Para(say(f"重点テーマは、「{plan.theme}」とした。", f"重点テーマは、「{plan.theme}」としました。"))
    yield from section(2, "監査の対象", _target(desk))
    period = desk.span(*plan.period) if plan.period else "（監査計画に定めなし）"
    yield from section(2, "監査の対象期間", Para((period,)))
    yield from section(2, "監査の実施期間", Para((desk.span(plan.begins, plan.ends),)))
    people: list[tuple[str, Text]] = [("監査の区分", wide(CONDUCT_LABELS[plan.conduct])), ("責任者", style.lead)]
    people.append(("監査担当者", "\n".join(map(wide, plan.auditors)) or style.auditors))
    yield from section(2, "監査の実施体制", Fields(tuple(people)))
    yield Para(
        say(
            "監査担当者は、対象期間に在籍した全ての部署及び担当したシステムについて独立性を確認した。",
            "監査担当者は、対象期間に在籍した全ての部署及び担当したシステムについて独立性を確認しました。",
        )
    )
    yield from section(2, "監査の基準", Items(style.standards or STANDARDS))
    ways = POLITE_WAYS if desk.order.polite else WAYS
    yield from section(
        2,
        "監査の方法",
        Table(
            ("段階", "方法"),
            tuple((_phase(desk, phase), ways[phase]) for phase in plan.phases),
            (1.5, 6),
        ),
    )
    yield from section(2, "監査の対象から除いた範囲")
    yield (
        Items(book.excluded)
        if book.excluded
        else Para(say("監査計画で除いたものはない。", "監査計画で除いたものはありません。"))
    )
    yield from section(2, "評価の区分", tables.verdicts(desk), desk.grading())


def _phase(desk: Desk, phase: Phase) -> str:
    return desk.style.inspection if phase is Phase.SELF_INSPECTION else PHASE_LABELS[phase]


def _target(desk: Desk) -> Iterable[Block]:
    if desk.order.department:
        yield Items(tuple(map(desk.unit, desk.units)) or (desk.name(desk.order.department),))
        return
    yield Para(
        desk.say(
            "{departments}部署及び{systems}システムを対象とした。",
            "{departments}部署及び{systems}システムを対象としました。",
        )
    )
    yield tables.targets(desk)


def _results(desk: Desk) -> Iterable[Block]:
    say = desk.say
    yield Heading(2, "総括")
    yield Para(
        say(
            "監査項目延べ{verdict.total}件のうち、監査人が判定したものはまだない。",
            "監査項目延べ{verdict.total}件のうち、監査人が判定したものはまだありません。",
        )
        if not desk.count("verdict.judged")
        else say(
            "監査項目延べ{verdict.total}件のうち{verdict.judged}件を判定した結果、達成率は{achievement}％、網羅率は{coverage}％であった。",
            "監査項目延べ{verdict.total}件のうち{verdict.judged}件を判定した結果、達成率は{achievement}％、網羅率は{coverage}％でした。",
        )
    )
    yield Para(
        say(
            "改善を求める指摘事項は{findings.total}件であり、その内訳は、重大な不適合{findings.major_nonconformity}件、"
            "軽微な不適合{findings.minor_nonconformity}件、観察事項{findings.opportunity_for_improvement}件である。"
            "このほか、優良事例{findings.good_practice}件を確認した。",
            "改善を求める指摘事項は{findings.total}件であり、その内訳は、重大な不適合{findings.major_nonconformity}件、"
            "軽微な不適合{findings.minor_nonconformity}件、観察事項{findings.opportunity_for_improvement}件です。"
            "このほか、優良事例{findings.good_practice}件を確認しました。",
        )
    )
    if desk.count("findings.major_nonconformity"):
        yield Para(
            say(
                "重大な不適合については、直ちに応急の措置を講じた上で、改善計画を定める必要がある。",
                "重大な不適合については、直ちに応急の措置を講じた上で、改善計画を定める必要があります。",
            )
        )
    yield Para(
        say(
            "本報告書は、監査項目に照らして改善を要する事項を示し、助言するものであり、監査の対象とした対策が有効であることを保証するものではない。",
            "本報告書は、監査項目に照らして改善を要する事項を示し、助言するものであり、監査の対象とした対策が有効であることを保証するものではありません。",
        )
    )
    yield tables.kinds(desk)
    yield Heading(2, "評価の状況")
    yield desk.disclaimer()
    if not desk.order.department:
        yield tables.departments(desk)
    elif desk.style.grades and desk.count("verdict.judged"):
        yield Para(say("評価は、{grade}である。", "評価は、{grade}です。"))
    yield tables.chapters(desk)
    yield Heading(2, f"{desk.style.inspection}と監査人の確認との差")
    yield Para(
        say(
            "両方の値がある監査項目のうち、自ら点検した値が高いものは{gap.overstated}件、低いものは{gap.understated}件、一致したものは{gap.none}件であった。",
            "両方の値がある監査項目のうち、自ら点検した値が高いものは{gap.overstated}件、低いものは{gap.understated}件、一致したものは{gap.none}件でした。",
        )
    )
    trend = [*tables.years(desk), *tables.department_years(desk)]
    if trend:
        yield from section(2, "年度ごとの推移", trend)
    yield Heading(2, "前回指摘の改善状況")
    yield from _earlier(desk)


def _earlier(desk: Desk) -> Iterable[Block]:
    if not desk.earlier:
        yield Para(desk.say("前年度までの指摘事項はない。", "前年度までの指摘事項はありません。"))
        return
    yield Para(
        desk.say(
            "前年度までの指摘事項{earlier.total}件のうち、完了したものは{earlier.closed}件、完了していないものは{earlier.open}件である。",
            "前年度までの指摘事項{earlier.total}件のうち、完了したものは{earlier.closed}件、完了していないものは{earlier.open}件です。",
        )
    )
    yield tables.finding_list(desk, desk.earlier, states=True)


def _findings(desk: Desk) -> Iterable[Block]:
    if not desk.findings:
        yield Para(
            desk.say(
                "今回の監査項目について、改善を求める指摘事項を挙げていない。",
                "今回の監査項目について、改善を求める指摘事項を挙げていません。",
            )
        )
        return
    yield tables.finding_list(desk, desk.findings)
    for one in desk.findings:
        yield from section(2, one.title, tables.finding(desk, one))


def _good(desk: Desk) -> Iterable[Block]:
    if not desk.good:
        yield Para(
            desk.say("今回、優良事例として取り上げるものはない。", "今回、優良事例として取り上げるものはありません。")
        )
    for one in desk.good:
        yield from section(2, one.title, tables.finding(desk, one))


def _everywhere(desk: Desk) -> Iterable[Block]:
    found = [one for one in desk.findings if one.horizontal]
    if not found:
        yield Para(desk.say("横展開を要する事項はない。", "横展開を要する事項はありません。"))
        return
    ciso = desk.style.ciso
    yield Para(
        desk.say(
            f"次の事項は、他の部署にも同じ課題があるおそれがある。{ciso}の指示により、各部署が点検する必要がある。",
            f"次の事項は、他の部署にも同じ課題があるおそれがあります。{ciso}の指示により、各部署が点検する必要があります。",
        )
    )
    yield tables.finding_list(desk, found)


def _next(desk: Desk) -> Iterable[Block]:
    style, year = desk.style, desk.book.year
    rows: list[tuple[Text, ...]] = [
        (f"本報告書を{style.ciso}及び{style.committee}に報告する。", f"{calendar(year + 1)}1月から2月まで"),
        ("指摘事項のある部署は、原因を調べ、改善計画書を提出する。", f"{calendar(year + 1)}2月から3月まで"),
        ("監査人は、改善の状況を確認し、フォローアップ報告書にまとめる。", f"{calendar(year + 1)}4月以降"),
    ]
    if style.publish:
        rows.append((f"概要を公表する（{style.publish}）。", f"{desk.year(year + 1)}"))
    if desk.order.polite:
        swap = {
            "報告する。": "報告します。",
            "提出する。": "提出します。",
            "まとめる。": "まとめます。",
            "公表する": "公表します",
        }
        rows = [(_swapped(str(text), swap), when) for text, when in rows]
    waiting = [one for one in desk.findings if one.state is not FindingState.CLOSED]
    yield Table(("内容", "時期"), tuple(rows), (5, 2.2))
    due = [(one.number, action.measure, action.person, day(action.due)) for one in waiting for action in one.actions]
    if due:
        yield Table(
            ("指摘番号", "改善の内容", "担当", "期限"),
            tuple(due),
            (1.2, 4.4, 1.6, 1.9),
            caption="提出済みの改善計画",
            quote=True,
        )


def _swapped(text: str, swap: dict[str, str]) -> str:
    for old, new in swap.items():
        text = text.replace(old, new)
    return text


def _annexes(desk: Desk, body: list[Block]) -> Iterable[Block]:
    yield from tables.heat_maps(desk)
    yield Heading(1, "別紙2　項目別結果一覧", numbered=False)
    yield tables.items(desk)
    yield from terms_annex(desk, body, "別紙3　用語")


def terms_annex(desk: Desk, body: list[Block], title: str) -> Iterable[Block]:
    """用語: the words of the ward's list that stand in the paper."""
    words = words_of(body)
    known = {**desk.style.terms, **desk.book.terms}
    used = sorted((term, meaning) for term, meaning in known.items() if term in words)
    if used:
        yield Break()
        yield Heading(1, title, numbered=False)
        yield Table(("用語", "意味"), tuple(used), (2, 6))
