from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

import pytest

from secops.schema.dates import dated, fiscal_year, parse_duration, parse_moment, relative, screen, wareki

NOW = datetime(2026, 11, 23, 3, 0, tzinfo=UTC)


def test_screens_show_japan_time():
    assert screen(datetime(2026, 11, 22, 17, 4, 11, tzinfo=UTC)) == "11月23日(月) 02:04:11"
    assert dated(datetime(2026, 12, 31, 15, 0, 0, tzinfo=UTC)) == "2027年1月1日(金) 00:00:00"


@pytest.mark.parametrize(
    ("ago", "text"),
    [(5, "5秒前"), (180, "3分前"), (7200, "2時間前"), (3 * 86400, "3日前"), (-5, "まもなく")],
)
def test_relative(ago, text):
    assert relative(NOW - timedelta(seconds=ago), NOW) == text


@pytest.mark.parametrize(
    ("day", "text"),
    [
        (date(2026, 11, 23), "令和8年11月23日"),
        (date(2019, 5, 1), "令和元年5月1日"),
        (date(2019, 4, 30), "平成31年4月30日"),
        (date(1988, 1, 1), "昭和63年1月1日"),
    ],
)
def test_wareki(day, text):
    assert wareki(day) == text


def test_fiscal_year_begins_in_april():
    assert (fiscal_year(date(2026, 3, 31)), fiscal_year(date(2026, 4, 1))) == (2025, 2026)


@pytest.mark.parametrize(
    ("text", "moment"),
    [
        ("24h", NOW - timedelta(hours=24)),
        ("now", NOW),
        ("2026-11-23", datetime(2026, 11, 22, 15, tzinfo=UTC)),
        ("2026/11/23 02:04", datetime(2026, 11, 22, 17, 4, tzinfo=UTC)),
        ("2026-11-23T02:04:00Z", datetime(2026, 11, 23, 2, 4, tzinfo=UTC)),
    ],
)
def test_moments(text, moment):
    assert parse_moment(text, NOW) == moment


def test_wrong_times_say_what_is_expected():
    with pytest.raises(ValueError, match=r"「yesterday」.*24h, 30m"):
        parse_moment("yesterday", NOW)
    with pytest.raises(ValueError, match=r"「long」.*40m, 400d"):
        parse_duration("long")
