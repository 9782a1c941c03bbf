"""A book as one JSON file: reports of a round can be made on a machine that has no records of it.

    {"format": "secops-book-1", "ward": "〇〇区", "year": 2026, "plan": {…}, "papers": [{…}], "findings": [{…}], …}

Scores are not in the file: they are counted again from its workpapers by the rules it carries, so that nobody can hand
over numbers that its papers do not yield. Fields are those of `secops.isms.audit.round` and `workpaper`; verdicts,
kinds and states are their code words; days are ISO 8601.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import fields, is_dataclass
from datetime import date, datetime
from enum import Enum
from functools import cache
from typing import Any

from pydantic import ConfigDict, TypeAdapter, ValidationError
from pydantic.dataclasses import dataclass

from secops.errors import AuditError, Problem
from secops.isms.audit.book import Ledger, make_book
from secops.isms.audit.model import Catalogue
from secops.isms.audit.round import Book, EvidenceSheet, Finding, Plan, Visit, YearGrade
from secops.isms.audit.rules import ScoringRules
from secops.isms.audit.workpaper import Workpaper
from secops.isms.edge import problems
from secops.locale import _

FORMAT = "secops-book-1"
MAX_BYTES = 200 * 1024 * 1024
_COUNTED = {"declared", "confirmed", "rules", "answers", "feet"}


@dataclass(frozen=True, config=ConfigDict(extra="forbid"))
class _File:
    format: str
    ward: str
    year: int
    plan: Plan
    catalogue: Catalogue
    rules: ScoringRules
    papers: tuple[Workpaper, ...]
    findings: tuple[Finding, ...]
    names: Mapping[str, str]
    divisions: Mapping[str, str]
    systems: Mapping[str, str]
    clause_titles: Mapping[str, str]
    sheets: tuple[EvidenceSheet, ...] = ()
    history: tuple[YearGrade, ...] = ()
    earlier: tuple[Finding, ...] = ()
    progress: Mapping[str, tuple[int, int]] | None = None
    terms: Mapping[str, str] | None = None
    visits: tuple[Visit, ...] = ()
    excluded: tuple[str, ...] = ()


@cache
def _adapter() -> TypeAdapter[_File]:
    return TypeAdapter(_File)


def write_book(ledger: Ledger) -> str:
    """The file's text; the same book gives the same text."""
    book = ledger.book
    said = {one.name: _plain(getattr(book, one.name)) for one in fields(Book) if one.name not in _COUNTED}
    whole = {"format": FORMAT, **said, "rules": _plain(ledger.rules)}
    return json.dumps(whole, ensure_ascii=False, indent=1, sort_keys=True) + "\n"


def _plain(value: Any) -> Any:
    if isinstance(value, Enum):
        return value.value
    if isinstance(value, datetime | date):
        return value.isoformat()
    if is_dataclass(value) and not isinstance(value, type):
        return {one.name: _plain(getattr(value, one.name)) for one in fields(value)}
    if isinstance(value, Mapping):
        return {str(_plain(key)): _plain(part) for key, part in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(one) for one in value]
    return value if isinstance(value, str | int | float | bool | None) else str(value)


def read_book(path: str, text: str) -> Ledger:
    """The book in a file's text, scored anew.

    Raises:
        AuditError: no JSON, another format, a wrong or unknown field, an item that was judged twice.
    """
    if len(text) > MAX_BYTES:
        raise AuditError([Problem(path, _("ファイルが大きすぎます。"))])
    try:
        value = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise AuditError([Problem(path, _("JSON として読めません: {error}").format(error=error))]) from None
    if not isinstance(value, dict) or value.get("format") != FORMAT:
        what = _("監査の帳簿(Book)のファイルではありません(format が「{format}」のものを指定してください)。")
        raise AuditError([Problem(path, what.format(format=FORMAT))])
    try:
        read = _adapter().validate_python(value)
    except ValidationError as error:
        raise AuditError(problems([dict(one) for one in error.errors()], lambda _loc: f"{path}:")) from None
    given = {one.name: getattr(read, one.name) for one in fields(_File) if one.name not in {"format", "rules"}}
    given["progress"], given["terms"] = read.progress or {}, read.terms or {}
    return Ledger(make_book(rules=read.rules, **given), read.rules)
