"""The span of a search: in addresses and forms, in words, as a `Span`."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from secops.locale import _
from secops.schema.dates import JST, parse_moment
from secops.siem.ports import Span
from secops.web.words import span_words, when_long

PRESETS = {
    "15m": "直近 15 分",
    "1h": "直近 1 時間",
    "24h": "直近 24 時間",
    "7d": "直近 7 日間",
    "30d": "直近 30 日間",
    "all": "すべての期間",
}
DEFAULT = "24h"


@dataclass(frozen=True, slots=True)
class Spell:
    """What the reader asked for: a preset, or moments as they were typed (relative, or absolute in JST).

    ``problem`` says what cannot be read; ``span`` is then that of the default.
    """

    preset: str
    since: str
    until: str
    span: Span
    problem: str = ""

    @property
    def values(self) -> dict[str, str]:
        """The values of an address that mean this span."""
        if self.preset:
            return {"span": self.preset} if self.preset != DEFAULT else {}
        return {name: text for name, text in (("since", self.since), ("until", self.until)) if text}


def read(values: Mapping[str, str], now: datetime) -> Spell:
    """Read ``span``, ``since`` and ``until``.

    A form sends all three, with ``was``, the preset it was shown with: where the preset was changed it wins over what
    stands in the fields of the moments, else the moments win.
    """
    preset, was = values.get("span", "").strip(), values.get("was")
    since, until = values.get("since", "").strip(), values.get("until", "").strip()
    if preset in PRESETS and ((was is not None and was != preset) or not (since or until)):
        return _preset(preset, now)
    if not (since or until):
        wrong = preset and preset != "custom"
        text = _("「{found}」という期間はありません。一覧から選んでください。").format(found=preset[:40])
        return _preset(DEFAULT, now, text if wrong else "")
    try:
        span = Span(parse_moment(since, now) if since else None, parse_moment(until, now) if until else None)
    except (ValueError, OverflowError) as error:
        return Spell("", since[:40], until[:40], _preset(DEFAULT, now).span, str(error))
    if span.since and span.until and span.since >= span.until:
        return Spell("", since, until, span, _("期間の始まりが終わりより後です。入れ替えてください。"))
    return Spell("", typed(span.since) or since, typed(span.until) or until, span)


def _preset(name: str, now: datetime, problem: str = "") -> Spell:
    since = None if name == "all" else parse_moment(name, now)
    return Spell(name, "", "", Span(since), problem)


def typed(moment: datetime | None) -> str:
    """A moment as ``datetime-local`` fields and addresses have it, in JST; "" where there is none."""
    if moment is None:
        return ""
    local = moment.astimezone(JST).replace(tzinfo=None)
    return local.isoformat(timespec="microseconds" if local.microsecond else "seconds")


def exact(since: datetime, until: datetime) -> dict[str, str]:
    """The values of an address for a span between two moments."""
    return {"since": typed(since), "until": typed(until)}


def around(moment: datetime, reach: timedelta) -> dict[str, str]:
    """The same for a span to both sides of a moment, whole seconds."""
    begin = (moment - reach).replace(microsecond=0)
    return exact(begin, (moment + reach).replace(microsecond=0) + timedelta(seconds=1))


def in_words(span: Span, now: datetime) -> str:
    """``11月26日(木) 02:07:00 から 11月27日(金) 02:07:00 まで(24時間)``."""
    until = span.until or now
    if span.since is None:
        return _("{until} まで").format(until=when_long(until)) if span.until else _("すべての期間")
    text = _("{since} から {until} まで({length})") if span.until else _("{since} からいままで({length})")
    length = span_words((until - span.since).total_seconds())
    return text.format(since=when_long(span.since), until=when_long(until), length=length)
