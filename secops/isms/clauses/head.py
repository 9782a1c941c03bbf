"""The head (front matter) of a document: what it is, whose it is, and its history."""

from __future__ import annotations

import unicodedata
from dataclasses import dataclass
from datetime import date
from typing import Annotated, Any, Literal

import yaml
from pydantic import AfterValidator, Field, ValidationError

from secops.errors import Problem
from secops.isms.clauses.model import Document, DocumentKind, Event, Numbering, Statutory
from secops.isms.edge import NAME, Strict, problems
from secops.isms.places import Document as Yaml
from secops.isms.places import Unreadable
from secops.locale import _

FENCE = "---"
MAX_ID = 100
_NEVER = {"Cc", "Cs", "Zl", "Zp"}  # control characters, halves of characters, other ends of a line


def forbidden(text: str) -> str:
    """The first character that no document may hold (a tab may), or an empty string."""
    return next((one for one in text if one != "\t" and unicodedata.category(one) in _NEVER), "")


def one_line(text: str) -> str:
    """A heading or name as it is kept: without spaces around it, on one line."""
    return " ".join(part.strip() for part in text.split("\n")).strip()


def _line(text: str) -> str:
    if not text.strip() or "\t" in text or forbidden(text):
        raise ValueError(_("空でない一行で書いてください(制御文字は使えません)"))
    return text.strip()


def check_id(text: str) -> str:
    """An id of a document or clause, as it stands in files, addresses and OSCAL.

    Raises:
        ValueError: it has another form.
    """
    if len(text) > MAX_ID or not NAME.fullmatch(text):
        what = _("{limit} 字までの小文字の英数字を . - _ でつないで書いてください(例: taisaku-a12)")
        raise ValueError(what.format(limit=MAX_ID))
    return text


_Line = Annotated[str, AfterValidator(_line)]
_Id = Annotated[str, AfterValidator(check_id)]


class _Event(Strict):
    day: date
    what: _Line


class _Statutory(Strict):
    body: _Line
    published_at: _Line | None = None
    published_on: date | None = None


class _Head(Strict):
    id: _Id
    title: _Line
    kind: Literal["basic_policy", "control_standard", "procedure", "plan", "register", "other"]
    numbering: Literal["articles", "numbers", "dashes", "report"] = "articles"
    owner: _Line | None = None
    review: date | None = None
    public: bool = False
    history: list[_Event] = Field(default_factory=list)
    statutory: list[_Statutory] = Field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Head:
    """The head as fields of a document, and the number of lines before what follows it."""

    fields: dict[str, Any]
    lines: int


def read_head(path: str, lines: list[str]) -> tuple[Head, list[Problem]]:
    """The front matter at the top of the lines of a file; with mistakes, what can be said of it, and all of them."""
    end = next((at for at, line in enumerate(lines[1:], 1) if line.rstrip() == FENCE), None)
    if not lines or lines[0].rstrip() != FENCE or end is None:
        what = _("文書の頭書きがありません。1 行目と終わりの行を {fence} とし、id、title、kind などを書いてください。")
        return Head({}, 0), [Problem(f"{path}:1", what.format(fence=FENCE))]
    try:
        text = Yaml(path, "\n".join(lines[:end]))
        head = _Head.model_validate(text.value if text.value is not None else {})
    except Unreadable as error:
        return Head({}, end + 1), list(error.problems)
    except ValidationError as error:
        return Head({}, end + 1), problems([dict(one) for one in error.errors()], text.where)
    return Head(_fields(head), end + 1), []


def _fields(head: _Head) -> dict[str, Any]:
    return {
        "id": head.id,
        "title": head.title,
        "kind": DocumentKind(head.kind),
        "numbering": Numbering(head.numbering),
        "owner": head.owner or "",
        "review": head.review,
        "public": head.public,
        "history": tuple(Event(one.day, one.what) for one in head.history),
        "statutory": tuple(Statutory(one.body, one.published_at or "", one.published_on) for one in head.statutory),
    }


def write_head(document: Document) -> str:
    """The front matter of a document, fences included."""
    said: dict[str, Any] = {
        "id": document.id,
        "title": one_line(document.title),
        "kind": document.kind.value,
        "numbering": document.numbering.value,
        "owner": one_line(document.owner),
        "review": document.review,
        "public": document.public,
        "history": [{"day": one.day, "what": one_line(one.what)} for one in document.history],
        "statutory": [_stated(one) for one in document.statutory],
    }
    kept = {key: value for key, value in said.items() if value not in ("", None, [])}
    text = yaml.safe_dump(kept, allow_unicode=True, sort_keys=False, width=10**6)
    return f"{FENCE}\n{text}{FENCE}\n"


def _stated(one: Statutory) -> dict[str, Any]:
    said = {"body": one_line(one.body), "published_at": one_line(one.published_at), "published_on": one.published_on}
    return {key: value for key, value in said.items() if value not in ("", None)}
