"""Windows event log files from plain events: templates and substitutions, as Windows itself writes them.

Layout: [MS-EVEN6] (binary XML) and libevtx (file, chunk and record). What is not needed to be read back is left out:
the tables of strings and templates at the head of a chunk, which only save time, are empty.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from struct import pack
from zlib import crc32

CHUNK = 65_536
_FIRST = 512  # where the records of a chunk begin
_FILETIME = datetime(1601, 1, 1, tzinfo=UTC)
_FRAGMENT = b"\x0f\x01\x01\x00"
_NULL, _TEXT, _U8, _U16, _U32, _U64, _TIME, _HEX64 = 0x00, 0x01, 0x04, 0x06, 0x08, 0x0A, 0x11, 0x15


@dataclass(frozen=True)
class Event:
    """What an event says; ``data`` are the fields of its EventData."""

    channel: str
    code: int
    computer: str
    time: datetime
    provider: str = ""
    data: Mapping[str, str] = field(default_factory=dict)
    pid: int = 0
    keywords: int = 0x8000000000000000


def evtx(events: Iterable[Event]) -> bytes:
    """The bytes of a file with these events.

    Raises:
        ValueError: an event does not fit into a chunk.
    """
    chunks: list[bytes] = []
    chunk = _Chunk(1)
    number = 1
    for number, event in enumerate(events, 1):
        if not chunk.add(event, number):
            chunks.append(chunk.finished())
            chunk = _Chunk(number)
            if not chunk.add(event, number):
                raise ValueError(f"event {number} is larger than a chunk")
    chunks.append(chunk.finished())
    head = pack("<8sQQQIHHHH", b"ElfFile\0", 0, len(chunks) - 1, number + 1, 128, 1, 3, 4096, len(chunks))
    head = head.ljust(120, b"\0")
    return (head + pack("<II", 0, crc32(head))).ljust(4096, b"\0") + b"".join(chunks)


class _Chunk:
    """64 KiB of records with the names and templates that they share, each written where it is first used."""

    def __init__(self, first: int) -> None:
        self._first = self._last = first
        self._data = bytearray(_FIRST)
        self._last_record = _FIRST
        self._names: dict[str, int] = {}
        self._templates: dict[tuple[str, ...], int] = {}

    def add(self, event: Event, number: int) -> bool:
        """Append a record; False where it does not fit."""
        names, templates, start = dict(self._names), dict(self._templates), len(self._data)
        self._record(event, number)
        if len(self._data) > CHUNK:
            self._names, self._templates = names, templates
            del self._data[start:]
            return False
        self._last, self._last_record = number, start
        return True

    def finished(self) -> bytes:
        """The chunk, with its check sums."""
        end = len(self._data)
        numbers = pack("<QQQQ", self._first, self._last, self._first, self._last)
        places = pack("<IIII", 128, self._last_record, end, crc32(self._data[_FIRST:]))
        head = (b"ElfChnk\0" + numbers + places).ljust(120, b"\0")
        self._data[:120] = head
        self._data[124:128] = pack("<I", crc32(self._data[128:_FIRST], crc32(head)))
        return bytes(self._data).ljust(CHUNK, b"\0")

    def _record(self, event: Event, number: int) -> None:
        data, start = self._data, len(self._data)
        stamp = (event.time - _FILETIME) // timedelta(microseconds=1) * 10
        data += pack("<4sIQQ", b"**\0\0", 0, number, stamp) + _FRAGMENT
        shape = (event.provider, event.channel, *event.data)
        known = self._templates.get(shape)
        at = len(data) + 10  # behind this instance's own head
        data += pack("<BBII", 0x0C, 1, len(self._templates) + 1, known or at)
        if known is None:
            self._templates[shape] = at
            self._template(event)
        values = [
            (_U16, pack("<H", event.code)),
            (_TIME, pack("<Q", stamp)),
            (_U64, pack("<Q", number)),
            (_U32, pack("<I", event.pid)),
            (_HEX64, pack("<Q", event.keywords)),
            (_TEXT, event.computer.encode("utf-16-le")),
            *((_TEXT if text else _NULL, text.encode("utf-16-le", "replace")) for text in event.data.values()),
        ]
        data += pack("<I", len(values)) + b"".join(pack("<HBB", len(raw), kind, 0) for kind, raw in values)
        data += b"".join(raw for _kind, raw in values) + b"\0"
        size = len(data) - start + 4
        data[start + 4 : start + 8] = pack("<I", size)
        data += pack("<I", size)

    def _template(self, event: Event) -> None:
        data, start = self._data, len(self._data)
        data += pack("<I16sI", 0, len(self._templates).to_bytes(16, "little"), 0) + _FRAGMENT
        with _Element(self, "Event", {"xmlns": "http://schemas.microsoft.com/win/2004/08/events/event"}):
            with _Element(self, "System"):
                self._leaf("Provider", attributes={"Name": event.provider or event.channel})
                self._leaf("EventID", (0, _U16))
                self._leaf("Version", text="1")
                self._leaf("Level", text="4")
                self._leaf("Keywords", (4, _HEX64))
                self._leaf("TimeCreated", attributes={"SystemTime": (1, _TIME)})
                self._leaf("EventRecordID", (2, _U64))
                self._leaf("Execution", attributes={"ProcessID": (3, _U32), "ThreadID": (3, _U32)})
                self._leaf("Channel", text=event.channel)
                self._leaf("Computer", (5, _TEXT))
            with _Element(self, "EventData"):
                for place, name in enumerate(event.data, 6):
                    self._leaf("Data", (place, _TEXT), attributes={"Name": name})
        data += b"\0"
        data[start + 20 : start + 24] = pack("<I", len(data) - start - 24)

    def _leaf(
        self,
        name: str,
        value: tuple[int, int] | None = None,
        *,
        text: str = "",
        attributes: Mapping[str, str | tuple[int, int]] | None = None,
    ) -> None:
        with _Element(self, name, attributes):
            if value or text:
                self.value(value or text)

    def name(self, text: str) -> None:
        """Refer to a name; where it is new, it follows at once."""
        data, at = self._data, len(self._data) + 4
        known = self._names.setdefault(text, at)
        data += pack("<I", known)
        if known == at:
            data += pack("<IHH", 0, _hash(text), len(text)) + text.encode("utf-16-le") + b"\0\0"

    def value(self, value: str | tuple[int, int]) -> None:
        """A text, or the place and kind of what each record has there."""
        if isinstance(value, str):
            self._data += pack("<BBH", 0x05, _TEXT, len(value)) + value.encode("utf-16-le")
        else:
            self._data += pack("<BHB", 0x0E, *value)

    @property
    def data(self) -> bytearray:
        """The bytes so far."""
        return self._data


class _Element:
    """An element: its start, and at the end of the block its end, with the lengths filled in."""

    def __init__(self, chunk: _Chunk, name: str, attributes: Mapping[str, str | tuple[int, int]] | None = None) -> None:
        self._chunk = chunk
        self._name = name
        self._attributes = attributes or {}

    def __enter__(self) -> None:
        chunk, data = self._chunk, self._chunk.data
        data += pack("<BHI", 0x41 if self._attributes else 0x01, 0xFFFF, 0)
        self._start = len(data)
        chunk.name(self._name)
        if self._attributes:
            data += bytes(4)
            at = len(data)
            for (name, value), more in _with_more(self._attributes.items()):
                data.append(0x46 if more else 0x06)
                chunk.name(name)
                chunk.value(value)
            data[at - 4 : at] = pack("<I", len(data) - at)
        data.append(0x02)

    def __exit__(self, *_error: object) -> None:
        data = self._chunk.data
        data.append(0x04)
        data[self._start - 4 : self._start] = pack("<I", len(data) - self._start)


_Pair = tuple[str, str | tuple[int, int]]


def _with_more(pairs: Iterable[_Pair]) -> Iterator[tuple[_Pair, bool]]:
    """Each pair, and whether another follows."""
    for pair, following in pairwise([*pairs, None]):
        assert pair is not None
        yield pair, following is not None


def _hash(text: str) -> int:
    found = 0
    for character in text:
        found = (found * 65_599 + ord(character)) & 0xFFFFFFFF
    return found & 0xFFFF
