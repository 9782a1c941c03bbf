"""Drawings of counts over time, made on the server: the bars of a search, the small line of a source.

Positions across are percentages, so that a drawing follows the width of the page while type keeps its size. The bars
are links for the pointer; they are hidden from screen readers and the keyboard, which have the table underneath.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from markupsafe import Markup

from secops.locale import _
from secops.schema.dates import JST
from secops.siem.ports import Span
from secops.web.words import clock, clock_seconds, day_short, span_words, when_long

MOST_BARS = 60
_MONDAY = datetime(1970, 1, 5, tzinfo=JST)  # buckets of a day begin at midnight in Japan, those of a week on Mondays
_FINEST_FIRST = (1, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 10_800, 21_600, 43_200, 86_400, 604_800)
_ASKED = (
    10_800  # stores count in buckets since the epoch (UTC); three hours are the largest that meet midnight in Japan
)
_MONTH = 30 * 86_400
HEIGHT = 132
_FLOOR = 108


@dataclass(frozen=True, slots=True)
class Bar:
    """One bucket: when it begins and ends, and how many."""

    begin: datetime
    end: datetime
    count: int


@dataclass(frozen=True, slots=True)
class Bars:
    """A histogram: buckets of equal length without a gap, in order."""

    seconds: int
    bars: Sequence[Bar]

    @property
    def total(self) -> int:
        """All of them."""
        return sum(bar.count for bar in self.bars)

    @property
    def highest(self) -> Bar | None:
        """The first of the largest, None where all are empty."""
        best = max(self.bars, key=lambda bar: bar.count, default=None)
        return best if best and best.count else None


def bucket_seconds(span: Span) -> int:
    """How long the buckets of a span (with both ends) are: the shortest that makes `MOST_BARS` at most."""
    assert span.since is not None
    assert span.until is not None
    length = max((span.until - span.since).total_seconds(), 1)
    for seconds in _FINEST_FIRST:
        if length / seconds <= MOST_BARS:
            return seconds
    return _MONTH * (1 + int(length // (MOST_BARS * _MONTH)))


def asked_seconds(seconds: int) -> int:
    """What to ask a store for, to make buckets of so many seconds of it."""
    return min(seconds, _ASKED)


def bars(counts: Sequence[tuple[datetime, int]], span: Span, seconds: int) -> Bars:
    """Buckets of so many seconds from finer counts; empty ones too, from the span's first to its last."""
    assert span.since is not None
    assert span.until is not None
    begin, width = _floor(span.since, seconds), timedelta(seconds=seconds)
    number = max(1, -((begin - span.until) // width))
    found = [0] * number
    for moment, count in counts:
        at = (moment - begin) // width
        if 0 <= at < number:
            found[at] += count
    return Bars(seconds, [Bar(begin + at * width, begin + (at + 1) * width, n) for at, n in enumerate(found)])


def _floor(moment: datetime, seconds: int) -> datetime:
    width = timedelta(seconds=seconds)
    return (_MONDAY + (moment - _MONDAY) // width * width).astimezone(UTC)


def finding(shown: Bars) -> str:
    """What the histogram says, in a sentence: its title."""
    best = shown.highest
    if best is None:
        return _("この期間に当てはまる記録はありません。")
    used = [bar for bar in shown.bars if bar.count]
    if len(used) == 1 and len(shown.bars) > 1:
        text = _("{total:,} 件すべてが {begin} からの {length}に集まっています。")
    else:
        text = _("{total:,} 件。最も多いのは {begin} からの {length}で {count:,} 件です。")
    return text.format(
        total=shown.total, begin=when_long(best.begin), length=span_words(shown.seconds), count=best.count
    )


def label(bar: Bar, seconds: int) -> str:
    """What a bucket is called in the table and under the axis."""
    if seconds < 60:
        return f"{day_short(bar.begin)} {clock_seconds(bar.begin)}"
    return day_short(bar.begin) if seconds >= 86_400 else f"{day_short(bar.begin)} {clock(bar.begin)}"


def histogram(shown: Bars, link: Callable[[Bar], str]) -> Markup:
    """The bars as SVG, each a link."""
    best = shown.highest
    top = best.count if best else 1
    width = 100 / len(shown.bars)
    parts = [
        Markup('<svg class="histogram" width="100%" height="{}" aria-hidden="true" focusable="false">').format(HEIGHT),
        Markup('<line class="axis" x1="0" x2="100%" y1="{y}" y2="{y}"/>').format(y=_FLOOR),
        Markup('<text class="top" x="0" y="12">{}</text>').format(_("最大 {count:,} 件").format(count=top)),
    ]
    for at, bar in enumerate(shown.bars):
        high = max(2.0, (_FLOOR - 20) * bar.count / top) if bar.count else 0.0
        parts.append(
            Markup(
                '<a href="{h}" tabindex="-1"><title>{t}</title>'
                '<rect class="reach" x="{x:.3f}%" y="16" width="{w:.3f}%" height="{f}"/>'
                '<rect class="bar" x="{x:.3f}%" y="{y:.1f}" width="{i:.3f}%" height="{high:.1f}"/></a>'
            ).format(
                h=link(bar),
                t=_("{label} から {length}: {count:,} 件").format(
                    label=label(bar, shown.seconds), length=span_words(shown.seconds), count=bar.count
                ),
                x=at * width,
                y=_FLOOR - high,
                w=width,
                i=width * 0.86,
                high=high,
                f=_FLOOR - 16,
            )
        )
    parts += _ticks(shown, width)
    parts.append(Markup("</svg>"))
    return Markup("").join(parts)


def _ticks(shown: Bars, width: float) -> list[Markup]:
    """Five words under the axis; a phone shows those at the ends and in the middle."""
    last = len(shown.bars) - 1
    places = sorted({round(last * part / 4) for part in range(5)}) if last else [0]
    made = []
    for number, at in enumerate(places):
        anchor = "start" if at == 0 else "end" if at == last else "middle"
        x = 0 if at == 0 else 100 if at == last else (at + 0.5) * width
        far = Markup(' class="far"') if number % 2 else ""
        made.append(
            Markup('<text{c} x="{x:.2f}%" y="{y}" text-anchor="{a}">{w}</text>').format(
                c=far,
                x=x,
                y=_FLOOR + 18,
                a=anchor,
                w=label(shown.bars[at], shown.seconds),
            )
        )
    return made


def sparkline(counts: Sequence[int], title: str) -> Markup:
    """A row of small bars, the newest on the right; the title says what it shows."""
    top = max(counts, default=0) or 1
    parts = [
        Markup('<svg class="spark" width="120" height="28" viewBox="0 0 {n} 28" preserveAspectRatio="none" role="img">'
               "<title>{t}</title>").format(n=max(len(counts), 1) * 2, t=title)
    ]  # fmt: skip
    for at, count in enumerate(counts):
        if count:
            high = max(1.5, 26 * count / top)
            parts.append(
                Markup('<rect x="{x}" y="{y:.1f}" width="1.6" height="{h:.1f}"/>').format(x=2 * at, y=27 - high, h=high)
            )
    parts.append(Markup('<line x1="0" x2="{n}" y1="27.5" y2="27.5"/></svg>').format(n=max(len(counts), 1) * 2))
    return Markup("").join(parts)
