"""Evidence sheets over an event store: what each query counts, what is missing, who sees what, and made again."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from typing import Any

import orjson
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from secops.errors import NotFoundError, UsageError
from secops.isms.audit.round import EvidenceSheet
from secops.isms.policy.exceptions import Draft, Kind, Number, State, Subject, Waiver
from secops.org.model import Account, Department, Device, Directory, Flow, Person
from secops.schema.ecs import COLUMNS
from secops.schema.frame import EXTRA
from secops.siem.ports import Handled, Scope, Span
from secops.wiring.audits import open_catalogue, open_telemetry
from secops.wiring.evidence import EvidenceRoom, Period
from secops.wiring.evidence_asking import Chain, Inventories, Ports
from secops.wiring.evidence_site import chosen
from tests.fakes.event_store import MemoryEventStore
from tests.web.stage import frame
from tests.wiring.evidence_samples import COUNTED, LOGON, SECURITY, SOURCES

NOW = datetime(2026, 11, 22, 17, 7, tzinfo=UTC)
SINCE = NOW - timedelta(days=20)
TELEMETRY, CATALOGUE = open_telemetry(), open_catalogue()
DIRECTORY = Directory(
    departments=(Department("210", "区民部", level="bu"), Department("211", "区民課"), Department("212", "税務課")),
    staff=(
        Person("1", "鈴木", ("211",), (Account("", "t-suzuki"),)),
        Person("2", "田中", ("211",), (Account("", "s-tanaka"), Account("", "mado"))),
        Person("3", "佐藤", ("212",), (Account("", "k-sato"), Account("", "mado"))),
    ),
    devices=(
        Device("L-1001", "lgwan", ("10.2.0.1",), department="211"),
        Device("L-1002", "lgwan", ("10.2.0.2",), department="211"),
        Device("K-0201", "mynumber", ("10.1.0.1",), department="211"),
        Device("FW", "lgwan", department="211", kind="network"),
        Device("Z-9", "lgwan", department="212"),
    ),
    flows=(
        Flow("T-1", "registered", "10.1.0.1", "10.2.0.9", (), "211", "連携", expires=date(2026, 3, 31)),
        Flow("M-1", "sanitized", "10.3.0.1", "10.2.0.9", (), "212", "取込み"),
        Flow("S-1", "screen_transfer", "lgwan", "10.3.0.2", (), "212", "閲覧"),
    ),
)
LABELS = {"lgwan": "LGWAN接続系", "mynumber": "マイナンバー利用事務系"}


class Desk:
    """Alerts as `ReviewDesk` tells them, each with the department that it bears."""

    def __init__(self, *alerts: tuple[str, Handled]) -> None:
        self.alerts = alerts

    def handled(self, opened: Span, scope: Scope, *, named: bool = False) -> Sequence[Handled]:
        mine = scope.departments
        return [one for name, one in self.alerts if (mine is None or name in mine) and opened.holds(one.opened)]


def write(store: MemoryEventStore, *events: Mapping[str, Any]) -> None:
    """Events of 区民課 an hour apart, the last one an hour ago."""
    rows = []
    for number, event in enumerate(events, len(store._events)):
        rows.append(
            {
                "@timestamp": NOW - timedelta(hours=len(events) - (number - len(store._events))),
                "event.ingested": NOW,
                "event.id": f"w.s.{number}",
                "event.sequence": number,
                "labels.source": "s",
                "labels.department": "区民課",
                "labels.zone": "lgwan",
                "host.name": "L-1001",
                **event,
            }
        )
    store.write(frame([_columns(row) for row in rows]), {})


def _columns(event: Mapping[str, Any]) -> dict[str, Any]:
    """An event as the store takes it: what has no column is in one of JSON."""
    found = {name: value for name, value in event.items() if name in COLUMNS}
    beside = {name: value for name, value in event.items() if name not in COLUMNS}
    return {**found, EXTRA: orjson.dumps(beside).decode()} if beside else found


def room(store: MemoryEventStore, *alerts: tuple[str, Handled], directory: Directory = DIRECTORY, **more: Any):
    changes = more.get("changes", ())
    before = more.get("before", directory)
    inventories = Inventories(
        lambda at: before if changes and at < changes[0] else directory,
        lambda: list(changes),
        lambda _at: bool(changes),
    )
    return EvidenceRoom(
        Ports(
            store=store,
            desk=Desk(*alerts),
            inventories=inventories,
            chain=lambda _since, _until: more.get("chain"),
            waivers=lambda _codes: more.get("waivers", ()),
            zone_label=lambda zone: LABELS.get(zone, zone),
            now=lambda: NOW,
        )
    )


def made(there: EvidenceRoom, name: str, scope: Scope = Scope(), department: str = "211") -> EvidenceSheet:  # noqa: B008 - frozen
    found = there.make(
        chosen(TELEMETRY, CATALOGUE, names=[name]), TELEMETRY, Period(department, SINCE, NOW), scope, "kansa"
    )
    assert found.failed == {}
    (sheet,) = found.sheets
    return sheet


PLAIN = [query.name for query in TELEMETRY.queries.values() if not query.missing]


@pytest.mark.parametrize("name", PLAIN)
def test_nothing_is_zero_in_an_empty_store(name):
    sheet = made(room(MemoryEventStore(), directory=Directory(departments=DIRECTORY.departments)), name)
    assert set(sheet.figures.values()) == {None}
    assert sheet.missing
    assert sheet.rows == ()


@pytest.mark.parametrize("name", [name for name in PLAIN if not TELEMETRY.queries[name].function])
def test_with_its_sources_there_a_query_that_finds_nothing_is_zero(name):
    store, query = MemoryEventStore(), TELEMETRY.queries[name]
    write(store, *({**SOURCES[one], "host.name": "Z"} for one in query.sources if one in SOURCES))
    sheet = made(room(store), name)
    for figure in query.figures:
        if {"overtime", "media_register"} & set(query.needed(figure)):
            assert sheet.figures[figure.title] is None
        elif not figure.per_zone:
            assert sheet.figures[figure.title] is not None, figure.title


@pytest.mark.parametrize("key", COUNTED, ids=".".join)
def test_every_query_counts_what_it_should_and_nothing_of_another_department(key):
    name, title = key
    store, query = MemoryEventStore(), TELEMETRY.queries[name]
    write(store, *(SOURCES[one] for one in query.sources if one in SOURCES))
    before = made(room(store), name).figures[title]
    assert before is not None
    write(store, COUNTED[key])
    if query.within.value != "ward":
        other = {"labels.department": "税務課", "host.name": "Z-9", "user.name": "k-sato"}
        write(store, {**COUNTED[key], **other})
    sheet = made(room(store), name)
    assert sheet.figures[title] == before + 1, sheet.asked.get(title)


def test_the_search_that_is_recorded_finds_what_was_counted():
    from secops.query.parse import parse

    store = MemoryEventStore()
    write(store, *({**SECURITY, "event.action": "logon-failed", "user.name": user} for user in "aab"))
    sheet = made(room(store), "failed_logons")
    text = sheet.asked["失敗の回数"]
    assert store.count(parse(text, NOW), Span(*sheet.period), Scope()) == sheet.figures["失敗の回数"] == 3
    assert sheet.figures["失敗のあったアカウント"] == 2
    assert sheet.rows[0] == {"利用者": "a", "端末": "L-1001", "件数": "2"}
    assert sheet.rows_total == 2


def test_people_are_followed_to_other_departments_machines_and_hosts_without_a_label_count():
    store = MemoryEventStore()
    away = {"labels.department": "税務課", "host.name": "Z-9", "event.action": "logon-failed", **SECURITY}
    bare = {"labels.department": None, "host.name": "l-1002.naibu.example", "event.action": "logon-failed", **SECURITY}
    write(store, {**away, "user.name": "NAIBU\\T-Suzuki"}, {**away, "user.name": "mado"}, {**bare, "user.name": "x"})
    assert made(room(store), "failed_logons").figures["失敗の回数"] == 2  # `mado` is somebody else's too


def test_coverage_tells_the_silent_hosts_by_zone():
    store = MemoryEventStore()
    write(store, {"host.name": "L-1001.naibu.example"}, {"host.name": "FW"})
    sheet = made(room(store), "log_coverage")
    assert sheet.figures == {
        "台帳の端末とサーバ(LGWAN接続系)": 2,
        "台帳の端末とサーバ(マイナンバー利用事務系)": 1,
        "ログの届いたもの(LGWAN接続系)": 1,
        "ログの届いたもの(マイナンバー利用事務系)": None,
        "ログの届かないもの": 2,
        "届いた割合(%)": 33.3,
    }
    assert [row["届かない機器"] for row in sheet.rows] == ["L-1002", "K-0201"]
    assert any("マイナンバー利用事務系" in line for line in sheet.missing)


def test_gaps_are_counted_from_the_first_day():
    store = MemoryEventStore()
    write(store, *({"event.dataset": "x", "@timestamp": NOW - timedelta(days=days)} for days in (9, 8, 3, 0.1)))
    sheet = made(room(store), "log_gaps")
    assert sheet.figures == {"ログの種類": 1, "届かない日(種類×日)": 6, "最も長い途切れ(時間)": 119}
    assert sheet.sources[0].days == 4


def alert(rule: str, opened: float, answered: float | None = None, closed: float | None = None) -> Handled:
    def at(hours: float | None) -> datetime | None:
        return None if hours is None else NOW - timedelta(hours=hours)

    return Handled(1, "lgwan", rule, f"規則{rule}", NOW - timedelta(hours=opened), at(answered), at(closed))


def test_alerts_of_the_department_and_how_long_they_took():
    store = MemoryEventStore()
    write(store, {})
    mine = [alert("r1", 10, 9, 8), alert("r1", 5, 2), alert("r2", 24 * 18), alert("", 3, 2.5)]
    desk = [("区民課", one) for one in mine] + [("税務課", alert("r9", 1))]
    times = made(room(store, *desk), "alert_ack_time").figures
    assert (times["アラート"], times["確認されたもの"], times["まだ確認されていないもの"]) == (4, 3, 1)
    assert (times["確認までの中央値(分)"], times["確認までの最長(分)"]) == (60, 180)
    assert (times["対応を完了したもの"], times["14 日を超えて完了していないもの"]) == (1, 1)
    rules = made(room(store, *desk), "alerts_by_clause")
    assert rules.figures == {"アラート": 4, "対応を完了していないもの": 3, "検知したルール": 3}
    assert rules.rows[0] == {"検知ルール": "規則r1", "アラート": "2", "未完了": "1"}
    cases = made(room(store, *desk), "incident_report_time").figures
    assert (cases["届出"], cases["届出から確認までの中央値(分)"], cases["起きてから届出までの時間"]) == (1, 30, None)


def test_a_median_of_nothing_is_left_out_and_said():
    store = MemoryEventStore()
    write(store, {})
    sheet = made(room(store), "alert_ack_time")
    assert sheet.figures["アラート"] == 0
    assert "確認までの中央値(分)" not in sheet.figures
    assert any("確認までの中央値" in note for note in sheet.notes)


def test_accounts_shared_unknown_unused():
    store = MemoryEventStore()
    hosts = [{**LOGON, "user.name": "t-suzuki", "host.name": host} for host in ("L-1001", "L-1002", "X-1")]
    noise = [{**LOGON, "user.name": name} for name in ("L-1001$", "SYSTEM", "svc-x")]
    write(store, *hosts, *noise)
    shared = made(room(store), "shared_account_use")
    assert list(shared.figures.values()) == [1, 1]
    strangers = made(room(store), "unknown_accounts")
    assert (strangers.figures, strangers.rows) == (
        {"アカウント": 1, "ログオンの回数": 1},
        ({"アカウント": "svc-x", "回数": "1"},),
    )
    unused = made(room(store), "dormant_accounts")
    assert list(unused.figures.values()) == [2, 1, 1]
    assert unused.rows == ({"アカウント": "s-tanaka"},)


def test_who_left_and_logged_on_afterwards():
    store, left = MemoryEventStore(), NOW - timedelta(days=5)
    before = replace(DIRECTORY, staff=(*DIRECTORY.staff, Person("9", "旧", ("211",), (Account("", "old"),))))
    for days in (8, 3, 2):
        write(store, {**LOGON, "user.name": "old", "@timestamp": NOW - timedelta(days=days)})
    sheet = made(room(store, before=before, changes=[left]), "account_after_transfer")
    assert (sheet.figures["課を離れた職員"], sheet.figures["離れた後のログオン"]) == (1, 2)
    assert made(room(store), "account_after_transfer").figures["課を離れた職員"] is None


def test_registered_flows_by_kind_and_after_their_end():
    store = MemoryEventStore()
    end = {"labels.flow_verdict": "expired", "labels.flow_id": "T-1"}
    write(
        store, end, end, {"labels.flow_verdict": "registered", "labels.flow_id": "M-1", "labels.department": "税務課"}
    )
    expired = made(room(store), "expired_flows").figures
    assert list(expired.values()) == [1, 1, 1, 2]
    clean = made(room(store), "sanitization_use").figures
    assert (clean["登録された無害化通信"], clean["使われたもの"], clean["通信"]) == (1, 1, 1)
    assert made(room(store), "screen_transfer_use").figures["使われたもの"] == 0


def test_the_chain_is_told():
    sheet = made(room(MemoryEventStore(), chain=Chain(9, 4, "")), "log_chain_verified")
    assert list(sheet.figures.values()) == [9, 4, 0]
    broken = made(room(MemoryEventStore(), chain=Chain(9, 4, "異常")), "log_chain_verified")
    assert broken.figures["検証で見つかった異常"] == 1
    assert broken.rows == ({"異常": "異常"},)


def waiver(running: int, ends: date, *subjects: Subject, ended: date | None = None) -> Waiver:
    draft = Draft("211", ("mic-2025-03-6.1-18",), "理由", "対策", date(2026, 1, 1), ends, subjects)
    state = State.ENDED if ended else State.APPROVED
    return Waiver(Number(2026, running), draft, state, "a", SINCE, ended_on=ended)


def test_expired_exceptions_and_what_still_came_from_them():
    store = MemoryEventStore()
    write(store, {"labels.flow_id": "T-1"}, {"host.name": "L-1002", "@timestamp": NOW - timedelta(days=15)})
    found = [
        waiver(1, date(2027, 1, 1)),
        waiver(2, date(2026, 10, 1), Subject(Kind.FLOW, "T-1")),
        waiver(3, date(2026, 11, 10), Subject(Kind.DEVICE, "L-1002")),
        waiver(4, date(2026, 10, 1), ended=date(2026, 10, 2)),
        waiver(5, date(2026, 10, 1), ended=date(2026, 12, 2)),
    ]
    sheet = made(room(store, waivers=found), "expired_exceptions")
    assert list(sheet.figures.values()) == [1, 3, 1]
    assert [row["期限の後のログ"] for row in sheet.rows] == ["1", "0", "—"]
    assert list(made(room(store), "expired_exceptions").figures.values()) == [None, None, None]


def test_what_the_maker_may_not_see_is_not_counted_and_the_sheet_says_so():
    store = MemoryEventStore()
    usb = {"event.dataset": "skysea.operation", "event.action": "usb-device-attached"}
    write(store, usb, {**usb, "labels.zone": "mynumber"})
    whole = made(room(store), "usb_use")
    part = made(room(store), "usb_use", Scope(zones=frozenset({"lgwan"})))
    assert whole.figures["接続の回数(マイナンバー利用事務系)"] == 1
    assert "接続の回数(マイナンバー利用事務系)" not in part.figures
    assert part.figures["接続した端末"] == 1
    assert part.zones == ("lgwan",)
    assert any("LGWAN接続系" in note for note in part.notes)
    with pytest.raises(NotFoundError):
        made(room(store), "usb_use", Scope(departments=frozenset({"税務課"})))
    with pytest.raises(NotFoundError):
        room(store).again(whole, Scope(zones=frozenset({"lgwan"})))


def test_made_again_it_says_the_same_until_something_comes_late():
    store = MemoryEventStore()
    write(store, {**SECURITY, "event.action": "logon-failed", "user.name": "a"})
    there = room(store)
    sheet = made(there, "failed_logons")
    assert there.again(sheet, Scope()).differences == []
    write(store, {**SECURITY, "event.action": "logon-failed", "user.name": "a"})
    (changed, *_rest) = there.again(sheet, Scope()).differences
    assert (changed.title, changed.before, changed.now) == ("失敗の回数", 1, 2)


@pytest.mark.parametrize(
    ("since", "until", "kind"),
    [(NOW, NOW, UsageError), (NOW + timedelta(days=1), NOW + timedelta(days=2), UsageError),
     (NOW - timedelta(days=401), NOW, UsageError)],
)  # fmt: skip
def test_periods_that_cannot_be_asked(since, until, kind):
    with pytest.raises(kind):
        room(MemoryEventStore()).make([], TELEMETRY, Period("211", since, until), Scope(), "x")
    with pytest.raises(NotFoundError, match="211 区民課"):
        room(MemoryEventStore()).make([], TELEMETRY, Period("999", SINCE, NOW), Scope(), "x")


KEYS = sorted(SOURCES)


@settings(max_examples=25, deadline=None, suppress_health_check=list(HealthCheck))
@given(there=st.sets(st.sampled_from(KEYS), max_size=6), name=st.sampled_from(PLAIN))
def test_over_any_store_a_figure_is_none_exactly_where_a_source_is_missing(there, name):
    store, query = MemoryEventStore(), TELEMETRY.queries[name]
    if there:
        write(store, *({**SOURCES[one], "labels.zone": "lgwan"} for one in there))
    sheet = made(room(store), name)
    missing = {one.name for one in sheet.sources if not one.there}
    for figure in query.figures:
        if figure.per_zone or figure.last or figure.title not in sheet.figures:
            continue
        assert (sheet.figures[figure.title] is None) == bool(missing & set(query.needed(figure))), figure.title
