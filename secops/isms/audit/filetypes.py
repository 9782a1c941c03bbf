"""Which files may be evidence: judged by their content, not by their name; nothing is ever unpacked as a whole.

An Office file is a zip: its list of contents is read, and of the contents only the short list of types, up to a limit.
What would grow beyond its limits is refused unopened, and so is what can act (macros, embedded programs).
"""

from __future__ import annotations

import io
import re
import zipfile

from secops.errors import UsageError
from secops.locale import _
from secops.schema.text import fold

MAX_FILE = 10 << 20  # bytes
KINDS = {
    "pdf": "application/pdf",
    "png": "image/png",
    "jpg": "image/jpeg",
    "docx": "application/vnd.openxmlformats-officedocument.wordprocessingml.document",
    "xlsx": "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
    "csv": "text/csv",
    "txt": "text/plain",
}
_MAIN = {"docx": "word/document.xml", "xlsx": "xl/workbook.xml"}
_TYPES = "[Content_Types].xml"
_MAX_PARTS, _MAX_UNPACKED, _MAX_TYPES = 5_000, 200 << 20, 1 << 20
_RATIO = 200  # bytes out for one in; drawings and sheets of real files reach some dozens
_ACTS = re.compile(
    r"(?i)vbaproject|vbadata|activex|/embeddings/.*\.(?:bin|exe|js|vbs|hta|cmd|bat|scr|msi|ps1|lnk)$|\.dll$"
)
_ENCODINGS = ("utf-8-sig", "cp932")


def judge_file(name: str, data: bytes) -> str:
    """The kind of a file: a key of `KINDS`.

    Raises:
        UsageError: too large, of no kind that is taken, with macros, or another kind than its name says.
    """
    ending = fold(name).rpartition(".")[2] if "." in name else ""
    ending = "jpg" if ending == "jpeg" else ending
    if not data:
        raise UsageError(_("{name}: 空のファイルです。").format(name=name))
    if len(data) > MAX_FILE:
        what = _("{name}: 大きすぎます({size:.1f} MB)。1 ファイルは {limit} MB までです。")
        raise UsageError(what.format(name=name, size=len(data) / 2**20, limit=MAX_FILE >> 20))
    found = _kind(name, data, ending)
    if found != ending:
        what = _("{name}: 名前の末尾(.{ending})と中身({found})が合いません。正しい形式で保存し直してください。")
        raise UsageError(what.format(name=name, ending=ending, found=found))
    return found


def _kind(name: str, data: bytes, ending: str) -> str:
    if data.startswith(b"%PDF-"):
        return "pdf"
    if data.startswith(b"\x89PNG\r\n\x1a\n"):
        return "png"
    if data.startswith(b"\xff\xd8\xff"):
        return "jpg"
    if data.startswith(b"PK"):
        return _office(name, data)
    if data.startswith(b"\xd0\xcf\x11\xe0"):
        what = _(
            "{name}: 古い形式か、パスワード付きの Office ファイルです。"
            "パスワードを外し、docx・xlsx・PDF で保存し直してください。"
        )
        raise UsageError(what.format(name=name))
    if ending in {"csv", "txt"} and _is_text(data):
        return ending
    what = _("{name}: 証拠にできない形式です。使えるもの: {kinds}")
    raise UsageError(what.format(name=name, kinds=", ".join(KINDS)))


def _office(name: str, data: bytes) -> str:
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            parts = archive.infolist()
            total = sum(part.file_size for part in parts)
            if len(parts) > _MAX_PARTS or total > min(_MAX_UNPACKED, max(len(data), 1 << 16) * _RATIO):
                what = _("{name}: 展開すると大きすぎるため、開かずに断りました({parts} 個、{size:.0f} MB)。")
                raise UsageError(what.format(name=name, parts=len(parts), size=total / 2**20))
            names = {part.filename for part in parts}
            kind = next((kind for kind, main in _MAIN.items() if main in names and _TYPES in names), "")
            if not kind:
                what = _("{name}: ZIP は証拠にできません。中のファイルを 1 つずつ追加してください。")
                raise UsageError(what.format(name=name))
            with archive.open(_TYPES) as types:
                said = types.read(_MAX_TYPES).decode("utf-8", "replace")
    except (zipfile.BadZipFile, NotImplementedError, RuntimeError, OSError, ValueError, EOFError) as error:
        what = _("{name}: ファイルが壊れています({error})。開いて保存し直してください。")
        raise UsageError(what.format(name=name, error=error)) from None
    if "macroenabled" in said.casefold() or any(_ACTS.search(one) for one in names):
        what = _("{name}: マクロ又はプログラムが含まれています。取り除いて保存し直すか、PDF にしてください。")
        raise UsageError(what.format(name=name))
    return kind


def _is_text(data: bytes) -> bool:
    if data.startswith((b"\xff\xfe", b"\xfe\xff")):
        return _decodes(data, "utf-16")
    return b"\0" not in data and any(_decodes(data, one) for one in _ENCODINGS)


def _decodes(data: bytes, encoding: str) -> bool:
    try:
        data.decode(encoding)
    except UnicodeDecodeError:
        return False
    return True
