from __future__ import annotations

from datetime import UTC, datetime, timedelta

from secops.settings import SourceSettings
from secops.siem.health import ChainState, Disk, filter_states, paging_problems, problems_of, source_status
from secops.siem.ports import FilterCount, PagingCounts, RuleFilter, SourceStatus, Tally

NOW = datetime(2026, 11, 23, 2, 0, tzinfo=UTC)
FW = SourceSettings(id="fw01", kind="syslog-udp", listen="127.0.0.1:5514", quiet_after="10m")
CHAIN = ChainState(1, "", None)
ROOMY = Disk(total=100, free=50, journal=1, lake=1)


def status(*, last: datetime | None = NOW, listening: datetime | None = None, problem: str = "") -> SourceStatus:
    tally = Tally("fw01", 90, stored=85, rejected=5, rejected_reasons={"no format": 5})
    return source_status(FW, 100, {"inbox_full": 7}, tally, last, NOW, problem, listening)


def test_received_is_stored_rejected_dropped_and_waiting():
    one = status()
    assert one.received == 107
    assert one.received == one.stored + one.rejected + sum(one.dropped.values()) + one.waiting


def test_silence_counts_from_the_last_record():
    assert not status(last=NOW - timedelta(minutes=9)).silent
    assert status(last=NOW - timedelta(minutes=11)).silent


def test_a_source_is_given_time_after_the_start():
    long_ago = NOW - timedelta(days=1)
    assert not status(last=long_ago, listening=NOW - timedelta(minutes=1)).silent
    assert status(last=long_ago, listening=NOW - timedelta(minutes=11)).silent
    assert status(last=None, listening=NOW - timedelta(minutes=11)).silent
    assert not status(last=None).silent


def test_everything_that_needs_a_person_is_one_sentence():
    sources = [status(last=NOW - timedelta(hours=1)), status(problem="port in use")]
    full = Disk(total=100, free=5, journal=1, lake=1)
    found = problems_of(sources, CHAIN, full, {"worker-0": "missing", "web": "stopped"}, 0)
    assert len(found) == 5
    assert any("fw01" in text and "port in use" in text for text in found)
    assert any("worker-0" in text for text in found)
    assert not any("web" in text for text in found)


def test_nothing_wrong_is_no_problem():
    assert problems_of([status()], CHAIN, ROOMY, {"worker-0": "running"}, 3) == []


def test_lag_is_how_long_the_oldest_waiting_record_has_waited():
    tally = Tally("fw01", 90, stored=90, rejected=0)
    waiting = source_status(FW, 100, {}, tally, NOW, NOW, waiting_since=NOW - timedelta(seconds=7))
    assert (waiting.waiting, waiting.lag_s) == (10, 7.0)
    assert source_status(FW, 90, {}, tally, NOW, NOW).lag_s == 0.0


def test_exceptions_that_need_a_person_come_first_and_are_sentences():
    def exception(name: str, until: datetime, problem: str = "") -> RuleFilter:
        return RuleFilter(
            name, name, name, "", "課", "理由", until, ("r1",), False, False, {}, f"{name}.yml", "", problem=problem
        )

    found = filter_states(
        [
            exception("busy", NOW + timedelta(days=1)),
            exception("ended", NOW),
            exception("wrong", NOW + timedelta(days=1), "owner"),
        ],
        [FilterCount("busy", "r1", 5, NOW, NOW), FilterCount("busy", "r2", 7, NOW, NOW + timedelta(hours=1))],
        NOW,
    )
    assert [(one.id, one.state, one.suppressed) for one in found] == [
        ("wrong", "broken", 0),
        ("ended", "ended", 0),
        ("busy", "active", 12),
    ]
    assert (found[-1].first, found[-1].last) == (NOW, NOW + timedelta(hours=1))
    problems = problems_of([status()], CHAIN, ROOMY, {}, 3, found)
    assert len(problems) == 2
    assert "wrong.yml" in problems[0]
    assert "ended" in problems[1]


def test_pages_that_nobody_answered_are_a_problem_that_says_what_to_do():
    assert paging_problems(PagingCounts(enabled=True, pending=3), NOW) == []
    counts = PagingCounts(enabled=True, unanswered=4, unanswered_alerts=[3, 7], unanswered_conditions=[2])
    (said,) = paging_problems(counts, NOW)
    assert "4 件" in said
    assert "アラート 3, 7、稼働の異常 2…" in said
    assert "secops alerts assign" in said
    assert "secops notify confirm" in said
