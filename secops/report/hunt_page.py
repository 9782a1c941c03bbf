"""What a hunt found as one HTML file that opens anywhere: no script, no font, nothing fetched.

Counts are those of all hits; where only some are shown, the page says of how many. Log content is escaped, and a
policy in the file forbids the browser to run or to load anything.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cache
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

from secops.errors import Problem
from secops.locale import gettext, language
from secops.locale import gettext as _
from secops.report import text
from secops.report.attack_map import cells_of, name_of, tactic_label
from secops.report.gathering import Example, Gathering, RuleHits
from secops.report.hits import COUNTED, techniques
from secops.schema.dates import JST
from secops.schema.severity import Severity
from secops.siem.detect.attack import matrix, places
from secops.siem.ports import MatchedValue, Rule

EXAMPLES = 20  # sets of matched values that are shown of a rule
_WHOLE = 5  # of them with the whole event
_HOSTS = 12  # columns of the table of hosts
_MATRIX = 40  # rows of it
_PROBLEMS = 200
_BINS = 60
_SKIPPED = frozenset({COUNTED, "event.original", "secops.text", "secops.folded", "message"})


@dataclass(frozen=True, slots=True)
class Hunted:
    """What the page says besides the hits: what was read and what was not, what was asked for."""

    made: datetime
    files: int
    events: int
    asked: Sequence[tuple[str, str]]  # (name, value) of what narrowed the search
    paths: Sequence[str]
    problems: Sequence[Problem]
    active: int
    inactive: Mapping[str, int]  # reason → rules
    suppressed: Sequence[tuple[str, int]]  # (title of a filter, hits)


def page(found: Gathering, hunted: Hunted) -> str:
    """The page as text."""
    ordered = found.ordered()
    hosts = [host for host, _count in sorted(found.hosts.items(), key=lambda pair: (-pair[1], pair[0])) if host]
    html: str = _template().render(
        found=found,
        hunted=hunted,
        title=_title(found, len(hosts)),
        lang=language(),
        rules=[_Section(one, found.rules[one.number]) for one in ordered],
        levels=[level for level in reversed(Severity) if found.by_level[level]],
        bins=_bins(found),
        hosts=hosts,
        heads=_short_names(hosts[:_HOSTS]),
        matrix=_matrix(ordered, found, hosts[:_HOSTS]),
        limits={"hosts": _HOSTS, "matrix": _MATRIX, "whole": _WHOLE, "problems": _PROBLEMS},
        attack=_attack(ordered, found.rules),
    )
    return html


def _short_names(hosts: Sequence[str]) -> list[tuple[str, str]]:
    """(name without its domain, where that is enough to tell them apart; full name)."""
    short = [host.split(".", 1)[0] for host in hosts]
    return [(host if short.count(name) > 1 else name, host) for name, host in zip(short, hosts, strict=True)]


def _title(found: Gathering, hosts: int) -> str:
    """The finding in one line."""
    if not found.count:
        return _("検知はありませんでした")
    parts = "・".join(
        f"{level_word(level)} {found.by_level[level]:,}" for level in reversed(Severity) if found.by_level[level]
    )
    if not hosts:
        return _("{rules:,} ルールで {count:,} 件を検知({parts})").format(
            rules=len(found.by_rule), count=found.count, parts=parts
        )
    return _("端末 {hosts:,} 台、{rules:,} ルールで {count:,} 件を検知({parts})").format(
        hosts=hosts, rules=len(found.by_rule), count=found.count, parts=parts
    )


# -------------------------------------------------------------------------------------------------------------- charts


@dataclass(frozen=True, slots=True)
class _Bar:
    """One step of the time line: where it begins, and its parts from the bottom up as (severity, y, height)."""

    begin: datetime
    count: int
    x: float
    width: float
    parts: Sequence[tuple[Severity, float, float]]


@dataclass(frozen=True, slots=True)
class _Bins:
    """The time line in a box of 960 × 160; ``top`` is the count at its upper edge."""

    bars: Sequence[_Bar]
    top: int
    step: int
    ticks: Sequence[tuple[float, str]]


def _bins(found: Gathering) -> _Bins | None:
    bins = found.histogram.bins(_BINS)
    if not bins:
        return None
    top = max(sum(counts.values()) for _begin, counts in bins)
    width = 960 / len(bins)
    bars = []
    for index, (begin, counts) in enumerate(bins):
        parts, base = [], 160.0
        for level in reversed(Severity):
            if counts.get(level):
                height = max(counts[level] / top * 150, 1.5)
                base -= height
                parts.append((level, round(base, 1), round(height, 1)))
        gap = min(width * 0.15, 2)
        bars.append(_Bar(begin, sum(counts.values()), round(index * width, 1), round(min(width - gap, 48), 1), parts))
    step = found.histogram.step
    marks = sorted({0, len(bars) // 2, len(bars) - 1})
    form = "%Y-%m-%d" if step >= 86_400 else "%Y-%m-%d %H:%M"
    ticks = [(bars[index].x, f"{bars[index].begin.astimezone(JST):{form}}") for index in marks]
    return _Bins(bars, top, step, ticks)


def step_words(seconds: int) -> str:
    """The length of a step of the time line in words."""
    if seconds < 3600:
        return _("{count} 分").format(count=seconds // 60)
    if seconds < 86_400:
        return _("約 {count:.1f} 時間").format(count=seconds / 3600)
    return _("約 {count:,.1f} 日").format(count=seconds / 86_400)


@dataclass(frozen=True, slots=True)
class _Row:
    """A rule in the table of hosts: counts by host, with their shade from 0 to 4, and on the hosts not shown."""

    number: int
    rule: Rule
    cells: Sequence[tuple[int, int]]
    others: int


def _matrix(ordered: Sequence[RuleHits], found: Gathering, hosts: Sequence[str]) -> list[_Row]:
    rows = []
    for one in ordered[:_MATRIX]:
        counts = [one.hosts[host] for host in hosts]
        shades = [0 if not count else min(1 + len(str(count)) - 1, 4) for count in counts]
        rows.append(
            _Row(one.number, found.rules[one.number], list(zip(counts, shades, strict=True)), one.count - sum(counts))
        )
    return rows


@dataclass(frozen=True, slots=True)
class _Technique:
    """An ATT&CK technique with its sub-techniques: its hits and rules, and the gravest of them."""

    id: str
    name: str
    count: int
    rules: int
    level: Severity


def _attack(ordered: Sequence[RuleHits], rules: Sequence[Rule]) -> list[tuple[str, list[_Technique]]]:
    """The techniques of the rules that fired, under their tactics, in the order of an attack."""
    level: dict[tuple[str, str], Severity] = {}
    for one in ordered:
        for place in places(rules[one.number].tags):
            level[place] = max(level.get(place, Severity.INFORMATIONAL), rules[one.number].level)
    found = matrix((rules[one.number].tags, True, one.count) for one in ordered)
    return [
        (
            tactic_label(column.tactic),
            sorted(
                (
                    _Technique(cell.id, name_of(cell.id), cell.hits, cell.rules, level[column.tactic, cell.id])
                    for cell in cells_of(column)
                ),
                key=lambda one: (-one.level, -one.count, one.id),
            ),
        )
        for column in found.columns
    ]


# --------------------------------------------------------------------------------------------------------------- rules


class _Section:
    """A rule with its hits, as the page shows them."""

    def __init__(self, hits: RuleHits, rule: Rule) -> None:
        self.hits = hits
        self.rule = rule
        self.techniques = techniques(rule)
        self.examples = sorted(hits.examples.values(), key=lambda one: -one.count)
        self.listed = sum(one.count for one in self.examples)


def fields(example: Example) -> list[tuple[str, Any]]:
    """The fields of an example's event by name, without those that only repeat the record."""
    shown = [(name, value) for name, value in example.event.items() if name not in _SKIPPED and value not in (None, "")]
    return sorted(shown, key=lambda pair: pair[0])


def highlighted(one: MatchedValue) -> Markup:
    """A matched value with what met the pattern marked."""
    return text.highlighted(one.value, one.pattern, one.operator, 600)


def counted(example: Example) -> list[tuple[str, str, str]]:
    """(time, host, file) of the events that a correlation counted, as far as its hit names them."""
    return [
        (moment(datetime.fromisoformat(one["@timestamp"])), str(one.get("host.name", "")), str(one["log.file.path"]))
        for one in example.event.get(COUNTED, ())
    ]


def moment(value: datetime | None) -> str:
    """A moment with its year, in Japan time."""
    return f"{value.astimezone(JST):%Y-%m-%d %H:%M:%S}" if value else _("時刻なし")


def title_of(rule: Rule) -> str:
    """The title of a rule in the language in force."""
    return rule.title_ja if language() == "ja" else rule.title


def about(rule: Rule) -> str:
    """The description of a rule in the language in force, or in the other one."""
    texts = (rule.description_ja, rule.description)
    return next(filter(None, texts if language() == "ja" else reversed(texts)), "")


def severity(level: Severity) -> Markup:
    """The mark and the word of a severity."""
    return Markup('<span class="sev s{}"><i aria-hidden="true">{}</i>{}</span>').format(
        int(level), level.mark, level_word(level)
    )


def level_word(level: Severity) -> str:
    """The word of a severity in the language in force."""
    return level.label if language() == "ja" else level.code


@cache
def _environment() -> Environment:
    environment = Environment(
        loader=FileSystemLoader(Path(__file__).parent / "templates"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.globals |= {
        "_": gettext,
        "severity": severity,
        "fields": fields,
        "counted": counted,
        "step_words": step_words,
    }
    environment.filters |= {
        "visible": text.visible,
        "highlighted": highlighted,
        "plain": text.plain,
        "moment": moment,
        "title": title_of,
        "about": about,
    }
    return environment


def _template() -> Any:
    return _environment().get_template("hunt.html")
