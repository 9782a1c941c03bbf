"""Windows event log files → one JSON record per event."""

from __future__ import annotations

from collections.abc import Iterator
from typing import IO, Any

import evtx


def events(file: IO[bytes]) -> Iterator[bytes | Exception]:
    """The events as JSON bytes; an event that cannot be read is its error, and the next one follows."""
    parser: Any = evtx.PyEvtxParser(file, number_of_threads=1)
    found = iter(parser.records_json())
    while True:
        try:
            yield next(found)["data"].encode("utf-8", "surrogatepass")
        except StopIteration:
            return
        except RuntimeError as error:
            yield error


def expectation(file: IO[bytes]) -> tuple[int, str]:
    r"""How many records the headers announce, and what is wrong with the file's size ("" if nothing).

    Layout: [MS-EVEN6] and libevtx: a 4096-byte header with the chunk count at 42, then chunks of 65,536 bytes beginning
    with ``ElfChnk\0`` and the first and last record number at 8 and 16.
    """
    file.seek(0, 2)
    size = file.tell()
    file.seek(0)
    header = file.read(128)
    chunks = int.from_bytes(header[42:44], "little")
    records = 0
    for index in range((size - 4096 + 65535) // 65536 if size > 4096 else 0):
        file.seek(4096 + index * 65536)
        chunk = file.read(24)
        if chunk[:8] == b"ElfChnk\x00":
            first, last = (int.from_bytes(chunk[at : at + 8], "little") for at in (8, 16))
            if 0 < first <= last < first + 65536:
                records += last - first + 1
    there = max(size - 4096, 0) // 65536
    if there < chunks:
        return records, f"{there} of {chunks} chunks"
    return records, ""
