"""Time: UTC inside, JST on screen, 和暦 and 年度 on paper. Every function takes the time as an argument."""

from __future__ import annotations

import re
import unicodedata
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

from secops.locale import _

JST = ZoneInfo("Asia/Tokyo")
_WEEKDAYS = "月火水木金土日"
_ERAS = ((date(2019, 5, 1), "令和"), (date(1989, 1, 8), "平成"), (date(1926, 12, 25), "昭和"))
WRITTEN = r"(令和|平成|昭和|)\s*(元|\d{1,4})\s*年\s*(\d{1,2})\s*月\s*(\d{1,2})\s*日"
_WRITTEN = re.compile(WRITTEN)
_SHORT = {"r": "令和", "令": "令和", "h": "平成", "平": "平成", "s": "昭和", "昭": "昭和"}
_CELL = re.compile(
    r"(令和|平成|昭和|[rhs令平昭])?\.?(元|\d{1,4})[年./-](\d{1,2})[月./-](\d{1,2})日?(?:\([日月火水木金土]\))?(?:t?00:00:00)?"
)
_DIGITS = re.compile(r"(\d{4})(\d{2})(\d{2})")
_SERIALS = range(20_000, 80_000)  # days of Excel from 1954 to 2118: what a cell shows whose format is no date
_UNITS = {"s": "seconds", "m": "minutes", "h": "hours", "d": "days", "w": "weeks"}
_AGO = re.compile(r"(\d+)\s*([smhdw])")


def screen(moment: datetime) -> str:
    """A moment as work screens show it: ``11月23日(月) 02:04:11`` in JST."""
    local = moment.astimezone(JST)
    return f"{local.month}月{local.day}日({_WEEKDAYS[local.weekday()]}) {local:%H:%M:%S}"


def dated(moment: datetime) -> str:
    """The same with its year, where it may be long ago: ``2026年11月23日(月) 02:04:11``."""
    return f"{moment.astimezone(JST).year}年{screen(moment)}"


def relative(moment: datetime, now: datetime) -> str:
    """How long ago, in the largest unit that fits: ``3分前``; the future is ``まもなく`` to the reader."""
    seconds = int((now - moment).total_seconds())
    if seconds < 0:
        return "まもなく"
    for size, unit in ((86400, "日"), (3600, "時間"), (60, "分")):
        if seconds >= size:
            return f"{seconds // size}{unit}前"
    return f"{seconds}秒前"


def wareki(day: date) -> str:
    """A date on formal pages and papers: ``令和8年11月23日``; the first year of an era is 元年."""
    for begin, era in _ERAS:
        if day >= begin:
            year = day.year - begin.year + 1
            return f"{era}{'元' if year == 1 else year}年{day.month}月{day.day}日"
    return f"{day.year}年{day.month}月{day.day}日"


def read_wareki(text: str) -> date | None:
    """The first date in a text as papers write it: ``令和8年11月23日``, ``平成元年４月１日``, ``2026年4月1日``."""
    found = _WRITTEN.search(unicodedata.normalize("NFKC", text))
    if found is None:
        return None
    year = 1 if found[2] == "元" else int(found[2])
    begin = next((begin for begin, era in _ERAS if era == found[1]), None)
    try:
        return date(year if begin is None else begin.year + year - 1, int(found[3]), int(found[4]))
    except ValueError:
        return None


def read_day(text: str) -> date | None:
    """A day as a cell of a table has it; None where it is no day.

    ``2027-03-31``, ``2027/3/31``, ``令和9年3月31日``, ``R9.3.31``, ``20270331``, the number of the day in Excel.
    """
    value = "".join(unicodedata.normalize("NFKC", text).split()).lower()
    if value.isdecimal() and len(value) == 5 and int(value) in _SERIALS:
        return date(1899, 12, 30) + timedelta(days=int(value))
    found = _CELL.fullmatch(value)
    digits = _DIGITS.fullmatch(value)
    try:
        if digits:
            return date(int(digits[1]), int(digits[2]), int(digits[3]))
        if found is None:
            return None
        era, year = _SHORT.get(found[1] or "", found[1]), 1 if found[2] == "元" else int(found[2])
        begin = next((begin for begin, name in _ERAS if name == era), None)
        if year < (1900 if begin is None else 1):
            return None
        return date(year if begin is None else begin.year + year - 1, int(found[3]), int(found[4]))
    except ValueError:
        return None


def fiscal_year(day: date) -> int:
    """年度: the year in which the 1 April before or on the day lies."""
    return day.year if day.month >= 4 else day.year - 1


def parse_moment(text: str, now: datetime) -> datetime:
    """Read a point in time as an operator types it; the result is in UTC.

    Accepts ``24h`` / ``30m`` / ``7d`` / ``2w`` (that long before ``now``), ``now``, an ISO 8601 date or date-time
    (without an offset it is JST; a date means its midnight), ``2026/11/23 02:04``.

    Raises:
        ValueError: none of these; the message shows the forms that are accepted.
    """
    value = text.strip()
    if value == "now":
        return now.astimezone(UTC)
    if ago := _AGO.fullmatch(value):
        return now.astimezone(UTC) - timedelta(**{_UNITS[ago[2]]: int(ago[1])})
    try:
        moment = datetime.fromisoformat(value.replace("/", "-"))
    except ValueError:
        what = _("「{text}」は時点として読めません(24h, 30m, 7d, 2026-11-23, 2026-11-23T02:04 のように書いてください)")
        raise ValueError(what.format(text=text)) from None
    return (moment if moment.tzinfo else moment.replace(tzinfo=JST)).astimezone(UTC)


def parse_duration(text: str) -> timedelta:
    """Read a length of time: ``40m``, ``24h``, ``400d``.

    Raises:
        ValueError: not a number with one of the units s, m, h, d, w.
    """
    if match := _AGO.fullmatch(text.strip()):
        return timedelta(**{_UNITS[match[2]]: int(match[1])})
    what = _("「{text}」は長さとして読めません(数に s, m, h, d, w のどれかを付けます。例: 40m, 400d)")
    raise ValueError(what.format(text=text))
