"""What goldens do not show: years, escapes, hostile user names, names of columns in the tables."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from secops.schema import ecs
from secops.siem.normalize import fortigate, skysea, squid, syslog
from secops.siem.normalize.reading import normalize
from secops.siem.normalize.values import CONVERSIONS, ip, long, port
from secops.siem.ports import Origin, RecordBatch


def row_of(
    name: str, record: bytes, received: datetime = datetime(2026, 11, 23, 12, tzinfo=UTC), header: str | None = None
):
    batch = RecordBatch("src", 1, received, Origin("file", name, header=header), [record])
    return normalize(batch, "ward", frozenset())[0].row(0, named=True)


@pytest.mark.parametrize(
    ("line", "received", "expected"),
    [
        (b"Dec 31 23:59:58 h a: x", "2026-12-31T15:00:02Z", "2026-12-31T14:59:58Z"),
        (b"Jan  1 00:00:01 h a: x", "2026-12-31T14:59:59Z", "2026-12-31T15:00:01Z"),
        (b"Nov 30 00:00:01 h a: x", "2027-02-01T00:00:00Z", "2026-11-29T15:00:01Z"),
        (b"Feb 29 12:00:00 h a: x", "2028-03-01T00:00:00Z", "2028-02-29T03:00:00Z"),
    ],
)
def test_a_syslog_line_takes_the_year_nearest_its_arrival(line: bytes, received: str, expected: str):
    found = row_of("syslog", line, datetime.fromisoformat(received))["@timestamp"]
    assert found == datetime.fromisoformat(expected)


def test_a_user_name_cannot_pretend_to_come_from_elsewhere():
    line = b"<86>Nov 23 02:04:11 h sshd[1]: Invalid user x from 9.9.9.9 port 1 from 10.0.0.9 port 4022"
    row = row_of("syslog", line)
    assert row["source.ip"] == "10.0.0.9"
    assert row["user.name"] == "x from 9.9.9.9 port 1"


def test_zone_path_and_time_source_come_along():
    batch = RecordBatch(
        "src", 1, datetime(2026, 11, 23, tzinfo=UTC), Origin("file", "text", path="/a.log", zone="lgwan"), [b"x"]
    )
    row = normalize(batch, "ward", frozenset())[0].row(0, named=True)
    assert (row["labels.zone"], row["log.file.path"], row["labels.time_source"]) == ("lgwan", "/a.log", "received")
    assert (row["event.id"], row["labels.site"], row["labels.source"]) == ("ward.src.1", "ward", "src")


def test_wanted_names_outside_ecs_become_columns():
    batch = RecordBatch(
        "fw",
        1,
        datetime(2026, 11, 23, tzinfo=UTC),
        Origin("file", "fortigate"),
        [b'date=2026-11-23 time=1:02:03 vd="root"'],
    )
    assert normalize(batch, "ward", frozenset({"fortinet.firewall.vd"}))[0]["fortinet.firewall.vd"].to_list() == [
        "root"
    ]


@pytest.mark.parametrize("table", [fortigate.TABLE, squid.TABLE, syslog.TABLE])
def test_tables_name_real_columns_and_conversions(table):
    for part in " ".join(table.fields.values()).split():
        convert, colon, column = part.partition(":")
        assert (column if colon else part) in ecs.COLUMNS
        assert not colon or convert in CONVERSIONS


def test_skysea_headers_name_real_columns():
    for part in " ".join(skysea._HEADERS).split():
        assert part.rpartition(":")[2] in ecs.COLUMNS


def test_skysea_without_a_header_says_so():
    row = row_of("skysea_csv", b"a,b")
    assert row["event.kind"] == "pipeline_error"
    assert "ヘッダー行" in row["error.message"]


@pytest.mark.parametrize(
    ("text", "expected"),
    [("10.0.0.1", "10.0.0.1"), ("010.0.0.1", None), ("::ffff:10.0.0.1", "10.0.0.1"), ("fe80::1%12", "fe80::1"),
     ("-", None),
     ("256.1.1.1", None), ("２.2.2.2", None), (5, None)],
)  # fmt: skip
def test_addresses(text: object, expected: str | None):
    assert ip(text) == expected


def test_numbers():
    assert [long(one) for one in ("0x1a4", "12", " 7 ", "1.5", "", "99999999999999999999", True, 2.0)] == [
        420, 12, 7, None, None, None, None, 2,
    ]  # fmt: skip
    assert [port(one) for one in ("443", "65536", "-1", 0)] == [443, None, None, 0]
