r"""From Lucene syntax, as an operator types it, to a query tree.

* Terms side by side mean AND (not Lucene's OR): each word narrows a search. ``-x``, ``NOT x`` exclude, ``+x`` is x.
* ``field:value`` is the whole value; ``*`` and ``?`` are wildcards unless escaped or in quotes. ``field:(a OR b)``,
  ``field:[a TO b}``, ``field:>=5``, ``field:*``, ``_exists_:field``. A bare word or phrase is looked for in all text.
* A backslash escapes a special character; before a letter or digit it is itself, so ``"C:\Windows\x.exe"`` is that path
  (a share needs ``\\\\server\\x``). A value may contain colons (``C:\x``, ``02:04:00``) without quotes.
* Dates are JST where they name no offset, and mean their whole day, minute or second; ``24h`` is that long ago.
  Addresses may be networks (``10.0.0.0/8``) or end in ``.*``.
* A field by its original name (``winlog.event_data.Image``) is looked for in its ECS column too.

Fuzzy terms, boosts, proximity and regular expressions are refused: stores would not answer them alike.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from luqum import tree as lucene
from luqum.exceptions import IllegalCharacterError, ParseSyntaxError
from luqum.thread import parse as parse_lucene  # luqum.parser.parse mixes up threads

from secops.errors import QueryError
from secops.locale import _
from secops.query.fields import EVENTS, Vocabulary
from secops.query.tree import All, And, Exists, Node, Not, Or, Text, Wild
from secops.query.value import Bound, compared, equal, pattern, ranged

MAX_DEPTH = 24  # Elasticsearch nests no more than 30 conditions, and a leaf may be three of them
MAX_LENGTH = EVENTS.characters

_SPECIAL = re.compile(r"\\(.)|([*?])", re.DOTALL)
_POSITION = re.compile(r"'(?P<found>.*)' at position (?P<at>\d+)", re.DOTALL)
_OPERATORS = {"and": "AND", "or": "OR", "not": "NOT", "&&": "AND", "||": "OR", "!": "NOT"}

Pattern = tuple[str | Wild, ...]


def parse(text: str, now: datetime, words: Vocabulary = EVENTS) -> Node:
    """Read a query; an empty one is everything. ``now`` is what ``24h`` counts from, ``words`` say what is searched.

    Raises:
        QueryError: with the position (from 1), what was found there and what was expected.
    """
    if len(text) > words.characters:
        raise QueryError(
            _("検索式が長すぎます({found} 文字)。{most} 文字までにしてください。").format(
                found=len(text), most=words.characters
            )
        )
    if not text.strip():
        return All()
    try:
        found = parse_lucene(text)
    except (ParseSyntaxError, IllegalCharacterError) as error:
        raise _syntax_error(text, str(error)) from None
    except ArithmeticError:
        # luqum reads what stands behind ~ and ^ as a number without looking (`a~.`); neither sign can be used anyway.
        at = next(place for place, sign in enumerate(text) if sign in "~^")
        raise _error(at, text[at], _("語と演算子(~ と ^ は使えません)")) from None
    return _Reader(text, now, words).node(found, None, 0)


def _syntax_error(text: str, message: str) -> QueryError:
    match = _POSITION.search(message)
    if not match:
        return _error(len(text), _("式の終わり"), _("語か閉じかっこ(かっこ・引用符・AND / OR の後の語が足りません)"))
    at, found = int(match["at"]), match["found"]
    if found.startswith('"'):
        return _error(at, found[:20], _('閉じる引用符 "'))
    return _error(at, found[:20], _('検索する語(記号そのものを探すときは引用符 " で囲んでください)'))


def _error(at: int, found: str, expected: str) -> QueryError:
    return QueryError(
        _("検索式の {at} 文字目: 「{found}」は読めません。ここに書けるもの: {expected}").format(
            at=at + 1, found=found, expected=expected
        ),
        at=at,
    )


@dataclass(slots=True)
class _Reader:
    """Walks luqum's tree; ``field`` is the field that values belong to, None for bare words."""

    text: str
    now: datetime
    words: Vocabulary
    terms: int = 0

    def refusal(self, item: Any, reason: str) -> QueryError:
        at = item.pos or 0
        text = _("検索式の {at} 文字目「{found}」: {reason}。")
        return QueryError(text.format(at=at + 1, found=self.text[at : at + 20], reason=reason), at=at)

    def error(self, item: Any, expected: str) -> QueryError:
        # What was typed there, not str(item): printing a deep tree is itself a recursion.
        at = item.pos or 0
        return _error(at, self.text[at : at + 20], expected)

    def node(self, item: Any, field: str | None, depth: int) -> Node:
        if depth > MAX_DEPTH:
            raise self.refusal(item, _("入れ子は {most} 段までです").format(most=MAX_DEPTH))
        match item:
            case lucene.UnknownOperation() | lucene.AndOperation():
                return And(self._parts(item.children, field, depth))
            case lucene.OrOperation():
                return Or(self._parts(item.children, field, depth))
            case lucene.Not() | lucene.Prohibit():
                return Not(self.node(item.a, field, depth + 1))
            case lucene.Plus():
                return self.node(item.a, field, depth + 1)
            case lucene.Group() | lucene.FieldGroup():
                return self.node(item.expr, field, depth + 1)
            case lucene.SearchField():
                return self._search_field(item, field, depth)
            case _:
                return self._leaf(item, field)

    def _parts(self, children: Sequence[Any], field: str | None, depth: int) -> tuple[Node, ...]:
        for child in children:
            if isinstance(child, lucene.Word) and (operator := _OPERATORS.get(child.value)):
                raise _error(
                    child.pos or 0,
                    child.value,
                    _('{operator}(大文字)。語として探すときは引用符 " で囲んでください').format(operator=operator),
                )
        return tuple(self.node(child, field, depth + 1) for child in children)

    def _search_field(self, item: Any, outer: str | None, depth: int) -> Node:
        name, value = _literal(item.name), item.expr
        if outer is not None:
            return self._leaf(self._joined(item), outer)
        if name not in {"_exists_", "*"} and not self.words.fields(name):
            raise self.refusal(item, self.words.unknown(name))
        if name == "_exists_" and isinstance(value, lucene.Word | lucene.Phrase):
            return self._everywhere(_literal(_inside(value)), Exists, item.pos)
        if name == "*" and isinstance(value, lucene.Word) and value.value == "*":
            return All()
        if isinstance(value, lucene.SearchField):
            value = self._joined(value)
        if isinstance(value, lucene.Prohibit) and isinstance(value.a, lucene.Word):
            value = lucene.Word("\\-" + value.a.value, pos=value.pos)  # a negative number
        return self.node(value, name, depth + 1)

    def _leaf(self, item: Any, field: str | None) -> Node:
        try:
            return self._read(item, field)
        except QueryError as error:
            if error.at is None:  # a value that does not fit its field
                error.at = item.pos or 0
            raise

    def _read(self, item: Any, field: str | None) -> Node:
        self.terms += 1
        at = item.pos or 0
        if self.terms > self.words.conditions:
            raise self.refusal(item, _("条件は {most} 個までです").format(most=self.words.conditions))
        if reason := _refused(item):
            raise self.refusal(item, reason)
        match item:
            case lucene.Range() | lucene.From() | lucene.To() if field is None:
                raise self.error(item, _("範囲の前の項目名(例: destination.port:[1 TO 1023])"))
            case lucene.Range():
                low, high = self._bound(item.low, item.include_low), self._bound(item.high, item.include_high)
                return self._everywhere(field, lambda name: ranged(name, low, high, self.now, self.words), at)
            case lucene.From():
                bound = self._bound(item.a, item.include)
                return self._everywhere(field, lambda name: ranged(name, bound, None, self.now, self.words), at)
            case lucene.To():
                bound = self._bound(item.a, item.include)
                return self._everywhere(field, lambda name: ranged(name, None, bound, self.now, self.words), at)
            case lucene.Phrase():
                words = _literal(_inside(item))
                if field is not None:
                    return self._everywhere(field, lambda name: equal(name, words, self.now, self.words), at)
                if not words:
                    raise _error(at, '""', _("引用符の中に検索する語"))
                return Text(words)
            case lucene.Word():
                marks = _pattern(item.value)
                return (
                    _bare(marks, at)
                    if field is None
                    else self._everywhere(field, lambda name: self._word(name, marks), at)
                )
            case _:
                raise self.error(item, _("語、引用符で囲んだ語、範囲"))

    def _word(self, field: str, marks: Pattern) -> Node:
        if marks == (Wild(many=True),):
            return Exists(field)
        if any(isinstance(mark, Wild) for mark in marks):
            return pattern(field, marks, self.words)
        value = "".join(mark for mark in marks if isinstance(mark, str))
        read = compared if value[:1] in {"<", ">"} else equal
        return read(field, value, self.now, self.words)

    def _bound(self, item: Any, inclusive: bool) -> Bound | None:
        """One end of a range; ``*`` is open."""
        negative = isinstance(item, lucene.Prohibit)
        inner = item.a if negative else item
        if reason := _refused(inner):
            raise self.refusal(inner, reason)
        text = _literal(_inside(inner)) if isinstance(inner, lucene.Phrase) else _literal(inner.value)
        return None if text == "*" and not negative else Bound(("-" if negative else "") + text, inclusive)

    def _everywhere(self, field: str | None, make: Callable[[str], Node], at: int | None) -> Node:
        """The condition on each field that a typed name stands for (an event's own name for it, and its ECS column)."""
        assert field is not None
        if not field or not field.isprintable() or any(mark in field for mark in '"\\*?'):
            raise _error(at or 0, field[:40], _("項目名(例: process.name)"))
        found = self.words.fields(field)
        if not found:
            raise _error(at or 0, field[:40], self.words.unknown(field))
        *others, last = found
        node = make(last)
        parts: list[Node] = []
        for other in others:
            with suppress(QueryError):  # the column's type cannot hold this value, the field as it was written can
                parts.append(make(other))
        return Or((*parts, node)) if parts else node

    def _joined(self, item: Any) -> Any:
        r"""``02:04`` or ``C:\x`` as a value: luqum reads the part before the colon as a field."""
        text = item.name
        inner = item.expr
        while isinstance(inner, lucene.SearchField):
            text, inner = f"{text}:{inner.name}", inner.expr
        if not isinstance(inner, lucene.Word):
            raise self.error(item, _('引用符で囲んだ値(: を含むため)。例: field:"a:b"'))
        return lucene.Word(f"{text}:{inner.value}", pos=item.pos)


def _bare(marks: Pattern, at: int) -> Node:
    """A word without a field: a part of any text, so stars at its ends change nothing."""
    while marks and marks[0] == Wild(many=True):
        marks = marks[1:]
    while marks and marks[-1] == Wild(many=True):
        marks = marks[:-1]
    if not marks:
        return All()
    if len(marks) > 1 or isinstance(marks[0], Wild):
        raise _error(
            at,
            "* ?",
            _('項目名と組み合わせたワイルドカード(例: process.name:power*)。記号そのものは引用符 " で囲みます'),
        )
    return Text(marks[0])


def _refused(item: Any) -> str:
    """Why a form of Lucene is not supported, or ''."""
    match item:
        case lucene.Fuzzy():
            return _("あいまい検索(~)は使えません。ワイルドカード * を使ってください")
        case lucene.Proximity():
            return _("近接検索(~)は使えません。語を並べるか、引用符で囲んでください")
        case lucene.Boost():
            return _("重み(^)は使えません。結果は時刻順に並びます")
        case lucene.Regex():
            return _('正規表現(/…/)は使えません。ワイルドカード * を使うか、/ を含む語は引用符 " で囲んでください')
        case _:
            return ""


def _inside(phrase: Any) -> str:
    return str(phrase.value)[1:-1] if isinstance(phrase, lucene.Phrase) else str(phrase.value)


def _literal(text: str) -> str:
    """The text without its escapes; wildcards are ordinary characters."""
    return _SPECIAL.sub(lambda match: match[0] if match[1] is None or match[1].isalnum() else match[1], text)


def _pattern(text: str) -> Pattern:
    """The text as literals and wildcards, neighbours joined."""
    marks: list[str | Wild] = []
    last = 0

    def literal(part: str) -> None:
        if part and marks and isinstance(marks[-1], str):
            marks[-1] += part
        elif part:
            marks.append(part)

    for match in _SPECIAL.finditer(text):
        literal(text[last : match.start()])
        last = match.end()
        if match[2] is None:
            literal(match[0] if match[1].isalnum() else match[1])
        elif match[2] == "?" or marks[-1:] != [Wild(many=True)]:  # ** is *
            marks.append(Wild(many=match[2] == "*"))
    literal(text[last:])
    return tuple(marks)
