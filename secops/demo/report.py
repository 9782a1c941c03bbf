"""Story by story: was it noticed, by which rules, how late; and how many alerts ordinary work raised.

Alerts are matched by what a person would match them by: one of their events lies in the story's time and carries one of
its hosts, addresses or accounts. No log line says which story it belongs to.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import PurePath
from statistics import median

from secops.demo.player import State
from secops.demo.stories import BY_ID, STORIES, Scene
from secops.schema.text import fold
from secops.siem.ports import Alert, AlertDesk, AlertFilter, Hit, Rule, Scope

# A correlation speaks for events of its whole window; its hit carries the time of the last one.
_MARGIN = timedelta(minutes=2)
_ENTITY_FIELDS = (
    "host.name",
    "labels.device",
    "source.ip",
    "host.ip",
    "user.name",
    "user.target.name",
    "log.syslog.hostname",
)
_PAGE = 500
_HITS = 500


@dataclass(frozen=True, slots=True)
class StoryResult:
    """One story. ``delay_s`` is the median time from the story's first line to its alert, in seconds.

    For what happened before the ward was switched on it counts from when the collector received the event. ``times`` is
    how often the story happened, ``detected_times`` how often it was noticed by a rule of the themes it belongs to.
    """

    id: str
    title: str
    detected: bool
    rules: tuple[str, ...]
    delay_s: float | None
    alerts: tuple[int, ...]
    times: int
    detected_times: int


@dataclass(frozen=True, slots=True)
class Report:
    """All stories, and what ordinary work raised: number of alerts and rule → number."""

    stories: tuple[StoryResult, ...]
    false_alerts: int
    false_by_rule: Mapping[str, int]
    alerts: int


@dataclass(frozen=True, slots=True)
class _Match:
    alert: Alert
    hits: tuple[Hit, ...]


def make_report(state: State, desk: AlertDesk, rules: Sequence[Rule]) -> Report:
    """Compare the plan of the ward with the alerts on the desk."""
    plan = state.plan
    scenes = plan.history()
    for begin, end in state.played:
        scenes += plan.live(begin, end)
    themes = {rule.id: PurePath(rule.path).parent.name for rule in rules}
    found: list[list[_Match]] = [[] for _scene in scenes]
    false_by_rule: dict[str, int] = {}
    calendar = _calendar(scenes)
    alerts = _alerts(desk)
    for alert in alerts:
        own: dict[int, list[Hit]] = {}
        for hit in desk.detail(alert.id, Scope(), hits=_HITS).hits:
            for at in calendar.get(_minute(hit.timestamp), ()):
                if _belongs(hit, scenes[at]):
                    own.setdefault(at, []).append(hit)
        for at, hits in own.items():
            found[at].append(_Match(alert, tuple(hits)))
        if not own and alert.kind == "rule":
            name = alert.rule_id
            false_by_rule[name] = false_by_rule.get(name, 0) + 1
    results = []
    for story in STORIES:
        # A scene that is still going on counts once it is noticed; before that nothing was missed.
        until = state.played[-1][1]
        mine = [
            (scene, matches)
            for scene, matches in zip(scenes, found, strict=True)
            if scene.story == story.id and (matches or scene.end < until)
        ]
        results.append(_result(story.id, mine, themes, plan.built))
    return Report(tuple(results), sum(false_by_rule.values()), false_by_rule, len(alerts))


def _minute(moment: datetime) -> int:
    return int(moment.timestamp()) // 60


def _calendar(scenes: Sequence[Scene]) -> dict[int, list[int]]:
    """Minute → the scenes it may belong to: a day has more than a thousand, a minute only a few."""
    found: dict[int, list[int]] = {}
    for at, scene in enumerate(scenes):
        for minute in range(_minute(scene.start - _MARGIN), _minute(scene.end + _MARGIN) + 1):
            found.setdefault(minute, []).append(at)
    return found


def _alerts(desk: AlertDesk) -> list[Alert]:
    found: list[Alert] = []
    while True:
        page = desk.alerts(AlertFilter(), Scope(), limit=_PAGE, offset=len(found))
        found += page.alerts
        if not page.alerts or len(found) >= page.total:
            return found


def _belongs(hit: Hit, scene: Scene) -> bool:
    if not scene.start - _MARGIN <= hit.timestamp <= scene.end + _MARGIN:
        return False
    markers = {fold(marker) for marker in scene.markers}
    for name in _ENTITY_FIELDS:
        value = hit.event.get(name)
        for text in value if isinstance(value, list | tuple) else (value,):
            if text is not None and (fold(str(text)) in markers or _short(str(text)) in markers):
                return True
    return False


def _short(name: str) -> str:
    """A host name without its domain; an address stays whole."""
    folded = fold(name)
    return folded if folded.replace(".", "").isdigit() else folded.split(".", 1)[0]


def _result(
    story: str, scenes: Sequence[tuple[Scene, Sequence[_Match]]], themes: Mapping[str, str], built: datetime
) -> StoryResult:
    wanted = BY_ID[story].themes
    rules: dict[str, None] = {}
    alerts: dict[int, None] = {}
    history: list[float] = []
    live: list[float] = []
    noticed = 0
    for scene, matches in scenes:
        for match in matches:
            rules[match.alert.rule_id] = None
            alerts[match.alert.id] = None
        right = [match for match in matches if themes.get(match.alert.rule_id) in wanted]
        noticed += bool(right)
        if delays := [delay for match in right if (delay := _delay(scene, match, built)) is not None]:
            (history if scene.start < built else live).append(min(delays))
    delay = median(live or history) if live or history else None
    return StoryResult(
        id=story,
        title=BY_ID[story].title_ja,
        detected=noticed > 0,
        rules=tuple(rules),
        delay_s=None if delay is None else round(delay, 2),
        alerts=tuple(alerts),
        times=len(scenes),
        detected_times=noticed,
    )


def _delay(scene: Scene, match: _Match, built: datetime) -> float | None:
    """From the first line of a live story, or from the receipt of a past one's event, to the alert.

    None where the story only raised the count of an alert that was already there.
    """
    begin = scene.start if scene.start >= built else min(hit.received for hit in match.hits)
    seconds = (match.alert.opened_at - begin).total_seconds()
    return seconds if seconds >= 0 else None
