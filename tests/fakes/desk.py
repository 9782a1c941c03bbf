"""An alert desk and hit sink in memory, for tests of pages and of the pipeline; one thread, one process.

It runs the same pure functions of `secops.siem.triage` as the real one, and the contract suite
(`tests/contract/test_records_desk.py`) runs over both.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta

from secops.errors import ConflictError, NotFoundError
from secops.query.evaluate import matches
from secops.schema.severity import Severity
from secops.schema.text import fold
from secops.siem.ports import (
    Alert,
    AlertDetail,
    AlertFilter,
    AlertPage,
    AlertPlace,
    Alike,
    CorrelationInput,
    CorrelationState,
    CorrelationStep,
    Feed,
    FilterCount,
    Filtered,
    HistoryEntry,
    Hit,
    HitOutcome,
    Rule,
    Scope,
    SourceClock,
    Span,
    State,
    Tally,
    Verdict,
)
from secops.siem.triage import limits, manual, states
from secops.siem.triage.grouping import Group, fresh, group, milestone, titles
from secops.siem.triage.identity import Assets
from secops.siem.triage.search import ALERTS, facts


class MemoryDesk:
    """`HitSink` and `AlertDesk` in lists and dictionaries."""

    def __init__(self, rules: Mapping[str, Rule] | None = None, assets: Assets | None = None) -> None:
        self.rules = dict(rules or {})
        self.assets = assets or Assets()
        self.change = 0
        self.stored: dict[int, Alert] = {}
        self.changed: dict[int, int] = {}
        self.opened: dict[int, int] = {}
        self.hits: dict[int, list[Hit]] = {}
        self.history: dict[int, list[HistoryEntry]] = {}
        self._tallies: dict[str, Tally] = {}
        self._positions: dict[str, int] = {}
        self._known: set[tuple[str, str]] = set()
        self._filtered: list[Filtered] = []
        self._looked: dict[str, int] = {}
        self._inputs: dict[tuple[str, str], CorrelationInput] = {}
        self._clocks: dict[str, SourceClock] = {}
        self._correlation = CorrelationState()
        self._numbered = 0

    # hits in

    def positions(self) -> dict[str, int]:
        return dict(self._positions)

    def put_hits(
        self,
        hits: Sequence[Hit],
        positions: Mapping[str, int],
        now: datetime,
        filtered: Sequence[Filtered] = (),
        feed: Feed | None = None,
    ) -> HitOutcome:
        held = [one for one in filtered if one.seq > self._positions.get(one.source, 0)]
        self._filtered += held
        new = [hit for hit in fresh(hits, self._positions) if (hit.rule_id, hit.event_id) not in self._known]
        outcome = self._put(new, now)
        if feed is not None:
            self._add_feed(feed)
        for source, seq in positions.items():
            self._positions[source] = max(seq, self._positions.get(source, 0))
        return replace(outcome, filtered=len(held))

    def _put(self, new: Sequence[Hit], now: datetime) -> HitOutcome:
        self._known |= {(hit.rule_id, hit.event_id) for hit in new}
        opened: list[int] = []
        raised: list[int] = []
        suppressed = 0
        if new:
            self.change += 1
        for key, found in group(new, self.rules, self.assets).items():
            active = self._active(key)
            alert = active or self._open(found, now)
            (raised if active else opened).append(alert.id)
            before = limits.suppressed(alert.count)
            suppressed += limits.suppressed(self._raise(alert, found, now).count) - before
        return HitOutcome(tuple(opened), tuple(raised), len(new), suppressed)

    # correlations

    def _add_feed(self, feed: Feed) -> None:
        self._file(one for one in feed.inputs if one.seq > self._positions.get(one.source, 0))
        for source, clock in feed.clocks.items():
            old = self._clocks.get(source, clock)
            self._clocks[source] = SourceClock(max(old.time, clock.time), max(old.received, clock.received))

    def _file(self, new: Iterable[CorrelationInput]) -> None:
        for one in new:
            if one.key not in self._inputs:
                self._numbered += 1
                self._inputs[one.key] = replace(one, id=self._numbered)

    def correlation_state(self) -> CorrelationState:
        return self._correlation

    def correlation_clocks(self) -> Mapping[str, SourceClock]:
        return dict(self._clocks)

    def correlation_inputs(self, after: int, limit: int) -> Sequence[CorrelationInput]:
        return [one for one in self._inputs.values() if one.id > after][:limit]

    def correlation_kept(self, until: int) -> Sequence[CorrelationInput]:
        return [one for one in self._inputs.values() if one.id <= until]

    def correlation_waiting(self) -> int:
        return sum(not one.derived for one in self.correlation_inputs(self._correlation.cursor, self._numbered))

    def put_correlated(self, step: CorrelationStep, before: CorrelationState, now: datetime) -> HitOutcome:
        if before.cursor != self._correlation.cursor:
            raise ConflictError("another cursor")
        self._file(step.derived)
        for key in step.settled:
            if key in self._inputs:
                self._inputs[key] = replace(self._inputs[key], settled=True)
        for key in step.dropped:
            self._inputs.pop(key, None)
        self._correlation = step.state
        heard = [hit for hit in step.hits if hit.rule_id not in self.rules or self.rules[hit.rule_id].alerts]
        known = {(hit.rule_id, hit.event_id): hit for hit in heard if (hit.rule_id, hit.event_id) in self._known}
        for kept in self.hits.values():
            kept[:] = [known.get((hit.rule_id, hit.event_id), hit) for hit in kept]
        return self._put([hit for hit in heard if (hit.rule_id, hit.event_id) not in known], now)

    def retire(self, gone: Mapping[str, int]) -> int:
        total = 0
        for number, found in self.hits.items():
            first, middle, newest = found[: limits.FIRST], found[limits.FIRST : -limits.NEWEST], found[-limits.NEWEST :]
            kept = [hit for hit in middle if hit.seq > gone.get(hit.source, 0)]
            if len(found) > limits.FIRST + limits.NEWEST:
                total += len(middle) - len(kept)
                self.hits[number] = [*first, *kept, *newest]
        return total

    def filter_counts(self) -> Sequence[FilterCount]:
        times: dict[tuple[str, str], list[datetime]] = {}
        for one in self._filtered:
            times.setdefault((one.filter_id, one.rule_id), []).append(one.at)
        found = [FilterCount(*key, len(moments), min(moments), max(moments)) for key, moments in times.items()]
        return sorted(found, key=lambda one: (-one.count, one.filter_id, one.rule_id))

    def put_tallies(self, tallies: Sequence[Tally], now: datetime) -> None:
        for tally in tallies:
            old = self._tallies.get(tally.source, Tally(tally.source, 0, 0, 0))
            if tally.position <= old.position:
                continue
            reasons = dict(old.rejected_reasons)
            for reason, count in tally.rejected_reasons.items():
                reasons[reason] = reasons.get(reason, 0) + count
            last = max((t for t in (old.last_event, tally.last_event) if t), default=None)
            counts = (old.stored + tally.stored, old.rejected + tally.rejected)
            self._tallies[tally.source] = Tally(tally.source, tally.position, *counts, last, reasons)

    def tally_positions(self) -> dict[str, int]:
        return {source: tally.position for source, tally in self._tallies.items()}

    def tallies(self) -> dict[str, Tally]:
        return dict(self._tallies)

    # the queue

    def alerts(
        self,
        wanted: AlertFilter,
        scope: Scope,
        *,
        limit: int = 50,
        offset: int = 0,
        after: AlertPlace | None = None,
        before: AlertPlace | None = None,
    ) -> AlertPage:
        found = [alert for alert in self.stored.values() if _visible(alert, scope) and _passes(alert, wanted)]
        found.sort(key=_order, reverse=True)
        ahead = sum(_order(alert) >= _order(after) for alert in found) if after else 0
        ends = sum(_order(alert) > _order(before) for alert in found) if before else len(found)
        begin = max(ahead, ends - limit) if before else ahead + offset
        return AlertPage(found[begin : min(begin + limit, ends)], len(found), begin)

    def counts(self, scope: Scope) -> Mapping[str, Mapping[str, int]]:
        visible = [alert for alert in self.stored.values() if _visible(alert, scope)]
        waiting = [alert for alert in visible if alert.state is not State.CLOSED]
        return {
            "state": {state.value: sum(alert.state is state for alert in visible) for state in State},
            "severity": {level.code: sum(alert.severity is level for alert in waiting) for level in Severity},
        }

    def fired(self, span: Span, scope: Scope) -> Mapping[str, int]:
        return Counter(
            one.rule_id
            for alert_id, found in self.hits.items()
            if _visible(self.stored[alert_id], scope)
            for one in found
            if span.holds(one.received)
        )

    def detail(self, alert_id: int, scope: Scope, *, hits: int = 20) -> AlertDetail:
        alert = self._get(alert_id, scope)
        found, gone = self.hits[alert_id], alert.count - len(self.hits[alert_id])
        numbered = [(n if n <= limits.FIRST else n + gone, h) for n, h in enumerate(found, 1)]
        kept = [h for n, h in numbered if limits.kept_in_full(n, alert.count)]
        alike = [
            other
            for other in self.stored.values()
            if other.id != alert.id
            and _visible(other, scope)
            and (other.rule_id, other.category) == (alert.rule_id, alert.category)
        ]
        alike.sort(key=lambda other: (other.key == alert.key, other.last_seen, other.id), reverse=True)
        return AlertDetail(alert, kept[::-1][:hits], tuple(self.history[alert_id]), alike[:10])

    def alike(self, alert_id: int, scope: Scope, since: datetime) -> Alike:
        alert = self._get(alert_id, scope)
        others = [
            other
            for other in self.stored.values()
            if other.id != alert.id
            and _visible(other, scope)
            and (other.rule_id, other.category) == (alert.rule_id, alert.category)
            and other.last_seen >= since
        ]
        ended = Counter((other.verdict or other.state).value for other in others)
        return Alike(len(others), ended, sum(other.key == alert.key for other in others))

    def open_manual(
        self,
        *,
        title: str,
        category: str,
        zone: str,
        severity: Severity,
        department: str,
        text: str,
        actor: str,
        now: datetime,
    ) -> Alert:
        title, code = manual.check_report(title, category)
        number = len(self.stored) + 1
        alert = manual.reported(number, title, code, zone=zone, severity=severity, department=department, now=now)
        self.change += 1
        self._insert(alert)
        self._log(alert, now, actor, "reported", text.strip())
        return alert

    def assign(self, alert_ids: Sequence[int], assignee: str, *, actor: str, scope: Scope, now: datetime) -> int:
        return self._each(
            alert_ids, scope, lambda a: states.assigned(a, assignee, now), (now, actor, "assigned", assignee.strip())
        )

    def close(
        self, alert_ids: Sequence[int], verdict: Verdict, reason: str, *, actor: str, scope: Scope, now: datetime
    ) -> int:
        text = states.closing_text(verdict, reason)
        return self._each(
            alert_ids, scope, lambda a: states.closed(a, verdict, reason, now), (now, actor, "closed", text)
        )

    def reopen(self, alert_ids: Sequence[int], *, actor: str, scope: Scope, now: datetime) -> int:
        def back(alert: Alert) -> Alert:
            active = self._active(alert.key)
            return states.reopened(alert, active.id if active else None)

        return self._each(alert_ids, scope, back, (now, actor, "reopened", ""))

    def note(self, alert_id: int, text: str, *, actor: str, scope: Scope, now: datetime) -> None:
        alert = self._get(alert_id, scope)
        self._log(alert, now, actor, "noted", states.said(text, "メモ"))
        self._touch(alert)

    def viewed(self, alert_id: int, *, actor: str, now: datetime) -> None:
        alert = self._get(alert_id, Scope())
        views = [e.at for e in self.history[alert_id] if (e.actor, e.action) == (actor, "viewed")]
        if not views or now - max(views) >= timedelta(minutes=10):
            self._log(alert, now, actor, "viewed", "")

    def changes(self, after: int) -> tuple[int, tuple[int, ...]]:
        return self.change, tuple(sorted(i for i, change in self.changed.items() if change > after))

    def news(self, actor: str, scope: Scope) -> int:
        since = self._looked.get(actor, 0)
        return sum(self.opened[i] > since and _visible(alert, scope) for i, alert in self.stored.items())

    def looked(self, actor: str, *, now: datetime) -> None:
        self._looked[actor] = self.change

    # inside

    def _active(self, key: str) -> Alert | None:
        return next((a for a in self.stored.values() if a.key == key and a.state is not State.CLOSED), None)

    def _open(self, found: Group, now: datetime) -> Alert:
        rule_id, who = found.hits[0].rule_id, found.identity
        rule = self.rules.get(rule_id)
        before = [alert.id for alert in self.stored.values() if alert.key == who.key]
        alert = Alert(
            len(self.stored) + 1, who.key, rule_id, *titles(rule_id, rule), found.severity, State.OPEN, who.zone,
            who.department, who.entities, 0, found.first_seen, found.last_seen, now, "", None, "", None,
            max(before, default=None), rule.clauses if rule else (),
        )  # fmt: skip
        self._insert(alert)
        self._log(alert, now, states.SYSTEM, "detected", "")
        return alert

    def _raise(self, alert: Alert, found: Group, now: datetime) -> Alert:
        count = alert.count + len(found.hits)
        if alert.count and (reached := milestone(alert.count, count)):
            self._log(alert, now, states.SYSTEM, "raised", f"×{reached}")
        self.hits[alert.id].extend(found.hits)
        raised = replace(
            alert,
            count=count,
            suppressed=limits.suppressed(count),
            severity=max(alert.severity, found.severity),
            first_seen=min(alert.first_seen, found.first_seen),
            last_seen=max(alert.last_seen, found.last_seen),
        )
        self.stored[alert.id] = raised
        self.changed[alert.id] = self.change
        return raised

    def _insert(self, alert: Alert) -> None:
        self.stored[alert.id] = alert
        self.hits[alert.id], self.history[alert.id] = [], []
        self.changed[alert.id] = self.opened[alert.id] = self.change

    def _get(self, alert_id: int, scope: Scope) -> Alert:
        alert = self.stored.get(alert_id)
        if alert is None or not _visible(alert, scope):
            raise NotFoundError(f"アラート {alert_id} は見つかりませんでした。")
        return alert

    def _each(
        self,
        alert_ids: Sequence[int],
        scope: Scope,
        change: Callable[[Alert], Alert],
        entry: tuple[datetime, str, str, str],
    ) -> int:
        changed = [change(self._get(alert_id, scope)) for alert_id in dict.fromkeys(alert_ids)]
        for alert in changed:
            self.stored[alert.id] = alert
            self._log(alert, *entry)
            self._touch(alert)
        return len(changed)

    def _touch(self, alert: Alert) -> None:
        self.change += 1
        self.changed[alert.id] = self.change

    def _log(self, alert: Alert, at: datetime, actor: str, action: str, text: str) -> None:
        self.history[alert.id].append(HistoryEntry(at, actor, action, text))


def _order(place: Alert | AlertPlace) -> tuple[int, datetime, int]:
    return (place.severity, place.last_seen, place.id)


def _visible(alert: Alert, scope: Scope) -> bool:
    return (scope.zones is None or alert.zone in scope.zones) and (
        scope.departments is None or alert.department in scope.departments
    )


def _passes(alert: Alert, wanted: AlertFilter) -> bool:
    words = fold(" ".join([alert.title, alert.title_en, *alert.entities.values()]))
    return (
        (wanted.states is None or alert.state in wanted.states)
        and (wanted.severities is None or alert.severity in wanted.severities)
        and (wanted.zones is None or alert.zone in wanted.zones)
        and (wanted.assignee is None or alert.assignee == wanted.assignee)
        and (wanted.rule_id is None or alert.rule_id == wanted.rule_id)
        and all(word in words for word in fold(wanted.text).split())
        and matches(wanted.query, facts(alert), ALERTS)
        and (wanted.span.since is None or alert.last_seen >= wanted.span.since)
        and (wanted.span.until is None or alert.first_seen < wanted.span.until)
        and (wanted.closed.since is None or (alert.closed_at is not None and alert.closed_at >= wanted.closed.since))
        and (wanted.closed.until is None or (alert.closed_at is not None and alert.closed_at < wanted.closed.until))
    )
