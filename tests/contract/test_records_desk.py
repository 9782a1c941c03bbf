"""What every `HitSink` and `AlertDesk` must do; run over the SQL records and over the tests' in-memory desk."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any, Protocol

import pytest

from secops.errors import ConflictError, NotFoundError, UsageError
from secops.schema.severity import Severity
from secops.siem.ports import (
    AlertDesk,
    AlertFilter,
    AlertPlace,
    FilterCount,
    Filtered,
    Hit,
    HitSink,
    MatchedValue,
    Rule,
    Scope,
    Span,
    State,
    Tally,
    Verdict,
)
from secops.store.records import open_records
from tests.databases import new_records
from tests.fakes.desk import MemoryDesk

NOW = datetime(2026, 11, 23, 2, 4, tzinfo=UTC)
ALL = Scope()
WHY = (MatchedValue("selection", "process.name", "endswith", "powershell.exe", "powershell.exe"),)
RULE = Rule(
    id="r1",
    name="macro-powershell",
    title="PowerShell started by Office",
    title_ja="マクロ起動後の PowerShell",
    description="",
    description_ja="",
    level=Severity.HIGH,
    tags=(),
    clauses=("mic-2025-03-6.4",),
    next_steps=("LANケーブルを抜く",),
    false_positives=(),
    group_by=("host.name",),
    logsource={"category": "process_creation"},
    path="",
    text="",
)


class Records(HitSink, AlertDesk, Protocol):
    def tallies(self) -> dict[str, Tally]: ...

    def retire(self, gone: dict[str, int]) -> int: ...


@pytest.fixture(params=["sqlite", "postgresql", "memory"])
def records(request: Any, tmp_path: Any) -> Iterator[Records]:
    if request.param == "memory":
        yield MemoryDesk({"r1": RULE})
        return
    with ExitStack() as kept:
        postgresql = request.param == "postgresql"
        place = kept.enter_context(request.getfixturevalue("postgres").database()) if postgresql else ""
        opened = open_records(place or new_records(tmp_path / "records.db"), [RULE])
        yield opened
        opened.dispose()


def hit(seq: int, host: str = "K-1", rule: str = "r1", source: str = "win", zone: str = "lgwan", **event: Any) -> Hit:
    at = NOW + timedelta(seconds=seq)
    fields = {"host.name": host, "labels.department": "kumin", "event.code": seq, **event}
    return Hit(rule, Severity.HIGH, f"ward.{source}.{seq}", source, seq, at, at, zone, fields, WHY)


def put(records: Records, *hits: Hit, **positions: int) -> Any:
    reached = positions or {h.source: max(x.seq for x in hits if x.source == h.source) for h in hits}
    return records.put_hits(hits, reached, NOW)


def only(records: Records, **wanted: Any) -> Any:
    page = records.alerts(AlertFilter(**wanted), ALL)
    assert page.total == len(page.alerts) == 1
    return page.alerts[0]


def test_an_alert_has_what_the_rule_and_the_hit_say(records: Records):
    outcome = put(records, hit(1))
    alert = only(records)
    assert outcome.opened == (alert.id,)
    assert (alert.title, alert.title_en) == ("マクロ起動後の PowerShell", "PowerShell started by Office")
    assert (alert.rule_id, alert.clauses, alert.kind, alert.category) == ("r1", ("mic-2025-03-6.4",), "rule", "")
    assert (alert.zone, alert.department, alert.entities) == ("lgwan", "kumin", {"host.name": "K-1"})
    assert (alert.severity, alert.state, alert.count, alert.suppressed) == (Severity.HIGH, State.OPEN, 1, 0)
    assert (alert.first_seen, alert.last_seen, alert.opened_at) == (hit(1).timestamp, hit(1).timestamp, NOW)
    assert records.detail(alert.id, ALL).hits == [hit(1)]


def test_the_same_again_raises_and_another_victim_opens(records: Records):
    put(records, hit(1))
    outcome = put(records, hit(2), hit(3, "K-2"), hit(4))
    assert (len(outcome.opened), len(outcome.raised), outcome.new_hits) == (1, 1, 3)
    first = only(records, text="K-1")
    assert (first.count, first.first_seen, first.last_seen) == (3, hit(1).timestamp, hit(4).timestamp)
    assert [h.seq for h in records.detail(first.id, ALL).hits] == [4, 2, 1]
    assert [(e.action, e.text) for e in records.detail(first.id, ALL).history] == [("detected", ""), ("raised", "×2")]


def test_what_was_committed_is_not_counted_again(records: Records):
    put(records, hit(1), hit(2))
    assert put(records, hit(1), hit(2), hit(3)).new_hits == 1
    assert put(records, hit(3), win=1).new_hits == 0
    assert records.positions() == {"win": 3}
    # A source's position does not hold back hits that another one brings later for the same events.
    assert put(records, replace(hit(2), source="keeper", seq=1), keeper=1).new_hits == 0
    assert only(records).count == 3


def test_positions_advance_without_hits_and_never_fall(records: Records):
    records.put_hits([], {"a": 10, "b": 5}, NOW)
    records.put_hits([], {"a": 3, "b": 6}, NOW)
    assert records.positions() == {"a": 10, "b": 6}


def held(seq: int, filter_id: str = "f1", source: str = "win", rule: str = "r1") -> Filtered:
    return Filtered(filter_id, rule, source, seq, NOW + timedelta(seconds=seq))


def test_what_filters_suppress_is_counted_with_the_positions_and_once(records: Records):
    assert records.filter_counts() == []
    assert records.put_hits([], {"win": 3, "fw": 9}, NOW, [held(1), held(3), held(9, source="fw")]).filtered == 3
    assert records.put_hits([hit(4)], {"win": 4}, NOW, [held(3), held(4), held(4, "f2")]).filtered == 2
    assert records.put_hits([], {"win": 4}, NOW, [held(4)]).filtered == 0
    assert records.filter_counts() == [
        FilterCount("f1", "r1", 4, held(1).at, held(9).at),
        FilterCount("f2", "r1", 1, held(4).at, held(4).at),
    ]
    assert only(records).count == 1, "nobody is alerted to what was suppressed"


def test_a_closed_alert_never_absorbs_a_hit(records: Records):
    put(records, hit(1))
    closed = only(records)
    records.close([closed.id], Verdict.FALSE_POSITIVE, "更新作業", actor="tanaka", scope=ALL, now=NOW)
    (opened,) = put(records, hit(2)).opened
    follower = records.detail(opened, ALL).alert
    assert (follower.previous, follower.count, follower.state) == (closed.id, 1, State.OPEN)
    assert records.detail(closed.id, ALL).alert.count == 1
    assert [alert.id for alert in records.detail(opened, ALL).similar] == [closed.id]


def test_a_flood_is_counted_in_full_and_kept_in_part(records: Records):
    suppressed = 0
    for first in range(1, 400, 57):
        suppressed += put(records, *(hit(n) for n in range(first, first + 57))).suppressed
    alert = only(records)
    assert (alert.count, alert.suppressed, suppressed) == (399, 299, 299)
    kept = [h.seq for h in records.detail(alert.id, ALL, hits=1000).hits]
    assert kept == [*range(399, 349, -1), *range(50, 0, -1)]


def test_work_on_an_alert_is_in_its_history(records: Records):
    put(records, hit(1))
    number = only(records).id
    assert records.assign([number], "sato", actor="tanaka", scope=ALL, now=NOW) == 1
    records.note(number, "電話した", actor="sato", scope=ALL, now=NOW)
    records.close([number], Verdict.BENIGN_TRUE_POSITIVE, "保守作業", actor="sato", scope=ALL, now=NOW)
    closed = only(records)
    assert (closed.state, closed.verdict, closed.assignee) == (State.CLOSED, Verdict.BENIGN_TRUE_POSITIVE, "sato")
    assert (closed.closed_reason, closed.closed_at) == ("保守作業", NOW)
    assert only(records, closed=Span(NOW, NOW + timedelta(1))) == closed
    assert records.alerts(AlertFilter(closed=Span(None, NOW)), ALL).total == 0
    records.reopen([number], actor="tanaka", scope=ALL, now=NOW)
    assert records.alerts(AlertFilter(closed=Span(NOW, None)), ALL).total == 0
    assert only(records).state is State.IN_PROGRESS
    history = records.detail(number, ALL).history
    assert [(e.actor, e.action, e.text) for e in history[1:]] == [
        ("tanaka", "assigned", "sato"),
        ("sato", "noted", "電話した"),
        ("sato", "closed", "業務上の正当な操作: 保守作業"),
        ("tanaka", "reopened", ""),
    ]


def test_all_or_none_are_changed(records: Records):
    put(records, hit(1), hit(2, "K-2"))
    one, two = (alert.id for alert in records.alerts(AlertFilter(), ALL).alerts)
    records.close([one], Verdict.TRUE_POSITIVE, "x", actor="a", scope=ALL, now=NOW)
    with pytest.raises(ConflictError):
        records.close([two, one], Verdict.TRUE_POSITIVE, "x", actor="a", scope=ALL, now=NOW)
    with pytest.raises(NotFoundError, match="99"):
        records.assign([two, 99], "a", actor="a", scope=ALL, now=NOW)
    with pytest.raises(UsageError):
        records.close([two], Verdict.TRUE_POSITIVE, " ", actor="a", scope=ALL, now=NOW)
    assert records.detail(two, ALL).alert.state is State.OPEN


def test_a_closing_cannot_be_undone_beside_its_follower(records: Records):
    put(records, hit(1))
    number = only(records).id
    records.close([number], Verdict.FALSE_POSITIVE, "x", actor="a", scope=ALL, now=NOW)
    put(records, hit(2))
    with pytest.raises(ConflictError):
        records.reopen([number], actor="a", scope=ALL, now=NOW)


def test_an_alert_opened_by_hand(records: Records):
    alert = records.open_manual(
        title="窓口で書類を紛失",
        category="紛失",
        zone="mynumber",
        severity=Severity.MEDIUM,
        department="kumin",
        text="転出届の控え 1 件",
        actor="yamada",
        now=NOW,
    )
    assert (alert.kind, alert.category, alert.rule_id, alert.count) == ("manual", "loss", "", 0)
    assert only(records, text="書類") == alert
    (entry,) = records.detail(alert.id, ALL).history
    assert (entry.actor, entry.action, entry.text) == ("yamada", "reported", "転出届の控え 1 件")


def test_the_queue_shows_the_worst_and_newest_first(records: Records):
    put(
        records,
        hit(1, "a"),
        replace(hit(2, "b"), level=Severity.LOW),
        hit(3, "c"),
        hit(4, "d", zone="mynumber"),
    )
    page = records.alerts(AlertFilter(), ALL, limit=2)
    assert ([a.entities["host.name"] for a in page.alerts], page.total) == (["d", "c"], 4)
    page = records.alerts(AlertFilter(), ALL, limit=2, offset=2)
    assert ([a.entities["host.name"] for a in page.alerts], page.total) == (["a", "b"], 4)
    assert records.counts(ALL)["severity"] == {"informational": 0, "low": 1, "medium": 0, "high": 2, "critical": 1}
    assert records.counts(ALL)["state"] == {"open": 4, "in_progress": 0, "closed": 0}


def test_pages_by_their_last_row_pass_nobody_over(records: Records):
    levels = [Severity.LOW, Severity.HIGH, Severity.HIGH]
    put(records, *(replace(hit(n, f"h{n}"), level=levels[n % 3], timestamp=NOW) for n in range(1, 8)))
    whole = [alert.id for alert in records.alerts(AlertFilter(), ALL).alerts]
    seen: list[int] = []
    page = records.alerts(AlertFilter(), ALL, limit=3)
    while page.alerts:
        assert page.ahead == len(seen)
        seen += [alert.id for alert in page.alerts]
        last = page.alerts[-1]
        page = records.alerts(AlertFilter(), ALL, limit=3, after=AlertPlace(last.severity, last.last_seen, last.id))
        assert page.total == 7
    assert seen == whole
    fifth = records.alerts(AlertFilter(), ALL, offset=4, limit=1).alerts[0]
    place = AlertPlace(fifth.severity, fifth.last_seen, fifth.id)
    records.close([whole[1], fifth.id], Verdict.FALSE_POSITIVE, "x", actor="x", scope=ALL, now=NOW)
    open_ = AlertFilter(states=frozenset({State.OPEN}))
    page = records.alerts(open_, ALL, limit=2, after=place)
    assert ([alert.id for alert in page.alerts], page.total, page.ahead) == (whole[5:7], 5, 3)
    page = records.alerts(open_, ALL, limit=2, before=place)
    assert ([alert.id for alert in page.alerts], page.total, page.ahead) == (whole[2:4], 5, 1)
    assert records.alerts(open_, ALL, after=AlertPlace(Severity.INFORMATIONAL, NOW, 0)).ahead == 5


def test_alerts_alike_are_counted_by_how_they_ended(records: Records):
    put(records, hit(1, "a"), hit(2, "b"), hit(3, "c", zone="mynumber"), hit(4, "d", rule="r2"))
    ids = {alert.entities["host.name"]: alert.id for alert in records.alerts(AlertFilter(), ALL).alerts}
    for host, verdict in (("a", Verdict.FALSE_POSITIVE), ("b", Verdict.TRUE_POSITIVE)):
        records.close([ids[host]], verdict, "x", actor="x", scope=ALL, now=NOW)
    put(records, hit(5, "a"))
    newest = max(alert.id for alert in records.alerts(AlertFilter(), ALL).alerts)
    found = records.alike(newest, ALL, NOW)
    assert (found.total, found.same) == (3, 1)
    assert dict(found.ended) == {"false_positive": 1, "true_positive": 1, "open": 1}
    assert records.alike(newest, ALL, NOW + timedelta(seconds=2)).total == 2
    assert records.alike(newest, Scope(zones=frozenset({"lgwan"})), NOW).total == 2
    with pytest.raises(NotFoundError):
        records.alike(newest, Scope(zones=frozenset({"internet"})), NOW)


def test_filters(records: Records):
    put(records, hit(1, "Ｋ-０１"), hit(2, "L-2", zone="internet"), hit(3, "100%_x", rule="r2"))
    one, two, three = (only(records, text=word).id for word in ("k-01", "l-2", "100%_X"))
    records.assign([two], "sato", actor="a", scope=ALL, now=NOW)

    def found(**wanted: Any) -> set[int]:
        return {alert.id for alert in records.alerts(AlertFilter(**wanted), ALL).alerts}

    assert found(text="powershell マクロ") == {one, two}
    assert found(text="00_") == found(text="K-1 マクロ") == set()
    assert found(zones=frozenset({"internet"})) == found(assignee="sato") == {two}
    assert found(assignee="") == {one, three}
    assert found(rule_id="r2") == {three}
    assert found(states=frozenset({State.IN_PROGRESS, State.CLOSED})) == {two}
    assert found(states=frozenset()) == found(severities=frozenset({Severity.LOW})) == set()
    assert found(span=Span(hit(2).timestamp, hit(3).timestamp)) == {two}


def test_what_is_out_of_scope_does_not_exist(records: Records):
    put(records, hit(1, "K-1"), hit(2, "K-2", zone="mynumber"), hit(3, "K-3", **{"labels.department": "zeimu"}))
    scope = Scope(zones=frozenset({"lgwan"}), departments=frozenset({"kumin"}))
    page = records.alerts(AlertFilter(), scope)
    assert ([a.entities["host.name"] for a in page.alerts], page.total) == (["K-1"], 1)
    assert records.counts(scope)["state"]["open"] == 1
    assert records.alerts(AlertFilter(), Scope(zones=frozenset())).total == 0
    hidden = only(records, text="K-2").id
    for forbidden in (
        lambda: records.detail(hidden, scope),
        lambda: records.assign([hidden], "x", actor="x", scope=scope, now=NOW),
        lambda: records.close([hidden], Verdict.FALSE_POSITIVE, "x", actor="x", scope=scope, now=NOW),
        lambda: records.reopen([hidden], actor="x", scope=scope, now=NOW),
        lambda: records.note(hidden, "x", actor="x", scope=scope, now=NOW),
    ):
        with pytest.raises(NotFoundError):
            forbidden()
    assert not records.detail(only(records, text="K-1").id, scope).similar


def test_a_look_is_remembered_once_in_ten_minutes(records: Records):
    put(records, hit(1))
    number = only(records).id
    for minutes, who in ((0, "a"), (5, "a"), (5, "b"), (11, "a")):
        records.viewed(number, actor=who, now=NOW + timedelta(minutes=minutes))
    views = [e.actor for e in records.detail(number, ALL).history if e.action == "viewed"]
    assert views == ["a", "b", "a"]


def test_changes_are_what_a_live_page_has_to_read_again(records: Records):
    put(records, hit(1, "K-1"), hit(2, "K-2"))
    start, ids = records.changes(0)
    assert len(ids) == 2
    put(records, hit(3, "K-2"))
    raised = only(records, text="K-2").id
    newest, changed = records.changes(start)
    assert (newest > start, changed) == (True, (raised,))
    records.put_hits([], {"win": 9}, NOW)
    assert records.changes(newest) == (newest, ())
    records.note(raised, "x", actor="a", scope=ALL, now=NOW)
    assert records.changes(newest)[1] == (raised,)


def test_news_is_what_came_since_the_last_look(records: Records):
    put(records, hit(1, "a"))
    assert records.news("sato", ALL) == 1
    records.looked("sato", now=NOW)
    assert records.news("sato", ALL) == 0
    put(records, hit(2, "a"), hit(3, "b"), hit(4, "c", zone="internet"))
    assert records.news("sato", ALL) == 2
    assert records.news("sato", Scope(zones=frozenset({"internet"}))) == 1
    assert records.news("tanaka", ALL) == 3


def test_tallies_add_up_once(records: Records):
    first = Tally("win", 10, 8, 2, NOW, {"json": 2})
    records.put_tallies([first, Tally("fw", 3, 3, 0)], NOW)
    records.put_tallies([first, Tally("win", 15, 4, 1, None, {"json": 1})], NOW)
    assert records.tally_positions() == {"win": 15, "fw": 3}
    assert records.tallies()["win"] == Tally("win", 15, 12, 3, NOW, {"json": 3})


def test_hostile_values_come_back_as_they_were(records: Records):
    event: dict[str, Any] = {
        "a": "\0\x1b[31m<b>",
        "b": ["x", 1, None],
        "big": 2**70,
        "c": "'; DROP TABLE hits; --",
        "ja": "区民課",
    }
    put(records, hit(1, "x\0y", **event))
    alert = only(records)
    assert alert.entities == {"host.name": "x\N{REPLACEMENT CHARACTER}y"}
    (found,) = records.detail(alert.id, ALL).hits
    assert {name: found.event[name] for name in event} == event


def test_hits_are_counted_by_when_they_were_received_whatever_became_of_their_alert(records: Records):
    put(records, hit(1), hit(2), hit(3, rule="r2"))
    put(records, hit(100))  # raises the alert of the first two anew
    records.assign([1], "sato", actor="sato", scope=ALL, now=NOW)
    late = replace(hit(101, rule="r3"), timestamp=NOW - timedelta(days=90), received=NOW + timedelta(seconds=100))
    put(records, late)
    records.open_manual(
        title="紛失", category="loss", zone="lgwan", severity=Severity.LOW, department="", text="", actor="a", now=NOW
    )
    begin = NOW + timedelta(seconds=50)
    assert records.fired(Span(), ALL) == {"r1": 3, "r2": 1, "r3": 1}
    assert records.fired(Span(since=begin), ALL) == {"r1": 1, "r3": 1}
    assert records.fired(Span(until=begin), ALL) == {"r1": 2, "r2": 1}
    assert records.fired(Span(since=NOW + timedelta(seconds=100)), ALL) == {"r1": 1, "r3": 1}
    assert records.fired(Span(until=NOW + timedelta(seconds=3)), ALL) == {"r1": 2}


def test_hits_that_a_reader_may_not_see_are_not_counted(records: Records):
    put(records, hit(1), hit(2, zone="internet", host="K-2"))
    assert records.fired(Span(), Scope(frozenset({"lgwan"}))) == {"r1": 1}
    assert records.fired(Span(), Scope(departments=frozenset({"zeimu"}))) == {}


def test_hits_that_are_only_counted_go_with_their_records_and_the_counts_stay(records: Records):
    put(records, *(hit(seq) for seq in range(1, 301)), *(hit(seq, "K-2", source="fw") for seq in range(1, 60)))
    counted = {alert.id: (alert.count, alert.suppressed) for alert in records.alerts(AlertFilter(), ALL).alerts}
    alert = only(records, text="K-1")
    before = records.detail(alert.id, ALL, hits=500).hits
    assert records.retire({"win": 120, "fw": 59}) == 70  # 51 to 120; the first and the newest 50 are kept in full
    assert records.retire({"win": 120, "fw": 59}) == 0
    assert records.retire({"win": 400}) == 130
    assert {one.id: (one.count, one.suppressed) for one in records.alerts(AlertFilter(), ALL).alerts} == counted
    assert records.detail(alert.id, ALL, hits=500).hits == before
    put(records, *(hit(seq) for seq in range(301, 311)))
    raised = only(records, text="K-1")
    assert (raised.count, raised.suppressed) == (310, 210)
    assert [one.seq for one in records.detail(alert.id, ALL, hits=500).hits] == [
        *range(310, 260, -1),
        *range(50, 0, -1),
    ]
