"""Papers behind the report: 公表用概要, 講評資料, 改善計画書, フォローアップ報告書."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from secops.isms.audit.paper_style import PaperKind
from secops.isms.audit.round import ACTION_STATES, CONDUCT_LABELS, FINDING_LABELS, FINDING_STATES, Action, Finding
from secops.report.papers import tables
from secops.report.papers.desk import Desk, day, section, wide
from secops.report.papers.model import Block, Break, Cover, Fields, Heading, Items, LetterHead, Paper, Para, Table, Text
from secops.report.papers.report import POLITE_WAYS, STANDARDS, WAYS, terms_annex
from secops.schema.dates import wareki


def summary(desk: Desk) -> Paper:
    """What is published: no department, no system, no open gap, nobody's name, nothing that helps an attacker."""
    style, say, plan = desk.style, desk.say, desk.book.plan
    title = style.titles.get(PaperKind.SUMMARY) or "情報セキュリティ監査の結果の概要"
    body: list[Block] = []
    body += section(1, "監査の目的", Para(desk.purpose))
    body += section(1, "実施期間", Para(desk.span(plan.begins, plan.ends)))
    ways = POLITE_WAYS if desk.order.polite else WAYS
    body += section(1, "実施方法", Items(tuple(ways[phase] for phase in plan.phases)))
    kind = wide(CONDUCT_LABELS[plan.conduct])
    body += section(
        1,
        "対象",
        Para(
            say(
                f"{kind}として、{{departments}}部署及び{{systems}}システムを対象とした。",
                f"{kind}として、{{departments}}部署及び{{systems}}システムを対象としました。",
            )
        ),
    )
    body += section(1, "評価の基準", Items(style.standards or STANDARDS))
    body += section(1, "結果", _counted(desk), _tendency(desk))
    body += section(1, "総評", _remark(desk))
    subtitle = f"{wide(desk.book.ward)}　{desk.year()}"
    head: list[Block] = [Para(title, "title"), Para(subtitle, "centre")]
    return Paper(desk.order, f"{title}（{desk.year()}）", (*head, *body))


def _counted(desk: Desk) -> Table:
    """Counts by kind; a small one is not published, nor any sum from which it could be worked out."""
    least = desk.style.opendata.least_count
    rows: list[tuple[Text, ...]] = []
    for kind, label in FINDING_LABELS.items():
        key = f"findings.{kind.value}"
        small = 0 < desk.count(key) < least
        rows.append((label, f"{least}件未満" if small else (desk.number(key), "件"), desk.style.terms.get(label, "")))
    return Table(("区分", "件数", "意味"), tuple(rows), (2.2, 1.3, 6), "lrl", caption="指摘事項等の件数")


def _tendency(desk: Desk) -> Iterable[Block]:
    """How far departments judge themselves as the auditors do: a tendency that says nothing of where gaps are."""
    yield Para(
        desk.say(
            "監査項目延べ{verdict.total}件のうち、監査人が判定したものは{verdict.judged}件であり、"
            f"{desk.style.inspection}の結果と監査人の確認が一致したものは{{gap.none}}件であった。",
            "監査項目延べ{verdict.total}件のうち、監査人が判定したものは{verdict.judged}件であり、"
            f"{desk.style.inspection}の結果と監査人の確認が一致したものは{{gap.none}}件でした。",
        )
    )


def _remark(desk: Desk) -> Iterable[Block]:
    yield Para(
        desk.say(
            "改善を求める事項について、各部署が改善計画を定め、監査人がその実施を確認する。",
            "改善を求める事項について、各部署が改善計画を定め、監査人がその実施を確認します。",
        )
    )
    yield Para(
        desk.say(
            "監査は、監査項目に照らして改善を要する事項を示し、助言するものであり、対策が有効であることを保証するものではない。",
            "監査は、監査項目に照らして改善を要する事項を示し、助言するものであり、対策が有効であることを保証するものではありません。",
        )
    )


def briefing(desk: Desk) -> Paper:
    """講評: what is told at the closing meeting; landscape, one matter a page, large enough to be shown."""
    style, order = desk.style, desk.order
    one = desk.name(order.department) if order.department else "全体"
    body: list[Block] = [Heading(1, "監査の概要", numbered=False)]
    body.append(
        Fields(
            (
                ("対象", f"{one}" if order.department else desk.text("{departments}部署、{systems}システム")),
                ("実施期間", desk.span(desk.book.plan.begins, desk.book.plan.ends)),
                ("監査の区分", wide(CONDUCT_LABELS[desk.book.plan.conduct])),
                ("重点テーマ", desk.book.plan.theme or "なし"),
            )
        )
    )
    body += [Heading(1, "結果の概要", numbered=False), tables.kinds(desk)]
    body.append(
        Para(
            desk.say(
                "監査項目延べ{verdict.total}件のうち{verdict.judged}件を判定した。達成率は{achievement}％、網羅率は{coverage}％であった。",
                "監査項目延べ{verdict.total}件のうち{verdict.judged}件を判定しました。達成率は{achievement}％、網羅率は{coverage}％でした。",
            )
        )
    )
    body.append(desk.disclaimer())
    body += [Break(), Heading(1, "章別の状況", numbered=False), replace(tables.chapters(desk), caption="")]
    for found in desk.findings:
        body += [
            Break(),
            Heading(1, f"{FINDING_LABELS[found.kind]}　{found.title}", numbered=False),
            _told(desk, found),
        ]
    if desk.good:
        body += [Break(), Heading(1, "優良事例", numbered=False)]
        body += [
            Fields((("部署", desk.name(found.department)), ("内容", found.fact or found.title)), 0.18)
            for found in desk.good
        ]
    body += [Break(), Heading(1, "今後の進め方", numbered=False)]
    steps = (
        "指摘の事実に誤りがあれば、監査人に申し出る（事実確認）。",
        "所管の見解を監査人に提出する。",
        "監査報告書の交付後、改善計画書を提出する。",
    )
    polite = (
        "指摘の事実に誤りがありましたら、監査人に申し出てください（事実確認）。",
        "所管の見解を監査人に提出してください。",
        "監査報告書の交付後、改善計画書を提出してください。",
    )
    body.append(Items(polite if order.polite else steps, numbered=True))
    title = style.title(PaperKind.BRIEFING)
    cover = Cover(title, f"{desk.year()}　{one}", wareki(order.made_on), desk.by(style.auditors))
    return Paper(order, f"{title}（{desk.year()} {one}）", tuple(body), cover, landscape=True)


def _told(desk: Desk, found: Finding) -> Fields:
    rows: list[tuple[str, Text]] = [
        ("対象", desk.place(found.department, found.system)),
        ("事実", found.fact),
        ("基準", "\n".join(filter(None, (found.criterion, *map(desk.clause, found.clauses))))),
        ("リスク", found.risk),
        ("改善提言", found.recommendation),
        ("証拠", desk.evidence(found.evidence)),
    ]
    return Fields(tuple((label, text) for label, text in rows if text), 0.16, title=f"指摘番号 {found.number}")


def improvement(desk: Desk) -> Paper:
    """改善計画書: the letter of a department's head, with a sheet for each finding."""
    style, order = desk.style, desk.order
    sender = f"{desk.name(order.department)}長" if order.department else "　　　　　　課長"
    head = LetterHead(
        (f"{style.lead}　様",), (sender,), f"{desk.year()}情報セキュリティ監査に係る改善計画について（提出）"
    )
    body: list[Block] = [head]
    if not desk.findings:
        body.append(Para("改善を求められた事項はありません。"))
        return Paper(order, head.title, tuple(body))
    body.append(Para("監査報告書の指摘事項について、下記のとおり改善の計画を定めましたので、提出します。"))
    body += [Para("記", "mid"), tables.finding_list(desk, desk.findings)]
    for one in desk.findings:
        body.append(_measures(desk, one))
    body.append(Para("以上", "close"))
    return Paper(order, head.title, tuple(body))


def _measures(desk: Desk, one: Finding) -> Fields:
    rows: list[tuple[str, Text]] = [
        ("区分", FINDING_LABELS[one.kind]),
        ("対象", desk.place(one.department, one.system)),
        ("指摘事項", one.fact or one.title),
        ("証拠", desk.evidence(one.evidence)),
        ("基準", "\n".join(map(desk.clause, one.clauses))),
        ("原因", one.improvement_cause or one.cause or "　"),
    ]
    for at, action in enumerate(one.actions or (Action("　", "　", None),), 1):
        number = f"{at}" if len(one.actions) > 1 else ""
        rows += [
            (f"改善内容{number}", action.measure),
            ("担当・期限", f"担当 {action.person}　期限 {day(action.due)}"),
            ("応急措置", action.interim or "　"),
            ("状況", _state(action)),
            ("証跡", desk.evidence(action.evidence) or "　"),
            ("監査人確認", _checked(action)),
        ]
    return Fields(tuple(rows), 0.18, whole=True, title=f"{one.number}　{one.title}", quote=True)


def _state(action: Action) -> str:
    said = ACTION_STATES[action.state]
    if action.done_on:
        said += f"（{day(action.done_on)}）"
    if action.reason:
        said += f"\n理由 {action.reason}"
    if action.exception:
        said += f"\n例外措置 {action.exception}"
    return said


def _checked(action: Action) -> str:
    if not action.checked_on:
        return "（未確認）"
    effect = {True: "効果あり", False: "効果なし", None: "効果は未確認"}[action.effective]
    return f"{day(action.checked_on)}　{action.checked}（{effect}）"


def followup(desk: Desk) -> Paper:
    """フォローアップ報告書: what became of the findings."""
    style, say, order = desk.style, desk.say, desk.order
    one = desk.name(order.department) if order.department else ""
    title = style.title(PaperKind.FOLLOWUP)
    body: list[Block] = []
    body += section(
        1,
        "フォローアップの概要",
        Para(
            say(
                f"{day(order.made_on)}現在の改善の状況を、改善計画書及び証拠により確認した。",
                f"{day(order.made_on)}現在の改善の状況を、改善計画書及び証拠により確認しました。",
            )
        ),
    )
    body += section(1, "改善の状況", _progress(desk))
    body += section(1, "指摘事項ごとの状況", [_followed(desk, found) for found in desk.findings])
    body += section(1, "前年度までの指摘事項", _before(desk))
    body += section(1, "全庁への横展開", _spread(desk))
    body += terms_annex(desk, body, "別紙　用語")
    cover = Cover(
        title,
        f"{desk.year()}" + (f"　{one}" if one else ""),
        f"{wareki(order.made_on).rsplit('月', 1)[0]}月",
        desk.by(style.lead),
        to=f"{style.ciso}　様",
    )
    return Paper(order, f"{title}（{desk.year()}）", tuple(body), cover, toc=True)


def _progress(desk: Desk) -> Iterable[Block]:
    yield Para(
        desk.say(
            "指摘事項{findings.total}件のうち、完了したものは{findings.closed}件、完了していないものは{findings.open}件であり、"
            "期限を過ぎたものは{findings.overdue}件である。",
            "指摘事項{findings.total}件のうち、完了したものは{findings.closed}件、完了していないものは{findings.open}件であり、"
            "期限を過ぎたものは{findings.overdue}件です。",
        )
    )
    rows: list[tuple[Text, ...]] = [
        (label, (desk.number(f"findings.action.{state.value}"),)) for state, label in ACTION_STATES.items()
    ]
    yield Table(("措置の状況", "件数"), tuple(rows), (3, 1), "lr", caption="改善の措置の状況")
    yield tables.finding_list(desk, desk.findings, states=True)


def _followed(desk: Desk, one: Finding) -> Fields:
    late = "（期限を過ぎている。）" if one.overdue(desk.order.made_on) else ""
    rows: list[tuple[str, Text]] = [
        ("区分", FINDING_LABELS[one.kind]),
        ("対象", desk.place(one.department, one.system)),
        ("事実", one.fact),
        ("基準", "\n".join(map(desk.clause, one.clauses))),
        ("証拠", desk.evidence(one.evidence)),
        ("状況", FINDING_STATES[one.state] + (f"（{day(one.closed_on)}）" if one.closed_on else "") + late),
    ]
    for action in one.actions:
        rows.append(("措置", f"{action.measure}\n担当 {action.person}　期限 {day(action.due)}"))
        rows.append(("措置の状況", _state(action)))
        if action.evidence:
            rows.append(("証跡", desk.evidence(action.evidence)))
        rows.append(("監査人確認", _checked(action)))
    if not one.actions:
        rows.append(("措置", "（改善計画が提出されていない。）"))
    return Fields(tuple(rows), 0.18, title=f"{one.number}　{one.title}")


def _before(desk: Desk) -> Iterable[Block]:
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


def _spread(desk: Desk) -> Iterable[Block]:
    found = [one for one in desk.findings if one.horizontal]
    if not found:
        yield Para(desk.say("横展開を要する事項はない。", "横展開を要する事項はありません。"))
        return
    yield Para(
        desk.say(
            "次の{findings.horizontal}件について、他の部署にも同じ課題がないかを点検する必要がある。",
            "次の{findings.horizontal}件について、他の部署にも同じ課題がないかを点検する必要があります。",
        )
    )
    yield tables.finding_list(desk, found)
