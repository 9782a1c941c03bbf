"""Which records may hold a keyword is told from their bytes, and never too few are."""

from __future__ import annotations

import json

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from secops.siem.detect.keywords import FOLDING_TO_ASCII, Finder
from secops.siem.detect.specs import fold, glob_spec
from secops.siem.ports import Part

WORDS = ["mimikatz", "sekurlsa::logon", "a/b c", "\\x.dll", "Kiwi", "ss", "日本", 'say "x"', "tab\there"]
PIECES = st.sampled_from([
    "mimikatz", "MIMIKATZ", "mimıkatz", "sekurlſa::LOGON", "sekurlsa", "::logon", "a/b", " c", "\\x.dll", "\\", "ﬁ",
    "\u212aiwi", "kiwi", "ß", "日", "本", "say", ' "x"', "tab", "\t", "here", "u0041", "\\u",
])  # fmt: skip
TEXT = st.lists(PIECES, max_size=4).map("".join)
CHANNELS = ["Security", "System"]


def finder(words, channel=None):
    specs = [glob_spec([None, word, None], cased=False) for word in words]
    return Finder([(lambda known: channel is None or known["winlog.channel"] == channel, specs)])


def part(count, channel="Security"):
    return Part(range(count), {}, {"winlog.channel": channel, "event.code": "1"})


@settings(suppress_health_check=[HealthCheck.too_slow], deadline=None)
@given(st.lists(st.sampled_from(WORDS), min_size=1, max_size=4, unique=True), st.lists(TEXT, max_size=6), st.booleans())
def test_every_record_with_a_keyword_is_found(words, texts, as_ascii):
    records = [json.dumps({"Channel": "Security", "Text": text}, ensure_ascii=as_ascii).encode() for text in texts]
    found = set(finder(words).rows(records, [part(len(records))]))
    holding = {row for row, text in enumerate(texts) if any(fold(word) in fold(text) for word in words)}
    assert holding <= found


def test_plain_records_without_one_are_not():
    records = [
        b'{"Text":"nothing"}',
        b'{"Text":"C:\\\\users\\\\mimi"}',
        b'{"Text":"MimiKatz"}',
        b'{"Text":"ctrl \\u0000"}',
    ]
    assert finder(["mimikatz", "sekurlsa::"]).rows(records, [part(4)]) == [2]


def test_slashes_may_be_escaped():
    assert finder(["ATK/x"]).rows([b'{"Text":"atk\\/x"}', b'{"Text":"atk-x"}'], [part(2)]) == [0]


def test_keywords_of_one_channel_are_looked_for_there():
    records = [b'{"Text":"mimikatz"}'] * 2
    only = finder(["mimikatz"], "System")
    assert only.rows(records, [part(2)]) == []
    assert only.rows(records, [Part([1], {}, {"winlog.channel": "System", "event.code": None})]) == [1]


def test_a_keyword_that_any_text_meets_asks_for_all():
    assert finder([""]).rows([b"{}", b"[]"], [part(2)]) == [0, 1]


def test_the_characters_that_fold_to_ascii_are_all_there():
    every = (chr(code) for code in range(128, 0x110000) if not 0xD800 <= code < 0xE000)
    assert "".join(char for char in every if any(part.isascii() for part in char.casefold())) == FOLDING_TO_ASCII
