"""Times without an offset are meant in the time zone of the origin, in Japan where it names none."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from secops.siem.normalize.reading import normalize
from secops.siem.ports import Origin, RecordBatch

RECEIVED = datetime(2026, 7, 1, 12, tzinfo=UTC)
LOCAL = [  # 09:00 on a clock without an offset
    ("syslog", None, b"Jul  1 09:00:00 h a: x"),
    ("syslog", None, b"Jul  1 2026 09:00:00 h a: x"),
    ("syslog", None, b"2026-07-01T09:00:00 h a: x"),
    ("fortigate", None, b'date=2026-07-01 time=09:00:00 type="traffic"'),
    ("skysea_csv", "日時,端末名,操作", "2026/07/01 09:00:00,PC1,ログオン".encode()),
    ("skysea_csv", "日付,時刻,端末名", b"2026/07/01,9:00:00,PC1"),
    ("json", None, b'{"time": "2026-07-01 09:00:00"}'),
    ("csv", "time,a", b"2026-07-01 09:00:00,1"),
    ("windows_json", None, b'{"Channel": "Security", "EventID": 4624, "EventTime": "2026-07-01 09:00:00"}'),
]
EXACT = [  # the same moment whatever the zone: 09:00 UTC
    ("syslog", None, b"<13>1 2026-07-01T18:00:00+09:00 h a - - - x"),
    ("fortigate", None, b'date=2026-07-01 time=18:00:00 tz="+0900" type="traffic"'),
    ("json", None, b'{"@timestamp": "2026-07-01T09:00:00"}'),
    ("json", None, b'{"time": "2026-07-01T09:00:00Z"}'),
]


def moment(name: str, header: str | None, record: bytes, timezone: str | None) -> datetime:
    origin = Origin("file", name, header=header, timezone=timezone)
    found: datetime = normalize(RecordBatch("src", 1, RECEIVED, origin, [record]), "w", frozenset())[0]["@timestamp"][0]
    return found


@pytest.mark.parametrize(("name", "header", "record"), LOCAL)
@pytest.mark.parametrize(
    ("timezone", "hour"),
    [(None, 0), ("Asia/Tokyo", 0), ("UTC", 9), ("Europe/London", 8), ("No/Such", 0)],
)
def test_a_local_time_is_read_in_the_zone_of_its_origin(name, header, record, timezone, hour):
    assert moment(name, header, record, timezone) == datetime(2026, 7, 1, hour, tzinfo=UTC)


@pytest.mark.parametrize(("name", "header", "record"), EXACT)
def test_a_time_with_an_offset_needs_no_zone(name, header, record):
    assert moment(name, header, record, "America/New_York") == datetime(2026, 7, 1, 9, tzinfo=UTC)


def test_syslog_hours_on_both_sides_of_the_beginning_of_summer_time():
    lines = [b"Mar 29 00:30:00 h a: x", b"Mar 29 02:30:00 h a: x", b"Mar 29 12:00:00 h a: x"]
    batch = RecordBatch(
        "src", 1, datetime(2026, 3, 29, tzinfo=UTC), Origin("file", "syslog", timezone="Europe/London"), lines
    )
    found = normalize(batch, "w", frozenset())[0]["@timestamp"].to_list()
    assert [(one.hour, one.minute) for one in found] == [(0, 30), (1, 30), (11, 0)]
