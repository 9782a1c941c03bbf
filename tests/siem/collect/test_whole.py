"""Complete files → records: plain, gz, zip, CSV, JSON documents, EVTX; broken ones yield what can be read."""

from __future__ import annotations

import gzip
import json
import os
import zipfile
from pathlib import Path

import pytest

from secops.errors import Problem
from secops.siem.collect.streams import Limits
from secops.siem.collect.whole import Chunk, Member, Wanted, read_whole

SHARED = Path(os.environ.get("SECOPS_SHARED", Path(__file__).parents[4] / "shared" / "data"))
LINES = b"".join(b"%06d a line of a log\n" % n for n in range(20_000))


def read(path: Path, wanted: Wanted | None = None) -> tuple[list[bytes], list[Problem], list[Chunk]]:
    items = list(read_whole(path, wanted or Wanted()))
    chunks = [item for item in items if isinstance(item, Chunk)]
    problems = [item for item in items if isinstance(item, Problem)]
    return [record for chunk in chunks for record in chunk.records], problems, chunks


def test_lines_plain_gz_and_zip_give_the_same_records(tmp_path: Path):
    (tmp_path / "a.log").write_bytes(LINES)
    (tmp_path / "a.log.gz").write_bytes(gzip.compress(LINES[:100_000]) + gzip.compress(LINES[100_000:]))
    with zipfile.ZipFile(tmp_path / "a.zip", "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("in/a.log", LINES)
        archive.writestr("in/b.json", '{"EventID":1,"Channel":"x"}\n')
    plain, _problems, _chunks = read(tmp_path / "a.log")
    assert plain == LINES.splitlines()
    assert read(tmp_path / "a.log.gz")[0] == plain
    zipped, problems, chunks = read(tmp_path / "a.zip")
    assert zipped == [*plain, b'{"EventID":1,"Channel":"x"}']
    assert problems == []
    assert chunks[-1].origin.path == f"{tmp_path / 'a.zip'}!in/b.json"
    assert chunks[-1].origin.format == "windows_json"


def test_json_documents_in_utf_16_as_powershell_writes_them(tmp_path: Path):
    events = [{"EventID": n, "Channel": "Security", "内容": "表示"} for n in range(3)]
    (tmp_path / "a.json").write_bytes(json.dumps(events, indent=2, ensure_ascii=False).encode("utf-16"))
    found, problems, chunks = read(tmp_path / "a.json")
    assert [json.loads(one) for one in found] == events
    assert problems == []
    assert chunks[0].origin.encoding == "utf-8"


def test_a_csv_header_goes_into_the_origin(tmp_path: Path):
    (tmp_path / "a.csv").write_bytes("﻿番号,名前,所属\r\n1,山田,区民課\r\n2,佐藤,税務課".encode())
    found, _problems, chunks = read(tmp_path / "a.csv")
    assert [one.decode() for one in found] == ["1,山田,区民課", "2,佐藤,税務課"]
    assert chunks[0].origin.header == "番号,名前,所属"


def test_a_named_format_and_encoding_win(tmp_path: Path):
    (tmp_path / "a.csv").write_bytes("a,b,c\n1,2,3\n".encode("cp932"))
    items = list(read_whole(tmp_path / "a.csv", Wanted(format="text", encoding="cp932")))
    assert isinstance(items[0], Member)
    assert (items[0].guess.format, items[0].guess.encoding) == ("text", "cp932")


def test_a_cut_gz_gives_what_can_be_read_and_a_problem(tmp_path: Path):
    packed = gzip.compress(LINES)
    (tmp_path / "a.gz").write_bytes(packed[: len(packed) // 2])
    found, problems, chunks = read(tmp_path / "a.gz")
    assert found[:-1] == LINES.splitlines()[: len(found) - 1]
    assert len(found) > 1000
    assert chunks[-1].origin.note == "truncated"
    assert "途中で切れています" in problems[0].what


def test_a_damaged_zip_is_a_problem(tmp_path: Path):
    (tmp_path / "a.zip").write_bytes(b"PK\x03\x04 nonsense")
    found, problems, _chunks = read(tmp_path / "a.zip")
    assert found == []
    assert len(problems) == 1


@pytest.mark.parametrize("kind", ["gz", "zip"])
def test_a_bomb_is_stopped(tmp_path: Path, kind: str):
    path = tmp_path / f"bomb.{kind}"
    zeros = b"0" * (30 << 20)
    if kind == "gz":
        path.write_bytes(gzip.compress(zeros))
    else:
        with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
            archive.writestr("a", zeros)
    found, problems, _chunks = read(path, Wanted(limits=Limits(ratio=50, free=1 << 20)))
    assert "上限" in problems[0].what
    assert sum(map(len, found)) < 10 << 20


@pytest.fixture(scope="module")
def evtx_file() -> Path:
    found = sorted((SHARED / "sigmahq").rglob("*.evtx"))
    if not found:
        pytest.skip("the shared Sigma regression data is not here")
    return found[0]


def test_evtx_gives_one_json_record_per_event(evtx_file: Path, tmp_path: Path):
    found, problems, chunks = read(evtx_file)
    assert problems == []
    assert "System" in json.loads(found[0])["Event"]
    assert chunks[0].origin.format == "windows_json"
    with zipfile.ZipFile(tmp_path / "a.zip", "w") as archive:
        archive.write(evtx_file, "a.evtx")
    assert read(tmp_path / "a.zip")[0] == found


def test_a_cut_or_damaged_evtx_is_said(evtx_file: Path, tmp_path: Path):
    data = evtx_file.read_bytes()
    (tmp_path / "cut.evtx").write_bytes(data[:-30_000])
    (tmp_path / "damaged.evtx").write_bytes(data[:5000] + b"\xff" * 3000 + data[8000:])
    for name in ("cut.evtx", "damaged.evtx"):
        _found, problems, _chunks = read(tmp_path / name)
        assert "壊れているか、途中で切れています" in problems[0].what


def test_rubbish_with_the_magic_of_something_else_is_a_problem_not_an_error(tmp_path: Path):
    for number, start in enumerate((b"ElfFile\x00", b"\x1f\x8b\x08", b"PK\x05\x06", b"\x1f\x8b")):
        path = tmp_path / str(number)
        path.write_bytes(start + os.urandom(500))
        assert read(path)[1]
