"""A console on fakes, with a night's worth of alerts: what the tests of pages and of the browser look at."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from functools import cache, cached_property
from pathlib import Path
from typing import Any

import polars as pl
from argon2 import PasswordHasher
from fastapi import FastAPI
from fastapi.testclient import TestClient
from sqlalchemy import insert, update

from secops.access.oidc import IdentityProvider
from secops.access.passwords import Passwords
from secops.access.ports import Access, LoginPolicy, Role, SessionLimits
from secops.isms.policy.library import Library
from secops.isms.policy.linking import LinkDesk
from secops.org.model import Account, Department, Device, Directory, Person, System
from secops.report.comparison_style import ComparisonStyle
from secops.schema.ecs import dtype
from secops.schema.severity import Severity
from secops.settings import Settings, WebSettings
from secops.settings_notify import NotifySettings
from secops.siem.detect.coverage import RuleCoverage, Status
from secops.siem.health import ChainState, CorrelationHealth, Disk, FilterState, StoreState, SystemStatus, problems_of
from secops.siem.ports import Condition, Hit, MatchedValue, NewBatch, Origin, Rule, Scope, SourceStatus, Verdict
from secops.store.records.accounts import SqlAccounts
from secops.store.records.audit_rounds import SqlRounds
from secops.store.records.audit_work import SqlAuditWork
from secops.store.records.codec import row_of
from secops.store.records.engine import connect
from secops.store.records.evidence import SqlEvidence
from secops.store.records.paging import SqlPaging
from secops.store.records.policy import SqlPolicyShelf
from secops.store.records.releases import SqlReleases
from secops.store.records.reminders import SqlReminders
from secops.store.records.rulings import SqlLinkRulings
from secops.store.records.siem_tables import alerts
from secops.store.records.tables import counters
from secops.store.records.trail import SqlTrail
from secops.store.records.worklist import SqlReviewWork
from secops.web.app import create_app
from secops.web.isms.care import Care
from secops.web.services import Evidence, Services, Standing
from secops.web.session import csrf_token
from secops.wiring.audits import open_catalogue, open_telemetry
from secops.wiring.evidence import EvidenceRoom, Period
from secops.wiring.evidence_asking import Chain, Inventories, Ports
from secops.wiring.evidence_site import chosen
from secops.wiring.evidence_store import EvidenceStore
from secops.wiring.guideline_room import GuidelineRoom
from secops.wiring.guidelines import open_editions
from secops.wiring.papers import Papers
from secops.wiring.policies import open_files, open_statutory
from secops.wiring.reminding import Reminders
from secops.wiring.word import read_apart
from tests.audit_work import issue
from tests.databases import new_records
from tests.fakes.desk import MemoryDesk
from tests.fakes.event_store import MemoryEventStore
from tests.fakes.journal import MemoryJournal
from tests.fakes.shelf import Shelf
from tests.rounds import begin
from tests.web import ward
from tests.web.care import care_of
from tests.web.desk import StageWork

NOW = datetime(2026, 11, 22, 17, 7, 0, tzinfo=UTC)  # 11月23日(月) 02:07 in Tokyo
PASSWORD = "watch-the-three-tiers"
QUICK = Passwords(PasswordHasher(time_cost=1, memory_cost=8, parallelism=1))
HOSTILE = "<script>alert(1)</script><svg onload=alert(2)>\"'{{7*7}}\u202egpj.exe\x00\x1b[31m\ufeff"
ZONES = {
    "mynumber": {"label": "マイナンバー利用事務系", "networks": ["10.1.0.0/16"]},
    "lgwan": {"label": "LGWAN接続系", "networks": ["10.2.0.0/16"]},
    "internet": {"label": "インターネット接続系", "networks": ["10.3.0.0/16"]},
}

NOTIFY: dict[str, Any] = {
    "channels": [
        {"id": "mail", "kind": "mail", "host": "mail.example.lg.jp", "sender": "secops@example.lg.jp"},
        {"id": "lamp", "kind": "command", "argv": ["/usr/local/bin/lamp", "--red"]},
    ],
    "people": [
        {"id": "touban1", "name": "当番 1", "contacts": {"mail": "t1@example.lg.jp", "lamp": "1"}},
        {"id": "touban2", "name": "当番 2(情報政策課 セキュリティ係)", "contacts": {"mail": "t2@example.lg.jp"}},
    ],
    "shifts": [{"days": ["offday"], "people": ["touban2", "touban1"]}],
}


def rule(name: str, title_ja: str, title: str, level: Severity, *clauses: str, **more: Any) -> Rule:
    """A rule with the parts that pages show."""
    text = (
        f"title: {title}\nid: {name}\nlevel: {level.code}\nlogsource:\n  category: firewall\n"
        "detection:\n  selection:\n    labels.flow|startswith: mynumber>\n    labels.flow_verdict: unregistered\n"
        "  condition: selection and not registered\n"
    )
    values: dict[str, Any] = {
        "id": name,
        "name": name,
        "title": title,
        "title_ja": title_ja,
        "description": f"{title}.",
        "description_ja": "許可されていない通信は、情報の持ち出しや遠隔操作のおそれがあります。",
        "level": level,
        "tags": (),
        "clauses": clauses,
        "next_steps": (),
        "false_positives": (),
        "group_by": (),
        "logsource": {},
        "path": f"rules/zones/{name}.yml",
        "text": text,
    }
    return Rule(**{**values, **more})


CROSSING = rule(
    "zone-crossing",
    "マイナンバー利用事務系からインターネット接続系への通信",
    "Traffic from the mynumber zone to the internet zone",
    Severity.CRITICAL,
    "mic-2025-03-3-1",
    "mic-2025-03-6.1-10",
    next_steps=(
        "LANケーブルを抜く(電源は切らない。区民情報課 内線 2345 に電話する)。",
        "端末の利用者に、02:04 前後に何をしていたかを聞く。操作はさせない。",
        "ファイアウォールで宛先を遮断し、同じ宛先への通信がほかにないか確かめる。",
        "統括情報セキュリティ責任者に報告する。",
    ),
    false_positives=("複合機のファームウェア更新",),
    tags=("attack.exfiltration", "attack.t1048"),
)
MACRO = rule(
    "macro-powershell",
    "マクロ起動後の PowerShell(標的型メールの疑い)",
    "PowerShell started by a macro",
    Severity.HIGH,
    "mic-2025-03-6.4",
    tags=("attack.execution", "attack.t1059.001", "attack.t1204.002"),
)
LOGON = rule(
    "off-hours-admin", "夜間の管理者ログオン", "Administrator logon at night", Severity.MEDIUM, "mic-2025-03-6.2"
)
USB = rule(
    "usb-mynumber",
    "マイナンバー利用事務系の端末での未登録 USB メモリの接続",
    "Unregistered USB device",
    Severity.HIGH,
    "mic-2025-03-3-1",
)
COPY = rule(
    "mass-copy", "短時間での大量のファイルの複写(共有フォルダ)", "Mass file copy", Severity.LOW, "mic-2025-03-4.4"
)
OFF = rule(
    "needs-zeek",
    "DNS トンネルの疑い",
    "DNS tunnelling",
    Severity.MEDIUM,
    "mic-2025-03-6.5",
    tags=("attack.command-and-control", "attack.t1071.004"),
    active=False,
    reason="このログを出す収集元がありません(category: dns)",
)
RULES = (CROSSING, MACRO, LOGON, USB, COPY, OFF)
FOUND = {
    CROSSING.id: (Status.ACTIVE, ""),
    MACRO.id: (Status.ACTIVE, ""),
    LOGON.id: (Status.ACTIVE, ""),
    USB.id: (Status.NO_SOURCE, "このルールが見る種類のログ(skysea)の収集元が設定されていません。"),
    COPY.id: (Status.NO_FIELD, "このルールに欠かせない項目(file.size)に値のある記録が見当たりません。"),
    OFF.id: (Status.UNSUPPORTED, OFF.reason),
}


def hit(rule: Rule, seq: int, ago: timedelta, zone: str, matched: tuple[MatchedValue, ...] = (), **event: Any) -> Hit:
    """A hit that long before `NOW`; double underscores in names stand for dots."""
    moment = NOW - ago
    fields = {name.replace("__", "."): value for name, value in event.items()}
    fields |= {"@timestamp": moment, "event.id": f"sumida.fw01.{seq}", "labels.zone": zone, "labels.source": "fw01"}
    return Hit(rule.id, rule.level, f"sumida.fw01.{seq}", "fw01", seq, moment, moment, zone, fields, matched)


def night() -> list[Hit]:
    """What fired this night, one line a hit."""
    minute = timedelta(minutes=1)
    why = (
        MatchedValue("selection", "labels.flow", "startswith", "mynumber>", "mynumber>internet"),
        MatchedValue("selection", "labels.flow_verdict", "equals", "unregistered", "unregistered"),
    )
    word = MatchedValue(
        "selection_cli", "process.command_line", "contains", "-enc", "powershell.exe -NoP -W Hidden -Enc SQBFAFgA" * 3
    )
    found = [
        hit(
            CROSSING,
            4565 + n,
            3 * minute - n * timedelta(seconds=7),
            "mynumber",
            why,
            labels__device="K-0213",
            host__name="K-0213",
            labels__department="区民課",
            destination__ip="203.0.113.9",
            destination__port=443,
            source__ip="10.1.4.13",
            event__category=["network"],
            user__name="t-suzuki",
            labels__flow="mynumber>internet",
        )
        for n in range(3)
    ]
    found += [
        hit(
            MACRO,
            5001,
            16 * minute,
            "internet",
            (word,),
            host__name="I-1140",
            labels__department="産業振興課",
            user__name="h-watanabe",
            process__name="powershell.exe",
            process__parent__name="WINWORD.EXE",
            event__category=["process"],
            process__command_line=word.value,
        ),
        hit(
            USB,
            5002,
            25 * minute,
            "mynumber",
            (),
            host__name="K-0107",
            labels__department="国民健康保険課資格賦課係",
            user__name="s-tanaka",
            file__path="E:\\",
            event__category=["file"],
        ),
        hit(
            LOGON,
            5003,
            37 * minute,
            "lgwan",
            (),
            host__name="サーバ L-02",
            user__name="administrator",
            event__outcome="success",
            event__category=["authentication"],
        ),
        hit(
            LOGON,
            5004,
            36 * minute,
            "lgwan",
            (),
            host__name="サーバ L-02",
            user__name="administrator",
            event__outcome="success",
            event__category=["authentication"],
        ),
        hit(
            COPY,
            5005,
            95 * minute,
            "lgwan",
            (),
            host__name="L-0481-高齢者福祉課窓口用共有端末(北側カウンター・予備機)",
            user__name="kyoyu-koureisha-madoguchi-02",
            labels__department="高齢者福祉課地域包括ケア推進担当",
            file__path="\\\\fs01\\共有\\高齢者福祉課\\令和8年度\\住所録(取扱注意).xlsx",
            event__category=["file"],
        ),
        hit(
            MACRO,
            5006,
            200 * minute,
            "internet",
            (MatchedValue("keywords", "message", "contains", "gpj", HOSTILE),),
            host__name=HOSTILE,
            user__name=HOSTILE,
            process__name=HOSTILE,
            event__category=["process"],
        ),
    ]
    return found


def frame(events: Sequence[dict[str, Any]]) -> pl.DataFrame:
    """Events as the store takes them."""
    names = sorted({name for event in events for name in event})
    return pl.DataFrame([{name: event.get(name) for name in names} for event in events], {n: dtype(n) for n in names})


def neighbours() -> list[dict[str, Any]]:
    """What the terminal did around the crossing, and one record that nobody could read."""
    rows = [
        (-9, "4624", ["authentication"], {"event.outcome": "success"}),
        (-6, "usb-connect", ["file"], {"file.path": "E:\\"}),
        (-4, "process-start", ["process"], {"process.command_line": 'explorer.exe "E:\\住民一覧.xlsx"'}),
        (-3, "file-copy", ["file"], {"file.path": "C:\\Users\\t-suzuki\\Desktop\\住民一覧.xlsx"}),
        (1, "4634", ["authentication"], {}),
    ]
    common = {
        "host.name": "K-0213",
        "labels.device": "K-0213",
        "user.name": "t-suzuki",
        "labels.zone": "mynumber",
        "labels.department": "区民課",
        "labels.source": "pc",
        "event.kind": "event",
        "event.dataset": "windows.security",
    }
    events = [
        {
            **common,
            **more,
            "@timestamp": NOW + timedelta(minutes=minutes - 3),
            "event.ingested": NOW,
            "event.action": action,
            "event.category": category,
            "event.id": f"sumida.pc.{number}",
            "event.sequence": number,
        }
        for number, (minutes, action, category, more) in enumerate(rows, 1)
    ]
    events += [
        {
            **one.event,
            "event.ingested": NOW,
            "event.sequence": one.seq,
            "event.kind": "event",
            "event.action": "通信" if one.rule_id == CROSSING.id else "",
        }
        for one in night()
    ]
    events.append(
        {
            "@timestamp": NOW - timedelta(minutes=8),
            "event.ingested": NOW,
            "event.kind": "pipeline_error",
            "event.id": "sumida.web.9",
            "event.sequence": 9,
            "labels.source": "web",
            "labels.zone": "internet",
            "event.original": HOSTILE,
            "error.message": "JSON として読めません(1 文字目)",
        }
    )
    return events


def sources() -> list[SourceStatus]:
    """Three sources: one well, one silent, one with records that could not be read."""
    return [
        SourceStatus(
            "fw01",
            "庁内ファイアウォール",
            "",
            "syslog-udp",
            "fortigate",
            128_402,
            128_390,
            0,
            {},
            12,
            NOW - timedelta(seconds=12),
            NOW,
            False,
        ),
        SourceStatus(
            "pc",
            "端末操作ログ(マイナンバー利用事務系)",
            "mynumber",
            "folder",
            "skysea",
            54_120,
            54_120,
            0,
            {},
            0,
            NOW - timedelta(minutes=40),
            NOW,
            True,
        ),
        SourceStatus(
            "web",
            "Web 閲覧(プロキシ)",
            "internet",
            "file",
            "squid",
            90_210,
            90_188,
            9,
            {"1 行が長すぎる": 13},
            0,
            NOW - timedelta(seconds=3),
            NOW,
            False,
            "",
            {"JSON として読めません": 9},
        ),
    ]


# What the program ships is read once a process.
EDITIONS = cache(open_editions)
_shipped_catalogue = cache(open_catalogue)
SAMPLE = cache(lambda: open_files(None))


def _shipped_clause(clause_id: str) -> bool:
    return EDITIONS().clause(clause_id) is not None


@dataclass
class Stage:
    """The parts of a console under test. ``clock`` is what time it is; tests may move it."""

    folder: Path
    web: WebSettings = field(default_factory=WebSettings)
    stop: bool = False

    def __post_init__(self) -> None:
        self.clock = NOW
        self.desk = MemoryDesk({rule.id: rule for rule in RULES})
        self.store = MemoryEventStore()
        self.journal = MemoryJournal()
        self.found = sources()
        self.problems: list[str] = []
        self.event_store = StoreState()
        self.written: list[tuple[str, str]] = []
        self.filters: list[FilterState] = []
        found = [RuleCoverage(at, *FOUND[one.id]) for at, one in enumerate(RULES)]
        self.standing = Standing(NOW, RULES, found)
        self.correlation = CorrelationHealth()
        self.database = connect(new_records(self.folder / "users.db"))
        policy = LoginPolicy(self.web.password_length, frozenset(map(Role, self.web.second_factor)))
        self.accounts = SqlAccounts(self.database, SessionLimits(), QUICK, policy)
        self.identity: IdentityProvider | None = None
        self.work = StageWork(self.database, self.desk)
        self.settings = Settings.model_validate({"site": {"id": "sumida", "name": "〇〇区 CSIRT"}, "zones": ZONES})
        self.settings = self.settings.model_copy(update={"web": self.web, "notify": NotifySettings(**NOTIFY)})
        self.comparison = ComparisonStyle()
        self.paging = SqlPaging(self.database, enabled=True)
        self.rounds = SqlRounds(self.database)
        self.audit_work = SqlAuditWork(self.database, self.rounds)
        self.review_work = SqlReviewWork(self.database)
        self.shelf = Shelf()
        self.shelf = Shelf()
        self.directory = Directory(
            departments=(Department("211", "区民課"), Department("212", "税務課")),
            staff=(Person("1", "鈴木", ("211",), (Account("", "t-suzuki"),)),),
            devices=(Device("K-0213", "mynumber", ("10.1.4.13",), department="211"),),
            systems=(System("juki", "住民記録システム", "211", "mynumber"),),
        )
        self.files = EvidenceStore(self.folder)
        with self.database.write() as connection:  # alerts about users come behind those of the desk, which has its own
            connection.execute(update(counters).where(counters.c.name == "alert").values(value=100_000))

    def close(self) -> None:
        """Give up the database."""
        self.database.close()

    def write_exception(self, text: str, number: str) -> str:
        """Keep what the console would have written into the rules."""
        self.written.append((number, text))
        return f"rules/exceptions/{number}.yml"

    def person(self, name: str, role: Role, access: Access | None = None) -> None:
        """Someone with a login."""
        self.accounts.add(name, PASSWORD, role=role, access=access or Access(), actor="test", now=self.clock)

    def play(self) -> None:
        """The night, two alerts of other days that are done, and two years of self-inspection."""
        for year in (2025, 2026):
            begin(self.rounds, year)
        issue(self.audit_work)
        earlier = [
            hit(CROSSING, 11, timedelta(days=20), "mynumber", host__name="K-0190", event__category=["network"]),
            hit(CROSSING, 12, timedelta(days=9), "mynumber", host__name="K-0004", event__category=["network"]),
        ]
        self.desk.put_hits(earlier, {}, NOW - timedelta(days=9))
        self.desk.assign([1, 2], "touban", actor="touban", scope=Scope(), now=NOW - timedelta(days=8))
        self.desk.close(
            [1],
            Verdict.FALSE_POSITIVE,
            "複合機の更新(区民情報課に確認)",
            actor="touban",
            scope=Scope(),
            now=NOW - timedelta(days=8),
        )
        self.desk.close(
            [2],
            Verdict.TRUE_POSITIVE,
            "無許可の持ち込み端末",
            actor="touban",
            scope=Scope(),
            now=NOW - timedelta(minutes=90),
        )
        self.desk.put_hits(night(), {}, NOW - timedelta(minutes=1))
        with self.database.write() as connection:  # where paging looks for them
            for alert in sorted(self.desk.stored.values(), key=lambda one: one.id):
                connection.execute(insert(alerts).values(row_of(alert, alert.id)))
        paging, before = SqlPaging(self.database, enabled=False), NOW - timedelta(days=5)
        paging.settle([Condition("stalled", "", "", Severity.HIGH, before)], [], before)
        paging.settle([], paging.conditions(Scope()), before + timedelta(minutes=20))
        self.store.write(frame(neighbours()), {})
        self.sheet()
        origin = Origin("syslog", "fortigate", peer="10.9.0.1:514/udp")
        lines = [
            f'date=2026-11-23 devname="fw01" seq={n} dstip=203.0.113.9 action="accept"'.encode() for n in range(1, 5010)
        ]
        lines[5006 - 1] = HOSTILE.encode()
        self.journal.append([NewBatch("fw01", NOW, origin, lines)])

    def system(self) -> SystemStatus:
        """All is well but for what a test wrote into ``problems``."""
        chain = ChainState(42, "ab" * 32, NOW - timedelta(minutes=11))
        disk = Disk(512 * 10**9, 301 * 10**9, 41 * 10**9, 9 * 10**9)
        parts = {"collectors": "running", "worker-0": "running", "keeper": "running", "web": "running"}
        there = self.event_store
        problems = [*problems_of(self.found, chain, disk, parts, 5, self.filters, there), *self.problems]
        status = SystemStatus(
            NOW, "sumida", self.found, 5, {OFF.reason: 1}, chain, disk, parts, problems, self.filters, self.correlation
        )
        return replace(status, store=there)

    @cached_property
    def care(self) -> Care:
        """What the policy pages look after; see `tests.web.care`."""
        return care_of(self.database, lambda: self.clock)

    @cached_property
    def evidence(self) -> Evidence:
        """The room over the stage's events, with the program's own catalogue, and one sheet."""
        room = EvidenceRoom(
            Ports(
                store=self.store,
                desk=self.work,
                inventories=Inventories(lambda _at: self.directory, lambda: (), lambda _at: False),
                chain=lambda _since, _until: Chain(42, 3, ""),
                waivers=lambda _codes: (),
                zone_label=lambda zone: str(ZONES[zone]["label"]) if zone in ZONES else zone,
                now=lambda: self.clock,
            )
        )
        return Evidence(room, SqlEvidence(self.database), cache(open_catalogue), cache(open_telemetry))

    @cached_property
    def papers(self) -> Papers:
        """Papers over a round of six departments."""
        return Papers(self.folder, self.shelf, SqlReleases(self.database), lambda: self.clock)

    def sheet(self, query: str = "failed_logons", department: str = "211") -> int:
        """An evidence sheet of the last ten days; its number."""
        here = self.evidence
        period = Period(department, NOW - timedelta(days=10), NOW)
        wanted = chosen(here.telemetry(), here.catalogue(), names=[query])
        (made,) = here.room.make(wanted, here.telemetry(), period, Scope(), "kansa").sheets
        return here.sheets.keep(made, actor="kansa", now=NOW)

    @property
    def services(self) -> Services:
        """The ports."""
        return Services(
            settings=self.settings,
            desk=self.desk,
            work=self.work,
            write_exception=self.write_exception,
            rounds=self.rounds,
            audit_work=self.audit_work,
            trail=lambda target: SqlTrail(self.database).entries(target=target),
            care=self.care,
            evidence=self.evidence,
            papers=self.papers,
            store=self.store,
            journal=self.journal,
            accounts=self.accounts,
            paging=self.paging,
            rules=lambda: RULES,
            coverage=lambda: self.standing,
            sources=lambda: self.found,
            system=self.system,
            now=lambda: self.clock,
            closing=lambda: self.stop,
            departments=lambda: ("区民課", "税務課"),
            identity=self.identity,
            files=self.files,
            ranking=ward.ranking,
            proposed=ward.proposed,
            opening=ward.opening,
            place=ward.place,
            planning=ward.PLANNING,
            word=read_apart,
            reminders=Reminders(
                self.rounds,
                SqlReminders(self.database),
                self.settings,
                lambda: ward.DIRECTORY,
                lambda: self.clock,
                "http://127.0.0.1/",
            ),
            sentences=lambda: ward.SENTENCES,
            guideline=self.guideline,
            review_work=self.review_work,
            statutory=lambda: open_statutory(None),
            links=self.links,
            comparison=lambda: self.comparison,
        )

    @cached_property
    def links(self) -> LinkDesk:
        """The desk of links to the guideline."""
        return LinkDesk(self.library, EDITIONS, SqlLinkRulings(self.database))

    @cached_property
    def library(self) -> Library:
        """The documents of the policy: the sample, and what a test publishes."""
        return Library(
            SqlPolicyShelf(self.database),
            lambda: open_files(None),
            lambda clause: EDITIONS().clause(clause) is not None,
        )

    @cached_property
    def guideline(self) -> GuidelineRoom:
        """The shipped editions, items and sample documents, with the rules of the stage."""
        return GuidelineRoom(EDITIONS, _shipped_catalogue, lambda: RULES, self.library)

    @cached_property
    def app(self) -> FastAPI:
        """The console: one for all browsers of a test."""
        return create_app(self.services)

    def visitor(self) -> TestClient:
        """A browser that nobody has logged in with."""
        return TestClient(self.app, base_url="http://127.0.0.1", follow_redirects=False, raise_server_exceptions=False)

    def client(self, name: str) -> TestClient:
        """A browser in which this person is logged in."""
        browser = self.visitor()
        token, _session = self.accounts.login(name, PASSWORD, peer="test", now=self.clock, demo_allowed=True)
        browser.cookies.set("secops", token)
        return browser


def csrf(browser: TestClient) -> str:
    """The token the forms of this browser carry."""
    return csrf_token(browser.cookies["secops"])
