"""Any course of events: what was acknowledged is read back, exactly."""

from __future__ import annotations

import hashlib
import tempfile
from dataclasses import replace
from pathlib import Path
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from secops.siem.journal.codec import ContentHash, Run, decode_block, encode_block, pack, unpack
from secops.siem.ports import Drop
from tests.fakes.journal import ORIGIN, MemoryJournal, new_batch
from tests.siem.journal.places import NOW, everything, new_place

SOURCES = ("a", "b")
RECORDS = st.lists(st.binary(max_size=40), max_size=5)
STEPS = st.sampled_from(["rotate:closing", "rotate:successor", "rotate:closed", "seal:written", "seal:placed"])
EVENTS = st.lists(
    st.one_of(
        st.tuples(st.just("append"), st.lists(st.tuples(st.sampled_from(SOURCES), RECORDS), max_size=3)),
        st.tuples(st.sampled_from(["rotate", "seal", "reopen"]), st.none()),
        st.tuples(st.just("crash"), STEPS),
    ),
    max_size=20,
)


class Died(BaseException):
    """The end of a process, as far as the journal can tell."""


class Dying:
    """A step hook that ends the process once, at the step it was told."""

    def __init__(self) -> None:
        self.at = ""

    def __call__(self, name: str) -> None:
        if name == self.at:
            self.at = ""
            raise Died


@settings(max_examples=40, deadline=None)
@given(EVENTS)
def test_any_course_of_events_reads_back_exactly_what_was_acknowledged(events: list[tuple[str, Any]]):
    with tempfile.TemporaryDirectory() as folder:
        place = new_place(Path(folder))
        dying, model = Dying(), MemoryJournal()
        journal, witness = place.open(dying), place.open()
        for number, (event, what) in enumerate(events):
            if event == "append":
                origin = replace(ORIGIN, offset=number)
                batches = [new_batch(source, *records, origin=origin) for source, records in what]
                extra = ({"key": b"%d" % number}, [Drop("a", "test", number)])
                assert journal.append(batches, *extra) == model.append(batches, *extra)
            elif event == "rotate":
                journal.rotate(NOW)
            elif event == "seal":
                journal.seal_closed(NOW)
            else:
                if event == "crash":
                    dying.at = what
                    try:
                        journal.rotate(NOW)
                        journal.seal_closed(NOW)
                    except Died:
                        pass
                    dying.at = ""
                journal.close()
                journal = place.open(dying)
            assert witness.heads() == model.heads()
        for one in (journal, witness):
            assert [everything(one, source) for source in SOURCES] == [everything(model, source) for source in SOURCES]
            assert one.checkpoint("key") == model.checkpoint("key")
            assert one.drops() == model.drops()
            for seq in range(model.heads().get("a", 0) + 2):
                assert one.record("a", seq) == model.record("a", seq)
            one.close()
        assert place.verify().ok


@given(RECORDS)
def test_packed_records_come_back(records: list[bytes]):
    assert unpack(pack(records), len(records)) == records


@given(st.lists(st.tuples(st.binary(max_size=9), st.integers(0, 2), st.one_of(st.none(), st.integers(0)))))
def test_a_block_keeps_runs_and_records(rows: list[tuple[bytes, int, int | None]]):
    runs = [Run(1, received, {"kind": "file"}, offset) for _record, received, offset in rows]
    records = [record for record, _received, _offset in rows]
    assert decode_block(encode_block(runs, records), len(records)) == (runs, records)


@given(RECORDS, st.integers(0, 5))
def test_the_content_digest_does_not_depend_on_batches(records: list[bytes], cut: int):
    whole, parts = ContentHash(), ContentHash()
    whole.add("a", 1, 0, "{}", records)
    parts.add("a", 1, 0, "{}", records[:cut])
    parts.add("a", 1 + len(records[:cut]), 0, "{}", records[cut:])
    assert whole.hexdigest() == parts.hexdigest()


def test_the_content_digest_is_as_documented():
    """By hand from the description in `ContentHash`: a change of it would make every sealed segment unverifiable."""
    content = ContentHash()
    content.add("fw01", 7, 1_000_000, '{"kind":"file"}', [b"abc"])
    origin = b'{"kind":"file"}'
    seq, received = (7).to_bytes(8, "little"), (1_000_000).to_bytes(8, "little")
    encoded = b"\x04\x00fw01" + seq + received + len(origin).to_bytes(4, "little") + origin + b"\x03\x00\x00\x00abc"
    assert content.hexdigest() == hashlib.sha256(encoded).hexdigest()
