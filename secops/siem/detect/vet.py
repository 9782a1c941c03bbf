"""What is looked at in a rule's detections before pySigma reads them.

Modifier chains, the kinds of their values, and how many values there will be (a handful of dashes or placeholders can
stand for millions) are checked here, in our own words and with the place of the mistake. Placeholders (``expand``) are
put in here as well: the value lists of the site are texts of Sigma, with its wildcards, and mean the same wherever they
stand; inside a regular expression they are written as one.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import product
from typing import Any

from secops.locale import _
from secops.siem.detect.modifiers import BASE64, COMPARISONS, FLAGS, LISTS, TEXTS, TIME_PARTS, in_order, objection

MAX_VALUES = 20_000  # of a rule, after everything that multiplies them
MAX_SPELLINGS = 3_125  # of one value: five dashes
MAX_SIZE = 4 << 20  # characters of all values of a rule together
DASHES = 5  # spellings of a dash under `windash`
_DASH = re.compile(r"\B[-/]\b")  # as pySigma finds them
# A backslash in front makes the sign a text, two are an escaped backslash (a share: \\\\%servers%).
_PLACEHOLDER = re.compile(r"(?<!\\)((?:\\\\)*)%([^%\s]+)%")
_WILD = re.compile(r"\\[\\*?]|[*?]")
# Under these a text stands for itself, and any text may stand there.
_AS_WRITTEN = TEXTS - BASE64 - {"windash", "expand"} | {"re", "cidr"} | LISTS | frozenset(FLAGS)
_NOT_SELECTIONS = {"condition", "rules"}

Path = tuple[str | int, ...]


@dataclass(frozen=True, slots=True)
class Placeholders:
    """What ``%name%`` stands for under ``expand``: texts of Sigma, each one possible value.

    ``wild``: a name without values stands for any text (a pipeline says so).
    """

    values: Mapping[str, Sequence[str]] = field(default_factory=dict)
    wild: bool = False

    def get(self, name: str) -> Sequence[str] | None:
        """The values of a name; None where nobody gave it any."""
        found = self.values.get(name)
        return ("*",) if found is None and self.wild else found


class RefusedError(Exception):
    """A rule that must not reach pySigma; ``path`` leads to the place in the document."""

    def __init__(self, what: str, path: Path) -> None:
        self.path = path
        super().__init__(what)


@dataclass(frozen=True, slots=True)
class Vetted:
    """A section of detections ready for pySigma, and every mistake in it (with one, it must not run).

    ``patterns`` are the regular expressions by the token that stands in their place (see `regexes`).
    """

    section: dict[str, Any]
    mistakes: Sequence[RefusedError]
    patterns: Mapping[str, str]


def vet(section: Mapping[Any, Any], root: str, placeholders: Placeholders) -> Vetted:
    """Check the ``detection`` (or ``filter``) section that stands under the key ``root``."""
    work = _Vetting(placeholders)
    others = _NOT_SELECTIONS if root == "filter" else {"condition"}
    done = {
        str(name): body if name in others else work.selection(body, (root, str(name)))
        for name, body in section.items()
        if name != "timeframe"  # of old aggregations; pySigma would take it for keywords, and `them` for one of them
    }
    return Vetted(done, work.mistakes, work.patterns)


class _Vetting:
    def __init__(self, placeholders: Placeholders) -> None:
        self.placeholders = placeholders
        self.mistakes: list[RefusedError] = []
        self.patterns: dict[str, str] = {}
        self.values = 0
        self.size = 0
        self.full = False

    def selection(self, body: Any, path: Path) -> Any:
        """A map of fields, a list of maps or keywords, or one keyword."""
        if self.full:
            return body
        if isinstance(body, dict):
            return dict(self._pairs(body, path))
        if isinstance(body, list):
            return [
                self.selection(item, (*path, number))
                if isinstance(item, dict | list)
                else self._keyword(item, (*path, number))
                for number, item in enumerate(body)
            ]
        return self._keyword(body, path)

    def _keyword(self, value: Any, path: Path) -> Any:
        self._count(1, len(str(value)), path)
        return value

    def _pairs(self, body: Mapping[Any, Any], path: Path) -> Iterator[tuple[str, Any]]:
        for raw, value in body.items():
            key = "" if raw is None else str(raw)
            name, *chain = key.split("|")
            place = (*path, key)
            if chain and (why := objection(tuple(chain), keyword=not name)):
                self.mistakes.append(RefusedError(f"{key}: {why}", place))
                yield key, value
                continue
            if isinstance(value, dict):
                self.mistakes.append(
                    RefusedError(_("{key} の値に「項目: 値」の組は書けません。").format(key=key), place)
                )
                yield key, value
                continue
            values = self._values(value, chain, place)
            yield "|".join([name, *in_order(chain)]), self._tokens(values) if "re" in chain else values

    def _values(self, value: Any, chain: Sequence[str], path: Path) -> Any:
        items = value if isinstance(value, list) else [value]
        if _AS_WRITTEN.issuperset(chain) and all(isinstance(item, str) for item in items):
            self._count(len(items), sum(map(len, items)), path)
            return value
        if not isinstance(value, list):
            found = self._value(value, chain, path)
            return found[0] if len(found) == 1 else found
        return [one for number, item in enumerate(value) for one in self._value(item, chain, (*path, number))]

    def _tokens(self, values: Any) -> Any:
        if isinstance(values, list):
            return [self._tokens(value) for value in values]
        token = f"re2-{len(self.patterns)}"
        self.patterns[token] = str(values)
        return token

    def _value(self, value: Any, chain: Sequence[str], path: Path) -> list[Any]:
        """The values that one value stands for."""
        if self.full:
            return [value]
        if why := _wrong_kind(value, chain):
            self.mistakes.append(RefusedError(f"{'|'.join(chain)}: {why}", path))
            return [value]
        texts = [value]
        if "expand" in chain:
            expanded = self._expanded(value, path, regex="re" in chain)
            if expanded is None:
                return [value]
            texts = expanded
        for text in texts:
            spellings = self._spellings(text, chain)
            if spellings > MAX_SPELLINGS:
                what = _(
                    "「{value}」は windash で {count:,} 通りになります(上限 {limit:,})。ダッシュを減らしてください。"
                )
                shown = str(text)[:80]
                self.mistakes.append(RefusedError(what.format(value=shown, count=spellings, limit=MAX_SPELLINGS), path))
                return [value]
            self._count(spellings, spellings * len(str(text)), path)
        return texts

    def _spellings(self, text: Any, chain: Sequence[str]) -> int:
        if not isinstance(text, str):
            return 1
        dashes = len(_DASH.findall(text)) if "windash" in chain else 0
        return int(DASHES**dashes) * (3 if "base64offset" in chain else 1)

    def _expanded(self, text: str, path: Path, *, regex: bool) -> list[str] | None:
        """The text with every combination of its placeholders' values; None where that was a mistake."""
        pieces = _PLACEHOLDER.split(text)
        names = pieces[2::3]
        literals = [before + slashes for before, slashes in zip(pieces[::3], [*pieces[1::3], ""], strict=True)]
        lists = []
        for name in names:
            values = self.placeholders.get(name)
            if not values:
                self.mistakes.append(RefusedError(undefined(name), path))
                return None
            lists.append([_as_regex(one) for one in values] if regex else values)
        count = 1
        for values in lists:
            count *= len(values)
        if count > MAX_VALUES:
            what = _(
                "プレースホルダの組み合わせが {count:,} 通りになります(上限 {limit:,})。値の一覧を減らしてください。"
            )
            self.mistakes.append(RefusedError(what.format(count=count, limit=MAX_VALUES), path))
            return None
        literals = [literal.replace(r"\%", "%") for literal in literals]
        return ["".join(_woven(literals, chosen)) for chosen in product(*lists)]

    def _count(self, count: int, size: int, path: Path) -> None:
        self.values += count
        self.size += size
        if self.values > MAX_VALUES:
            self._stop(_("値が多すぎます(上限 {limit:,} 個)。ルールを分けてください。").format(limit=MAX_VALUES), path)
        elif self.size > MAX_SIZE:
            what = _("値が長すぎます(全部で {limit} MiB まで)。ルールを分けてください。")
            self._stop(what.format(limit=MAX_SIZE >> 20), path)

    def _stop(self, what: str, path: Path) -> None:
        """The rule is too large: nothing more is looked at, and this is said once."""
        if not self.full:
            self.full = True
            self.mistakes.append(RefusedError(what, path))


def undefined(name: str) -> str:
    """What is said of a placeholder without values."""
    text = _(
        "プレースホルダ %{name}% の値が決まっていません。"
        "rules/placeholders.yml か secops.toml の [rules.placeholders] に「{name}」の値の一覧を書いてください。"
    )
    return text.format(name=name)


def _woven(literals: Sequence[str], values: Sequence[str]) -> Iterator[str]:
    for literal, value in zip(literals, values, strict=False):
        yield literal
        yield value
    yield literals[-1]


def _as_regex(text: str) -> str:
    """A text of Sigma as a regular expression."""
    parts = []
    last = 0
    for found in _WILD.finditer(text):
        parts.append(re.escape(text[last : found.start()]))
        word = found[0]
        parts.append(re.escape(word[1:]) if len(word) == 2 else ".*" if word == "*" else ".")
        last = found.end()
    return "".join([*parts, re.escape(text[last:])])


def _wrong_kind(value: Any, chain: Sequence[str]) -> str:
    """Why a value cannot stand under a legal chain; empty where it can."""
    used = set(chain)
    if isinstance(value, dict | list):
        return _("値の一覧の中に、さらに一覧や組は書けません。")
    if "exists" in used:
        return "" if isinstance(value, bool) else _("値は true か false を書いてください。")
    if used & (COMPARISONS | TIME_PARTS):
        number = isinstance(value, int | float) and not isinstance(value, bool)
        return "" if number else _("値は数を(引用符なしで)書いてください。")
    if not used & (TEXTS | {"re", "cidr", "fieldref"}) or isinstance(value, str):
        return _wrong_text(value, used) if isinstance(value, str) else ""
    if value is None:
        return _("値がありません。項目がないことを調べるなら、修飾子なしで null と書いてください。")
    return _("値は文字列にしてください('{value}' のように引用符で囲みます)。").format(value=value)


def _wrong_text(text: str, used: set[str]) -> str:
    if used & (BASE64 | {"fieldref"}) and any(len(found[0]) == 1 for found in _WILD.finditer(text)):
        return _("値にワイルドカード(* と ?)は使えません。文字そのものなら \\* \\? と書いてください。")
    return ""
