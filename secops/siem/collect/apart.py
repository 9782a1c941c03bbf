"""EVTX files and archives are read by a child process with limits: a hostile file ends the child, not the collector.

The child reads one file after the other and sends what it found through a pipe, which holds it back while nobody takes
it. What comes from it is decoded here as plain data and never unpickled: a child that was taken over can lie about its
file, and no more. Plain text needs no child.
"""

from __future__ import annotations

import json
import multiprocessing
import signal
import struct
import sys
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import asdict
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any, Self

from secops.errors import Problem
from secops.locale import _
from secops.siem.collect.containers import container_at
from secops.siem.collect.recognise import Guess
from secops.siem.collect.whole import Chunk, Item, Member, Wanted, read_whole
from secops.siem.ports import Origin

MEMORY = 1 << 30  # bytes a child may take
SECONDS = 60  # of processor time for a file, and
SECONDS_A_MEGABYTE = 30  # as much again for each: unpacked it may be some hundred times as large
_CHUNK, _MEMBER, _PROBLEM, _PROGRESS, _FAILED, _END = b"C", b"M", b"P", b"+", b"E", b"."
_HEAD = struct.Struct("<II")  # how long the description is, and how many records follow

Progress = Callable[[int], None]


class Apart:
    """A reader of whole files that keeps EVTX and archives out of this process; the child starts with the first one."""

    def __init__(self, memory: int = MEMORY, seconds: int = SECONDS) -> None:
        self._memory = memory
        self._seconds = seconds
        self._child: Any = None
        self._pipe: Connection | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_error: object) -> None:
        self.close()

    def read(self, path: Path, wanted: Wanted, progress: Progress = lambda _count: None) -> Iterator[Item]:
        """As `read_whole`; where the child dies, what it had read and then a `Problem`."""
        if container_at(str(path)) is None:
            yield from read_whole(path, wanted, progress)
            return
        pipe = self._pipe or self._start()
        finished = False
        try:
            with suppress(OSError):  # it died meanwhile, which the first answer tells
                pipe.send((str(path), wanted))
            while (message := _received(pipe)) and message[:1] != _END:
                if message[:1] == _PROGRESS:
                    progress(int(message[1:]))
                else:
                    yield _item(message)
            finished = bool(message)
            if not finished:
                yield Problem(str(path), self._last_words())
        finally:
            if not finished and self._pipe is pipe:  # dead, or amid a file that nobody wants any more
                self.close()

    def close(self) -> None:
        """End the child."""
        if self._pipe is not None:
            self._pipe.close()
            self._child.kill()
            self._child.join()
            self._child.close()
            self._pipe = None

    def _start(self) -> Connection:
        # A new program, not a copy of this one: it holds no open file, key or thread of the collector.
        context = multiprocessing.get_context("spawn")
        self._pipe, theirs = context.Pipe()
        self._child = context.Process(target=_serve, args=(theirs, self._memory, self._seconds), daemon=True)
        self._child.start()
        theirs.close()
        return self._pipe

    def _last_words(self) -> str:
        self._child.join()
        if sys.platform != "win32" and self._child.exitcode == -signal.SIGXCPU:
            reason = _("処理時間の上限を超えました")
        else:
            reason = _("解析の処理が止まりました。終了コード {code}").format(code=self._child.exitcode)
        text = _("安全に読めないファイルです({reason})。読めた分は取り込みました。ファイルの出所を確認してください。")
        return text.format(reason=reason)


def _received(pipe: Connection) -> bytes:
    """The next message, empty where the child is dead."""
    try:
        return pipe.recv_bytes()
    except (EOFError, OSError):
        return b""


def _item(message: bytes) -> Item:
    """What a message of the child says."""
    kind = message[:1]
    length, count = _HEAD.unpack_from(message, 1)
    start = 1 + _HEAD.size
    value = json.loads(message[start : start + length])
    if kind == _FAILED:
        raise OSError(value["errno"], value["strerror"], value["filename"])
    if kind == _PROBLEM:
        return Problem(value["where"], value["what"])
    if kind == _MEMBER:
        return Member(value["path"], Guess(**value["guess"]))
    at = start + length + 4 * count
    records = []
    for size in struct.unpack_from(f"<{count}I", message, start + length):
        records.append(message[at : at + size])
        at += size
    return Chunk(Origin(**value), records)


# ----------------------------------------------------------------------------------------------------------- the child


def _serve(pipe: Connection, memory: int, seconds: int) -> None:
    """Read the files that are asked for until the collector hangs up."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is the collector's to hear; it hangs up
    limit_memory(memory)
    try:
        while True:
            name, wanted = pipe.recv()
            _send_file(pipe, Path(name), wanted, seconds)
            pipe.send_bytes(_END)
    except (EOFError, ConnectionError):
        return


def _send_file(pipe: Connection, path: Path, wanted: Wanted, seconds: int) -> None:
    def progress(count: int) -> None:
        pipe.send_bytes(_PROGRESS + str(count).encode())

    try:
        limit_time(seconds + SECONDS_A_MEGABYTE * (path.stat().st_size >> 20))
        for item in read_whole(path, wanted, progress):
            pipe.send_bytes(_message(item))
    except ConnectionError:
        raise
    except OSError as error:
        said = {"errno": error.errno, "strerror": error.strerror, "filename": error.filename}
        pipe.send_bytes(_framed(_FAILED, said))
    except MemoryError:
        what = _("メモリの上限を超えました。読めた分は取り込みました。ファイルの出所を確認してください。")
        pipe.send_bytes(_framed(_PROBLEM, {"where": str(path), "what": what}))


def _message(item: Item) -> bytes:
    if isinstance(item, Chunk):
        return _framed(_CHUNK, asdict(item.origin), item.records)
    return _framed(_MEMBER if isinstance(item, Member) else _PROBLEM, asdict(item))


def _framed(kind: bytes, value: dict[str, Any], records: list[bytes] | None = None) -> bytes:
    records = records or []
    text = json.dumps(value).encode()
    lengths = struct.pack(f"<{len(records)}I", *map(len, records))
    return b"".join([kind, _HEAD.pack(len(text), len(records)), text, lengths, *records])


def limit_memory(memory: int) -> None:
    """The system refuses this process more memory than that (not on Windows)."""
    if sys.platform != "win32":
        import resource

        resource.setrlimit(resource.RLIMIT_DATA, (memory, memory))


def limit_time(seconds: int) -> None:
    """The system ends this process when it has computed for so long from now on (not on Windows)."""
    if sys.platform != "win32":
        import resource

        used = resource.getrusage(resource.RUSAGE_SELF)
        hard = resource.getrlimit(resource.RLIMIT_CPU)[1]
        resource.setrlimit(resource.RLIMIT_CPU, (int(used.ru_utime + used.ru_stime) + 1 + seconds, hard))
