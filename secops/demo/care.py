"""What the simulated ward did about its policy: exceptions in every state, and reviews of this fiscal year."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime, timedelta

from secops.isms.policy.calendar import Outcome, Review
from secops.isms.policy.exceptions import Decision, Draft, Kind, Subject
from secops.isms.policy.ports_calendar import Reviews
from secops.isms.policy.ports_exceptions import Waivers
from secops.schema.dates import JST, fiscal_year

CISO = "最高情報セキュリティ責任者(副区長)"
REVIEWED = (
    ("audit-plan", 4, 15, Outcome.CHANGED, "対象に施設予約システムを加えた。"),
    ("training-plan", 4, 20, Outcome.UNCHANGED, ""),
    ("flow-register", 4, 24, Outcome.TO_CHANGE, "T-003 を使っているかを福祉課に確かめる。"),
    ("exceptions", 4, 24, Outcome.UNCHANGED, ""),
    ("accounts", 5, 18, Outcome.CHANGED, "異動した職員の ID 12 件を停止した。"),
    ("system-register", 5, 20, Outcome.CHANGED, "保育園入園選考システムを加えた。"),
    ("asset-register", 5, 22, Outcome.CHANGED, ""),
    ("incident-response-plan", 5, 28, Outcome.CHANGED, "外部の窓口の連絡先を改めた。"),
    ("ict-bcp", 6, 12, Outcome.UNCHANGED, ""),
    ("self-inspection", 6, 26, Outcome.UNCHANGED, ""),
)


def add_care(waivers: Waivers, reviews: Reviews, now: datetime) -> None:
    """Fill in what is not there yet."""
    if not reviews.reviews():
        _add_reviews(reviews, now)
    if not waivers.waivers(None):
        _add_waivers(waivers, now)


def _add_reviews(reviews: Reviews, now: datetime) -> None:
    year = fiscal_year(now.astimezone(JST).date())
    for entry, month, day, outcome, note in REVIEWED:
        at = datetime(year, month, day, 10, 30, tzinfo=JST)
        if at < now:
            said = note or ("必要な変更を台帳に反映した。" if outcome is not Outcome.UNCHANGED else "")
            reviews.add(Review(entry, at.date(), outcome, said, None, "seisaku", at))


@dataclass(frozen=True, slots=True)
class _Case:
    """An exception: asked for ``ago`` days ago by ``actor``; from and until that many days from today."""

    department: str
    actor: str
    clause: str
    about: Subject
    reason: str
    measure: str
    ago: int
    begins: int
    ends: int | None  # None: the end of the fiscal year
    approved: bool | None
    conditions: str = ""


CASES = (
    _Case(
        "221", "fukushi", "mic-2025-03-6.3", Subject(Kind.SYSTEM, "FUKUSHI"),
        "帳票プログラムの改修が終わるまで、旧版の OS を使う必要がある。",
        "通信を帳票サーバだけに限り、月に一度ログを確かめる。",
        402, -400, -37, approved=True, conditions="月次の点検結果を情報政策課に報告する。",
    ),
    _Case(
        "131", "douro", "mic-2025-03-4.4", Subject(Kind.DEVICE, "L-1111"),
        "現場の測量機器との受渡しに USB メモリを使う。",
        "登録した 1 本だけを使い、使う前後にウイルス検査をして記録する。",
        121, -120, None, approved=True,
    ),
    _Case(
        "122", "koho", "mic-2025-03-8.3", Subject(Kind.SYSTEM, "YOYAKU"),
        "契約の更新まで、多要素認証のない管理画面を使う。",
        "接続元を庁内のアドレスに限り、管理者を 2 人に絞る。",
        2, 7, None, approved=None,
    ),
    _Case(
        "112", "jinji", "mic-2025-03-6.2", Subject(Kind.DEVICE, "I-1122"),
        "採用面接の受付で、共用の ID を使いたい。",
        "受付の記録を紙で残す。",
        62, -60, None, approved=False, conditions="個人の ID で運用できるため。",
    ),
)  # fmt: skip


def _add_waivers(waivers: Waivers, now: datetime) -> None:
    today = now.astimezone(JST).date()
    for case in CASES:
        ends = date(fiscal_year(today) + 1, 3, 31) if case.ends is None else today + timedelta(days=case.ends)
        begins = today + timedelta(days=case.begins)
        draft = Draft(case.department, (case.clause,), case.reason, case.measure, begins, ends, (case.about,))
        then = now - timedelta(days=case.ago)
        made = waivers.request(draft, actor=case.actor, codes=None, now=then)
        if case.approved is not None:
            decided = then + timedelta(days=1)
            decision = Decision(case.approved, CISO, decided.astimezone(JST).date(), case.conditions)
            waivers.decide(made.number, decision, actor="seisaku", codes=None, now=decided)
