"""Office files are read by a child process with limits: a hostile file ends the child, not the program.

What comes back is decoded as plain data and never unpickled: a child that was taken over can lie about its file, and no
more.
"""

from __future__ import annotations

import multiprocessing
import signal
from collections.abc import Callable, Sequence
from multiprocessing.connection import Connection
from typing import Any

import msgspec

from secops.errors import InputError, InventoryError, Problem
from secops.locale import _, language, use_language
from secops.org.workbook import LIMITS, Fault, Limits, Sheet, is_workbook, open_sheets
from secops.siem.collect.apart import limit_memory, limit_time

MEMORY = 1 << 30  # bytes the child may take
SECONDS = 60  # of processor time, and
WAIT = 120  # of time in all
_DONE, _PROBLEMS = b"T", b"P"


def run_apart(
    task: Callable[..., bytes],
    name: str,
    data: bytes,
    *more: Any,
    error: type[InputError],
    memory: int = MEMORY,
    seconds: int = SECONDS,
) -> bytes:
    """What ``task(name, data, *more)`` answers in a child; ``name`` stands in what is said of the file.

    Raises:
        InputError: (of the kind ``error``) what the task says of the file, or that it ended the child.
    """
    context = multiprocessing.get_context("spawn")  # a new program: it holds no open file, key or thread of this one
    ours, theirs = context.Pipe()
    child = context.Process(target=_serve, args=(theirs, task, name, more, memory, seconds, language()), daemon=True)
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
    if answer[:1] == _DONE:
        return answer[1:]
    if answer[:1] == _PROBLEMS:
        raise error(msgspec.json.decode(answer[1:], type=list[Problem]))
    what = _(
        "安全に読めないファイルです(読む処理が上限の時間かメモリを超えたか、止まりました)。ファイルの出所を確認してください。"
    )
    raise error([Problem(name, what)])


def _serve(
    pipe: Connection,
    task: Callable[..., bytes],
    name: str,
    more: Sequence[Any],
    memory: int,
    seconds: int,
    spoken: str,
) -> None:
    """The child: read one file, send what it says, in the language of who asked."""
    use_language(spoken)
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is the parent's to hear
    data = pipe.recv_bytes()
    limit_memory(memory)
    limit_time(seconds)
    try:
        answer = _DONE + task(name, data, *more)
    except InputError as error:
        answer = _PROBLEMS + msgspec.json.encode(error.problems)
    pipe.send_bytes(answer)


# ----------------------------------------------------------------------------------------------------------- workbooks


def sheets_apart(
    name: str, data: bytes, limits: Limits = LIMITS, *, memory: int = MEMORY, seconds: int = SECONDS
) -> list[Sheet]:
    """`open_sheets` in a child.

    Raises:
        InventoryError: no workbook that can be read safely, with the reason.
    """
    if not is_workbook(data) or len(data) > limits.packed:
        return open_sheets(data, name, limits)  # which is refused by its first bytes
    answer = run_apart(_sheets, name, data, limits, error=InventoryError, memory=memory, seconds=seconds)
    return [one.sheet() for one in msgspec.json.decode(answer, type=list[_Told])]


class _Told(msgspec.Struct):
    """A sheet on its way; ``faults`` are (row, column) of texts that say why a cell has no value."""

    name: str
    rows: list[tuple[int, list[str]]]
    merged: list[str]
    hidden: bool
    faults: list[tuple[int, int]]

    def sheet(self) -> Sheet:
        """The sheet that it tells of."""
        for row, column in self.faults:
            cells = self.rows[row][1]
            cells[column] = Fault(cells[column])
        rows = tuple((number, tuple(cells)) for number, cells in self.rows)
        return Sheet(self.name, rows, tuple(self.merged), self.hidden)


def _sheets(name: str, data: bytes, limits: Limits) -> bytes:
    return msgspec.json.encode([_told(one) for one in open_sheets(data, name, limits)])


def _told(sheet: Sheet) -> _Told:
    faults = [
        (row, column)
        for row, (_number, cells) in enumerate(sheet.rows)
        for column, text in enumerate(cells)
        if isinstance(text, Fault)
    ]
    rows = [(number, [str(text) for text in cells]) for number, cells in sheet.rows]
    return _Told(sheet.name, rows, list(sheet.merged), sheet.hidden, faults)
