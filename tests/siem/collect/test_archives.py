"""Archives: every kind gives its records, a damaged one what came before the damage, a bomb stops."""

from __future__ import annotations

import bz2
import contextlib
import gzip
import io
import json
import lzma
import tarfile
import tracemalloc
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest
import zstandard
from hypothesis import given
from hypothesis import strategies as st

from secops.errors import Problem
from secops.siem.collect.archives import unpacked
from secops.siem.collect.streams import BrokenArchiveError, Limits
from secops.siem.collect.whole import Chunk, Wanted, read_whole

LINES = b"".join(b'{"EventID":%d,"Channel":"Security"}\n' % n for n in range(5000))
RECORDS = LINES.splitlines()
PACK: dict[str, Callable[[bytes], bytes]] = {
    "gzip": gzip.compress,
    "bzip2": bz2.compress,
    "xz": lzma.compress,
    "zstd": zstandard.ZstdCompressor().compress,
}


def read(path: Path, limits: Limits | None = None) -> tuple[list[bytes], list[Problem]]:
    items = list(read_whole(path, Wanted(limits=limits or Limits())))
    records = [record for item in items if isinstance(item, Chunk) for record in item.records]
    return records, [item for item in items if isinstance(item, Problem)]


def zipped(**members: bytes) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in members.items():
            archive.writestr(name, data)
    return out.getvalue()


@pytest.mark.parametrize("kind", PACK)
def test_every_kind_also_in_several_frames(tmp_path, kind):
    pack = PACK[kind]
    (tmp_path / "a").write_bytes(pack(LINES[:1000]) + pack(b"") + pack(LINES[1000:]))
    assert read(tmp_path / "a") == (RECORDS, [])


@pytest.mark.parametrize("kind", PACK)
def test_a_cut_one_gives_what_was_before_the_cut_and_says_so(tmp_path, kind):
    packed = PACK[kind](bytes(range(256)) * 10 + b"\n" + LINES * 20)
    (tmp_path / "a").write_bytes(packed[: len(packed) - 20])
    _records, problems = read(tmp_path / "a")
    assert len(problems) == 1
    assert "途中で切れています" in problems[0].what
    (tmp_path / "b").write_bytes(PACK[kind](LINES) + PACK[kind](LINES)[:-9])
    records, problems = read(tmp_path / "b")
    assert records[: len(RECORDS)] == RECORDS
    assert len(problems) == 1


@given(st.sampled_from(sorted(PACK)), st.binary(max_size=300), st.lists(st.integers(1, 7), min_size=1, max_size=20))
def test_streams_give_the_bytes_whatever_the_size_of_the_bites(kind, data, sizes):
    stream = unpacked(kind, io.BytesIO(PACK[kind](data)))
    found = b""
    for turn in range(1000):
        more = stream.read(sizes[turn % len(sizes)])
        if not more:
            break
        found += more
    assert found == data


@given(st.sampled_from(sorted(PACK)), st.binary(min_size=1, max_size=200))
def test_rubbish_behind_the_mark_is_an_error_of_one_kind(kind, rubbish):
    stream = unpacked(kind, io.BytesIO(PACK[kind](b"x" * 100)[:6] + rubbish))
    with contextlib.suppress(BrokenArchiveError):  # and no other; rubbish may even be an empty frame
        while stream.read(1000):
            pass


def test_archives_within_each_other_to_one_level(tmp_path):
    inner = zipped(**{"c.jsonl": LINES})
    (tmp_path / "a.zip").write_bytes(zipped(**{"b.zip": inner, "d.jsonl.zst": PACK["zstd"](LINES)}))
    assert read(tmp_path / "a.zip") == (RECORDS * 2, [])
    (tmp_path / "deep.zip").write_bytes(zipped(**{"a.zip": zipped(**{"b.zip": inner}), "e.jsonl": LINES}))
    records, problems = read(tmp_path / "deep.zip")
    assert records == RECORDS
    assert "入れ子が深すぎます" in problems[0].what


def test_a_zip_without_its_directory_gives_the_members_that_are_there(tmp_path):
    whole = zipped(**{"a.jsonl": LINES, "b.jsonl": LINES})
    (tmp_path / "a.zip").write_bytes(whole[: whole.rindex(b"PK\x01\x02") - 80])
    records, problems = read(tmp_path / "a.zip")
    assert records[: len(RECORDS)] == RECORDS
    assert problems
    (tmp_path / "b.zip").write_bytes(whole[: whole.index(b"PK\x01\x02")])
    records, problems = read(tmp_path / "b.zip")
    assert records == RECORDS * 2
    assert len(problems) == 1


def test_one_damaged_member_does_not_take_the_others(tmp_path):
    whole = bytearray(zipped(**{"a.jsonl": LINES, "b.jsonl": LINES}))
    whole[60:70] = b"\xff" * 10
    (tmp_path / "a.zip").write_bytes(whole)
    records, problems = read(tmp_path / "a.zip")
    assert records[-len(RECORDS) :] == RECORDS
    assert [problem.where for problem in problems] == [f"{tmp_path / 'a.zip'}!a.jsonl"]


@pytest.mark.parametrize("kind", [*PACK, "zip"])
def test_a_bomb_stops_and_says_how_to_go_on(tmp_path, kind):
    zeros = b"\n".join([b"0" * 1000] * 30_000)
    data = zipped(a=zeros) if kind == "zip" else PACK[kind](zeros)
    (tmp_path / "a").write_bytes(data)
    tracemalloc.start()
    _records, problems = read(tmp_path / "a", Limits(ratio=50, free=1 << 20))
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert "--max-ratio" in problems[0].what
    assert peak < 100 << 20
    records, problems = read(tmp_path / "a", Limits(ratio=10**9))
    assert (len(records), problems) == (30_000, [])


@pytest.mark.parametrize("magic", [b"7z\xbc\xaf\x27\x1c", b"Rar!\x1a\x07\x00", b"SQLite format 3\x00", b"PAR1"])
def test_binary_formats_that_are_not_read_are_said(tmp_path, magic):
    (tmp_path / "a.log").write_bytes(magic + bytes(100))
    records, problems = read(tmp_path / "a.log")
    assert records == []
    assert "形式は読めません" in problems[0].what


def test_events_in_a_wrapper_and_behind_headings(tmp_path):
    events = [{"EventID": n, "Channel": "Security", "x": {"y": [n]}} for n in range(3)]
    (tmp_path / "a.json").write_text(json.dumps({"Records": events}))
    assert [json.loads(one) for one in read(tmp_path / "a.json")[0]] == events
    (tmp_path / "b.json").write_text(
        "".join(f"Record {n}\n{json.dumps(one, indent=2)}\n" for n, one in enumerate(events))
    )
    assert [json.loads(one) for one in read(tmp_path / "b.json")[0]] == events


def test_japanese_documents_in_cp932_with_bytes_that_look_like_quotes(tmp_path):
    events = [{"EventID": n, "Channel": "Security", "内容": "表", "備考": "ソ能{"} for n in range(3)]
    (tmp_path / "a.json").write_bytes(json.dumps(events, indent=2, ensure_ascii=False).encode("cp932"))
    assert [json.loads(one) for one in read(tmp_path / "a.json")[0]] == events


def test_an_array_of_any_size_in_one_line_needs_little_memory(tmp_path):
    one = json.dumps({"EventID": 1, "Channel": "x", "data": "y" * 900}).encode()
    with (tmp_path / "a.json").open("wb") as file:
        file.write(b"[")
        for _ in range(60):
            file.write((one + b",") * 1000)
        file.write(one + b"]")
    tracemalloc.start()
    count = sum(len(item.records) for item in read_whole(tmp_path / "a.json", Wanted()) if isinstance(item, Chunk))
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert count == 60_001
    assert peak < 24 << 20


# ------------------------------------------------------------------------------------------------------------------ tar


def tarred(members: dict[str, bytes], mode: str = "w", format: int = tarfile.PAX_FORMAT) -> bytes:
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode=mode, format=format) as archive:  # type: ignore[call-overload]  # mode is free
        for name, data in members.items():
            info = tarfile.TarInfo(name)
            info.size = len(data)
            archive.addfile(info, io.BytesIO(data))
    return out.getvalue()


@pytest.mark.parametrize("format", [tarfile.USTAR_FORMAT, tarfile.GNU_FORMAT, tarfile.PAX_FORMAT])
@pytest.mark.parametrize("mode", ["w", "w:gz", "w:bz2", "w:xz"])
def test_a_tar_is_read_file_by_file(tmp_path, mode, format):
    members = {"in/a.jsonl": LINES, "b.gz": gzip.compress(LINES), "c.csv": "名前,値\n山田,1\n".encode()}
    (tmp_path / "a.tar").write_bytes(tarred(members, mode, format))
    items = list(read_whole(tmp_path / "a.tar", Wanted()))
    chunks = [item for item in items if isinstance(item, Chunk)]
    assert [item for item in items if isinstance(item, Problem)] == []
    assert [record for one in chunks for record in one.records] == [*RECORDS, *RECORDS, "山田,1".encode()]
    assert list(dict.fromkeys(one.origin.path for one in chunks)) == [
        f"{tmp_path / 'a.tar'}!{name}" for name in members
    ]


def test_names_in_a_tar_lead_nowhere_and_links_are_no_files(tmp_path):
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w") as archive:
        for name, kind in [("x", tarfile.SYMTYPE), ("../../escaped", tarfile.REGTYPE), ("y", tarfile.LNKTYPE)]:
            info = tarfile.TarInfo(name)
            info.type, info.linkname = kind, "/etc/passwd"
            info.size = 2 if kind == tarfile.REGTYPE else 0
            archive.addfile(info, io.BytesIO(b"a\n"))
    (tmp_path / "a.tar").write_bytes(out.getvalue())
    assert read(tmp_path / "a.tar") == ([b"a"], [])
    assert [path.name for path in tmp_path.iterdir()] == ["a.tar"]


def test_a_name_in_a_tar_as_japanese_windows_wrote_it(tmp_path):
    data = tarred({"log.txt": b"a\n"}, format=tarfile.USTAR_FORMAT)
    name = "記録.txt".encode("cp932")
    header = bytearray(data[:512].replace(b"log.txt" + bytes(len(name) - 7), name))
    header[148:156] = b"%06o\0 " % (sum(header[:148]) + sum(header[156:512]) + 8 * 32)
    (tmp_path / "a.tar").write_bytes(bytes(header) + data[512:])
    [chunk] = [item for item in read_whole(tmp_path / "a.tar", Wanted()) if isinstance(item, Chunk)]
    assert chunk.origin.path == f"{tmp_path / 'a.tar'}!記録.txt"


THREE = tarred({f"{n}.jsonl": LINES[:1023] + b"\n" for n in range(3)}, format=tarfile.USTAR_FORMAT)
EACH = [*LINES[:1023].split(b"\n")] * 3


@pytest.mark.parametrize("pack", [bytes, gzip.compress])
@given(st.integers(600, len(THREE.rstrip(b"\0")) - 1))
def test_a_cut_tar_gives_what_was_before_the_cut_and_says_so(tmp_path_factory, pack, at):
    path = tmp_path_factory.mktemp("tar") / "a.tar"
    path.write_bytes(pack(THREE[:at]))
    records, problems = read(path)
    assert problems
    assert (
        pack(b"") or len(b"\n".join(records)) >= at - (at // 1536 + 1) * 512 - 1024
    )  # headers and padding are no text
    assert records[:-1] == EACH[: max(len(records) - 1, 0)]


@pytest.mark.parametrize("number", [1, 2])
@pytest.mark.parametrize("junk", [b"\xff", b" ", b"7"])
def test_a_damaged_header_in_a_tar_is_not_taken_for_its_end(tmp_path, number, junk):
    start = THREE.index(b"%d.jsonl" % number)
    (tmp_path / "a.tar").write_bytes(THREE[:start] + junk * 512 + THREE[start + 512 :])
    records, problems = read(tmp_path / "a.tar")
    assert records == EACH[: len(EACH) // 3 * number]
    assert len(problems) == 1


def test_a_tar_bomb_and_tars_in_tars_are_stopped(tmp_path):
    (tmp_path / "a.tar.gz").write_bytes(tarred({"a.log": b"x\n" * (4 << 20)}, "w:gz"))
    _records, problems = read(tmp_path / "a.tar.gz", Limits(free=1 << 20))
    assert len(problems) == 1
    nested = b"x\n"
    for _level in range(5):
        nested = tarred({"a": nested})
    (tmp_path / "b.tar").write_bytes(nested)
    records, problems = read(tmp_path / "b.tar")
    assert (records, len(problems)) == ([], 1)


def test_what_a_tar_says_of_a_file_is_bounded(tmp_path):
    header = tarfile.TarInfo("x")
    header.type, header.size = tarfile.GNUTYPE_LONGNAME, 1 << 40
    (tmp_path / "a.tar").write_bytes(header.tobuf(tarfile.GNU_FORMAT) + bytes(2 << 20))
    records, problems = read(tmp_path / "a.tar")
    assert (records, len(problems)) == ([], 1)
    assert "大きすぎます" in problems[0].what
