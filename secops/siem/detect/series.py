"""Samples of correlations: lists of events with their times, run through the detector and the correlator.

An item of ``events`` is a sample with ``at`` (``30s``, from the beginning) and, to say the same many times, ``repeat``
and ``every``; ``{n}`` in its texts is then 1, 2, 3 …
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from secops.locale import _
from secops.schema.dates import parse_duration
from secops.schema.names import EXTRA
from secops.siem.detect.correlate import Correlator
from secops.siem.ports import NEVER, CorrelationInput, Rule, Watermark

if TYPE_CHECKING:
    import polars as pl

    from secops.siem.detect.match import SigmaDetector
    from secops.siem.detect.samples import Sample

BEGIN = datetime(2026, 1, 5, tzinfo=UTC)
KEYS = {"at", "repeat", "every"}
MOST = 5000


@dataclass(frozen=True, slots=True)
class Timed:
    """A sample at a time after the beginning."""

    at: timedelta
    sample: Sample


def wrong_series(items: Any, wrong: Callable[[Any], str]) -> str:
    """What is wrong with the ``events`` of a sample; ``wrong`` says what is wrong with a single one."""
    if not isinstance(items, list) or not items:
        return _("events には、記録の例を 1 つ以上書いてください。")
    for item in items:
        if not isinstance(item, dict):
            return _("events には、記録の例を 1 つ以上書いてください。")
        repeat = item.get("repeat", 1)
        if not isinstance(repeat, int) or isinstance(repeat, bool) or not 1 <= repeat <= MOST:
            return _("repeat は 1 から {most} の数で書いてください。").format(most=MOST)
        for key in ("at", "every"):
            try:
                parse_duration(str(item.get(key, "0s")))
            except ValueError:
                return _("{key} は 30s や 5m のように書いてください。").format(key=key)
        if found := wrong({key: value for key, value in item.items() if key not in KEYS}):
            return found
    return ""


def series_of(items: Sequence[Mapping[str, Any]], make: Callable[[Mapping[str, Any]], Sample]) -> tuple[Timed, ...]:
    """The samples of ``events``, repeated ones as often as they say."""
    found = []
    for item in items:
        at, every = (parse_duration(str(item.get(key, "0s"))) for key in ("at", "every"))
        plain = {key: value for key, value in item.items() if key not in KEYS}
        found += [
            Timed(at + number * every, make(_numbered(plain, number + 1))) for number in range(item.get("repeat", 1))
        ]
    return tuple(found)


def _numbered(value: Any, number: int) -> Any:
    if isinstance(value, str):
        return value.replace("{n}", str(number))
    if isinstance(value, dict):
        return {key: _numbered(one, number) for key, one in value.items()}
    return [_numbered(one, number) for one in value] if isinstance(value, list) else value


def series_fires(
    detector: SigmaDetector, rule: Rule, series: Sequence[Timed], frame: Callable[[Sample], pl.DataFrame]
) -> bool:
    """Whether a correlation hits somewhere in a series."""
    correlator = Correlator(detector.correlations)
    step = correlator.take(_inputs(detector, series, frame), Watermark(NEVER))
    return any(hit.rule_id == rule.id for hit in step.hits)


def _inputs(
    detector: SigmaDetector, series: Sequence[Timed], frame: Callable[[Sample], pl.DataFrame]
) -> Iterator[CorrelationInput]:
    plain = CorrelationInput("", "", "sample", 0, BEGIN, BEGIN, "", {})
    for seq, timed in enumerate(series, 1):
        events = frame(timed.sample)
        row = next(events.iter_rows(named=True))
        event = {**json.loads(row.get(EXTRA) or "{}"), **{k: v for k, v in row.items() if v is not None and k != EXTRA}}
        for match in detector.match(events):
            values = detector.correlated(match.rule, event)
            if values is not None:
                rule_id, at = detector.rules[match.rule].id, BEGIN + timed.at
                yield replace(plain, rule_id=rule_id, event_id=f"sample.{seq}", seq=seq, time=at, values=values)
