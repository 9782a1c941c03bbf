"""The queue's filters in the URL, and paging that passes nobody over."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from urllib.parse import parse_qsl, urlsplit

from hypothesis import given
from hypothesis import strategies as st

from secops.schema.dates import JST
from secops.schema.severity import Severity
from secops.siem.ports import AlertPlace, Span, State
from secops.web.siem.filters import PERIODS, TABS, QueueFilter, alert_filter, parse
from tests.web.stage import COPY, NOW, Stage, hit

ZONES = ["mynumber", "lgwan"]
places = st.builds(
    AlertPlace,
    severity=st.sampled_from(list(Severity)),
    last_seen=st.datetimes(min_value=datetime(1970, 1, 1), max_value=datetime(5000, 1, 1), timezones=st.just(UTC)),  # noqa: DTZ001 - the zone is added
    id=st.integers(1, 10**17),
)
views = st.builds(
    QueueFilter,
    tab=st.sampled_from(list(TABS)),
    severities=st.frozensets(st.sampled_from(list(Severity))),
    zone=st.sampled_from(["", *ZONES]),
    who=st.sampled_from(["", "me", "none", "touban"]),
    text=st.text(max_size=20).map(str.strip).filter(lambda text: text.isprintable()),
    after=st.none() | places,
    back=st.none() | places,
)
DAYS = st.dates(date(1970, 1, 1), date(9000, 12, 31))
timed = st.one_of(
    st.builds(replace, views, period=st.sampled_from(["", *PERIODS])),
    st.builds(lambda view, days: replace(view, begin=min(days), end=max(days)), views, st.tuples(DAYS, DAYS)),
    st.builds(replace, views, begin=DAYS),
    st.builds(replace, views, end=DAYS),
)


def read(url: str) -> tuple[QueueFilter, list[str]]:
    return parse(dict(parse_qsl(urlsplit(url).query)), ZONES)


@given(timed)
def test_a_view_survives_its_address(view):
    assert read(view.url()) == (view, [])


def test_what_makes_no_sense_is_left_out_and_named():
    view, wrong = parse({"state": "x", "severity": "high,worst", "zone": "moon", "after": "-3", "since": "1y"}, ZONES)
    assert view == QueueFilter(severities=frozenset({Severity.HIGH}))
    assert sorted(wrong) == ["after=-3", "severity=worst", "since=1y", "state=x", "zone=moon"]


def test_days_are_whole_and_in_japan():
    view, wrong = parse({"from": "2026-11-23", "to": "2026-11-23", "since": "custom"}, ZONES)
    assert wrong == []
    span = alert_filter(view, "touban", NOW).span
    assert span == Span(datetime(2026, 11, 22, 15, tzinfo=UTC), datetime(2026, 11, 23, 15, tzinfo=UTC))


def test_of_a_period_and_days_the_one_that_was_changed_counts():
    days = {"from": "2026-11-20", "to": "", "was": "custom"}
    assert parse(days | {"since": "24h"}, ZONES)[0] == QueueFilter(period="24h")
    assert parse(days | {"since": "custom"}, ZONES)[0] == QueueFilter(begin=date(2026, 11, 20))
    assert parse(days | {"since": "24h", "was": "24h"}, ZONES)[0] == QueueFilter(begin=date(2026, 11, 20))


def test_days_that_make_no_sense_are_left_out_and_named():
    for text in ("2026-11-31", "11/23", "0001-01-01", "9999-12-31"):
        assert parse({"from": text}, ZONES) == (QueueFilter(), [f"from={text}"])
    assert parse({"from": "2026-11-24", "to": "2026-11-23"}, ZONES) == (
        QueueFilter(),
        ["from=2026-11-24 to=2026-11-23"],
    )


def test_a_changed_filter_begins_on_the_first_page():
    place = AlertPlace(Severity.LOW, NOW, 9)
    assert "after" in QueueFilter(after=place).url()
    assert "after" not in QueueFilter(after=place, back=place).url(zone="lgwan")


def test_defaults_ask_for_what_is_not_done():
    assert alert_filter(QueueFilter(), "me", NOW).states == frozenset({State.OPEN, State.IN_PROGRESS})


def test_nobody_and_myself_are_assignees_of_their_own_kind():
    assert alert_filter(QueueFilter(who="none"), "touban", NOW).assignee == ""
    assert alert_filter(QueueFilter(who="me"), "touban", NOW).assignee == "touban"
    assert alert_filter(QueueFilter(), "touban", NOW).assignee is None


def ids_on_pages(stage: Stage, between) -> list[int]:
    """Go through all pages by their links; ``between`` is called after each."""
    browser = stage.client("touban")
    seen: list[int] = []
    url = "/alerts"
    while url:
        text = browser.get(url).text
        seen += [int(part.split('"')[0]) for part in text.split('<tr data-id="')[1:]]
        between(browser, seen)
        mark = text.rfind('rel="next"')
        start = text.rfind('href="', 0, mark) + 6
        url = text[start : text.index('"', start)].replace("&amp;", "&") if mark >= 0 else ""
    return seen


def crowd(stage: Stage, size: int) -> None:
    stage.desk.put_hits(
        [hit(COPY, 9000 + n, timedelta(seconds=n), "lgwan", host__name=f"PC-{n}") for n in range(size)], {}, NOW
    )


def test_all_pages_together_are_the_whole_queue_once(stage):
    crowd(stage, 230)
    seen = ids_on_pages(stage, lambda browser, seen: None)
    assert len(seen) == len(set(seen)) == 236


def test_closing_rows_while_paging_passes_nothing_over(stage):
    crowd(stage, 230)

    def close_some(browser, seen):
        from secops.siem.ports import Scope, Verdict

        still = [i for i in seen[-20:-1] if stage.desk.stored[i].state is not State.CLOSED]
        stage.desk.close(still, Verdict.FALSE_POSITIVE, "試験", actor="x", scope=Scope(), now=NOW)

    seen = ids_on_pages(stage, close_some)
    assert set(seen) >= {i for i, alert in stage.desk.stored.items() if i > 2}


def test_turning_back_shows_the_same_rows_and_ends_on_the_first_page(stage):
    crowd(stage, 100)
    browser = stage.client("touban")

    def follow(text: str, rel: str) -> str:
        mark = text.rfind(f'rel="{rel}"')
        start = text.rfind('href="', 0, mark) + 6
        return str(browser.get(text[start : text.index('"', start)].replace("&amp;", "&")).text)

    def ids(text: str) -> list[str]:
        return [part.split('"')[0] for part in text.split('<tr data-id="')[1:]]

    first = browser.get("/alerts").text
    second = follow(first, "next")
    third = follow(second, "next")
    assert "全 106 件中 101–106 件" in third
    assert ids(follow(third, "prev")) == ids(second)
    back = follow(follow(third, "prev"), "prev")
    assert ids(back) == ids(first)
    assert 'rel="prev"' not in back


def shown(page: str) -> list[int]:
    return [int(part.split('"')[0]) for part in page.split('<tr data-id="')[1:]]


def test_the_search_of_the_queue_is_words_or_a_query(stage):
    browser = stage.client("touban")

    def found(**values: str) -> list[int]:
        answer = browser.get("/alerts", params={"state": "all", **values})
        assert answer.status_code == 200
        return shown(answer.text)

    everything = found()
    alert = stage.desk.stored[everything[0]]
    machine = alert.entities["host.name"] if "host.name" in alert.entities else next(iter(alert.entities.values()))
    assert alert.id in found(q=machine)
    assert len(found(q=machine)) < len(everything)
    assert found(q=f"number:{alert.id}") == [alert.id]
    graver = {number for number, one in stage.desk.stored.items() if one.severity >= Severity.HIGH}
    assert set(found(q="severity:>=high")) == graver
    assert set(found(q="NOT severity:>=高")) == set(everything) - graver
    assert browser.get("/api/alerts", params={"state": "all", "q": "severity:>=high"}).json()["total"] == len(graver)


def test_a_search_that_cannot_be_read_shows_its_place_and_no_rows(stage):
    browser = stage.client("touban")
    for text, said in {
        "severity:high hots:K-1": "検索式の 15 文字目",
        "(a": "3 文字目",
        "severity:worst": "critical",
        "state:op*": "ワイルドカード",
        "zone:[a TO b]": "文字列には大小がありません",
        "ip:10.0.0.0/8": "10.1.*",
        "x" * 2001: "2000 文字まで",
        " ".join("a" * 31): "30 個まで",
    }.items():
        answer = browser.get("/alerts", params={"q": text})
        assert (answer.status_code, said in answer.text, shown(answer.text)) == (400, True, []), text
        assert "検索式を読めないため" in answer.text
    assert "<mark>h</mark>" in browser.get("/alerts", params={"q": "severity:high hots:K-1"}).text
    assert browser.get("/alerts/bulk", params={"q": "hots:K-1"}).status_code == 400
    assert browser.get("/api/alerts", params={"q": "hots:K-1"}).status_code == 400


def test_the_queue_of_some_days(stage):
    browser = stage.client("touban")
    day = NOW.astimezone(JST).date()
    everything = shown(browser.get("/alerts?state=all").text)
    assert shown(browser.get(f"/alerts?state=all&from={day + timedelta(1)}").text) == []
    assert shown(browser.get(f"/alerts?state=all&to={day - timedelta(900)}").text) == []
    page = browser.get(f"/alerts?state=all&from={day - timedelta(900)}&to={day}").text
    assert shown(page) == everything
    assert f'name="to" min="1970-01-01" max="9000-12-31" value="{day}"' in page
