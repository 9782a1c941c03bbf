"""TCP framing of syslog, RFC 6587: both methods, mixed, in any chunking, against hostile senders."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from secops.siem.collect.lines import MAX_RECORD, Piece
from secops.siem.collect.syslog_frames import FrameSplitter


def split(data: bytes, sizes: list[int]) -> list[tuple[bytes, str | None]]:
    splitter = FrameSplitter()
    pieces: list[Piece] = []
    start = turn = 0
    while start < len(data):
        pieces += splitter.feed(data[start : start + sizes[turn % len(sizes)]])
        start += sizes[turn % len(sizes)]
        turn += 1
    pieces += splitter.finish()
    return [(record, piece.note) for piece in pieces for record in piece.records]


MESSAGE = st.binary(max_size=40).map(lambda body: b"<34>" + body.rstrip(b"\r\n"))


@given(st.lists(st.tuples(MESSAGE, st.booleans()), max_size=8), st.lists(st.integers(1, 30), min_size=1, max_size=4))
def test_any_mix_of_framings_in_any_chunking_gives_the_messages(messages: list[tuple[bytes, bool]], sizes: list[int]):
    stream = b""
    sent: list[tuple[bytes, str | None]] = []
    for message, counted in messages:
        if counted:
            stream += b"%d %s" % (len(message), message)
            sent.append((message, None))
        else:
            line = message.replace(b"\n", b" ").rstrip(b"\r ")
            stream += line + b"\n"
            sent.append((line, None))
    assert split(stream, sizes) == sent


@given(st.binary(max_size=200), st.lists(st.integers(1, 30), min_size=1, max_size=4))
def test_rubbish_gives_the_same_records_in_any_chunking(rubbish: bytes, sizes: list[int]):
    assert split(rubbish, sizes) == split(rubbish, [1000])


def test_a_line_that_begins_with_digits_is_no_count():
    assert split(b"2026 was a good year\n12 apples\n", [3]) == [(b"2026 was a good year", None), (b"12 apples", None)]


def test_a_counted_frame_may_hold_newlines_and_end_with_one():
    assert split(b"10 <34>a\nb\nc\n\n<35>x\n", [4]) == [(b"<34>a\nb\nc", None), (b"<35>x", None)]


def test_a_hostile_count_is_not_believed_and_holds_no_memory():
    splitter = FrameSplitter()
    pieces = splitter.feed(b"9999999 <34>one\n<35>two\n")
    assert pieces == [Piece(0, [b"9999999 <34>one", b"<35>two"])]
    assert splitter.held == 0
    assert split(b"99999999999999999999 <1>x\n", [2]) == [(b"99999999999999999999 <1>x", None)]


def test_a_message_without_end_comes_in_parts():
    found = split(b"<34>" + b"x" * (2 * MAX_RECORD) + b"\n<35>next\n", [65536])
    assert [note for _record, note in found[:3]] == [f"part {n} of an overlong line" for n in (1, 2, 3)]
    assert found[3] == (b"<35>next", None)


def test_what_the_peer_left_unfinished_is_kept():
    assert split(b"<34>no newline", [5]) == [(b"<34>no newline", None)]
    assert split(b"20 <34>cut", [5]) == [(b"<34>cut", "truncated")]
