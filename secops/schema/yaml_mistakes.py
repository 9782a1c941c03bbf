"""What is wrong with a file that is no YAML, in the words of whoever wrote it: the parser's own are English and terse.

The parser says where it could not go on, which is often behind the mistake. A handful of usual mistakes are told from
the text around that place; of all others its own words are given.
"""

from __future__ import annotations

import re
from typing import Any, NamedTuple

from secops.errors import Problem
from secops.locale import _

_KEY_WITHOUT_SPACE = re.compile(r"\s*(?:- )?[\w|.*-]+:[^\s:/\\]")
_WIDE_COLON = re.compile(r"\s*(?:- )?[^\s:\"'#]+：")
_KEY_WITH_VALUE = re.compile(r"\s*(?:- )?[^\s:#]+:\s+\S")

_OTHER = "書き方が YAML の規則に合いません。前後の行のコロン・引用符・字下げを確かめてください。"


class _Found(NamedTuple):
    """Line and column from 0, and what is wrong there."""

    line: int
    column: int
    what: str


def yaml_problem(path: str, text: str, error: Exception) -> Problem:
    """Where and what the mistake is; ``error`` is PyYAML's, or another that reading a text as YAML raised."""
    lines = text.split("\n")
    found = _found(lines, text, error)
    line = min(found.line, len(lines) - 1)
    said = (str(getattr(error, "problem", None) or error) or type(error).__name__).partition("\n")[0]
    if getattr(error, "in_our_words", False):
        what = said
    else:
        what = _("{what}(元の説明: {original})").format(what=found.what, original=said)
    whole = _("YAML として読めません({column} 文字目): {what}")
    return Problem(f"{path}:{line + 1}", whole.format(column=found.column + 1, what=what))


def _found(lines: list[str], text: str, error: Any) -> _Found:
    place = getattr(error, "position", None)
    if isinstance(place, int):  # of a character that YAML forbids
        line, column = text.count("\n", 0, place), place - (text.rfind("\n", 0, place) + 1)
        return _Found(line, column, _("使えない制御文字があります。消してください。"))
    if isinstance(error, UnicodeError):
        return _Found(0, 0, _("文字として正しくないところがあります。UTF-8 で保存し直してください。"))
    mark = getattr(error, "problem_mark", None)
    if mark is None:
        return _Found(0, 0, _(_OTHER))
    begin = getattr(error, "context_mark", None) or mark
    said = str(getattr(error, "problem", "") or "")
    return (
        _indented_with_a_tab(lines, mark)
        or _left_open(said, str(getattr(error, "context", "") or ""), begin)
        or _of_a_key(lines, said, mark, begin)
        or _of_a_value(lines, said, mark, begin)
        or _Found(
            mark.line,
            mark.column,
            _(_OTHER),
        )
    )


def _indented_with_a_tab(lines: list[str], mark: Any) -> _Found | None:
    line = _line(lines, mark.line)
    indent = line[: len(line) - len(line.lstrip())]
    if "\t" not in indent:
        return None
    return _Found(mark.line, indent.index("\t"), _("字下げにタブがあります。空白(半角スペース)にしてください。"))


def _left_open(said: str, context: str, begin: Any) -> _Found | None:
    """Quotes and brackets: where they were opened."""
    if "quoted scalar" in context and "end of stream" in said:
        return _Found(begin.line, begin.column, _("引用符がここで始まり、閉じていません。"))
    if "node content" in said:
        return _Found(
            begin.line, begin.column, _("値があるはずのところでファイルが終わっているか、余分な記号があります。")
        )
    if "flow sequence" in context:
        text = _("角かっこがここで始まり、閉じていません。要素の間はコンマで区切り、最後に角かっこを閉じてください。")
        return _Found(begin.line, begin.column, text)
    if "flow mapping" in context:
        text = _("波かっこがここで始まり、閉じていません。項目の間はコンマで区切り、最後に波かっこを閉じてください。")
        return _Found(begin.line, begin.column, text)
    return None


def _of_a_key(lines: list[str], said: str, mark: Any, begin: Any) -> _Found | None:
    """A colon that is missing, in the wrong place or of the wrong kind, and indentation that fits nowhere."""
    if "could not find expected ':'" in said:
        return _wide_colon(lines, begin.line) or _Found(
            begin.line, begin.column, _("項目名の後のコロン(半角の : と空白)がありません。")
        )
    if "mapping values are not allowed" in said:
        return _before(lines, mark) or _second_colon(mark)
    if "did not find expected key" in said or "expected '-' indicator" in said:
        line = _line(lines, mark.line)
        if line[: mark.column].strip():
            return _Found(mark.line, mark.column, _("値の後に余分な文字があります。値の全体を引用符で囲んでください。"))
        text = _("字下げが前後の行と合いません。同じ段の項目は、左端をそろえてください。")
        return _Found(mark.line, mark.column, text)
    return None


def _before(lines: list[str], mark: Any) -> _Found | None:
    """A mistake in the line before, which makes this one a part of its value."""
    line = _line(lines, mark.line)
    above = next((number for number in range(mark.line - 1, -1, -1) if _line(lines, number).strip()), None)
    if above is None or line.count(": ", 0, mark.column):
        return None
    if found := _wide_colon(lines, above):
        return found
    before = _line(lines, above)
    if match := _KEY_WITHOUT_SPACE.match(before):
        return _Found(above, match.end() - 1, _("コロン : の後に空白がありません。"))
    if _KEY_WITH_VALUE.match(before) and _indent(line) > _indent(before):
        text = _("字下げが深すぎます。前の行の項目には値があるので、左端をそろえてください。")
        return _Found(mark.line, _indent(line), text)
    if before.strip() and ":" not in before:
        return _Found(above, _indent(before), _("項目名の後のコロン(半角の : と空白)がありません。"))
    return None


def _second_colon(mark: Any) -> _Found:
    text = _("ここにコロン : は書けません。値にコロンと空白があるなら、値の全体を引用符で囲んでください。")
    return _Found(mark.line, mark.column, text)


def _wide_colon(lines: list[str], number: int) -> _Found | None:
    match = _WIDE_COLON.match(_line(lines, number))
    if match is None:
        return None
    return _Found(number, match.end() - 1, _("全角のコロン(：)です。半角の : と空白にしてください。"))


def _of_a_value(lines: list[str], said: str, mark: Any, begin: Any) -> _Found | None:
    """A value that begins with a character that means something, or a backslash between double quotes."""
    character = _line(lines, begin.line)[begin.column : begin.column + 1]
    if "cannot start any token" in said or "alphabetic or numeric" in said or "undefined alias" in said:
        text = _("値が記号「{character}」で始まっています。値の全体を引用符で囲んでください。")
        return _Found(begin.line, begin.column, text.format(character=character))
    if "escape" in said or "hexdecimal" in said:  # sic, in libyaml
        text = _("二重引用符 \" の中の \\ は特別な意味を持ちます。一重引用符 ' で囲んでください。")
        return _Found(mark.line, mark.column, text)
    if "could not determine a constructor" in said:
        return _Found(mark.line, mark.column, _("! で始まる値は引用符で囲んでください。"))
    return None


def _line(lines: list[str], number: int) -> str:
    return lines[number] if 0 <= number < len(lines) else ""


def _indent(line: str) -> int:
    return len(line) - len(line.lstrip())
