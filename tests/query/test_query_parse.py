from __future__ import annotations

import contextlib
from datetime import UTC, datetime

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from secops.errors import QueryError
from secops.query.parse import parse
from secops.query.tree import All, And, Between, Exists, Like, Not, Or, Term, Text, Wild

NOW = datetime(2026, 11, 23, 3, 0, tzinfo=UTC)
ANY = Wild(many=True)
ONE = Wild(many=False)

READ = {
    "": All(),
    "*": All(),
    "*:*": All(),
    "a b": And((Text("a"), Text("b"))),
    "a AND b OR c": Or((And((Text("a"), Text("b"))), Text("c"))),
    "-a +b": And((Not(Text("a")), Text("b"))),
    "NOT (a OR b)": Not(Or((Text("a"), Text("b")))),
    '"部署 一覧"': Text("部署 一覧"),
    "*.ps1": Text(".ps1"),
    "process.name:PowerShell.exe": Term("process.name", "PowerShell.exe"),
    "process.name:(a OR b* -c)": Or(
        (
            Term("process.name", "a"),
            And((Like("process.name", ("b", ANY)), Not(Term("process.name", "c")))),
        )
    ),
    r"file.path:a\*b?c": Like("file.path", ("a*b", ONE, "c")),
    'file.path:"a*b"': Term("file.path", "a*b"),
    r"file.path:C:\Windows\x.exe": Term("file.path", r"C:\Windows\x.exe"),
    r'file.path:"C:\Windows\x.exe"': Term("file.path", r"C:\Windows\x.exe"),
    r'file.path:"\\\\nas\\x"': Term("file.path", r"\\nas\x"),
    "file.path:**x**": Like("file.path", (ANY, "x", ANY)),
    "_exists_:user.name": Exists("user.name"),
    "user.name:*": Exists("user.name"),
    "destination.port:[1 TO 1023}": Between("destination.port", "1", "1023", high_inclusive=False),
    "destination.port:>=1024": Between("destination.port", "1024", None),
    "destination.port:-5": Term("destination.port", "-5"),
    "destination.port:４４３": Term("destination.port", "443"),
    "source.ip:10.0.0.0/8": Between("source.ip", "10.0.0.0", "10.255.255.255"),
    "source.ip:10.1.*": Between("source.ip", "10.1.0.0", "10.1.255.255"),
    'source.ip:"FE80::0:1"': Term("source.ip", "fe80::1"),
    "event.created:2026-11-23": Between(
        "event.created", "2026-11-22T15:00:00+00:00", "2026-11-23T15:00:00+00:00", high_inclusive=False
    ),
    "event.created:{2026-11-22 TO 2026-11-23]": Between(
        "event.created", "2026-11-22T15:00:00+00:00", "2026-11-23T15:00:00+00:00", high_inclusive=False
    ),
    "event.created:>=24h": Between("event.created", "2026-11-22T03:00:00+00:00", None),
    "event.created:2026-11-23T02:04:00+09:00": Between(
        "event.created", "2026-11-22T17:04:00+00:00", "2026-11-22T17:04:01+00:00", high_inclusive=False
    ),
    "winlog.event_data.Image:x": Or((Term("process.executable", "x"), Term("winlog.event_data.Image", "x"))),
    r"winlog.event_data.Data\ 1:x": Term("winlog.event_data.Data 1", "x"),
}


@pytest.mark.parametrize("text", READ)
def test_what_is_typed_becomes_a_tree(text):
    assert parse(text, NOW) == READ[text]


REFUSED = {
    "(a": "3 文字目",
    "a)": "2 文字目",
    "a OR": "5 文字目",
    "x AND AND": "7 文字目",
    'x "unt': '閉じる引用符 "',
    "a or b": "OR(大文字)",
    "a && b": "AND(大文字)",
    "x~": "あいまい検索",
    'a:"x y"~2': "近接検索",
    "x^2": "重み",
    "1~.": "~ と ^ は使えません",
    "a AND b^.": "~ と ^ は使えません",
    "a:/re/": "正規表現",
    "po*er": "ワイルドカード",
    '""': "引用符の中",
    "[1 TO 2]": "項目名",
    "a:[* TO *]": "a:*",
    "a:[x TO y]": "文字列には大小がありません",
    "source.ip:[10.0.0.1 TO fe80\\:\\:1]": "IPv4 と IPv6",
    "source.ip:1*": "10.1.*",
    "source.ip:host": "IP アドレス",
    "destination.port:https": "数値",
    "destination.port:4*": "ワイルドカード",
    "event.created:yesterday": "日時",
    "labels.off_hours:maybe": "true か false",
    "f*:x": "項目名",
    "a:" + "x*" * 11: "10 個まで",
    "x" * 10_001: "10000 文字まで",
    "a " * 600: "500 個まで",
    "(" * 3000 + "a" + ")" * 3000: "24 段まで",
    "NOT " * 2400 + "a": "24 段まで",
    "-" * 3000 + "a": "24 段まで",
    "a:(" * 2000 + "b" + ")" * 2000: "引用符で囲んだ値",
    "b:" * 3000 + "(a)": "引用符で囲んだ値",
}


@pytest.mark.parametrize("text", REFUSED, ids=lambda text: text[:30])
def test_what_cannot_be_read_is_said_with_a_reason(text):
    with pytest.raises(QueryError) as error:
        parse(text, NOW)
    assert REFUSED[text] in str(error.value)
    assert len(str(error.value)) < 300


@settings(max_examples=300, deadline=None)
@given(st.text(alphabet='ab:*?"\\()[]{}<>=~^/-+! ANDORTO.1日', max_size=40))
def test_any_text_is_read_or_refused(text):
    with contextlib.suppress(QueryError):
        parse(text, NOW)
