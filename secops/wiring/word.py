"""Word files are read by a child process with limits: a hostile file ends the child, not the program.

What comes back is decoded as plain data and never unpickled: a child that was taken over can lie about its file, and no
more.
"""

from __future__ import annotations

import multiprocessing
import signal
from collections.abc import Callable
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

import msgspec

from secops.errors import AuditError, InputError, NotFoundError, PolicyError, Problem
from secops.isms.clauses.markdown import read_document
from secops.isms.clauses.model import Document
from secops.isms.clauses.word_file import read_word
from secops.isms.clauses.word_model import WordText
from secops.isms.clauses.word_package import MAX_FILE, Package
from secops.locale import _
from secops.report.papers.model import Order
from secops.report.papers.released import settle
from secops.siem.collect.apart import limit_memory, limit_time

MEMORY = 1 << 30  # bytes the child may take
SECONDS = 60  # of processor time, and
WAIT = 120  # of time in all
_TEXT, _PROBLEMS = b"T", b"P"


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
    kind, answer = _ask(_serve, name, data, memory, seconds)
    if kind == _TEXT:
        return msgspec.json.decode(answer, type=WordText)
    raise PolicyError(_problems(kind, answer, name))


def settle_apart(
    name: str, data: bytes, order: Order, year: int, *, memory: int = MEMORY, seconds: int = SECONDS
) -> bytes:
    """`settle` in a child with the same limits: an edited paper as it is issued.

    Raises:
        AuditError: it is another paper, none of ours, or cannot be read safely.
    """
    try:
        Package(name, data)  # how much it unpacks to, before anything does
    except PolicyError as error:
        raise AuditError(error.problems) from None
    kind, answer = _ask(_serve_paper, name, data, memory, seconds, order, year)
    if kind == _TEXT:
        return answer
    raise AuditError(_problems(kind, answer, name))


def _problems(kind: bytes, answer: bytes, name: str) -> list[Problem]:
    if kind == _PROBLEMS:
        return msgspec.json.decode(answer, type=list[Problem])
    what = _(
        "安全に読めないファイルです(読む処理が上限の時間かメモリを超えたか、止まりました)。ファイルの出所を確認してください。"
    )
    return [Problem(name, what)]


def _ask(target: Callable[..., None], name: str, data: bytes, *more: Any) -> tuple[bytes, bytes]:
    """What a child answers, by its first byte; nothing where it did not."""
    context = multiprocessing.get_context("spawn")  # a new program: it holds no open file, key or thread of this one
    ours, theirs = context.Pipe()
    child = context.Process(target=target, args=(theirs, name, *more), daemon=True)
    child.start()
    theirs.close()
    try:
        ours.send_bytes(data)
        answer = ours.recv_bytes() if ours.poll(WAIT) else b""
    except (EOFError, OSError):
        answer = b""
    finally:
        ours.close()
        child.kill()
        child.join()
        child.close()
    return answer[:1], answer[1:]


def _serve(pipe: Connection, name: str, memory: int, seconds: int) -> None:
    """The child: read one file, send what it says."""
    _answer(pipe, memory, seconds, lambda data: msgspec.json.encode(read_word(name, data)))


def _serve_paper(pipe: Connection, name: str, memory: int, seconds: int, order: Order, year: int) -> None:
    """The child: settle one paper."""
    _answer(pipe, memory, seconds, lambda data: settle(name, data, order, year))


def _answer(pipe: Connection, memory: int, seconds: int, work: Callable[[bytes], bytes]) -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is the parent's to hear
    data = pipe.recv_bytes()
    limit_memory(memory)
    limit_time(seconds)
    try:
        answer = _TEXT + work(data)
    except InputError as error:
        answer = _PROBLEMS + msgspec.json.encode(error.problems)
    pipe.send_bytes(answer)
