"""Word files of others, opened by a child process (`apart`): documents, papers, templates; and Markdown."""

from __future__ import annotations

from pathlib import Path

import msgspec

from secops.errors import AuditError, NotFoundError, PolicyError, Problem
from secops.isms.audit.draft import Draft
from secops.isms.clauses.markdown import read_document
from secops.isms.clauses.model import Document
from secops.isms.clauses.word_file import read_word
from secops.isms.clauses.word_model import WordText
from secops.isms.clauses.word_package import MAX_FILE, Package
from secops.locale import _
from secops.report.papers.model import Order
from secops.report.papers.read_word import read_word as read_paper
from secops.report.papers.released import settle
from secops.report.papers.template import Filling, fill
from secops.wiring.apart import MEMORY, SECONDS, run_apart


def open_word(path: Path) -> WordText:
    """The text of a docx on disk.

    Raises:
        NotFoundError: no such file.
        PolicyError: it is no docx that can be read safely, with the reason.
    """
    if not path.is_file():
        raise NotFoundError(_("ファイルがありません: {paths}").format(paths=path))
    with path.open("rb") as file:
        return read_apart(str(path), file.read(MAX_FILE + 1))


def open_document(path: Path) -> Document:
    """A document of the ward in a Markdown file.

    Raises:
        NotFoundError: no such file.
        PolicyError: the file has mistakes.
    """
    if not path.is_file():
        raise NotFoundError(_("ファイルがありません: {paths}").format(paths=path))
    try:
        return read_document(str(path), path.read_bytes().decode("utf-8-sig"))
    except UnicodeDecodeError as error:
        what = _("UTF-8 ではありません({byte} バイト目)。UTF-8 で保存し直してください。")
        raise PolicyError([Problem(f"{path}:1", what.format(byte=error.start + 1))]) from None


def read_apart(name: str, data: bytes, *, memory: int = MEMORY, seconds: int = SECONDS) -> WordText:
    """`read_word` in a child with limits of memory and time; ``name`` stands in what is said of the file.

    Raises:
        PolicyError: it is no docx that can be read safely, with the reason.
    """
    answer = run_apart(_read, name, data, error=PolicyError, memory=memory, seconds=seconds)
    return msgspec.json.decode(answer, type=WordText)


def _read(name: str, data: bytes) -> bytes:
    return msgspec.json.encode(read_word(name, data))


def settle_apart(
    name: str, data: bytes, order: Order, year: int, *, memory: int = MEMORY, seconds: int = SECONDS
) -> bytes:
    """`settle` in a child with the same limits: an edited paper as it is issued.

    Raises:
        AuditError: it is another paper, none of ours, or cannot be read safely.
    """
    return run_apart(_settle, name, data, order, year, error=AuditError, memory=memory, seconds=seconds)


def _settle(name: str, data: bytes, order: Order, year: int) -> bytes:
    Package(name, data)  # how much it unpacks to, before anything does
    return settle(name, data, order, year)


def paper_apart(name: str, data: bytes, *, memory: int = MEMORY, seconds: int = SECONDS) -> Draft:
    """A paper as the linter reads it, read in a child with the same limits.

    Raises:
        AuditError: it is no docx that can be read safely, with the reason.
    """
    answer = run_apart(_paper, name, data, error=AuditError, memory=memory, seconds=seconds)
    return msgspec.json.decode(answer, type=Draft)


def _paper(name: str, data: bytes) -> bytes:
    Package(name, data)
    return msgspec.json.encode(read_paper(name, data))


def fill_apart(name: str, data: bytes, given: Filling, *, memory: int = MEMORY, seconds: int = SECONDS) -> bytes:
    """`fill` in a child with the same limits: a template of the ward's own, filled in.

    Raises:
        AuditError: mistakes in the template with their places, or that it took too much.
    """
    return run_apart(_fill, name, data, given, error=AuditError, memory=memory, seconds=seconds)


def _fill(name: str, data: bytes, given: Filling) -> bytes:
    Package(name, data)
    return fill(name, data, given)
