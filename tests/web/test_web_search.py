"""The search page, its files, and the zones."""

from __future__ import annotations

import csv
import io
import json
import re
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from secops.access.ports import Access, Role
from secops.errors import QueryError
from secops.report.events import FORMATS
from secops.siem.ports import Span
from secops.web.siem import charts, search, spans
from tests.web.stage import HOSTILE, NOW, Stage, frame

SECOND = timedelta(seconds=1)


@pytest.fixture(scope="module")
def night(tmp_path_factory) -> Iterator[Stage]:
    """One stage for all tests of this file: making one costs more than a test."""
    made = Stage(tmp_path_factory.mktemp("search"))
    for name, role, zones in (
        ("touban", Role.CSIRT, None),
        ("viewer", Role.VIEWER, None),
        ("lgwan-only", Role.CSIRT, frozenset({"lgwan"})),
    ):
        made.person(name, role, Access(zones=zones))
    made.play()
    yield made
    made.close()


@pytest.fixture
def stage(night) -> Iterator[Stage]:
    """The same, with nothing left of what the test before wrote."""
    events = list(night.store._events)
    yield night
    night.store._events = events
    vars(night.store).pop("search", None)


def words(text: str) -> str:
    return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", text))


def next_page(text: str, rel: str = "next") -> str:
    found = re.search(rf'href="([^"]*)" rel="{rel}"', text)
    return found[1].replace("&amp;", "&") if found else ""


def ids(text: str) -> list[str]:
    return re.findall(r'<a href="/events/([\w.-]+)">', text)


def many(stage, number: int) -> None:
    stage.store.write(
        frame([
            {
                "@timestamp": NOW - timedelta(hours=2) + timedelta(seconds=n // 7),
                "event.id": f"sumida.bulk.{n}",
                "event.sequence": n,
                "event.ingested": NOW,
                "event.kind": "event",
                "event.action": "bulk",
                "labels.source": "bulk",
                "labels.zone": "lgwan",
            }
            for n in range(1, number + 1)
        ]),
        {},
    )  # fmt: skip


def test_a_search_says_how_many_when_and_what(stage):
    page = stage.client("touban").get("/events", params={"q": "host.name:K-0213"}).text
    text = words(page)
    for part in (
        "8 件見つかりました。",
        "全 8 件のうち 8 件",
        "からの 30分で",
        "CSV 出力(8 件)",
        "ここが終わりです。",
        "住民一覧",
    ):
        assert part in text, part
    assert len(ids(page)) == 8
    entry = next(one for one in stage.accounts.audit_log() if one.action == "events_searched")
    assert (entry.actor, entry.target, entry.text) == ("touban", "24h", "host.name:K-0213 → 8")


def test_pages_hold_every_event_once_and_turn_back(stage):
    many(stage, 250)
    browser = stage.client("touban")
    seen: list[str] = []
    pages = []
    url = "/events?q=event.action:bulk"
    while url:
        text = browser.get(url).text
        assert "250 件見つかりました。" in words(text)
        pages.append(ids(text))
        seen += pages[-1]
        url = next_page(text)
        if not url:
            assert ids(browser.get(next_page(text, "prev")).text) == pages[-2]
    assert len(seen) == len(set(seen)) == 250


def test_a_bar_narrows_the_span_and_the_table_under_it_says_the_same(stage):
    browser = stage.client("touban")
    text = browser.get("/events?q=host.name:K-0213").text
    assert 'class="histogram" width="100%" height="132" aria-hidden="true"' in text
    link = re.search(r'<th scope="row"><a href="([^"]*)">[^<]*</a></th><td class="num">([\d,]+)', text)
    assert link
    inner = words(browser.get(link[1].replace("&amp;", "&")).text)
    assert f"{link[2]} 件見つかりました。" in inner


def test_columns_are_chosen_and_values_narrow(stage):
    browser = stage.client("touban")
    text = browser.get("/events?q=host.name:K-0213&cols=event.action&cols=file.path,x%22y").text
    head = words(text[text.index("<thead>", text.index('class="found"')) :][:600])
    assert "event.action" in head
    assert "file.path" in head
    assert "内容" not in head
    assert "cols=x&#34;y" in text
    narrow = re.search(r'<a href="(/events\?q=[^"]*file-copy[^"]*)"', text)
    assert narrow
    assert "1 件見つかりました。" in words(browser.get(narrow[1].replace("&amp;", "&")).text)


@pytest.mark.parametrize(
    ("query", "told"),
    [
        ("(" * 3000 + "a" + ")" * 3000, "入れ子は 24 段まで"),
        ("a" * 10_001, "検索式が長すぎます"),
        ("a " * 4999, "条件は 500 個まで"),
        ("process.name:/(a+)+$/", "正規表現(/…/)は使えません"),
        ("process.name:" + "a*" * 40, "* は 10 個までです"),
        ("host.name:(a", "検索式の 13 文字目"),
        ("destination.port:abc", "「destination.port」に「abc」は使えません"),
    ],
)
def test_a_query_that_cannot_be_answered_says_why_beside_the_field(stage, query, told):
    answer = stage.client("touban").get("/events", params={"q": query})
    assert answer.status_code == 400
    problem = answer.text[answer.text.index('id="q-problem"') :]
    assert told in words(problem[:2000])
    assert 'aria-invalid="true"' in answer.text
    assert "検索していません。" in answer.text


def test_the_place_of_the_mistake_is_marked(stage):
    text = stage.client("touban").get("/events", params={"q": "user.name:a AND destination.port:abc"}).text
    assert re.search(r'class="place"><bdi>.*destination\.port:</bdi><mark>a</mark><bdi>bc</bdi>', text)


def test_a_search_that_ran_out_of_time_shows_no_partial_result(stage):
    def slow(*_args, **_more):
        raise QueryError("検索が 30 秒で終わりませんでした。", limit=True)

    stage.store.search = slow
    answer = stage.client("touban").get("/events?q=a")
    assert answer.status_code == 400
    assert "検索が 30 秒で終わりませんでした。" in answer.text
    assert "途中までの結果は、件数が正しくないため示しません。" in answer.text
    assert stage.client("touban").get("/events/export?q=a").status_code == 400


@pytest.mark.parametrize(("values", "since", "until"), [
    ({}, NOW - timedelta(hours=24), None),
    ({"span": "7d"}, NOW - timedelta(days=7), None),
    ({"span": "all"}, None, None),
    ({"since": "2026-11-23T02:00"}, datetime(2026, 11, 22, 17, tzinfo=UTC), None),
    ({"since": "3h", "until": "2h"}, NOW - timedelta(hours=3), NOW - timedelta(hours=2)),
    ({"span": "24h", "was": "24h", "since": "2026-11-23"}, datetime(2026, 11, 22, 15, tzinfo=UTC), None),
    ({"span": "7d", "was": "24h", "since": "2026-11-23"}, NOW - timedelta(days=7), None),
    ({"span": "custom", "was": "24h", "until": "2026-11-23"}, None, datetime(2026, 11, 22, 15, tzinfo=UTC)),
])  # fmt: skip
def test_spans_are_read(values, since, until):
    found = spans.read(values, NOW)
    assert (found.span, found.problem) == (Span(since, until), "")
    assert spans.read(found.values, NOW).span == Span(since, until)


@pytest.mark.parametrize("values", [
    {"since": "yesterday"}, {"span": "3y"}, {"since": "2026-11-24", "until": "2026-11-23"}, {"since": "9" * 400 + "d"},
])  # fmt: skip
def test_a_span_that_makes_no_sense_is_said_and_nothing_is_searched(stage, values):
    assert spans.read(values, NOW).problem
    answer = stage.client("touban").get("/events", params=values)
    assert answer.status_code == 400
    assert "検索していません。" in answer.text


@given(
    st.datetimes(min_value=datetime(2000, 1, 1), max_value=datetime(2100, 1, 1)),  # noqa: DTZ001 - made aware below
    st.integers(1, 10**9),
    st.lists(st.floats(0, 1), max_size=20),
)
def test_bars_hold_every_count_once_and_are_sixty_at_most(begin, seconds, places):
    since = begin.replace(tzinfo=UTC)
    span = Span(since, since + timedelta(seconds=seconds))
    width = charts.bucket_seconds(span)
    asked = charts.asked_seconds(width)
    moments = [since + timedelta(seconds=place * (seconds - 1)) for place in places]
    epoch = datetime(1970, 1, 1, tzinfo=UTC)
    counts = [
        (epoch + (moment - epoch) // timedelta(seconds=asked) * timedelta(seconds=asked), 1) for moment in moments
    ]
    made = charts.bars(counts, span, width)
    lost = sum(bucket < made.bars[0].begin for bucket, _n in counts)  # its bucket began before the span
    assert made.total == len(counts) - lost
    assert lost == 0 or asked * 3 > 10_000
    assert len(made.bars) <= charts.MOST_BARS + 1
    assert made.bars[0].begin <= since < made.bars[0].end
    assert all(a.end == b.begin for a, b in zip(made.bars, made.bars[1:], strict=False))


def test_the_csv_opens_in_excel_and_nothing_in_it_acts(stage):
    formula = {"event.id": "sumida.x.1", "event.sequence": 1, "user.name": "=cmd|' /C calc'!A0", "host.name": HOSTILE}
    stage.store.write(frame([{"@timestamp": NOW, "event.ingested": NOW, "event.kind": "event", **formula}]), {})
    answer = stage.client("touban").get("/events/export?q=event.id:sumida.x.1&format=csv")
    assert answer.headers["content-disposition"].endswith('-1.csv"')
    assert answer.headers["x-total-count"] == "1"
    assert answer.content.startswith(b"\xef\xbb\xbf")
    head, row = list(csv.reader(io.StringIO(answer.content.decode("utf-8-sig"))))
    assert head[:2] == ["時刻(日本時間)", "時刻(UTC)"]
    assert row[0] == "2026-11-23 02:07:00"
    assert row[head.index("user.name")] == "'=cmd|' /C calc'!A0"
    assert not re.search("[\x00-\x08\x0b\x0c\x0e-\x1f\u202a-\u202e]", answer.text)


def test_json_lines_hold_every_event_with_all_its_fields(stage, monkeypatch):
    monkeypatch.setattr(search, "EXPORT_STEP", 100)
    many(stage, 250)
    answer = stage.client("touban").get("/events/export?q=event.action:bulk&format=jsonl")
    lines = [json.loads(line) for line in answer.text.splitlines()]
    assert len({line["event.id"] for line in lines}) == len(lines) == 250
    assert lines[0]["@timestamp"].endswith("Z")
    entry = next(one for one in stage.accounts.audit_log() if one.action == "events_exported")
    assert (entry.actor, entry.text) == ("touban", "event.action:bulk → jsonl 250/250")


def test_a_file_that_is_not_everything_says_so_in_its_name(stage, monkeypatch):
    monkeypatch.setattr(search, "EXPORT_STEP", 40)
    monkeypatch.setattr(search, "EXPORT_MOST", 90)
    many(stage, 250)
    browser = stage.client("touban")
    assert "CSV 出力(新しい 90 件。全 250 件)" in words(browser.get("/events?q=event.action:bulk").text)
    answer = browser.get("/events/export?q=event.action:bulk&format=jsonl")
    assert answer.headers["content-disposition"].endswith('-90-of-250.jsonl"')
    assert len(answer.text.splitlines()) == 90
    assert browser.get("/events/export?format=exe").status_code == 400


def test_every_format_survives_what_json_cannot_hold():
    event = {"@timestamp": NOW, "event.id": "a.b.1", "x": "\ud800", "n": 1 << 70, "deep": [[["a"]]]}
    for made in FORMATS.values():
        assert made(["x", "n", "deep"]).row(event, "what").endswith(b"\n")


def test_what_is_out_of_scope_is_not_found(stage):
    browser = stage.client("lgwan-only")
    assert "host.name:K-0213" in browser.get("/events?q=host.name:K-0213").text
    assert "当てはまる記録はありません。" in browser.get("/events?q=host.name:K-0213").text
    assert browser.get("/events/export?q=host.name:K-0213&format=jsonl").text == ""


def flows(stage) -> None:
    rows = [("mynumber", "world", "forbidden")] * 2 + [("internet", "world", "allowed")] * 30
    rows += [("lgwan", "lgwan", "allowed")] * 5
    stage.store.write(
        frame([
            {
                "@timestamp": NOW - timedelta(minutes=n), "event.ingested": NOW, "event.id": f"sumida.fwx.{n}",
                "event.sequence": n, "event.kind": "event", "labels.zone": source, "labels.source_zone": source,
                "labels.destination_zone": destination, "labels.flow": f"{source}>{destination}",
                "labels.flow_verdict": verdict,
            }
            for n, (source, destination, verdict) in enumerate(rows, 1)
        ]),
        {},
    )  # fmt: skip


def test_the_zones_show_what_crossed_without_permission(stage):
    flows(stage)
    browser = stage.client("touban")
    page = browser.get("/zones?since=7d").text
    text = words(page)
    for part in (
        "許可のない系統間の通信が 2 件あります。最多は マイナンバー利用事務系 から",
        "認められない通信 2",
        "通常の通信 30",
        "系統内 5 件",
        "LGWAN接続系",
    ):
        assert part in text, part
    assert page.index('class="flow bad"') < page.index('class="flow seen"')
    link = re.search(r'<a href="(/events\?q=[^"]*)">許可のない 2 件を見る', page)
    assert link
    assert "2 件見つかりました。" in words(browser.get(link[1].replace("&amp;", "&")).text)
    assert "許可のない" not in words(stage.client("lgwan-only").get("/zones").text.split("<ul")[0])
    assert '<a href="/events' not in stage.client("viewer").get("/zones").text


def test_sources_show_their_rate_and_rhythm(stage):
    text = words(stage.client("touban").get("/sources").text)
    assert "期待:" in text
    assert "直近 60 分に" in text


def test_around_an_alert_all_are_counted_and_the_nearest_shown(stage):
    stage.store.write(
        frame([
            {
                "@timestamp": NOW - timedelta(minutes=3) + timedelta(seconds=n - 125), "event.ingested": NOW,
                "event.id": f"sumida.near.{n}", "event.sequence": n, "event.kind": "event", "host.name": "K-0213",
                "user.name": "t-suzuki" if n % 2 else "other", "event.action": f"near-{n}",
            }
            for n in range(250)
        ]),
        {},
    )  # fmt: skip
    text = words(stage.client("touban").get("/alerts/3").text)
    assert "同じ端末・利用者の記録 258 件" in text
    assert "258 件のうち、検知の時刻に近い 200 件を表示しています。" in text
    assert "端末 K-0213 258 件" in text
    assert "利用者 t-suzuki 133 件" in text
    assert "near-125" in text
    assert "near-1 " not in text
