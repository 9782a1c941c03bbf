"""What kind of log is this? Format, encoding and layout of a file from its first bytes.

The answers are names of normalizers; the reason is said to the user, who can name another format.
"""

from __future__ import annotations

import codecs
import csv
import json
import re
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

from secops.locale import _
from secops.siem.collect.containers import EVTX_MAGIC
from secops.siem.collect.documents import WRAPPER
from secops.siem.collect.lines import byte_order_mark

SAMPLE = 64 << 10  # bytes that are enough to tell
CSV_FORMATS = frozenset({"csv", "skysea_csv"})

Layout = Literal["lines", "rows", "documents", "evtx"]


@dataclass(frozen=True, slots=True)
class Guess:
    """A format (a normalizer's name), an encoding (a Python codec) and how records follow each other.

    ``sure`` is False where nothing speaks for the format but that nothing speaks for another.
    """

    format: str
    encoding: str
    reason: str
    layout: Layout = "lines"
    sure: bool = True


_FORTIGATE = re.compile(r'(?:^|[\s>])(?:logid|log_id)="?\d+.*\btype="?\w|\bdevname=.*\bdevid=')
_SYSLOG = re.compile(
    r"(?:<\d{1,3}>|[A-Z][a-z]{2} [ \d]\d \d\d:\d\d:\d\d \S|\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\S* \S+ [^\s:]+(?:\[\d+\])?: )"
)
_SQUID = re.compile(r"\d{9,10}\.\d{3} +-?\d+ \S+ [A-Z_]+/\d{3} \d+ [A-Z]+ ")
_KANA = re.compile("[\u3001\u3002\u3041-\u30fe]")
_ZEROS = re.compile("\0\0+")
_WITNESSES = 0.05, 0.125  # parts of all characters; what is valid UTF-8 needs more
_GOOD = 0.7  # likelihood of text in an encoding that is surely right
_BLANK = "\0 \t\r\n\f\v"  # zeros: what a machine that lost power leaves in a file
_HEADING = re.compile(r"Record \d+\s*(?=\{)")  # evtx_dump
_SKYSEA_WORDS = ("端末", "コンピュータ", "ログオン", "操作", "ログ種別", "発生日時", "ユーザー", "クライアント")


def recognise(sample: bytes, name: str = "") -> Guess:
    """The best guess for a file of this name that begins so (up to `SAMPLE` bytes)."""
    if sample.startswith(EVTX_MAGIC):
        return Guess("windows_json", "utf-8", _("先頭が EVTX(Windows イベントログ)の印です"), "evtx")
    encoding = encoding_of(sample)
    text = decode(sample, encoding)
    lines = _complete_lines(text, len(sample) >= SAMPLE)
    if guess := _json(text, lines, encoding):
        return guess
    checks: tuple[tuple[str, Callable[[str], object], str], ...] = (
        ("fortigate", _FORTIGATE.search, _("FortiGate の logid= または devid= があります")),
        ("squid", _SQUID.match, _("Squid のアクセスログの並びです")),
        ("syslog", _SYSLOG.match, _("行の先頭が syslog の優先度または日時です")),
    )
    for format, matches, reason in checks:
        if lines and sum(1 for line in lines if matches(line)) * 2 > len(lines):
            return Guess(format, encoding, reason)
    if guess := _csv(lines, encoding, name):
        return guess
    return Guess("text", encoding, _("知られた形式に当てはまりません"), sure=False)


def is_no_evtx(sample: bytes, name: str) -> bool:
    """Whether a file that is not empty is named .evtx and is neither EVTX nor any other log that is known."""
    return bool(sample) and name.lower().endswith(".evtx") and not recognise(sample, name).sure


def of_message(message: bytes) -> str:
    """The format of one syslog message: what devices send over syslog is not always syslog inside."""
    if message[:1] == b"{":
        return "windows_json" if b'"EventID"' in message or b'"winlog"' in message else "json"
    if b"logid=" in message or (b"devname=" in message and b"devid=" in message):
        return "fortigate"
    return "syslog"


# ------------------------------------------------------------------------------------------------------------ encoding


def encoding_of(sample: bytes) -> str:
    """The encoding by byte order mark, then by what makes the text most like what people write."""
    if marked := byte_order_mark(sample):
        return marked[0]
    narrow = _narrow(sample)
    if b"\0" not in sample and narrow == "utf-8":
        return narrow
    return _wide(sample, narrow) or narrow


def _narrow(sample: bytes) -> str:
    """The encoding of a sample that is not UTF-16: UTF-8, CP932 or EUC-JP."""
    if _is_utf8(sample):
        return "utf-8"
    scores = {name: _score(sample, name) for name in ("utf-8", "cp932", "euc_jp")}
    return max(scores, key=lambda name: scores[name])


def _is_utf8(sample: bytes) -> bool:
    """Whether the sample is valid UTF-8 (ASCII too): text of the other encodings hardly ever is, by chance."""
    try:
        codecs.getincrementaldecoder("utf-8")().decode(sample)
    except UnicodeDecodeError:
        return False
    return True


def _wide(sample: bytes, narrow: str) -> str | None:
    """UTF-16 without a mark, if the text is then more likely than in the encoding that was found else.

    Letters read two by two are kanji as well, so there must be witnesses: ASCII characters, which have a byte of zero,
    or kana, which have one of 0x30. ``abc`` with some zeros in between, or in front of a stretch of them, has none.
    """
    best, found = _likelihood(decode(sample, narrow)), None
    if b"\0" not in sample and best > _GOOD:
        return None
    fewest = _WITNESSES[narrow == "utf-8"]
    for name in ("utf-16-le", "utf-16-be"):
        text = decode(sample, name).replace("\0", "")
        western, kana = sum(map(str.isascii, text)), len(_KANA.findall(text))
        is_told = western if narrow == "utf-8" else western or kana > 1
        if is_told and western + kana >= fewest * len(text) and (likely := _likelihood(text)) > best:
            best, found = likely, name
    return found


def _likelihood(text: str) -> float:
    """How much a character is like what people write in Japan, on average. Stretches of zeros are no text."""
    text = _ZEROS.sub("", text)
    return sum(_likely(one) * count for one, count in Counter(text).items()) / max(len(text), 1)


def _likely(character: str) -> float:
    if character.isascii():
        return 1.0 if character.isprintable() or character in "\t\r\n" else -8.0
    if "\u3030" <= character <= "\u303f":  # pairs of digits in ASCII; nobody writes them
        return -4.0
    return _weight(character) if character < "\u3400" or character > "\u4dff" else -4.0


def _score(sample: bytes, encoding: str) -> float:
    """How much the decoded text looks like what people write: kana and kanji speak for it, rubbish against it.

    EUC-JP read as CP932 gives half-width katakana, and CP932 read as EUC-JP gives invalid sequences. UTF-8 gets here
    only with broken sequences in it.
    """
    text = decode(sample, encoding)
    if text.isascii():
        return 0.0
    score = 0.0
    for character in text:
        if character >= "\x80":
            score += _weight(character)
    return score * (2 if encoding == "utf-8" and score > 0 else 1)


def _weight(character: str) -> float:
    code = ord(character)
    if code == 0xFFFD:
        return -8.0
    if 0x3040 <= code <= 0x30FF:
        return 2.0
    if 0x4E00 <= code <= 0x9FFF or 0xFF01 <= code <= 0xFF5E or 0x3000 <= code <= 0x303F:
        return 1.0
    if 0xFF61 <= code <= 0xFF9F:
        return -1.0
    return -4.0 if 0xE000 <= code <= 0xF8FF or 0x80 <= code <= 0x9F else 0.1


def decode(sample: bytes, encoding: str) -> str:
    """The sample as text, without a byte order mark and without a character cut off at its end."""
    text = codecs.getincrementaldecoder(encoding)(errors="replace").decode(sample)
    return text.removeprefix("\ufeff")


# -------------------------------------------------------------------------------------------------------------- format


def _complete_lines(text: str, is_part: bool) -> list[str]:
    """Up to 50 lines that are not blank; a last line that the sample cuts off is left out."""
    lines = text.split("\n")
    if is_part and len(lines) > 1:
        lines.pop()
    return [line.rstrip("\r") for line in lines if line.strip(_BLANK)][:50]


def _json(text: str, lines: list[str], encoding: str) -> Guess | None:
    begin = text.lstrip(_BLANK)
    start = _HEADING.sub("", begin, count=1)
    if not lines or start[:1] not in {"{", "["}:
        return None
    if start[0] == "[" and start[1:].lstrip()[:1] not in {"{", "]"}:
        return None
    wrapped = WRAPPER.match(start[:4096].encode("utf-8", "replace"))
    first = start[wrapped.end() :].lstrip() if wrapped else start[1:].lstrip() if start[0] == "[" else start
    layout: Layout = "documents" if wrapped or start[0] == "[" or start != begin else "lines"
    try:
        document, end = json.JSONDecoder(strict=False).raw_decode(first)
        if layout == "lines" and ("\n" in first[:end] or first[end:].lstrip(" \t").startswith("{")):
            layout = "documents"
    except (ValueError, RecursionError):
        document = None
        if layout == "lines" and (lines[0].strip() == "{" or not any(map(_is_json, lines[: min(5, len(lines))]))):
            layout = "documents" if len(lines) > 1 else "lines"
    head = first[: len(lines[0])] if document is None and layout == "lines" else first[:8192]
    windows = is_windows(document) if isinstance(document, dict) else '"EventID"' in head or '"winlog"' in head
    if windows:
        return Guess("windows_json", encoding, _("Windows イベントの JSON です(EventID・Channel など)"), layout)
    return Guess("json", encoding, _("JSON です"), layout)


def _is_json(line: str) -> bool:
    try:
        json.loads(line, strict=False)
    except (ValueError, RecursionError):
        return False
    return True


def is_windows(document: dict[str, object]) -> bool:
    """Whether a JSON object is shaped like a Windows event: winlogbeat, NXLog (flat) or evtx_dump (nested)."""
    event = document.get("Event")
    if isinstance(event, dict):
        return "System" in event
    if "winlog" in document:
        return True
    return "EventID" in document and any(
        key in document for key in ("Channel", "SourceName", "ProviderGuid", "Provider_Name", "Hostname", "Computer")
    )


def _csv(lines: list[str], encoding: str, name: str) -> Guess | None:
    if not lines:
        return None
    try:
        rows = list(csv.reader(lines))
    except csv.Error:
        return None
    width = len(rows[0])
    same = sum(1 for row in rows if len(row) == width)
    named = name.lower().removesuffix(".gz").endswith(".csv")
    if width < (2 if named else 3) or same * 10 < len(rows) * 8 or (len(rows) < 2 and not named):
        return None
    if is_header(lines[0]) and sum(word in lines[0] for word in _SKYSEA_WORDS) >= 2:
        return Guess("skysea_csv", encoding, _("見出し行が端末操作ログ(CSV)の項目です"), "rows")
    if named or is_header(lines[0]):
        return Guess("csv", encoding, _("列の数がそろった CSV です"), "rows")
    return None


def is_header(row: str) -> bool:
    """Whether a CSV row names columns: several different cells, none empty, none beginning like a value."""
    try:
        cells = next(csv.reader([row]), [])
    except csv.Error:
        return False
    names = [cell.strip().lstrip("#\ufeff") for cell in cells]
    value = re.compile(r"[\d+\-./\\{<]")
    return len(names) > 1 and len(set(names)) == len(names) and all(n and not value.match(n) for n in names)
