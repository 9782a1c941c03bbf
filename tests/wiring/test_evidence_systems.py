"""Sheets of an information system: about its hosts, whoever uses them; nothing is zero where no host is known."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta
from typing import Any

import pytest

from secops.errors import NotFoundError
from secops.isms.audit.evidence_text import canonical, sheet_of
from secops.isms.audit.round import EvidenceSheet, Unit
from secops.isms.policy.exceptions import Kind, Subject
from secops.org.model import Flow, System
from secops.siem.ports import Scope
from secops.wiring.evidence import Period
from secops.wiring.evidence_site import chosen
from tests.fakes.event_store import MemoryEventStore
from tests.wiring.evidence_samples import LOGON, SECURITY
from tests.wiring.test_evidence import CATALOGUE, DIRECTORY, NOW, SINCE, TELEMETRY, alert, room, waiver, write

JUKI = System("juki", "住民記録", "211", "mynumber", ("K-0201", "10.1.0.77", "SV-01.naibu.example"))
BARE = System("bare", "紙だけ", "211", "lgwan")
WARD = replace(
    DIRECTORY,
    systems=(JUKI, BARE, System("zei", "税システム", "212", "lgwan", ("Z-9",)), System("old", "旧", "", "lgwan")),
    flows=(*DIRECTORY.flows, Flow("N-1", "registered", "10.1.0.0/24", "10.2.0.9", (), "212", "夜間連携")),
)


def made(store: MemoryEventStore, name: str, system: str = "juki", *alerts: Any, **more: Any) -> EvidenceSheet:
    found = room(store, *alerts, directory=WARD, **more).make(
        chosen(TELEMETRY, CATALOGUE, names=[name]), TELEMETRY, Period("", SINCE, NOW, system), Scope(), "kansa"
    )
    assert found.failed == {}
    sheet: EvidenceSheet = found.sheets[0]
    return sheet


def test_events_are_those_of_its_hosts_by_label_name_and_address_whoever_did_them():
    store, failed = MemoryEventStore(), {**SECURITY, "event.action": "logon-failed", "user.name": "k-sato"}
    write(
        store,
        {**failed, "host.name": "k-0201.naibu.example", "labels.department": "税務課"},
        {**failed, "host.name": "SV-01"},
        {**failed, "host.name": "X-9", "labels.system": "住民記録"},
        {**failed, "host.name": None, "source.ip": "10.1.0.77"},
        {**failed, "host.name": None, "destination.ip": "10.1.0.1"},  # the address of K-0201
        {**failed, "host.name": "L-1001"},  # a machine of the department, not of the system
    )
    sheet = made(store, "failed_logons")
    assert sheet.figures["失敗の回数"] == 5
    assert (sheet.unit, sheet.system, sheet.of) == (Unit("211", "juki"), "住民記録", "区民課 住民記録")
    assert 'labels.system:"住民記録"' in sheet.asked["失敗の回数"]
    assert sheet_of(canonical(sheet)).system == "住民記録"


def test_coverage_counts_what_the_register_names_even_if_the_inventory_does_not_know_it():
    store = MemoryEventStore()
    write(store, {"host.name": "sv-01", "labels.zone": "mynumber"})
    sheet = made(store, "log_coverage")
    assert sheet.figures["台帳の端末とサーバ(マイナンバー利用事務系)"] == 3
    assert sheet.figures["ログの届かないもの"] is None or sheet.figures["ログの届かないもの"] == 2
    assert {row["届かない機器"] for row in sheet.rows} == {"K-0201", "10.1.0.77"}


@pytest.mark.parametrize("name", [one.name for one in TELEMETRY.queries.values() if not one.missing])
def test_without_a_known_host_nothing_is_zero_and_the_sheet_says_why(name):
    store = MemoryEventStore()
    write(store, {**LOGON, "labels.flow_verdict": "allowed", "labels.flow_id": "T-1"})
    query, sheet = TELEMETRY.queries[name], made(store, name, "bare")
    if query.within.value == "ward" and not any("ホスト" in line for line in sheet.missing):
        return  # of the whole ward, whoever asks
    assert set(sheet.figures.values()) == {None}
    assert sheet.rows == ()
    assert any(
        "「紙だけ」のホスト(機器名かアドレス)が分かりません" in line or "職員について" in line for line in sheet.missing
    )


def test_what_is_asked_of_people_is_not_answered_of_a_system():
    store = MemoryEventStore()
    write(store, {**LOGON, "host.name": "K-0201", "user.name": "t-suzuki"})
    unused = made(store, "dormant_accounts")
    assert set(unused.figures.values()) == {None}
    assert any("課の票で見てください" in line for line in unused.missing)
    shared = made(store, "shared_account_use")
    assert shared.figures == {"3 台以上の端末で使われたアカウント": 0, "台帳で複数の職員が使うアカウント": None}
    assert made(store, "unknown_accounts").figures["アカウント"] == 0


def test_alerts_flows_and_exceptions_that_touch_its_hosts():
    store = MemoryEventStore()
    write(store, {"labels.flow_verdict": "expired", "labels.flow_id": "T-1"}, {"host.name": "K-0201"})
    mine = replace(alert("r1", 10, 9), names=frozenset({"k-0201.naibu.example"}))
    other = replace(alert("r2", 10), names=frozenset({"l-1001"}))
    assert made(store, "alert_ack_time", "juki", ("区民課", mine), ("区民課", other)).figures["アラート"] == 1
    flows = made(store, "expired_flows").figures
    assert (flows["課が主管する登録通信"], flows["期限の後の通信"]) == (2, 1)  # T-1 by address, N-1 by network
    waivers = [
        waiver(1, date(2026, 11, 10), Subject(Kind.DEVICE, "K-0201")),
        waiver(2, date(2026, 11, 10), Subject(Kind.DEVICE, "L-1002")),
        waiver(3, date(2026, 11, 10), Subject(Kind.FLOW, "T-1")),
    ]
    assert list(made(store, "expired_exceptions", waivers=waivers).figures.values()) == [0, 2, 2]


def test_made_again_it_is_about_the_same_hosts():
    store = MemoryEventStore()
    write(store, {**SECURITY, "event.action": "logon-failed", "host.name": "K-0201"})
    sheet = made(store, "failed_logons")
    there = room(store, directory=WARD)
    assert there.again(sheet, Scope()).differences == []
    write(store, {**SECURITY, "event.action": "logon-failed", "host.name": "L-1001"})
    assert there.again(sheet, Scope()).differences == []
    write(store, {**SECURITY, "event.action": "logon-failed", "host.name": "K-0201"})
    assert [one.now for one in there.again(sheet, Scope()).differences][:1] == [2]


def test_which_systems_may_be_asked_about():
    there = room(MemoryEventStore(), directory=WARD)
    assert [one.code for one in there.systems(Scope())] == ["juki", "bare", "zei"]
    assert [one.code for one in there.systems(Scope(departments=frozenset({"税務課"})))] == ["zei"]
    for department, system, scope, match in (
        ("", "nothing", Scope(), "juki 住民記録"),
        ("212", "juki", Scope(), "主管課は 区民課"),
        ("", "old", Scope(), "主管課が台帳にありません"),
        ("", "juki", Scope(departments=frozenset({"税務課"})), "212 税務課"),
    ):
        with pytest.raises(NotFoundError, match=match):
            there.make([], TELEMETRY, Period(department, SINCE, NOW, system), scope, "x")
    by_name = there.make([], TELEMETRY, Period("区民課", SINCE, NOW + timedelta(days=1), "住民記録"), Scope(), "x")
    assert by_name.sheets == []
