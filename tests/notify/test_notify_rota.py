"""Who is on duty: weekdays, holidays and nights in Japan time."""

from __future__ import annotations

from datetime import datetime, timedelta
from itertools import pairwise

import pytest

from secops.notify.rota import duties, order
from secops.schema.dates import JST
from secops.settings_notify import NotifySettings

PEOPLE = [{"id": name, "name": name.upper(), "contacts": {"mail": f"{name}@example.lg.jp"}} for name in "abcd"]
MAIL = {"id": "mail", "kind": "mail", "host": "mail", "sender": "secops@example.lg.jp"}


def settings(*shifts: dict[str, object], rota: tuple[str, ...] = ()) -> NotifySettings:
    return NotifySettings.model_validate({"channels": [MAIL], "people": PEOPLE, "rota": rota, "shifts": shifts})


def at(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=JST)


def names(notify: NotifySettings, text: str) -> str:
    return "".join(one.id for one in order(notify, at(text)))


def test_without_shifts_the_rota_counts_and_without_a_rota_everybody():
    assert names(settings(), "2026-11-24T10:00") == "abcd"
    assert names(settings(rota=("c", "a", "c")), "2026-11-24T10:00") == "ca"


@pytest.mark.parametrize(
    ("moment", "expected"),
    [
        ("2026-11-24T08:29", "b"),  # Tuesday, before the office opens: still Monday's night, a holiday
        ("2026-11-24T08:30", "a"),
        ("2026-11-24T17:14", "a"),
        ("2026-11-24T17:15", "d"),
        ("2026-11-25T02:04", "d"),  # Tuesday's night
        ("2026-11-23T12:00", "b"),  # 勤労感謝の日, a Monday
        ("2026-11-28T12:00", "c"),  # Saturday
        ("2026-11-29T03:00", "c"),  # Saturday's night
        ("2026-12-30T12:00", "c"),  # Wednesday, but the office is closed (12月29日–1月3日)
    ],
)
def test_the_first_shift_that_fits_counts_and_a_night_belongs_to_the_day_it_begins(moment, expected):
    notify = settings(
        {"days": ["holiday"], "hours": "08:30-08:30", "people": ["b"]},
        {"days": ["offday"], "hours": "08:30-08:30", "people": ["c"]},
        {"days": ["workday"], "hours": "08:30-17:15", "people": ["a"]},
        {"hours": "17:15-08:30", "people": ["d"]},
    )
    assert names(notify, moment) == expected


def test_the_table_is_cut_where_the_order_changes_and_has_no_gap():
    notify = settings({"days": ["workday"], "hours": "08:30-17:15", "people": ["a"]}, {"people": ["b", "a"]})
    begin = at("2026-11-20T12:00")
    found = duties(notify, begin, begin + timedelta(days=7))
    assert [(since.astimezone(JST).strftime("%d %H:%M"), people[0].id) for since, _until, people in found[:4]] == [
        ("20 12:00", "a"),
        ("20 17:15", "b"),
        ("24 08:30", "a"),  # over a weekend and a holiday
        ("24 17:15", "b"),
    ]
    assert all(one[1] == following[0] for one, following in pairwise(found))
    assert found[-1][1] == begin + timedelta(days=7)
