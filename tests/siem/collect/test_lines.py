"""Bytes → records: lines, CSV rows, UTF-16, overlong lines; the same records however the bytes are cut."""

from __future__ import annotations

import tracemalloc

import pytest
from hypothesis import given
from hypothesis import strategies as st

from secops.siem.collect.lines import MAX_RECORD, MAX_ROW, LineSplitter, Piece, split_wide

ENCODINGS = ["utf-8", "cp932", "euc_jp", "utf-16-le", "utf-16-be"]


def everything(splitter: LineSplitter, data: bytes, cuts: list[int]) -> list[Piece]:
    """Feed data in chunks of these sizes, over and over."""
    pieces: list[Piece] = []
    start = turn = 0
    while start < len(data):
        size = cuts[turn % len(cuts)]
        pieces += splitter.feed(data[start : start + size])
        start += size
        turn += 1
    return pieces + splitter.finish()


def records(pieces: list[Piece]) -> list[bytes]:
    return [record for piece in pieces for record in piece.records]


@pytest.mark.parametrize("encoding", ENCODINGS)
def test_japanese_lines_come_back_in_every_encoding(encoding: str):
    texts = ["表示・能力・ソース", "区民課 山田 \x00 終", "ー〜"[:1] + "一行", "plain"]
    data = "\r\n".join([*texts, ""]).encode(encoding)
    for size in (1, 2, 3, 7, 1000):
        assert [one.decode(encoding) for one in records(everything(LineSplitter(encoding), data, [size]))] == texts


def test_a_gurmukhi_letter_before_an_ideographic_space_is_no_newline_in_utf_16():
    text = "\u0a41\u3000後"  # 41 0A 00 30 … : the bytes of a newline at an odd offset
    assert split_wide((text + "\n次").encode("utf-16-le"), b"\n\x00") == [
        text.encode("utf-16-le"),
        "次".encode("utf-16-le"),
    ]


def test_blank_lines_are_no_records_and_a_last_line_without_newline_is_one():
    splitter = LineSplitter()
    assert splitter.feed(b"\n\r\none\n\ntw") == [Piece(0, [b"one"])]
    assert splitter.held == b"tw"
    assert splitter.offset == 8
    assert splitter.finish() == [Piece(8, [b"tw"])]


def test_invalid_bytes_and_nul_stay_as_they_are():
    assert records(LineSplitter().feed(b"a\x00b\xff\xfe\n\x80\n")) == [b"a\x00b\xff\xfe", b"\x80"]


def test_an_overlong_line_is_cut_into_parts_that_lose_nothing():
    line = "区".encode() * 900_000  # 2.7 MB, and no part may end within a character
    pieces = everything(LineSplitter(), b"before\n" + line + b"\nafter\n", [400_000])
    parts = [piece for piece in pieces if piece.note]
    assert [piece.note for piece in parts] == [f"part {n} of an overlong line" for n in (1, 2, 3)]
    assert b"".join(records(parts)) == line
    assert all(record.decode("utf-8") for record in records(parts))
    assert records([piece for piece in pieces if not piece.note]) == [b"before", b"after"]


def test_after_a_restart_the_rest_of_an_overlong_line_keeps_its_part_number():
    line = b"x" * (2 * MAX_RECORD + 10)
    first = LineSplitter()
    first.feed(line[: MAX_RECORD + 1])
    again = LineSplitter(offset=first.offset, part=first.part)
    pieces = again.feed(line[first.offset :] + b"\nnext\n")
    assert [piece.note for piece in pieces] == ["part 2 of an overlong line", "part 3 of an overlong line", None]


def test_a_line_of_100_mb_stays_flat_in_memory():
    splitter = LineSplitter()
    block = b"y" * (1 << 20)
    total = 0
    tracemalloc.start()
    for _ in range(100):
        total += sum(map(len, records(splitter.feed(block))))
    total += sum(map(len, records(splitter.feed(b"\n"))))
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert total == 100 << 20
    assert peak < 12 << 20


def test_csv_rows_keep_their_quoted_newlines():
    data = 'a,b\r\n1,"two\r\nlines, ""quoted"""\r\n3,"plain"\r\n'.encode("cp932")
    for size in (1, 5, 100):
        rows = records(everything(LineSplitter("cp932", rows=True), data, [size]))
        assert rows == [b"a,b", b'1,"two\r\nlines, ""quoted"""', b'3,"plain"']


def test_a_stray_quote_does_not_swallow_the_file():
    data = b'1,5" disk\n' + b"".join(b"%d,row\n" % n for n in range(2, 10_000))
    assert len(data) > MAX_ROW
    pieces = everything(LineSplitter(rows=True), data, [5000])
    assert len(records(pieces)) == 9999
    assert pieces[0].note == "unclosed quote"


@given(
    st.lists(st.text('aあ表"\n\r,ー', max_size=20), max_size=8),
    st.lists(st.integers(1, 30), min_size=1, max_size=5),
    st.sampled_from(ENCODINGS),
    st.booleans(),
)
def test_records_and_offsets_do_not_depend_on_how_the_bytes_are_cut(
    texts: list[str], cuts: list[int], encoding: str, rows: bool
):
    data = "\n".join(texts).encode(encoding)

    def cut(sizes: list[int]) -> list[tuple[bytes, str | None]]:
        pieces = everything(LineSplitter(encoding, rows=rows), data, sizes)
        return [(record, piece.note) for piece in pieces for record in piece.records]

    assert cut(cuts) == cut([len(data) + 1])


@given(st.lists(st.binary(max_size=30), max_size=10), st.integers(1, 40), st.integers(1, 40))
def test_going_on_at_any_checkpoint_gives_the_same_records(some: list[bytes], size: int, stop: int):
    data = b"\n".join(some)
    first = LineSplitter()
    got = records(first.feed(data[:size]))
    again = LineSplitter(offset=first.offset, part=first.part)
    got += records(again.feed(data[first.offset : stop] if stop > first.offset else b""))
    got += records(again.feed(data[max(stop, first.offset) :])) + records(again.finish())
    assert got == [line for line in (one.removesuffix(b"\r") for one in data.split(b"\n")) if line]
