"""Findings of the simulated ward: an external report, last year's and the ones that are under way."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta

from secops.demo.world import SECTIONS
from secops.isms.audit.findings_ports import AuditWorkDesk, GapAnswer, Horizontal, HorizontalAnswer
from secops.isms.audit.ports import Viewer
from secops.isms.audit.round import Action, ActionState, Finding, FindingKind, FindingState
from secops.isms.audit.workpaper import Evidence
from secops.schema.dates import JST

LEAD, AUDITOR = Viewer("tokatsu"), Viewer("kansa")


@dataclass(frozen=True, slots=True)
class _Told:
    """A finding of this ward; ``until`` is how far it came: draft, fact_check, open, planned, closed."""

    kind: FindingKind
    department: str
    item: str
    clause: str
    title: str
    fact: str
    criterion: str
    cause: str
    risk: str
    advice: str
    until: str
    measure: str = ""
    repeats: bool = False


_SHARED = "対策基準は、利用者IDを一人に一つ割り当て、共用しないことを定めている。"
LAST_YEAR = (
    _Told(
        FindingKind.MAJOR, "221", "a5.4-01", "mic-2025-03-5.4", "窓口端末で利用者IDを共用している",
        "福祉総合システムの窓口端末 3 台で、同じ利用者IDを 5 人が使っていることを確認した。", _SHARED,
        "窓口の交代が多く、ログオンに時間がかかるため。",
        "このため、誰が操作したかを後から確かめられないおそれがある。",
        "一人ずつのIDに改め、交代の手順を定める必要がある。", "closed", "職員ごとのIDを発行し、共用IDを停止する",
    ),
    _Told(
        FindingKind.MINOR, "223", "a4.4-01", "mic-2025-03-4.4", "外部記録媒体の管理簿に返却の記録がない",
        "管理簿の令和の記録 40 件のうち 7 件で、返却日が書かれていないことを確認した。",
        "対策基準は、外部記録媒体の貸出しと返却を記録することを定めている。",
        "返却のときに記入する人が決まっていないため。",
        "このため、紛失に気付くのが遅れるおそれがある。", "返却のときの確認者を定められたい。", "planned",
        "管理簿に確認者の欄を設け、月末に係長が点検する",
    ),
    _Told(
        FindingKind.GOOD, "111", "", "mic-2025-03-5.2", "研修を欠席した職員への個別の説明",
        "研修を欠席した 4 人全員に、係長が資料を使って説明し、記録を残していることを確認した。", "", "", "", "", "open",
    ),
)  # fmt: skip
THIS_YEAR = (
    replace(
        LAST_YEAR[0], kind=FindingKind.MAJOR, until="planned", repeats=True,
        title="窓口端末で利用者IDの共用が続いている",
        fact="前回の指摘の後に発行した職員ごとのIDのうち 2 つが、夜間窓口で共用されていることを確認した。",
        measure="夜間窓口の当番表とIDの割当てを合わせ、月に一度ログで確かめる",
    ),
    _Told(
        FindingKind.MINOR, "213", "a4.4-01", "mic-2025-03-4.4", "年金相談の記録を登録のない USB メモリに保存している",
        "端末操作ログで、登録のない USB メモリへの書出しが 2 回あったことを確認した。",
        "対策基準は、許可を得て登録した媒体だけを使うことを定めている。",
        "出張相談に持ち出す手段が示されていないため。",
        "このため、個人情報を含む媒体を失うおそれがある。",
        "登録した媒体だけを使い、使用後に消去する手順を定める必要がある。",
        "fact_check",
    ),
    _Told(
        FindingKind.OPPORTUNITY, "222", "", "mic-2025-03-5.3", "事故のときの連絡先の掲示が古い",
        "執務室の掲示に、前の年度の連絡先が残っていることを確認した。", "", "", "",
        "異動の時期に合わせて掲示を改めることを検討されたい。", "draft",
    ),
)  # fmt: skip


def add_findings(work: AuditWorkDesk, year: int, back: int, now: datetime) -> None:
    """The findings of a year that is so many years ago."""
    if back == 2:
        _external(work, year, now)
        return
    numbers = [_tell(work, one, year, back, now) for one in (LAST_YEAR if back else THIS_YEAR)]
    if back:
        _horizontal(work, numbers[0], year, now)


def _when(year: int, month: int, day: int, now: datetime) -> datetime:
    moment = datetime(year if month >= 4 else year + 1, month, day, 14, 10, tzinfo=JST)
    return min(moment, now - timedelta(minutes=2))


def _external(work: AuditWorkDesk, year: int, now: datetime) -> None:
    """An advisory report of outside experts, taken over into the same list."""
    source = f"令和{year - 2018}年度 情報セキュリティ外部監査報告書(助言型)"
    told = (
        ("121", "バックアップから戻す訓練が行われていない", "手順書はあるが、戻す訓練の記録がないことを確認した。"),
        ("112", "退職者のアカウントの停止が遅れている", "退職から停止まで 30 日を超えた例が 3 件あることを確認した。"),
    )
    rows = []
    for department, title, fact in told:
        finding = Finding(
            "", FindingKind.MINOR, title, department,
            fact=fact, state=FindingState.CLOSED, source=source, evidence=(Evidence(source),),
            clauses=("mic-2025-03-6.1-2",) if department == "121" else ("mic-2025-03-5.4",),
            opened_on=date(year + 1, 3, 25), closed_on=min(date(year + 1, 9, 30), now.date()),
        )  # fmt: skip
        rows.append((finding, year, SECTIONS[department]))
    work.import_findings(rows, actor=LEAD.name, now=_when(year, 3, 27, now))


def _tell(work: AuditWorkDesk, told: _Told, year: int, back: int, now: datetime) -> str:
    """A finding through its steps, as far as it came."""
    head = Viewer(f"kacho-{told.department}", frozenset({told.department}))
    finding = Finding(
        "",
        told.kind,
        told.title,
        told.department,
        item=told.item,
        clauses=(told.clause,),
        fact=told.fact,
        criterion=told.criterion,
        cause=told.cause,
        risk=told.risk,
        recommendation=told.advice,
        evidence=(Evidence("監査調書", f"監査調書綴 {year}"),),
        repeats=f"{year - 1}-01" if told.repeats else "",
    )
    when = _when(year, 10, 20, now)
    name = SECTIONS[told.department]
    number = work.draft_finding(
        finding, year=year, plan=str(year), department_name=name, viewer=AUDITOR, now=when
    ).finding.number
    if told.until == "draft":
        return number
    work.send_finding(number, viewer=AUDITOR, now=when + timedelta(hours=1))
    if told.until == "fact_check":
        return number
    work.reply_finding(number, agreed=True, opinion="", viewer=head, now=_when(year, 10, 27, now))
    record = work.issue_finding(number, viewer=LEAD, now=_when(year, 11, 4, now))
    if told.measure:
        _improve(work, told, record.revision, number, year, back, now)
    return number


def _improve(work: AuditWorkDesk, told: _Told, revision: int, number: str, year: int, back: int, now: datetime) -> None:
    head = Viewer(f"kacho-{told.department}", frozenset({told.department}))
    due = date(year + 1, 2, 28)
    action = Action(told.measure, "係長", due, interim="当面、課長が毎週確かめる。", state=ActionState.RUNNING)
    when = _when(year, 11, 18, now)
    record = work.plan_actions(number, told.cause, [action], revision=revision, viewer=head, now=when)
    if told.until != "closed" or not back:
        return
    evidence = (Evidence("IDの一覧と停止の記録", "福祉課 共有フォルダ"),)
    done = replace(action, state=ActionState.DONE, done_on=date(year + 1, 1, 29), evidence=evidence)
    work.plan_actions(number, told.cause, [done], revision=record.revision, viewer=head, now=_when(year, 1, 29, now))
    day = _when(year, 3, 10, now)
    work.check_action(
        number, 1, on=day.date(), text="IDの一覧と操作ログで確かめた。", effective=True, viewer=AUDITOR, now=day
    )
    work.close_finding(number, viewer=LEAD, now=day)


def _horizontal(work: AuditWorkDesk, number: str, year: int, now: datetime) -> None:
    """The CISO asked all other departments about shared accounts."""
    others = tuple(HorizontalAnswer(code, name) for code, name in SECTIONS.items() if code != "221")
    day = _when(year, 12, 1, now)
    asked = Horizontal(
        number, "", "窓口などの端末で、利用者IDを複数の職員が使っていないか、確かめてください。",
        "最高情報セキュリティ責任者(副区長)", day.date(), day.date() + timedelta(days=30), others,
    )  # fmt: skip
    work.order_horizontal(asked, actor=LEAD.name, now=day)
    for place, one in enumerate(others[:-1]):
        has = one.department in {"211", "222"}
        text = "証明書の窓口で 1 つのIDを 2 人が使っていた。" if has else ""
        given = GapAnswer.HAS if has else GapAnswer.NONE
        answer = replace(one, answer=given, text=text, due=day.date() + timedelta(days=60) if has else None)
        head = Viewer(f"kacho-{one.department}", frozenset({one.department}))
        work.answer_horizontal(number, answer, viewer=head, now=_when(year, 12, 3 + place, now))
