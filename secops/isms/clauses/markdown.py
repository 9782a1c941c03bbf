r"""A document of the ward as Markdown: a head, then clauses, each a heading with an anchor and the text below it.

    ---
    id: taisaku
    title: 〇〇区情報セキュリティ対策基準
    kind: control_standard
    ---
    What stands before the first clause.

    # 第1章 総則 {#taisaku-c1}

    ## 第1条 目的 {#taisaku-a1 implements=mic-2025-03-6.2 partly=mic-2025-03-6.1-8 owner=区民情報課 review=2027-03-31}

    この基準は、…

A heading has as many ``#`` as the clause is deep, its label (up to the first space), its title (may be missing), and
its attributes: the id first. ``-`` in place of the label: it has none. What must not be read that way is written with a
backslash: a space in a label, ``#`` or a backslash at the start of a line of text, a backslash in a heading, and in
attributes in quotes (``owner="…"``) also ``"``, ``{`` and ``}``.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator
from dataclasses import replace
from datetime import date
from itertools import groupby
from typing import Any

from secops.errors import PolicyError, Problem
from secops.isms.clauses.head import check_id, forbidden, one_line, read_head, write_head
from secops.isms.clauses.model import Clause, Document, Link, LinkKind
from secops.isms.edge import CLAUSE
from secops.locale import _

MAX_HEADING = 4000
MAX_DEPTH = 20
KEYS = ("implements", "partly", "owner", "review")
_HEADING = re.compile(r"(#+)(?:\s+(.*?))?\s*\{#((?:[^{}\\]|\\.)*)\}\s*")
_LABEL = re.compile(r"((?:[^\s\\]|\\.)+)\s*(.*)")
_ATTRIBUTE = re.compile(r'\s+([a-z]+)=("(?:[^"\\]|\\.)*"|[^\s"]+)')
_BARE = re.compile(r'[^\s"\\{}]+')
_UNESCAPE = re.compile(r"\\(.)")
_NO_LABEL = "-"


def tidy(text: str) -> str:
    """Text as a document keeps it: lines end with a newline alone and no spaces; no empty line first or last."""
    lines = [line.rstrip() for line in text.replace("\r\n", "\n").replace("\r", "\n").split("\n")]
    while lines and not lines[0]:
        del lines[0]
    while lines and not lines[-1]:
        del lines[-1]
    return "\n".join(lines)


def read_document(path: str, text: str) -> Document:
    """The document that a Markdown text says; its digest is that of the canonical form, not of the text as given.

    Raises:
        PolicyError: with every mistake of the text, each with ``path:line``.
    """
    lines = text.removeprefix("\ufeff").replace("\r\n", "\n").replace("\r", "\n").split("\n")
    wrong = [
        Problem(f"{path}:{number}", _("使えない文字があります(U+{code:04X})。消してください。").format(code=ord(found)))
        for number, line in enumerate(lines, 1)
        if (found := forbidden(line))
    ]
    if wrong:  # YAML would only say the same again, in its own words
        raise PolicyError(wrong)
    head, wrong = read_head(path, lines)
    reader = _Reader(path)
    preamble = reader.read(lines, head.lines)
    wrong += reader.wrong
    if not reader.clauses:
        what = _("条文がありません。「# 第1条 目的 {#id}」のような見出しを一つ以上書いてください。")
        wrong.append(Problem(f"{path}:{max(len(lines), 1)}", what))
    if wrong:
        raise PolicyError(wrong)
    document = Document(**head.fields, clauses=tuple(reader.clauses), preamble=preamble)
    return replace(document, digest=digest_of(write_document(document)))


def digest_of(canonical: str) -> str:
    """SHA-256 of a canonical text."""
    return hashlib.sha256(canonical.encode()).hexdigest()


class _Reader:
    """Reads the clauses of one file and gathers what is wrong with them."""

    def __init__(self, path: str) -> None:
        self.path = path
        self.wrong: list[Problem] = []
        self.clauses: list[Clause] = []
        self._first: dict[str, int] = {}
        self._above: list[str] = []

    def read(self, lines: list[str], start: int) -> str:
        """Read all clauses below the head; the answer is the text before the first."""
        preamble = ""
        clause: Clause | None = None
        text: list[str] = []
        begun = False
        for number, line in enumerate(lines[start:], start + 1):
            if not line.startswith("#"):
                text.append(_unescaped(line))
                continue
            if not begun:
                preamble = tidy("\n".join(text))
            self._close(clause, text)
            clause, text, begun = self._heading(number, line), [], True
        self._close(clause, text)
        return preamble if begun else tidy("\n".join(text))

    def _close(self, clause: Clause | None, text: list[str]) -> None:
        if clause:
            self.clauses.append(replace(clause, text=tidy("\n".join(text))))

    def _heading(self, number: int, line: str) -> Clause | None:
        match = _HEADING.fullmatch(line) if len(line) <= MAX_HEADING else None
        if match is None:
            if len(line) > MAX_HEADING:
                what = _("見出しが長すぎます({limit} 字まで)。").format(limit=MAX_HEADING)
            else:
                what = _(
                    "見出しの形ではありません。「## 第12条 アクセス制御 {#id}」のように、終わりに {#id} を"
                    "書いてください(文の行を # で始めるときは \\# と書きます)。"
                )
            self._say(number, what)
            return None
        label, title = _label_and_title(match[2] or "")
        depth = len(match[1])
        clause_id, fields = self._attributes(number, match[3])
        self._place(number, clause_id, depth)
        parent = self._above[depth - 2] if 1 < depth <= len(self._above) else ""
        return Clause(clause_id, label, depth, parent, title, where=f"{self.path}:{number}", **fields)

    def _place(self, number: int, clause_id: str, depth: int) -> None:
        """Check where in the tree a clause stands, and that its id is its own."""
        if depth > min(len(self._above) + 1, MAX_DEPTH):
            what = _("見出しが深すぎます(# が {found} 個)。上の見出しより 1 段だけ深く、{limit} 段までにしてください。")
            self._say(number, what.format(found=depth, limit=MAX_DEPTH))
        first = self._first.setdefault(clause_id, number)
        if first != number:
            what = _("番号「{id}」は {where} にもあります。").format(id=clause_id, where=f"{self.path}:{first}")
            self._say(number, what)
        del self._above[depth - 1 :]
        self._above += [clause_id] * (depth - len(self._above))

    def _attributes(self, number: int, text: str) -> tuple[str, dict[str, Any]]:
        clause_id = text.split(maxsplit=1)[0] if text.split() else ""
        try:
            check_id(clause_id)
        except ValueError as error:
            self._say(number, _("番号「{id}」は使えません: {why}").format(id=clause_id, why=error))
        rest = text[text.find(clause_id) + len(clause_id) :] if clause_id else ""
        fields: dict[str, Any] = {}
        links: list[Link] = []
        for key, value in self._pairs(number, rest.rstrip()):
            if key in ("implements", "partly"):
                links += self._links(number, LinkKind(key), value)
            elif key in fields:
                self._say(number, _("「{key}」が二度書かれています。").format(key=key))
            elif key == "owner":
                fields["owner"] = one_line(value)
            else:
                fields["review"] = self._day(number, value)
        for twice in sorted(
            {one.guideline for one in links if sum(two.guideline == one.guideline for two in links) > 1}
        ):
            self._say(number, _("同じものが二度書かれています: {twice}").format(twice=twice))
        return clause_id, {**fields, "links": tuple(links)}

    def _pairs(self, number: int, text: str) -> Iterator[tuple[str, str]]:
        at = 0
        while at < len(text):
            match = _ATTRIBUTE.match(text, at)
            if match is None or match[1] not in KEYS:
                what = _("「{found}」は読めません。書けるもの: {known}(例: implements=mic-2025-03-6.2)")
                self._say(number, what.format(found=text[at:].strip()[:60], known=", ".join(KEYS)))
                return
            value = match[2]
            yield match[1], _UNESCAPE.sub(r"\1", value[1:-1]) if value.startswith('"') else value
            at = match.end()

    def _links(self, number: int, kind: LinkKind, value: str) -> Iterator[Link]:
        for part in value.split(","):
            if CLAUSE.fullmatch(part):
                yield Link(part, kind)
            else:
                what = _("条項の番号は、版を付けて mic-2025-03-6.1-6 のように書いてください")
                self._say(number, _("{found!r} は使えません: {message}").format(found=part, message=what))

    def _day(self, number: int, value: str) -> date | None:
        try:
            return date.fromisoformat(value)
        except ValueError:
            what = _("「{found}」は日付ではありません。review=2027-03-31 のように書いてください。")
            self._say(number, what.format(found=value))
            return None

    def _say(self, number: int, what: str) -> None:
        self.wrong.append(Problem(f"{self.path}:{number}", what))


def _label_and_title(text: str) -> tuple[str, str]:
    match = _LABEL.fullmatch(text.strip())
    if match is None:
        return "", _UNESCAPE.sub(r"\1", text.strip())
    label = "" if match[1] == _NO_LABEL else _UNESCAPE.sub(r"\1", match[1])
    return label, _UNESCAPE.sub(r"\1", match[2])


def _unescaped(line: str) -> str:
    return line[1:] if line.startswith(("\\#", "\\\\")) else line


def write_document(document: Document) -> str:
    """The canonical text of a document: the same document always gives the same bytes."""
    parts = [write_head(document)]
    if preamble := _escaped(document.preamble):
        parts.append(f"{preamble}\n")
    for clause in document.clauses:
        parts.append(f"{_heading(clause)}\n")
        if text := _escaped(clause.text):
            parts.append(f"{text}\n")
    return "\n".join(parts)


def _heading(clause: Clause) -> str:
    label, title = one_line(clause.label), one_line(clause.title)
    written = re.sub(r"([\s\\])", r"\\\1", label)
    if written in ("", _NO_LABEL):
        written = f"\\{written}" if written else _NO_LABEL
    said = " ".join(filter(None, [written, title.replace("\\", "\\\\")]))
    return f"{'#' * clause.depth} {said} {{#{' '.join([clause.id, *_attributes(clause)])}}}"


def _attributes(clause: Clause) -> Iterator[str]:
    for kind, links in groupby(clause.links, key=lambda link: link.kind):
        yield f"{kind.value}={','.join(link.guideline for link in links)}"
    if owner := one_line(clause.owner):
        yield "owner=" + (owner if _BARE.fullmatch(owner) else '"' + re.sub(r'(["\\{}])', r"\\\1", owner) + '"')
    if clause.review:
        yield f"review={clause.review.isoformat()}"


def _escaped(text: str) -> str:
    return "\n".join(f"\\{line}" if line.startswith(("#", "\\")) else line for line in tidy(text).split("\n"))
