"""Books of a round for tests: a small ward whose papers can be read, and a large one."""

from __future__ import annotations

import random
from collections.abc import Sequence
from datetime import date, datetime, timedelta
from functools import cache
from typing import Any

from secops.isms.audit.book import Ledger, make_book
from secops.isms.audit.model import Answerer, Catalogue, Grade, Method, Verdict
from secops.isms.audit.round import (
    Action,
    ActionState,
    Conduct,
    EvidenceSheet,
    Finding,
    FindingKind,
    FindingState,
    Phase,
    Plan,
    PlanLevel,
    Unit,
    Visit,
    YearGrade,
)
from secops.isms.audit.rules import ScoringRules
from secops.isms.audit.sampling import draw
from secops.isms.audit.workpaper import Evidence, Workpaper
from secops.schema.dates import JST
from secops.wiring.audits import open_catalogue, open_rules

DAY = date(2027, 1, 20)
NAMES = {
    "1010": "区民課",
    "1020": "税務課",
    "2010": "高齢者福祉課",
    "2020": "国民健康保険課",
    "3010": "産業振興課",
    "3020": "道路公園課",
    "100": "区民部",
    "200": "福祉保健部",
    "300": "都市整備部",
}
DEPARTMENTS = ["1010", "1020", "2010", "2020", "3010", "3020"]
DIVISIONS = {code: code[0] + "00" for code in DEPARTMENTS}
SYSTEMS = {"jumin": "住民記録システム", "zei": "税総合システム", "kaigo": "介護保険システム"}
OF_SYSTEM = {"jumin": "1010", "zei": "1020", "kaigo": "2010"}
STAFF = ("墨田 太郎", "本所 花子")


@cache
def catalogue() -> Catalogue:
    return open_catalogue()


@cache
def rules() -> ScoringRules:
    return open_rules()


def paper(item: str, department: str, declared: Verdict, confirmed: Verdict, system: str = "") -> Workpaper:
    asked = catalogue().by_id[item]
    sample = draw([f"端末{n:03}" for n in range(40)], 5, "7f3a90c1") if Method.TEST in asked.check else None
    return Workpaper(
        item,
        department,
        system,
        declared,
        confirmed,
        objective=asked.title,
        procedure=asked.check,
        sample=sample,
        result="規程と記録を突き合わせ、5件の標本について確認した。" if confirmed is not Verdict.NOT_VERIFIED else "",
        evidence=(Evidence(asked.evidence[0], "監査調書綴り 第2分冊"),),
        preparer="監査人A",
        reviewer="監査人B",
    )


def _verdicts(dice: random.Random, good: float) -> tuple[Verdict, Verdict]:
    roll = dice.random()
    confirmed = (
        Verdict.MET
        if roll < good
        else Verdict.PARTIAL
        if roll < good + 0.14
        else Verdict.NOT_MET
        if roll < good + 0.2
        else Verdict.NOT_APPLICABLE
        if roll < good + 0.23
        else Verdict.NOT_VERIFIED
    )
    declared = Verdict.MET if confirmed is Verdict.NOT_VERIFIED or dice.random() < 0.2 else confirmed
    return declared, confirmed


def papers(dice: random.Random) -> list[Workpaper]:
    found = []
    for place, department in enumerate(DEPARTMENTS):
        found += [
            paper(item.id, department, *_verdicts(dice, 0.55 + 0.06 * place))
            for item in catalogue().applicable(1)
            if item.answers in {Answerer.DEPARTMENT, Answerer.STAFF}
        ]
    for system, department in OF_SYSTEM.items():
        found += [
            paper(item.id, department, *_verdicts(dice, 0.68), system)
            for item in catalogue().applicable(1)
            if item.answers is Answerer.SYSTEM
        ]
    return found


def finding(number: int, kind: FindingKind, department: str, title: str, **more: Any) -> Finding:
    values: dict[str, Any] = {
        "item": "a3-04",
        "clauses": ("taisaku-a12", "mic-2025-03-3-1"),
        "fact": f"{NAMES[department]}において、{title}ことを確認した。",
        "criterion": "対策基準第12条では、情報システム管理者は記録を取得し、定期に点検すると定めている。",
        "cause": "手順が文書になっておらず、担当者の異動の際に引き継がれていない。",
        "risk": "このため、情報の持ち出しに気付くのが遅れるおそれがある。",
        "recommendation": "手順を定め、四半期ごとに点検する必要がある。",
        "evidence": (Evidence("媒体の利用記録(令和8年9月分)", "監査調書綴り 第1分冊", "ab" * 32),),
        "state": FindingState.OPEN,
        "opened_on": date(2026, 12, 1),
    }
    if kind is FindingKind.GOOD:
        values |= {"cause": "", "risk": "", "recommendation": "", "criterion": ""}
    return Finding(f"2026-{number:02}", kind, title, department, **{**values, **more})


def findings() -> tuple[Finding, ...]:
    action = Action(
        "媒体の利用簿を定め、毎月、課長が確認する。", "区民課長", date(2027, 2, 28), "利用を課長の許可制とした。"
    )
    done = Action(
        "共用のIDを廃止し、個人ごとのIDとした。",
        "税務課長",
        date(2026, 12, 25),
        state=ActionState.DONE,
        done_on=date(2026, 12, 22),
        evidence=(Evidence("IDの一覧"),),
        checked_on=date(2027, 1, 12),
        checked="設定を確認した。",
        effective=True,
    )
    late = Action("退職者のIDを棚卸しする。", "高齢者福祉課長", date(2026, 12, 28), state=ActionState.RUNNING)
    return (
        finding(
            1,
            FindingKind.MAJOR,
            "1010",
            "外部記録媒体の利用が記録されていない",
            system="jumin",
            opinion="指摘のとおりである。利用簿を定める。",
            improvement_cause="利用簿の様式がなかった。",
            actions=(action,),
            horizontal=True,
        ),
        finding(
            2,
            FindingKind.MINOR,
            "1020",
            "共用のIDで処理が行われている",
            item="a5.4-01" if "a5.4-01" in catalogue().by_id else "a3-03",
            state=FindingState.CLOSED,
            closed_on=date(2027, 1, 12),
            actions=(done,),
            repeats="2024-05",
        ),
        finding(3, FindingKind.MINOR, "2010", "退職者のIDが残されている", actions=(late,)),
        finding(
            4, FindingKind.OPPORTUNITY, "2020", "研修の欠席者への補講が行われていない", clauses=("mic-2025-03-5.2",)
        ),
        finding(5, FindingKind.GOOD, "3020", "標的型攻撃メール訓練の結果を係ごとに振り返っている"),
    )


def plan() -> Plan:
    return Plan(
        "2026-1",
        PlanLevel.ANNUAL,
        "令和8年度情報セキュリティ内部監査",
        (2026, 2026),
        conduct=Conduct.INTERNAL,
        purpose="対策基準が守られているかを確認し、改善につなげる。",
        theme="外部記録媒体の管理及びIDの管理",
        units=tuple(Unit(code) for code in DEPARTMENTS) + tuple(Unit(dep, sys) for sys, dep in OF_SYSTEM.items()),
        auditors=("情報セキュリティ監査人(道路公園課)", "情報セキュリティ監査人(産業振興課)"),
        phases=(Phase.SELF_INSPECTION, Phase.DOCUMENTS, Phase.ON_SITE, Phase.TECHNICAL),
        begins=date(2026, 8, 3),
        ends=date(2026, 11, 27),
        period=(date(2025, 10, 1), date(2026, 9, 30)),
        approved_by="情報セキュリティ委員会",
        approved_on=date(2026, 4, 20),
    )


def history(dice: random.Random, departments: Sequence[str], years: Sequence[int]) -> tuple[YearGrade, ...]:
    found = []
    for step, year in enumerate(years):
        for code in ["", *departments]:
            value = round(min(99.0, 58 + 7 * step + dice.random() * 14), 1)
            grade = Grade.A if value >= 90 else Grade.B if value >= 75 else Grade.C if value >= 60 else Grade.D
            found.append(YearGrade(year, code, value, round(70 + dice.random() * 25, 1), grade))
    return tuple(found)


def sheets() -> tuple[EvidenceSheet, ...]:
    begin = datetime(2025, 10, 1, tzinfo=JST)
    return (
        EvidenceSheet(
            "usb_use",
            "外部記録媒体の接続",
            Unit("1010"),
            (begin, begin + timedelta(days=364)),
            datetime(2026, 10, 5, 9, 30, tzinfo=JST),
            "event.action:usb-connect AND labels.department:区民課",
            {"接続": 214, "未登録の媒体": 3, "申請のあったもの": None},
            missing=("申請の記録(収集元なし)",),
            items=("a3-04",),
            sha256="cd" * 32,
        ),
    )


def ledger(**changes: Any) -> Ledger:
    """A ward of six departments and three systems, in the year 令和8年度."""
    dice = random.Random(8)
    begins = datetime(2026, 9, 14, 9, 30, tzinfo=JST)
    values: dict[str, Any] = {
        "ward": "〇〇区",
        "year": 2026,
        "plan": plan(),
        "catalogue": catalogue(),
        "rules": rules(),
        "papers": papers(dice),
        "findings": findings(),
        "names": NAMES,
        "divisions": DIVISIONS,
        "systems": SYSTEMS,
        "clause_titles": {"taisaku-a12": "第12条 記録の取得", "mic-2025-03-3-1": "3 (1) マイナンバー利用事務系"},
        "sheets": sheets(),
        "history": history(dice, DEPARTMENTS, (2024, 2025)),
        "earlier": (
            finding(5, FindingKind.MINOR, "1020", "共用のIDで処理が行われている", state=FindingState.CLOSED),
            finding(6, FindingKind.MINOR, "3010", "記録の点検が行われていない"),
        ),
        "progress": {code: (14, 14 - place % 2) for place, code in enumerate(DEPARTMENTS)},
        "visits": tuple(
            Visit(
                Unit(code),
                begins + timedelta(days=place),
                begins + timedelta(days=place, hours=2),
                "区役所4階 会議室A",
                ("課長", "担当係長"),
                ("情報資産管理台帳", "外部記録媒体の利用簿"),
            )
            for place, code in enumerate(DEPARTMENTS)
        ),
        "excluded": ("学校のネットワーク(教育委員会の監査による。)",),
    }
    values |= changes
    rules_ = values.pop("rules")
    return Ledger(make_book(rules=rules_, **values), rules_)


def large(departments: int = 60, items: int = 200, years: int = 5, found: int = 60) -> Ledger:
    """As many departments and items as a ward has, with the results of the years before."""
    dice = random.Random(1)
    codes = [f"{101 + number}0" for number in range(departments)]
    chosen = [item.id for item in catalogue().items[:items]]
    judged = []
    for place, code in enumerate(codes):
        for item in chosen:
            declared, confirmed = _verdicts(dice, 0.45 + 0.4 * place / departments)
            judged.append(Workpaper(item, code, "", declared, confirmed, preparer="監査人A", reviewer="監査人B"))
    kinds = [FindingKind.MINOR] * 6 + [FindingKind.OPPORTUNITY] * 3 + [FindingKind.GOOD]
    names = {code: f"第{place + 1}総合窓口サービス課" for place, code in enumerate(codes)}
    listed = [
        Finding(
            f"2026-{number:02}",
            FindingKind.MAJOR if number == 1 else dice.choice(kinds),
            "記録の点検が定期に行われていない",
            dice.choice(codes),
            item=dice.choice(chosen),
            clauses=("mic-2025-03-6.1-6",),
            fact="課の文書サーバにおいて、記録の点検が行われていないことを確認した。" * 4,
            criterion="対策基準第12条では、記録を定期に点検すると定めている。",
            cause="手順が文書になっていない。",
            risk="このため、不正な操作に気付くのが遅れるおそれがある。",
            recommendation="手順を定め、四半期ごとに点検する必要がある。",
            evidence=(Evidence("点検簿", "監査調書綴り"),),
            state=FindingState.OPEN,
        )
        for number in range(1, found + 1)
    ]
    return ledger(
        papers=judged,
        findings=tuple(listed),
        plan=Plan(
            "2026-1",
            PlanLevel.ANNUAL,
            "令和8年度情報セキュリティ内部監査",
            (2026, 2026),
            purpose="改善につなげる。",
            units=tuple(map(Unit, codes)),
        ),
        names=names,
        divisions={code: f"{code[:2]}" for code in codes},
        history=history(dice, codes, range(2026 - years + 1, 2026)),
        earlier=(),
        progress={},
        visits=(),
        sheets=(),
    )
