"""監査計画書: for three years, for a 年度, or for one engagement; and 監査実施通知書, the letter that goes before."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

from secops.isms.audit.model import Method
from secops.isms.audit.paper_style import PaperKind
from secops.isms.audit.round import CONDUCT_LABELS, PHASE_LABELS, PLAN_LABELS, Phase, PlanLevel, Visit
from secops.report.papers import tables
from secops.report.papers.desk import Desk, day, section, wide
from secops.report.papers.model import Block, Cover, Fields, Heading, Items, LetterHead, Paper, Para, Table, Text
from secops.report.papers.report import POLITE_WAYS, STANDARDS, WAYS, terms_annex
from secops.schema.dates import JST, wareki

_SHORT = {PlanLevel.ENGAGEMENT, PlanLevel.SPECIAL}
# Of a year, where the plan does not say otherwise: the usual months, a default that the ward may change.
_YEAR = (
    ("4月", "年度計画の決定"),
    ("5月から6月まで", "研修、自己点検"),
    ("7月", "監査実施通知"),
    ("8月から11月まで", "監査の実施"),
    ("12月", "報告書案の作成、事実確認"),
    ("翌年1月から2月まで", "委員会及び最高情報セキュリティ責任者への報告"),
    ("翌年2月から3月まで", "改善計画の策定"),
    ("翌年度4月", "フォローアップ"),
)
_CHECKS = {Method.EXAMINE: "閲覧", Method.INTERVIEW: "質問", Method.OBSERVE: "観察", Method.TEST: "再実施・技術的検証"}


def build(desk: Desk) -> Paper:
    """The plan."""
    plan, style, order = desk.book.plan, desk.style, desk.order
    one = desk.name(order.department) if order.department else ""
    years = desk.year(plan.years[0])
    if plan.years[1] != plan.years[0]:
        years += f"から{desk.year(plan.years[1])}まで"
    title = style.title(PaperKind.PLAN)
    body: list[Block] = list(_body(desk))
    body += terms_annex(desk, body, "別紙　用語")
    level = PLAN_LABELS[plan.level]
    cover = Cover(
        title,
        f"{years}（{level}）" + (f"　{one}" if one else ""),
        f"{wareki(order.made_on).rsplit('月', 1)[0]}月",
        desk.by(style.lead),
    )
    return Paper(order, f"{title}（{years} {level}）", tuple(body), cover, toc=True)


def _body(desk: Desk) -> Iterable[Block]:
    plan, style, say = desk.book.plan, desk.style, desk.say
    yield from section(1, "監査の目的", Para(desk.purpose))
    yield Heading(1, "監査方針及び重点テーマ")
    kind = wide(CONDUCT_LABELS[plan.conduct])
    yield Para(say(f"{kind}として実施する。", f"{kind}として実施します。"))
    if plan.theme:
        yield Para(say(f"重点テーマは、「{plan.theme}」とする。", f"重点テーマは、「{plan.theme}」とします。"))
    yield from section(1, "監査の対象", _units(desk))
    yield from section(1, "監査の基準", Items(style.standards or STANDARDS))
    ways = {phase: _future(text) for phase, text in (POLITE_WAYS if desk.order.polite else WAYS).items()}
    rows = tuple((_phase(desk, phase), ways[phase]) for phase in plan.phases)
    yield from section(1, "監査の方法", Table(("段階", "方法"), rows, (1.5, 6)))
    if plan.level in _SHORT:
        yield from section(2, "監査項目の範囲及び監査手続", _procedures(desk))
    people: list[tuple[str, Text]] = [
        ("責任者", style.lead),
        ("監査人", "\n".join(map(wide, plan.auditors)) or "（未定）"),
    ]
    yield from section(1, "実施体制", Fields(tuple(people)))
    yield Para(
        say(
            "監査人は、監査の対象となる部署及びシステムから独立した者とする。対象期間に在籍した全ての部署及び兼務を確認する。",
            "監査人は、監査の対象となる部署及びシステムから独立した者とします。対象期間に在籍した全ての部署及び兼務を確認します。",
        )
    )
    yield from section(1, "実施時期及び日程", _dates(desk))
    yield Heading(1, "前年度指摘事項のフォローアップ")
    if desk.earlier:
        yield Para(
            say(
                "前年度までの指摘事項{earlier.total}件のうち、完了していない{earlier.open}件の状況を確認する。",
                "前年度までの指摘事項{earlier.total}件のうち、完了していない{earlier.open}件の状況を確認します。",
            )
        )
        yield tables.finding_list(desk, desk.earlier, states=True)
    else:
        yield Para(say("前年度までの指摘事項はない。", "前年度までの指摘事項はありません。"))
    yield Heading(1, "報告の時期")
    yield Para(
        say(
            f"監査の終了後、監査報告書を作成し、{style.ciso}及び{style.committee}に報告する。",
            f"監査の終了後、監査報告書を作成し、{style.ciso}及び{style.committee}に報告します。",
        )
    )
    yield from section(1, "承認", _approval(desk))


def _phase(desk: Desk, phase: Phase) -> str:
    return desk.style.inspection if phase is Phase.SELF_INSPECTION else PHASE_LABELS[phase]


def _future(text: str) -> str:
    for past, future in (
        ("確認した。", "確認する。"),
        ("閲覧した。", "閲覧する。"),
        ("行った。", "行う。"),
        ("確かめた。", "確かめる。"),
        ("しました。", "します。"),
        ("行いました。", "行います。"),
        ("確かめました。", "確かめます。"),
    ):
        if text.endswith(past):
            return text.removesuffix(past) + future
    return text


def _units(desk: Desk) -> Iterable[Block]:
    yield Para(
        desk.say(
            "{departments}部署及び{systems}システムを対象とする。",
            "{departments}部署及び{systems}システムを対象とします。",
        )
    )
    yield tables.targets(desk)
    if desk.book.excluded:
        yield Para(desk.say("次のものは、対象から除く。", "次のものは、対象から除きます。"))
        yield Items(desk.book.excluded)


def _procedures(desk: Desk) -> Iterable[Block]:
    rows = []
    asked = desk.book.catalogue.applicable(desk.book.plan.stage)
    for number, title in desk.book.catalogue.chapters.items():
        items = [one for one in asked if one.chapter == number]
        ways = "、".join(_CHECKS[way] for way in Method if any(way in one.check for one in items))
        rows.append((number, title, str(len(items)), str(sum(one.mandatory for one in items)), ways))
    yield Table(("章", "章名", "項目数", "うち必須", "監査手続"), tuple(rows), (0.7, 3.4, 1, 1.1, 3.4), "clrrl")


def _dates(desk: Desk) -> Iterable[Block]:
    plan = desk.book.plan
    fields: list[tuple[str, Text]] = [("実施時期", desk.span(plan.begins, plan.ends))]
    if plan.period:
        fields.append(("対象期間", desk.span(*plan.period)))
    yield Fields(tuple(fields))
    visits = visits_of(desk)
    if visits:
        rows = tuple((desk.unit(one.unit), when(one), one.place, "、".join(one.attendees)) for one in visits)
        yield Table(("対象", "日時", "場所", "出席者"), rows, (2.4, 3.2, 2, 2), caption="実地監査の日程")
        materials = list(dict.fromkeys(material for one in visits for material in one.materials))
        if materials:
            yield Para(desk.say("準備を依頼する資料は、次のとおりとする。", "準備を依頼する資料は、次のとおりです。"))
            yield Items(tuple(materials))
    elif plan.level not in _SHORT:
        months = tuple((month, what.replace("自己点検", desk.style.inspection)) for month, what in _YEAR)
        yield Table(("時期", "内容"), months, (2, 6), caption="年間の予定")


def _approval(desk: Desk) -> Iterable[Block]:
    plan = desk.book.plan
    yield Fields((("承認者", plan.approved_by or "　"), ("承認日", day(plan.approved_on))), whole=True)


def visits_of(desk: Desk) -> list[Visit]:
    """Appointments that the paper is about, by time."""
    found = [one for one in desk.book.visits if desk.order.department in {"", one.unit.department}]
    return sorted(found, key=lambda one: one.begins)


def when(one: Visit) -> str:
    """From when to when, as on paper (令和8年9月14日午前9時30分から午前11時まで); the day, where no more is known."""
    begins, ends = one.begins.astimezone(JST), one.ends.astimezone(JST)
    if begins == ends:
        return wareki(begins.date())
    return f"{wareki(begins.date())}{_clock(begins)}から{_clock(ends)}まで"


def _clock(moment: datetime) -> str:
    half, hour = ("午前", moment.hour) if moment.hour < 12 else ("午後", moment.hour - 12)
    return f"{half}{hour}時" + (f"{moment.minute}分" if moment.minute else "")


def notice(desk: Desk) -> Paper:
    """The letter: to one department, or to all that are audited."""
    style, plan, order = desk.style, desk.book.plan, desk.order
    to = (f"{desk.name(order.department)}長　様",) if order.department else ("各被監査部署の長　様",)
    head = LetterHead(
        to,
        (desk.by(style.lead), "（公印省略）"),
        f"{desk.year()}情報セキュリティ監査の実施について（通知）",
    )
    visits = visits_of(desk)
    times = "\n".join(f"{desk.unit(one.unit)}　{when(one)}" for one in visits) or desk.span(plan.begins, plan.ends)
    places = "\n".join(dict.fromkeys(one.place for one in visits if one.place)) or "別途連絡します。"
    materials = "\n".join(dict.fromkeys(one for visit in visits for one in visit.materials))
    rows = [
        ("監査対象", "\n".join(map(desk.unit, desk.units))),
        ("日時", times),
        ("場所", places),
        ("監査人", "\n".join(map(wide, plan.auditors)) or "別途連絡します。"),
        ("監査項目", _asked(desk)),
        (
            "準備いただく資料",
            materials or "情報資産管理台帳、自己点検票その他監査項目に関する記録".replace("自己点検", style.inspection),
        ),
        ("連絡先", style.contact or "　"),
    ]
    numbered = tuple((f"{at}　{label}", value) for at, (label, value) in enumerate(rows, 1))
    body: list[Block] = [
        head,
        Para("下記のとおり情報セキュリティ監査を実施しますので、御協力をお願いします。"),
        Para("記", "mid"),
        Fields(numbered, 0.26),
        Para("以上", "close"),
    ]
    return Paper(order, head.title, tuple(body))


def _asked(desk: Desk) -> str:
    chapters = list(desk.book.catalogue.chapters.items())
    used = {
        desk.book.catalogue.by_id[one.item].chapter for one in desk.book.papers if one.item in desk.book.catalogue.by_id
    }
    shown = [title for number, title in chapters if not used or number in used]
    return f"対策基準の次の章に関する事項　{'、'.join(shown)}" + (
        f"\n重点テーマ　{desk.book.plan.theme}" if desk.book.plan.theme else ""
    )
