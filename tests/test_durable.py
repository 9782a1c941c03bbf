"""Files that survive power loss are written in one place."""

from __future__ import annotations

import stat
from pathlib import Path

import pytest

from secops.durable import make_folder, place, replace_text, write_new

PROGRAM = Path(__file__).parents[1] / "secops"
# Of audits; they make their files in ways of their own.
OTHERS = {"wiring/book.py", "wiring/evidence_store.py", "wiring/papers.py"}


def test_nobody_else_syncs_files():
    calls = {str(path.relative_to(PROGRAM)) for path in PROGRAM.rglob("*.py") if "fsync(" in path.read_text("utf-8")}
    assert calls - OTHERS == {"durable.py"}


def test_a_new_file_has_its_rights_and_is_not_written_twice(tmp_path: Path):
    path = tmp_path / "key"
    write_new(path, [b"a", b"b"], 0o400)
    assert path.read_bytes() == b"ab"
    assert stat.S_IMODE(path.stat().st_mode) == 0o400
    with pytest.raises(FileExistsError):
        write_new(path, [b"c"], 0o400)
    assert path.read_bytes() == b"ab"


def test_a_file_is_replaced_and_nothing_stays_beside_it(tmp_path: Path):
    path = tmp_path / "current"
    for text in ("前の世代\n", "次の世代\n"):
        replace_text(path, text)
        assert path.read_text("utf-8") == text
    (tmp_path / "fresh").write_bytes(b"x")
    place(tmp_path / "fresh", path)
    assert [(one.name, one.read_bytes()) for one in tmp_path.iterdir()] == [("current", b"x")]


def test_folders_are_made_with_those_above_them(tmp_path: Path):
    make_folder(tmp_path / "a" / "b")
    make_folder(tmp_path / "a" / "b")
    assert (tmp_path / "a" / "b").is_dir()
