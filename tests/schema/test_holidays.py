from datetime import date

import pytest

from secops.schema.holidays import holiday_name, holidays, is_office_day


def test_holidays_of_2026_are_the_published_ones():
    # 内閣府「国民の祝日について」
    published = {
        (1, 1): "元日", (1, 12): "成人の日", (2, 11): "建国記念の日", (2, 23): "天皇誕生日", (3, 20): "春分の日",
        (4, 29): "昭和の日", (5, 3): "憲法記念日", (5, 4): "みどりの日", (5, 5): "こどもの日", (5, 6): "振替休日",
        (7, 20): "海の日", (8, 11): "山の日", (9, 21): "敬老の日", (9, 22): "国民の休日", (9, 23): "秋分の日",
        (10, 12): "スポーツの日", (11, 3): "文化の日", (11, 23): "勤労感謝の日",
    }  # fmt: skip
    assert holidays(2026) == {date(2026, m, d): name for (m, d), name in published.items()}


@pytest.mark.parametrize(
    ("day", "name"),
    [
        (date(2019, 4, 30), "国民の休日"),
        (date(2019, 5, 1), "即位の日"),
        (date(2019, 5, 2), "国民の休日"),
        (date(2019, 5, 6), "振替休日"),
        (date(2020, 7, 24), "スポーツの日"),
        (date(2020, 10, 12), None),
        (date(2021, 8, 9), "振替休日"),
        (date(2023, 1, 2), "振替休日"),
        (date(2024, 3, 20), "春分の日"),
        (date(2024, 9, 22), "秋分の日"),
        (date(2024, 9, 23), "振替休日"),
        (date(2027, 3, 22), "振替休日"),
        (date(2032, 9, 21), "国民の休日"),
        (date(2019, 12, 23), None),
    ],
)
def test_special_days(day, name):
    assert holiday_name(day) == name


def test_office_days():
    assert is_office_day(date(2026, 11, 24))
    assert not is_office_day(date(2026, 11, 22))  # 日曜日
    assert not is_office_day(date(2026, 11, 23))  # 勤労感謝の日
    assert not is_office_day(date(2026, 12, 29))
    assert not is_office_day(date(2027, 1, 3))
    assert is_office_day(date(2027, 1, 4))
