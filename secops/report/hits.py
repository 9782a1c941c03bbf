"""Single hits as rows of a file: JSON lines in ECS names, CSV for Excel, CSV for Timesketch.

Each writer takes a hit and gives the bytes to append, so files of any length are written as they come.
"""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

import orjson

from secops.locale import _, language
from secops.report.text import flat, plain
from secops.schema.dates import JST
from secops.siem.hunt import Found
from secops.siem.ports import MatchedValue, Rule

COUNTED = "secops.correlation.events"  # what stands for the record of a correlation's hit: the events it counted
_DEEPEST = 100  # levels of nesting in a JSON line
_CELL = 32_000  # characters; Excel takes 32,767 and drops the rest without a word
# What Excel and LibreOffice take for the beginning of a formula; full-width forms too, which Japanese Excel converts.
_FORMULA = re.compile(r"[\t\r]|\s*[=+\-@\uff1d\uff0b\uff0d\uff20]")
_TECHNIQUE = re.compile(r"attack\.(t\d{4}(?:\.\d{3})?)", re.IGNORECASE)
_OPTIONS = orjson.OPT_UTC_Z | orjson.OPT_APPEND_NEWLINE


def techniques(rule: Rule) -> list[str]:
    """The ATT&CK techniques of a rule's tags (``T1059.001``), in the order of the tags."""
    return [found[1].upper() for tag in rule.tags if (found := _TECHNIQUE.fullmatch(tag))]


# ---------------------------------------------------------------------------------------------------------- JSON lines


class JsonLines:
    """One JSON object a hit: all ECS fields of the event, and what the rule says about it."""

    head = b""

    def __init__(self, rules: Sequence[Rule]) -> None:
        self._rules = rules
        self._of_rule: dict[int, dict[str, Any]] = {}

    def row(self, hit: Found) -> bytes:
        """The line of a hit."""
        known = self._of_rule.get(hit.rule)
        if known is None:
            known = self._of_rule[hit.rule] = _rule_fields(self._rules[hit.rule])
        line = {**hit.event, **known, "@timestamp": hit.timestamp}
        line["log.file.path"] = hit.path
        if hit.original:
            line["event.original"] = hit.original
        line["secops.matched"] = hit.matched
        if hit.host:
            line["host.name"] = hit.host
        try:
            return orjson.dumps(line, option=_OPTIONS)
        except TypeError:  # a lone surrogate, or a number beyond 64 bits
            return orjson.dumps(writable(line), option=_OPTIONS)


def _rule_fields(rule: Rule) -> dict[str, Any]:
    found: dict[str, Any] = {
        "event.kind": "signal",
        "rule.id": rule.id,
        "rule.name": rule.title,
        "rule.level": rule.level.code,
        "tags": list(rule.tags),
    }
    if rule.description:
        found["rule.description"] = rule.description
    if ids := techniques(rule):
        found["threat.framework"] = "MITRE ATT&CK"
        found["threat.technique.id"] = ids
    if rule.clauses:
        found["secops.clauses"] = list(rule.clauses)
    return found


def writable(value: Any, depth: int = 0) -> Any:
    """The value as JSON can hold it: lone surrogates as U+FFFD, huge numbers and what is nested too deeply as text."""
    if depth > _DEEPEST:
        return _("(入れ子が深すぎるため省略。event.original にあります)")
    if isinstance(value, str):
        return value.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
    if isinstance(value, bool | float | datetime) or value is None:
        return value
    if isinstance(value, int):
        return value if -(1 << 63) <= value < 1 << 64 else str(value)
    if isinstance(value, MatchedValue):
        return {name: writable(getattr(value, name), depth) for name in MatchedValue.__slots__}
    if isinstance(value, Mapping):
        return {writable(str(key)): writable(one, depth + 1) for key, one in value.items()}
    if isinstance(value, list | tuple):
        return [writable(one, depth + 1) for one in value]
    return writable(str(value))


# ----------------------------------------------------------------------------------------------------------------- CSV


class ExcelCsv:
    """CSV that Excel opens by a double click: byte order mark, CRLF, no cell that acts, times in Japan and in UTC."""

    def __init__(self, rules: Sequence[Rule]) -> None:
        self._rules = rules
        names = [
            _("時刻(日本時間)"), _("時刻(UTC)"), _("重大度"), _("ルール"), _("端末"), _("利用者"), _("一致した値"),
            "ATT&CK", _("規程"), _("ルールID"), _("ファイル"), _("元の記録"),
        ]  # fmt: skip
        self.head = b"\xef\xbb\xbf" + csv_row(names)

    def row(self, hit: Found) -> bytes:
        """The row of a hit."""
        rule = self._rules[hit.rule]
        cells = [
            f"{hit.timestamp.astimezone(JST):%Y-%m-%d %H:%M:%S}" if hit.timestamp else "",
            f"{hit.timestamp.astimezone(UTC):%Y-%m-%d %H:%M:%S}" if hit.timestamp else "",
            rule.level.label if language() == "ja" else rule.level.code,
            rule.title_ja if language() == "ja" else rule.title,
            hit.host,
            hit.event.get("user.name"),
            matched_text(hit.matched),
            " ".join(techniques(rule)),
            " ".join(rule.clauses),
            rule.id,
            hit.path,
            hit.original or hit.event.get(COUNTED),
        ]
        return csv_row([safe_cell(cell) for cell in cells])


def safe_cell(value: object) -> str:
    """A text that is nothing but text in a spreadsheet.

    A cell that would be a formula begins with an apostrophe; characters without a shape are shown by their code point;
    what is longer than a cell can hold is cut, and the cell says so.
    """
    text = plain(value)
    if len(text) > _CELL:
        text = text[:_CELL] + _("…(先頭 {shown:,} 文字。全 {total:,} 文字)").format(shown=_CELL, total=len(text))
    return "'" + text if _FORMULA.match(flat(value)) else text


def matched_text(matched: Sequence[MatchedValue]) -> str:
    """The matched values in one line: ``field = value; …``."""
    return "; ".join(f"{one.field or _('全文')} = {one.value}" for one in matched)


def csv_row(cells: Sequence[str]) -> bytes:
    """A row of CSV with the line end of RFC 4180."""
    out = io.StringIO()
    csv.writer(out, lineterminator="\r\n").writerow(cells)
    return out.getvalue().encode("utf-8", "replace")


# ---------------------------------------------------------------------------------------------------------- Timesketch


class TimesketchCsv:
    """CSV as Timesketch imports it: ``message``, ``datetime`` and ``timestamp_desc`` first, UTF-8, times in UTC.

    An event without a time has no place on a time line: it is left out and counted in ``left_out``.
    """

    COLUMNS = (
        "message", "datetime", "timestamp_desc", "tag", "level", "rule", "rule_id", "techniques", "hostname",
        "username", "event_code", "channel", "matched", "source_file", "original",
    )  # fmt: skip
    head = csv_row(COLUMNS)

    def __init__(self, rules: Sequence[Rule]) -> None:
        self._rules = rules
        self.left_out = 0

    def row(self, hit: Found) -> bytes:
        """The row of a hit; nothing for one without a time."""
        if hit.timestamp is None:
            self.left_out += 1
            return b""
        rule = self._rules[hit.rule]
        matched = matched_text(hit.matched)
        tags = [f"sigma_{rule.level.code}", *rule.tags]
        return csv_row([
            _line(f"[{rule.level.code}] {rule.title}: {matched}"),
            hit.timestamp.astimezone(UTC).isoformat(timespec="microseconds"),
            "Event Logged",
            str(tags),
            rule.level.code,
            _line(rule.title),
            rule.id,
            " ".join(techniques(rule)),
            _line(hit.host),
            _line(hit.event.get("user.name")),
            _line(hit.event.get("event.code")),
            _line(hit.event.get("winlog.channel")),
            _line(matched),
            _line(hit.path),
            _line(hit.original or hit.event.get(COUNTED)),
        ])  # fmt: skip


def _line(value: object) -> str:
    """Log text as one line of a cell."""
    return plain(value).replace("\n", " ")
