"""Queries over events as they are read, and sheets as they are made: what is missing is never zero."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from secops.errors import AuditError
from secops.isms.audit.evidence_text import canonical, digest, sheet_of
from secops.isms.audit.round import Unit
from secops.isms.audit.telemetry import (
    FUNCTIONS,
    NOTE,
    Answers,
    Presence,
    Wanted,
    as_json,
    cells,
    differences,
    items_of,
    make_sheet,
    unknown_names,
)
from secops.isms.audit.telemetry_file import from_json, read_telemetry
from secops.schema.dates import JST
from secops.wiring.audits import open_catalogue, open_telemetry
from secops.wiring.evidence_functions import FUNCTIONS as MADE

NOW = datetime(2026, 11, 23, tzinfo=UTC)
PERIOD = (datetime(2026, 11, 1, tzinfo=JST), datetime(2026, 11, 21, tzinfo=JST))
FILE = """sources:
  - {name: a, title: ソースA, query: "event.dataset:a"}
  - {name: b, title: ソースB, query: "event.dataset:b", within: ward}
  - {name: c, title: 申請, missing: まだありません。}
queries:
  - name: one
    title: 一つ目
    counts: 数
    needs: [a]
    figures:
      - {title: 回数, query: "event.action:x"}
      - {title: 台数, query: "event.action:x", distinct: [host.name], needs: [a, b]}
      - {title: 最近, query: "event.action:x", last: 7d}
      - {title: 系統別, query: "event.action:x", per_zone: true}
      - {title: 申請あり, query: "event.action:x", needs: [a, c]}
    not_shown: 理由
"""


def wanted(**more: object) -> Wanted:
    labels = {"lgwan": "LGWAN接続系", "mynumber": "マイナンバー利用事務系"}
    return Wanted(Unit("211"), "区民課", PERIOD, labels, **more)  # type: ignore[arg-type] # values of one test


def wrong(text: str) -> list[str]:
    with pytest.raises(AuditError) as caught:
        read_telemetry("t.yml", text)
    return [str(problem) for problem in caught.value.problems]


def test_the_file_that_comes_with_the_program_answers_for_enough_items():
    catalogue, telemetry = open_catalogue(), open_telemetry()
    assert unknown_names(catalogue, telemetry.queries) == []
    able = {name for name, query in telemetry.queries.items() if not query.missing}
    assert len({item.id for item in catalogue.items if set(item.telemetry) & able}) >= 25
    assert [name for name in telemetry.queries if not items_of(catalogue, name)] == []
    used = {name for query in telemetry.queries.values() for name in query.sources}
    assert set(telemetry.sources) == used
    assert set(FUNCTIONS) == set(MADE)


def test_a_query_is_kept_and_read_again():
    telemetry = open_telemetry()
    for query in telemetry.queries.values():
        again, sources = from_json(as_json(query, telemetry.used(query)))
        assert as_json(again, sources.used(again)) == as_json(query, telemetry.used(query)), query.name


@pytest.mark.parametrize(
    ("change", "place"),
    [
        (("event.action:x", "event.action:"), "t.yml:11 queries[1].figures[1].query"),
        (("distinct: [host.name]", "distinct: [source.port]"), "t.yml:12 queries[1].figures[2].distinct[1]"),
        (("last: 7d", "last: 7x"), "t.yml:13 queries[1].figures[3].last"),
        (("needs: [a, b]", "needs: [a, z]"), "t.yml:12 one"),
        (("title: 台数", "title: 回数"), "t.yml:12 one"),
        (('{title: 最近, query: "event.action:x", last: 7d}', "{title: 最近, value: alerts}"), "t.yml:13 one"),
        (("    not_shown: 理由\n", ""), "t.yml:6 one"),
        (("    needs: [a]\n", "    function: nothing\n    needs: [a]\n"), "t.yml:9 one"),
        (("missing: まだありません。", 'missing: x, query: "a:b"'), "t.yml:4 sources[3]"),
        (("name: b", "name: a"), "t.yml:3 sources[2].name"),
        (("counts: 数", "count: 数"), "t.yml:8 queries[1].count"),
        (("within: ward", "within: moon"), "t.yml:3 sources[2].within"),
    ],
)
def test_mistakes_are_named_with_their_place(change, place):
    found = wrong(FILE.replace(change[0], change[1], 1))
    assert place in {line.split(": ")[0] for line in found}, found


def test_an_item_that_names_an_unknown_query_is_a_mistake():
    catalogue = open_catalogue()
    (first, *_rest) = unknown_names(catalogue, [])
    assert "telemetry.yml" in str(first)
    assert ".yml:" in first.where


DAYS = st.frozensets(st.dates(date(2026, 11, 1), date(2026, 11, 20)), max_size=3)


@given(
    a=DAYS, a_lgwan=DAYS, a_mynumber=DAYS, b=DAYS, value=st.integers(0, 5), reckoned=st.booleans()
)  # what zones have, the whole has
def test_a_figure_is_none_exactly_where_a_source_was_not_there(a, a_lgwan, a_mynumber, b, value, reckoned):
    telemetry = read_telemetry("t.yml", FILE)
    query = telemetry.queries["one"]
    whole = a | a_lgwan | a_mynumber
    presence = {
        "a": Presence({"": whole, "lgwan": a_lgwan, "mynumber": a_mynumber}),
        "b": Presence({"": b}),
        "c": Presence(record=True, why="まだありません。"),
    }
    values = {(figure.title, zone): value for figure, zone, _title in cells(query, wanted())} if reckoned else {}
    sheet = make_sheet(query, telemetry, wanted(), Answers(values), presence, NOW)
    late = frozenset(day for day in whole if day >= date(2026, 11, 14))
    there = {
        "回数": whole,
        "台数": whole and b,
        "最近": late,
        "系統別(LGWAN接続系)": a_lgwan,
        "系統別(マイナンバー利用事務系)": a_mynumber,
        "申請あり": frozenset(),
    }
    for title, days in there.items():
        if not days:
            assert sheet.figures[title] is None
        elif reckoned:
            assert sheet.figures[title] == value
        else:
            assert title not in sheet.figures
            assert any(title in note for note in sheet.notes)
    assert bool(sheet.missing)  # the register of requests never is there
    assert sheet.notes[-1] == NOTE
    assert [one.days for one in sheet.sources] == [len(whole), len(b), None]
    assert {one.of for one in sheet.sources} == {20}


def test_a_query_without_a_source_yet_is_a_sheet_without_a_number():
    telemetry = open_telemetry()
    sheet = make_sheet(telemetry.queries["quiz_results"], telemetry, wanted(), Answers({}), {}, NOW)
    assert sheet.figures == {"確認テストの結果": None}
    assert sheet.missing == (telemetry.queries["quiz_results"].missing,)


def test_the_hash_is_of_all_that_the_sheet_says():
    telemetry = read_telemetry("t.yml", FILE)
    query, day = telemetry.queries["one"], frozenset({date(2026, 11, 20)})
    presence = {"a": Presence({"": day, "lgwan": day, "mynumber": day}), "b": Presence({"": day}), "c": Presence()}
    rows = ({"利用者": "a\ud800=1+1", "件数": "3"},)

    def sheet(count: int, made_at: datetime = NOW):
        values = {("回数", ""): count, ("台数", ""): 2}
        answers = Answers(values, {"回数": "event.action:x"}, rows, 7)
        return make_sheet(query, telemetry, wanted(items=("a1",)), answers, presence, made_at)

    first = sheet(3)
    again = sheet_of(canonical(first))
    assert again.sha256 == first.sha256 == digest(canonical(first))
    assert (again.figures, again.period, again.items, again.rows_total) == (first.figures, first.period, ("a1",), 7)
    assert list(again.figures) == list(first.figures)
    assert list(again.rows[0]) == ["利用者", "件数"]
    assert sheet(4).sha256 != first.sha256
    assert sheet(3, NOW + timedelta(seconds=1)).sha256 != first.sha256
    assert [(one.title, one.before, one.now) for one in differences(first, sheet(4))] == [("回数", 3, 4)]
    assert differences(first, sheet(3, NOW + timedelta(days=9))) == []
