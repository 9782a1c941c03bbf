"""Exceptions, reviews and registers of the stage: a small ward with two departments, in the records of the test."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, date, datetime

from secops.access.ports import Access
from secops.isms.clauses.model import Clause, Document, DocumentKind
from secops.isms.policy.calendar import Entry, Recurring, Review, check_review, entries
from secops.isms.policy.exceptions import Decision, Draft, Kind, Lapsed, Subject, lapsed
from secops.org.model import Asset, Department, Directory, Flow, Service, System
from secops.org.registers import registers_of
from secops.schema.dates import JST
from secops.store.records.engine import Database
from secops.store.records.policy_calendar import SqlReviews
from secops.store.records.policy_exceptions import SqlWaivers
from secops.web.isms.care import Care
from secops.wiring.policy_watch import Calendar

CLAUSES = frozenset({"mic-2025-03-6.1-6", "mic-2025-03-6.4", "taisaku-a12"})
DIRECTORY = Directory(
    departments=(
        Department("210", "区民部", level="bu"),
        Department("211", "区民課", parent="210"),
        Department("212", "税務課", parent="210"),
    ),
    systems=(
        System("JUMIN", "住民記録システム", "211", "mynumber", classification="c3a", contractor="㈱みどり計算センター",
               cloud="no", personal_data="specific", persons=412_000, manager="区民課長", reviewed=date(2026, 5, 20)),
        System("ZEI", "税務システム", "212", "mynumber", classification="c3a", personal_data="specific"),
        System("YOYAKU", "施設予約システム", "211", "internet", contractor="なし", cloud="yes",
               cloud_service="みどり予約クラウド", personal_data="held", persons=18_000, manager="区民課長"),
    ),
    assets=(
        Asset("A-001", "転入届", "211", "document", "paper", "c3b", "i2", "a2", "5年", "2階書庫", "", "held",
              "区民課長", date(2026, 5, 20)),
        Asset("A-002", "課税台帳", "212", "data", "server", "c3a", "i2", "a2", "10年", "", "ZEI", "specific"),
        Asset("A-003", "持ち主の分からない名簿"),
    ),
    flows=(
        Flow("T-003", "registered", "10.1.0.23", "10.2.0.11", (Service("tcp", 445, 445),), "212", "帳票の受渡し",
             date(2026, 3, 31), "旧福祉帳票の転送"),
    ),
)  # fmt: skip
RECURRING = (
    Recurring("ict-bcp-drill", "ICT-BCP の訓練", "情報政策課長", 12, 9, note="復元にかかった時間を記録する。",
              clauses=("mic-2025-03-7.3",)),
    Recurring("training-plan", "研修計画の策定", "情報政策課長", 12, 4, last_done=date(2026, 4, 14)),
)  # fmt: skip
DOCUMENT = Document(
    "taisaku",
    "情報セキュリティ対策基準",
    DocumentKind.CONTROL_STANDARD,
    (Clause("taisaku-c6", "第6章", 1, title="技術的セキュリティ"), Clause("taisaku-a12", "第12条", 2, "taisaku-c6")),
    owner="情報セキュリティ委員会",
    review=date(2027, 3, 31),
)


def draft(department: str = "211", **more: object) -> Draft:
    """A request that makes sense on the stage's day."""
    made = Draft(
        department, ("mic-2025-03-6.4", "taisaku-a12"), "旧版の帳票プログラムが新しい OS で動かない。",
        "通信を帳票サーバだけに限り、月に一度点検する。",
        date(2026, 12, 1), date(2027, 3, 31), (Subject(Kind.DEVICE, "K-0213"),),
    )  # fmt: skip
    return replace(made, **more)  # type: ignore[arg-type]  # any field


def care_of(database: Database, now: Callable[[], datetime]) -> Care:
    """The ports; 例外 2026-1 (区民課) waits for a decision, 2025-1 (税務課) ended without anybody looking after it."""
    waivers, reviews = SqlWaivers(database), SqlReviews(database)
    if not waivers.waivers(None):
        then = datetime(2025, 10, 1, 3, 0, tzinfo=UTC)
        old = draft("212", begins=date(2025, 10, 1), ends=date(2026, 9, 30), subjects=(Subject(Kind.SYSTEM, "ZEI"),))
        asked = waivers.request(old, actor="zeimu", codes=None, now=then)
        yes = Decision(approved=True, decider="最高情報セキュリティ責任者(副区長)", decided_on=date(2025, 10, 1))
        waivers.decide(asked.number, yes, actor="policy-owner2", codes=None, now=then)
        waivers.request(draft(), actor="kumin", codes=None, now=now())

    def today() -> date:
        return now().astimezone(JST).date()

    def late(access: Access) -> list[Lapsed]:
        codes = DIRECTORY.codes_of(access.departments)
        flows = [one for one in DIRECTORY.flows if codes is None or one.owner in codes]
        return lapsed(waivers.waivers(codes), flows, today())

    def calendar() -> Calendar:
        return Calendar(entries(RECURRING, [DOCUMENT], reviews.reviews(), today()), own=False, path="calendar.yml")

    def record(review: Review) -> Entry:
        found = calendar().entry(review.entry)
        check_review(found, review.entry, review, today())
        reviews.add(review)
        made = calendar().entry(review.entry)
        assert made is not None
        return made

    return Care(
        waivers=waivers,
        lapsed=late,
        calendar=calendar,
        record=record,
        registers=lambda access: registers_of(DIRECTORY, access.zones, DIRECTORY.codes_of(access.departments)),
        directory=lambda: DIRECTORY,
        clauses=lambda: CLAUSES,
    )
