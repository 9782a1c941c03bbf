"""Japanese national holidays and the days a municipal office is closed, computed: no table to go stale, no network.

国民の祝日に関する法律 in the form in force since 2020, with the days moved for 2019–2021 by special acts. The equinoxes
follow the usual approximation for 1980–2099; the official date is announced each February for the next year.
"""

from __future__ import annotations

from datetime import date, timedelta
from functools import cache

_FIXED = (
    (1, 1, "元日"),
    (2, 11, "建国記念の日"),
    (4, 29, "昭和の日"),
    (5, 3, "憲法記念日"),
    (5, 4, "みどりの日"),
    (5, 5, "こどもの日"),
    (11, 3, "文化の日"),
    (11, 23, "勤労感謝の日"),
)
# Month, number of the Monday, name (ハッピーマンデー制度).
_MONDAYS = ((1, 2, "成人の日"), (7, 3, "海の日"), (9, 3, "敬老の日"), (10, 2, "スポーツの日"))
# Days moved or added by special acts: name → day; a name given here replaces its usual day.
_SPECIAL: dict[int, dict[str, tuple[int, int]]] = {
    2019: {"即位の日": (5, 1), "即位礼正殿の儀の行われる日": (10, 22)},
    2020: {"海の日": (7, 23), "スポーツの日": (7, 24), "山の日": (8, 10)},
    2021: {"海の日": (7, 22), "スポーツの日": (7, 23), "山の日": (8, 8)},
}


def vernal_equinox(year: int) -> date:
    """春分の日."""
    return date(year, 3, int(20.8431 + 0.242194 * (year - 1980)) - (year - 1980) // 4)


def autumnal_equinox(year: int) -> date:
    """秋分の日."""
    return date(year, 9, int(23.2488 + 0.242194 * (year - 1980)) - (year - 1980) // 4)


def _nth_monday(year: int, month: int, number: int) -> date:
    first = date(year, month, 1)
    return first + timedelta(days=(7 - first.weekday()) % 7 + 7 * (number - 1))


def _named(year: int) -> dict[date, str]:
    days = {name: date(year, month, day) for month, day, name in _FIXED}
    days |= {name: _nth_monday(year, month, number) for month, number, name in _MONDAYS}
    days |= {"春分の日": vernal_equinox(year), "秋分の日": autumnal_equinox(year)}
    if year >= 2016:
        days["山の日"] = date(year, 8, 11)
    if year >= 2020:
        days["天皇誕生日"] = date(year, 2, 23)
    elif year <= 2018:
        days["天皇誕生日"] = date(year, 12, 23)
    days |= {name: date(year, month, day) for name, (month, day) in _SPECIAL.get(year, {}).items()}
    return {day: name for name, day in days.items()}


@cache
def holidays(year: int) -> dict[date, str]:
    """National holidays of a year → name, substitute holidays (振替休日) and days between (国民の休日) included."""
    days = _named(year)
    for day in sorted(days):
        before, after = day - timedelta(days=2), day - timedelta(days=1)
        if before in days and after not in days and after.weekday() != 6:
            days[after] = "国民の休日"
    for day in sorted(days):
        if day.weekday() == 6 and days[day] != "振替休日":
            moved = day + timedelta(days=1)
            while moved in days:
                moved += timedelta(days=1)
            days[moved] = "振替休日"
    return dict(sorted(days.items()))


def holiday_name(day: date) -> str | None:
    """Name of the national holiday on a day, or None."""
    return holidays(day.year).get(day)


def is_office_day(day: date) -> bool:
    """Whether a municipal office is open: not a weekend, a national holiday or 12月29日–1月3日 (地方自治法4条の2)."""
    year_end = (day.month == 12 and day.day >= 29) or (day.month == 1 and day.day <= 3)
    return day.weekday() < 5 and not year_end and holiday_name(day) is None
