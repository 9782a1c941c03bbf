"""Records of products that no reader knows, sent as ECS in JSON: counted as soon as they come, missing before."""

from __future__ import annotations

from datetime import timedelta

import orjson
import polars as pl

from secops.siem.normalize.generic import read_json
from secops.siem.normalize.given import Input, Want
from secops.siem.ports import Origin
from tests.fakes.event_store import MemoryEventStore
from tests.wiring.test_evidence import NOW, made, room, write

SIGN_IN = {
    "@timestamp": (NOW - timedelta(hours=3)).isoformat(),
    "event": {"dataset": "azure.signinlogs", "category": ["authentication"], "outcome": "success"},
    "user": {"name": "t-suzuki@ward.example"},
    "cloud": {"provider": "azure"},
    "azure": {"signinlogs": {"properties": {"authentication_requirement": "multiFactorAuthentication"}}},
}
STOPPED = {
    "@timestamp": (NOW - timedelta(hours=2)).isoformat(),
    "event": {"category": ["email"], "type": ["info", "denied"], "action": "attachment-removed"},
    "email": {"to": {"address": ["kumin@ward.example"]}, "attachments": [{"file": {"name": "請求書.docm"}}]},
}


def arrived(*records: object) -> MemoryEventStore:
    """A store with these records as the generic reader of JSON makes events of them."""
    store, given = MemoryEventStore(), Input(Origin("http", "bulk"), NOW)
    found = read_json([orjson.dumps(one) for one in records], given, Want(frozenset()))
    rows = pl.int_range(1, found.height + 1, eager=True)
    store.write(
        found.with_columns(
            rows.alias("event.sequence"),
            pl.concat_str(pl.lit("w.h."), rows.cast(pl.String)).alias("event.id"),
            pl.lit("h").alias("labels.source"),
            pl.lit("internet").alias("labels.zone"),
        ),
        {},
    )
    return store


def test_before_anything_comes_they_are_missing_and_not_zero():
    store = MemoryEventStore()
    write(store, {"event.dataset": "windows.security", "event.category": ["authentication"]})
    for name in ("mfa_logons", "cloud_logons", "mail_blocked"):
        sheet = made(room(store), name)
        assert set(sheet.figures.values()) == {None}, name
        assert sheet.missing


def test_sign_ins_with_a_second_factor_and_to_a_cloud_are_those_of_the_department_s_people():
    alone = {
        **SIGN_IN,
        "azure": {"signinlogs": {"properties": {"authentication_requirement": "singleFactorAuthentication"}}},
    }
    other = {**SIGN_IN, "user": {"name": "k-sato@ward.example"}}
    store = arrived(SIGN_IN, SIGN_IN, alone, other)
    factors = made(room(store), "mfa_logons").figures
    assert factors == {
        "多要素認証の成功": 2,
        "多要素認証の失敗・拒否": 0,
        "多要素認証を使ったアカウント": 1,
        "Duo が二つ目の要素を求めずに通したもの": None,
        "一つの要素だけのサインイン": 1,
    }
    cloud = made(room(store), "cloud_logons").figures
    assert (cloud["サインインの成功"], cloud["利用したアカウント"], cloud["操作の記録"]) == (3, 1, 0)


def test_what_a_mail_gateway_stopped_is_told_for_the_whole_ward():
    passed = {**STOPPED, "event": {"category": ["email"], "action": "delivered"}}
    sheet = made(room(arrived(STOPPED, passed)), "mail_blocked")
    assert list(sheet.figures.values()) == [2, 1, 1]
    assert any("全庁の数" in note for note in sheet.notes)


def test_what_okta_and_duo_tell_is_counted_as_their_integrations_write_it():
    """Okta's step had no category before 2025-11; Duo says success also where it asked for nothing."""
    okta = {
        "@timestamp": (NOW - timedelta(hours=3)).isoformat(),
        "event": {"dataset": "okta.system", "action": "user.authentication.auth_via_mfa", "outcome": "success"},
        "okta": {"event_type": "user.authentication.auth_via_mfa"},
        "user": {"name": "t-suzuki"},
    }
    duo = {
        "@timestamp": (NOW - timedelta(hours=3)).isoformat(),
        "event": {"dataset": "cisco_duo.auth", "category": ["authentication"], "outcome": "success"},
        "cisco_duo": {"auth": {"result": "success", "reason": "user_approved", "factor": "duo_push"}},
        "user": {"name": "t-suzuki@ward.example"},
    }
    let_by = {**duo, "cisco_duo": {"auth": {"result": "success", "reason": "bypass_user"}}}
    factors = made(room(arrived(okta, duo, let_by)), "mfa_logons").figures
    assert factors["多要素認証の成功"] == 2
    assert factors["Duo が二つ目の要素を求めずに通したもの"] == 1


def test_what_microsoft_365_tells_is_counted_as_its_integration_writes_it():
    """The integration of Elastic moves ``Workload`` to ``event.provider``: nothing is left of it below o365.audit."""
    rule = {
        "@timestamp": (NOW - timedelta(hours=3)).isoformat(),
        "event": {"dataset": "o365.audit", "provider": "Exchange", "action": "New-InboxRule", "outcome": "success"},
        "o365": {"audit": {"RecordType": "1", "UserId": "t-suzuki@ward.example"}},
        "user": {"name": "t-suzuki"},
        "labels": {"department": "区民課"},
    }
    store = arrived(rule)
    assert made(room(store), "external_mail_forwarding").figures["受信の規則・転送の設定の変更(クラウドのメール)"] == 1
    assert made(room(store), "cloud_logons").figures["操作の記録"] == 1
