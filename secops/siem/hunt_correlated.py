"""Correlations of a hunt: what the rules found in all files, in order of time, once everything is read."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from secops.errors import Problem
from secops.locale import _
from secops.siem.detect import SigmaDetector
from secops.siem.detect.correlate import Correlator
from secops.siem.hunt import Found, Outcome
from secops.siem.ports import (
    NEVER,
    SHOWN_FIELDS,
    CorrelationInput,
    CorrelationLimits,
    CorrelationStep,
    Hit,
    Watermark,
)

MOST = 1_000_000  # events that are held until the end; of more, the oldest windows may be missing, and that is said
_SHOWN = 300  # characters of a value
_STEP = 5000
_SOURCE = "hunt"


@dataclass(slots=True)
class _Held:
    """The events that met a rule of a correlation, in the order of the files; ``paths`` are where they stand.

    A record that met several rules comes once for each, one after the other: it is one event (``rules`` are those of
    the last one). The same text again under the same rule is another.
    """

    inputs: list[CorrelationInput] = field(default_factory=list)
    paths: list[str] = field(default_factory=list)
    lost: int = 0
    record: tuple[str, str] = ("", "")
    rules: set[int] = field(default_factory=set)

    def seq(self, found: Found) -> int:
        """The number of the event."""
        record = (found.path, found.original)
        if not self.paths or record != self.record or found.rule in self.rules:
            self.record = record
            self.rules.clear()
            self.paths.append(found.path)
        self.rules.add(found.rule)
        return len(self.paths)


def correlated(parts: Iterable[Outcome], detector: SigmaDetector) -> Iterator[Outcome]:
    """The parts of a hunt without the hits of rules that only feed correlations, and a last part with those of these.

    A hit of a correlation is about its closing event: ``event`` has how many events it counted
    (``secops.correlation.count``) and the newest of them (``secops.correlation.events``).
    """
    if not detector.correlations:
        yield from parts
        return
    held = _Held()
    for part in parts:
        shown = []
        for found in part.hits:
            _hold(found, detector, held)
            if detector.rules[found.rule].alerts:
                shown.append(found)
        part.hits = shown
        yield part
    last = Outcome(hits=list(_hits(detector, held)))
    if held.lost:
        text = _("相関ルールの元になる記録が多すぎるため、{count} 件を数えていません。ファイルを分けて調べてください。")
        last.problems.append(Problem("hunt", text.format(count=held.lost)))
    yield last


def _hold(found: Found, detector: SigmaDetector, held: _Held) -> None:
    values = detector.correlated(found.rule, found.event)
    if values is None or found.timestamp is None:
        return
    if len(held.inputs) >= MOST:
        held.lost += 1
        return
    seq = held.seq(found)
    held.inputs.append(
        CorrelationInput(
            rule_id=detector.rules[found.rule].id,
            event_id=f"{_SOURCE}.{seq}",
            source=_SOURCE,
            seq=seq,
            time=found.timestamp,
            received=found.timestamp,
            zone=str(found.event.get("labels.zone") or ""),
            values=values,
            event={name: _short(found.event[name]) for name in SHOWN_FIELDS if found.event.get(name) is not None},
        )
    )


def _short(value: Any) -> Any:
    return value[:_SHOWN] if isinstance(value, str) else value


def _hits(detector: SigmaDetector, held: _Held) -> Iterator[Found]:
    number_of = {rule.id: number for number, rule in enumerate(detector.rules)}
    correlator = Correlator(detector.correlations, CorrelationLimits(2 * MOST, MOST))
    ordered = sorted(held.inputs, key=lambda one: (one.time, one.seq))
    for start in range(0, len(ordered), _STEP):
        some = ordered[start : start + _STEP]
        yield from _found(correlator.take(some, Watermark(some[-1].time)), detector, number_of, held)
    yield from _found(correlator.take((), Watermark(NEVER)), detector, number_of, held)


def _found(
    step: CorrelationStep, detector: SigmaDetector, number_of: Mapping[str, int], held: _Held
) -> Iterator[Found]:
    for hit in step.hits:
        rule = number_of[hit.rule_id]
        if detector.rules[rule].alerts:
            event = {**hit.event, **_counted(hit, held)}
            host = str(hit.event.get("host.name") or "")
            yield Found(rule, hit.timestamp, held.paths[hit.seq - 1], host, "", hit.matched, event)


def _counted(hit: Hit, held: _Held) -> dict[str, Any]:
    return {
        "secops.correlation.count": hit.contributed,
        "secops.correlation.events": [
            {
                "@timestamp": one.time.isoformat(),
                "rule.id": one.rule_id,
                "log.file.path": held.paths[one.seq - 1],
                **{name: value for name, value in one.event.items() if name not in {"@timestamp", "log.file.path"}},
            }
            for one in hit.contributing
        ],
    }
