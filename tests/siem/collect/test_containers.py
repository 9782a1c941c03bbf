"""A ``file`` source that points at an EVTX file or an archive says so, and reads nothing of it."""

from __future__ import annotations

import gzip
import io
import zipfile
from pathlib import Path

import pytest

from secops.settings import parse
from secops.siem.collect.checks import check_sources
from secops.siem.collect.follow import Reading
from secops.siem.collect.tail import Tail
from tests.fakes.journal import MemoryJournal
from tests.siem.collect.scripts import Clock, drain, records

LINE = b"Apr  1 09:00:00 h sshd[1]: one\n"


def zipped() -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        archive.writestr("a.log", LINE)
    return out.getvalue()


CONTAINERS = [("EVTX", b"ElfFile\x00" + bytes(5000)), ("gzip", gzip.compress(LINE, mtime=0)), ("zip", zipped())]


def tail_of(path: Path) -> Tail:
    return Tail("app", str(path), {}, now=Clock(), reading=Reading(None, None))


def found_by_check(folder: Path, path: str) -> list[str]:
    text = '[site]\nid = "ward"\nname = "区"\n[zones.lgwan]\nlabel = "LGWAN接続系"\n'
    text += f'[[sources]]\nid = "app"\nkind = "file"\npath = "{path}"\n'
    [check] = check_sources(parse(text, "t"), folder)
    return [str(problem) for problem in check.problems]


@pytest.mark.parametrize(("kind", "content"), CONTAINERS, ids=[kind for kind, _content in CONTAINERS])
def test_it_is_a_problem_that_names_what_was_found_and_what_to_do(tmp_path: Path, kind: str, content: bytes):
    path = tmp_path / "a.bin"
    path.write_bytes(content)
    journal, tail = MemoryJournal(), tail_of(path)
    for _again in range(2):
        drain(tail, journal)
        [problem] = tail.problems.values()
        assert problem.where == str(path)
        assert kind in problem.what
        assert 'kind = "folder"' in problem.what
    assert journal.heads() == {}
    [checked] = found_by_check(tmp_path, "a.bin")
    assert checked == str(problem)
    tail.close()


def test_a_file_that_was_empty_at_first_is_refused_when_its_kind_shows(tmp_path: Path):
    path = tmp_path / "a.log"
    path.write_bytes(b"")
    journal, tail = MemoryJournal(), tail_of(path)
    drain(tail, journal)
    assert tail.problems == {}
    path.write_bytes(gzip.compress(LINE))
    drain(tail, journal)
    assert list(tail.problems) == [str(path)]
    path.write_bytes(LINE)
    drain(tail, journal)
    assert tail.problems == {}
    assert records(journal, "app") == [LINE.rstrip()]
    tail.close()


def test_archived_generations_of_a_followed_file_are_left_out_without_a_word(tmp_path: Path):
    (tmp_path / "app.log").write_bytes(LINE)
    (tmp_path / "app.log.2.gz").write_bytes(gzip.compress(LINE))
    (tmp_path / "other.gz").write_bytes(gzip.compress(LINE))
    journal, tail = MemoryJournal(), tail_of(tmp_path / "*")
    drain(tail, journal)
    assert list(tail.problems) == [str(tmp_path / "other.gz")]
    assert records(journal, "app") == [LINE.rstrip()]
    assert len(found_by_check(tmp_path, "*")) == 1
    tail.close()


def test_a_missed_generation_that_is_compressed_is_not_read_as_text(tmp_path: Path):
    log = tmp_path / "app.log"
    log.write_bytes(LINE)
    journal, first = MemoryJournal(), tail_of(log)
    drain(first, journal)
    first.close()
    (tmp_path / "app.log.1.gz").write_bytes(gzip.compress(b"two\n"))
    again = Tail("app", str(log), journal.checkpoints("file:app:"), now=Clock(), reading=Reading(None, None))
    drain(again, journal)
    assert records(journal, "app") == [LINE.rstrip()]
    again.close()
