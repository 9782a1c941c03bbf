import time
from datetime import UTC, date, datetime

import polars as pl
import pytest

from secops.org.flows import builtin_table
from secops.org.inventory import load_directory
from secops.schema.frame import CORE
from secops.settings import parse as parse_settings
from secops.siem.enrich import enrich, make_context

SETTINGS = parse_settings(
    """
[site]
id = "hon"
name = "試験区"
[zones.mynumber]
label = "マイナンバー利用事務系"
networks = ["10.1.0.0/16"]
[zones.lgwan]
label = "LGWAN接続系"
networks = ["10.2.0.0/16"]
[zones.internet]
label = "インターネット接続系"
networks = ["10.3.0.0/16"]
[[sources]]
id = "win-my"
kind = "file"
path = "x"
zone = "mynumber"
[[sources]]
id = "fw01"
kind = "syslog-udp"
listen = "127.0.0.1:5514"
""",
    "secops.toml",
)
FILES = {
    "departments": "所属コード,所属名\n110,区民課\n120,情報政策課\n",
    "staff": "職員番号,氏名,所属,アカウント\n000123,佐藤 花子,110,sato\n",
    "devices": "機器名,系統,IPアドレス,所属コード,使用者,種別\n"
    "K-0213,mynumber,10.1.2.13,110,000123,端末\n"
    "FW01,lgwan,10.2.0.254,120,,通信機器\n"
    "JK-SV01,mynumber,10.1.0.5,120,,サーバ\n",
    "systems": "システムコード,システム名,主管課コード,系統,機器名\nJK,住民記録システム,110,mynumber,JK-SV01\n",
    "flows": "通信番号,種別,接続元,接続先,ポート,主管課コード,理由,有効期限\n"
    "T-001,特定通信,10.1.2.13,10.2.5.1,tcp/443,110,照会,2026-11-24\n",
}
CONTEXT = make_context(SETTINGS, load_directory(FILES, SETTINGS, date(2026, 11, 24)), builtin_table())
NOON = datetime(2026, 11, 24, 3, 0, tzinfo=UTC)


def frame(rows, source="fw01", at=NOON):
    base = {
        "@timestamp": at,
        "event.id": "hon.x.1",
        "event.sequence": 1,
        "event.ingested": at,
        "event.kind": "event",
        "event.module": "fortigate",
        "event.dataset": "fortigate.traffic",
        "labels.source": source,
    }
    names = dict.fromkeys(name for row in rows for name in row)
    schema = CORE | {
        name: pl.Int64() if name == "destination.port" else pl.String() for name in names if name not in CORE
    }
    return pl.DataFrame([base | dict.fromkeys(names) | row for row in rows], schema=schema)


def labels(rows, **more):
    out = enrich(frame(rows, **more), CONTEXT)
    out = out.select(pl.col("^labels\\..*$").name.map(lambda name: name.removeprefix("labels.")))
    return out.to_dicts()


def test_a_connection_gets_zones_flow_verdict_and_owner():
    to = {"source.ip": "10.1.2.13", "destination.port": 443, "network.transport": "tcp", "host.name": "FW01"}
    registered, other, forbidden, strange, local = labels(
        [
            to | {"destination.ip": "10.2.5.1"},
            to | {"destination.ip": "10.2.5.2"},
            to | {"destination.ip": "203.0.113.9"},
            to | {"destination.ip": "192.168.0.1", "source.ip": "192.168.0.2"},
            to | {"destination.ip": "224.0.0.251"},
        ]
    )
    assert registered["flow"] == "mynumber>lgwan"
    assert (registered["flow_verdict"], registered["flow_id"]) == ("registered", "T-001")
    assert (registered["source_zone"], registered["destination_zone"]) == ("mynumber", "lgwan")
    assert (registered["zone"], registered["site"]) == ("mynumber", "hon")
    # The firewall reports on the terminal: the labels are those of the terminal.
    assert (registered["device"], registered["department"], registered["owner"]) == ("K-0213", "区民課", "佐藤 花子")
    assert (other["flow_verdict"], other["flow_id"]) == ("unregistered", None)
    assert (forbidden["flow"], forbidden["flow_verdict"]) == ("mynumber>world", "forbidden")
    assert (strange["flow"], strange["flow_verdict"], strange["source_zone"]) == ("unmapped>unmapped", None, None)
    assert strange["zone"] is None
    assert strange["device"] == "FW01"
    assert (local["flow"], local["destination_zone"]) == (None, None)


def test_a_flow_expires_on_its_day_in_japan():
    to = {"source.ip": "10.1.2.13", "destination.ip": "10.2.5.1", "destination.port": 443, "network.transport": "tcp"}
    last = datetime(2026, 11, 24, 14, 59, tzinfo=UTC)
    after = datetime(2026, 11, 24, 15, 0, tzinfo=UTC)
    verdicts = [row["flow_verdict"] for row in labels([to | {"@timestamp": last}, to | {"@timestamp": after}])]
    assert verdicts == ["registered", "expired"]


def test_host_names_meet_in_any_case_and_with_a_domain():
    rows = labels(
        [
            {"host.name": "k-0213.ward.local"},
            {"host.name": "Ｋ－０２１３"},
            {"host.name": "jk-sv01"},
            {"host.name": "?"},
        ],
        source="win-my",
    )
    assert [row["device"] for row in rows] == ["K-0213", "K-0213", "JK-SV01", None]
    assert rows[2]["system"] == "住民記録システム"
    assert {row["zone"] for row in rows} == {"mynumber"}


def test_a_person_is_known_by_account_where_no_device_is():
    (row,) = labels([{"user.name": "WARD\\Sato"}])
    assert (row["owner"], row["department"], row["device"]) == ("佐藤 花子", "区民課", None)


@pytest.mark.parametrize(
    ("moment", "off"),
    [
        (datetime(2026, 11, 23, 22, 0, tzinfo=UTC), False),  # 火 07:00
        (datetime(2026, 11, 23, 21, 59, tzinfo=UTC), True),
        (datetime(2026, 11, 24, 11, 59, tzinfo=UTC), False),
        (datetime(2026, 11, 24, 12, 0, tzinfo=UTC), True),  # 21:00
        (datetime(2026, 11, 23, 3, 0, tzinfo=UTC), True),  # 勤労感謝の日
        (datetime(2026, 11, 22, 3, 0, tzinfo=UTC), True),  # 日曜日
    ],
)
def test_off_hours(moment, off):
    assert labels([{}], at=moment)[0]["off_hours"] is off


def test_a_frame_without_addresses_or_rows_is_left_in_peace():
    assert enrich(frame([]), CONTEXT).height == 0
    assert "flow" not in labels([{}])[0]
    given = frame([{"labels.zone": "lgwan"}], source="win-my")
    assert enrich(given, CONTEXT)["labels.zone"].to_list() == ["lgwan"]


def test_labels_have_the_dtypes_of_the_schema():
    from secops.schema.ecs import dtype

    to = {"source.ip": "10.1.2.13", "destination.ip": "10.2.5.1", "host.name": "FW01"}
    out = enrich(frame([to]), CONTEXT)
    for name in out.columns:
        assert out.schema[name] == dtype(name), name


def test_cost_per_row_is_small():
    rows = 20_000
    one = frame(
        [{"source.ip": "10.1.2.13", "destination.ip": "10.2.5.1", "destination.port": 443, "host.name": "FW01"}]
    )
    base = pl.concat([one] * rows)
    number = pl.int_range(rows, eager=True)
    base = base.with_columns(
        (pl.lit("10.1.") + (number // 250 % 8).cast(pl.String) + "." + (number % 250).cast(pl.String)).alias(
            "source.ip"
        ),
        (pl.lit("10.2.5.") + (number % 97).cast(pl.String)).alias("destination.ip"),
    )
    enrich(base, CONTEXT)
    best = min(_seconds(base) for _ in range(5))
    print(f"enrich: {best / rows * 1e6:.2f} µs/row")
    assert best / rows < 5e-6  # 1 µs on an idle machine; a shared one may be slower


def _seconds(base):
    begin = time.perf_counter()
    enrich(base, CONTEXT)
    return time.perf_counter() - begin
