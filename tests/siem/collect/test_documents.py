"""JSON arrays and documents behind each other → one record each."""

from __future__ import annotations

import json

from hypothesis import given
from hypothesis import strategies as st

from secops.siem.collect.documents import OUTSIDE, DocumentSplitter
from secops.siem.collect.lines import MAX_RECORD, Piece, is_part

VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text('ab"\\{}[],: あ', max_size=10),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=4), inner, max_size=3),
    max_leaves=6,
)
DOCUMENTS = st.lists(st.dictionaries(st.text(max_size=4), VALUES, max_size=3), max_size=5)


def split(data: bytes, size: int) -> list[Piece]:
    splitter = DocumentSplitter()
    pieces: list[Piece] = []
    for start in range(0, len(data), size):
        pieces += splitter.feed(data[start : start + size])
    return pieces + splitter.finish()


@given(DOCUMENTS, st.integers(1, 50), st.sampled_from([None, 2]), st.booleans())
def test_every_document_is_one_record(documents: list[dict[str, object]], size: int, indent: int | None, array: bool):
    if array:
        text = json.dumps(documents, indent=indent, ensure_ascii=False)
    else:
        text = "\n".join(json.dumps(one, indent=indent, ensure_ascii=False) for one in documents)
    found = [json.loads(record) for piece in split(text.encode(), size) for record in piece.records]
    assert found == documents


@given(DOCUMENTS, st.integers(1, 40), st.integers(8, 40))
def test_parts_of_long_documents_join_to_them_and_the_next_one_is_whole(
    documents: list[dict[str, object]], size: int, longest: int
):
    texts = [json.dumps(one, ensure_ascii=False).encode() for one in documents]
    splitter = DocumentSplitter(longest=longest)
    data = b"\n".join(texts)
    pieces = [piece for at in range(0, len(data), size) for piece in splitter.feed(data[at : at + size])]
    pieces += splitter.finish()
    found: list[bytes] = []
    for piece in pieces:
        if is_part(piece.note) > 1:
            found[-1] += piece.records[0]
        else:
            found += piece.records
    assert found == texts


def test_offsets_point_at_the_documents():
    data = b'[ {"a":1},\n  {"b":2} ]'
    [first, second] = DocumentSplitter().feed(data[:12]) + DocumentSplitter(offset=12).feed(data[12:])
    assert data[first.offset :].startswith(b'{"a"')
    assert data[second.offset :].startswith(b'{"b"')


def test_what_stands_between_documents_is_not_lost():
    pieces = split(b'{"a":1}\nERROR disk full\n{"b":2}\nend', 1000)
    assert [(piece.records, piece.note) for piece in pieces] == [
        ([b'{"a":1}'], None),
        ([b"ERROR disk full"], OUTSIDE),
        ([b'{"b":2}'], None),
        ([b"end"], OUTSIDE),
    ]


def test_a_document_that_is_cut_off_is_a_record_with_a_note():
    assert split(b'[{"a":1},{"b":"x', 1000)[1] == Piece(9, [b'{"b":"x'], "truncated")


def test_a_huge_document_comes_in_parts():
    data = b'{"a":"' + b"x" * (2 * MAX_RECORD) + b'"}'
    pieces = split(data, 100_000)
    assert [piece.note for piece in pieces] == [f"part {n} of an overlong line" for n in (1, 2, 3)]
    assert b"".join(piece.records[0] for piece in pieces) == data
