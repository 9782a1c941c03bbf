"""Format, encoding and layout of a file from its first bytes."""

from __future__ import annotations

import json

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from secops.schema.names import FORMATS
from secops.siem.collect.recognise import encoding_of, is_header, of_message, recognise

NXLOG = {"EventID": 4688, "Channel": "Security", "Hostname": "PC1", "NewProcessName": "C:\\a.exe"}
WINLOGBEAT = {"@timestamp": "2026-04-01T00:00:00Z", "winlog": {"event_id": 4688, "channel": "Security"}}
NESTED = {"Event": {"System": {"EventID": 1, "Channel": "x"}, "EventData": {}}}
SKYSEA = "発生日時,端末機名,ログオンユーザー名,操作,内容\n2026/04/01 09:00:00,PC-001,山田太郎,コピー,住民一覧.xlsx\n"
FORTI = 'date=2026-04-01 time=09:00:00 devname="FG1" devid="FGT60" logid="0000000013" type="traffic" srcip=10.1.1.1\n'
SQUID = "1775001600.123    45 10.1.2.3 TCP_MISS/200 1234 GET http://example.jp/ - HIER_DIRECT/203.0.113.1 text/html\n"


@pytest.mark.parametrize(
    ("text", "name", "format", "layout"),
    [
        (json.dumps(NXLOG) + "\n", "a.json", "windows_json", "lines"),
        (json.dumps(WINLOGBEAT) + "\n", "a.ndjson", "windows_json", "lines"),
        (json.dumps(NESTED) + "\n" + json.dumps(NESTED) + "\n", "a", "windows_json", "lines"),
        (json.dumps([NXLOG, NXLOG]), "a.json", "windows_json", "documents"),
        (json.dumps(NESTED, indent=2), "a.json", "windows_json", "documents"),
        ('{"level":"info","msg":"x"}\n', "a.json", "json", "lines"),
        ("<34>Oct 11 22:14:15 host su: failed\n", "a", "syslog", "lines"),
        ("Oct 11 22:14:15 host sshd[1]: Failed password\n", "auth.log", "syslog", "lines"),
        ("2026-04-01T09:00:00.1+09:00 host sshd[1]: Failed\n", "auth.log", "syslog", "lines"),
        (FORTI, "fw.log", "fortigate", "lines"),
        ("<189>" + FORTI, "fw.log", "fortigate", "lines"),
        ("Oct 11 22:14:15 fw1 " + FORTI, "fw.log", "fortigate", "lines"),
        (SQUID * 3, "access.log", "squid", "lines"),
        (SKYSEA, "ops.csv", "skysea_csv", "rows"),
        ("id,name,value\n1,a,b\n2,c,d\n", "x.csv", "csv", "rows"),
        ("just some words\nand more\n", "x.log", "text", "lines"),
    ],
)
def test_formats(text: str, name: str, format: str, layout: str):
    guess = recognise(text.encode(), name)
    assert (guess.format, guess.layout) == (format, layout)
    assert guess.format in FORMATS
    assert guess.reason


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "cp932", "euc_jp", "utf-16", "utf-16-le", "utf-16-be"])
def test_encodings(encoding: str):
    guess = recognise(SKYSEA.encode(encoding), "ops.csv")
    assert guess.encoding == {"utf-8-sig": "utf-8", "utf-16": "utf-16-le"}.get(encoding, encoding)
    assert guess.format == "skysea_csv"


def test_half_width_katakana_is_cp932_and_ascii_is_utf_8():
    assert encoding_of("ﾌｧｲﾙ ｺﾋﾟｰ 完了しました".encode("cp932")) == "cp932"
    assert encoding_of(b"plain ascii") == "utf-8"
    assert encoding_of("住民".encode()[:-1]) == "utf-8"  # the sample ends within a character
    assert encoding_of("正しい文字\n".encode() * 50 + b"\xff\xfe bad\n") == "utf-8"


KANA = st.text(
    st.sampled_from(
        "あいうかきくけこがぎさしすせそたちってとなにのはひへほまみもやゆよらりるれろをんアイウエオカキクケコガサシジスタッテトナニノバファプマムユラリルレログンー。、"
    ),
    min_size=1,
    max_size=12,
)
KANJI = st.text(
    st.sampled_from("端末操作管理者住民基本台帳東京都新宿区情報政策課失敗成功業務日時山田太郎"), min_size=1, max_size=8
)
ASCII = st.one_of(
    st.sampled_from(
        ["2026-04-01 09:00:00", "PC-001", "C:\\Windows\\x.exe", "10.1.2.3", "00000000", "A0B0C0D0", '{"a":1}', "<b>"]
    ),
    st.text(st.characters(min_codepoint=0x20, max_codepoint=0x7E), min_size=1, max_size=12),
)


def lines_of(*words: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    line = st.lists(st.one_of(*words), min_size=1, max_size=8).map(" ".join)
    ends = st.sampled_from(["\n", "\r\n"])
    return st.tuples(st.lists(line, min_size=1, max_size=20), ends).map(lambda one: "".join(x + one[1] for x in one[0]))


JAPANESE, MIXED, WESTERN = lines_of(KANA, KANA, KANJI), lines_of(KANA, KANJI, ASCII), lines_of(ASCII)


@given(st.one_of(JAPANESE, MIXED, WESTERN), st.sampled_from(["utf-16-le", "utf-16-be"]))
@example("ログ\n", "utf-16-le")
@example("失敗しました\r\n", "utf-16-be")
@example("a\r\n", "utf-16-be")
def test_lines_in_utf_16_need_no_mark(text: str, encoding: str):
    assert encoding_of(text.encode(encoding)) == encoding


@given(st.one_of(JAPANESE, MIXED), st.sampled_from(["utf-16-le", "utf-16-be"]), st.integers(0, 7))
def test_where_the_sample_ends_does_not_matter(text: str, encoding: str, cut: int):
    assert encoding_of((text * 9).encode(encoding)[: -cut or None]) == encoding


@given(st.one_of(JAPANESE, MIXED), st.sampled_from(["utf-8", "cp932", "euc_jp"]), st.booleans())
@example('{,管理者,",A0B0C0D0', "cp932", False)
@example("住民,00000000,10203040\n", "cp932", True)
def test_nothing_else_is_taken_for_utf_16(text: str, encoding: str, zeros: bool):
    assert "16" not in encoding_of(text.encode(encoding) + bytes(512) * zeros)


@given(WESTERN, st.integers(2, 600))
def test_zeros_in_ascii_do_not_make_it_utf_16(text: str, count: int):
    assert encoding_of(bytes(count) + text.encode() * 3 + bytes(count)) == "utf-8"
    assert encoding_of(text.encode().replace(b"\n", b"\n\0") + b"a long line of letters behind it\n" * 9) == "utf-8"


@given(st.one_of(JAPANESE, MIXED), st.integers(1, 40))
def test_a_log_in_utf_16_that_lost_power_is_still_one(text: str, count: int):
    assert encoding_of(f"ログ\n{text}".encode("utf-16-le") + bytes(512 * count)) == "utf-16-le"


def test_evtx_by_its_magic():
    assert recognise(b"ElfFile\x00rest").layout == "evtx"


def test_a_header_names_columns():
    assert is_header("発生日時,端末機名,操作")
    assert not is_header("2026/04/01,PC1,copy")
    assert not is_header("a,,b")


@pytest.mark.parametrize(
    ("message", "format"),
    [
        (b"<34>Oct 11 22:14:15 h su: x", "syslog"),
        (b"<189>" + FORTI.encode(), "fortigate"),
        (b'{"EventID":1,"Channel":"x"}', "windows_json"),
        (b'{"a":1}', "json"),
    ],
)
def test_what_devices_send_over_syslog(message: bytes, format: str):
    assert of_message(message) == format


@pytest.mark.parametrize(
    "rubbish", [b"", b"\x00" * 100, b"{", b"[", b"[{", b'{"' * 1000, b"\xff" * 99, b'"' * 99, b"[[1]]"]
)
def test_rubbish_is_never_an_error(rubbish: bytes):
    assert recognise(rubbish).format in FORMATS


def test_a_few_western_characters_in_utf8_are_not_taken_for_japanese():
    line = '{"winlog":{"event_data":{"Product":"Microsoft® Windows® Operating System"}}}\n'.encode()
    assert encoding_of(line * 3) == "utf-8"
    assert encoding_of((line * 3)[: line.index("®".encode()) + 1]) == "utf-8"
