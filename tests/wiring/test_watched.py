"""Files are read again where they changed; a mistake in them takes nothing away that was in force."""

from __future__ import annotations

from pathlib import Path

import pytest

from secops.errors import PolicyError, Problem
from secops.wiring.watched import Watched, files_in


def test_files_are_read_at_first_and_where_they_changed(tmp_path: Path) -> None:
    calls = []

    def read() -> str:
        texts = [path.read_text(encoding="utf-8") for path in files_in(tmp_path)]
        calls.append(texts)
        if "bad" in texts:
            raise PolicyError([Problem("a:1", "bad")])
        return "".join(texts)

    watched = Watched(lambda: files_in(tmp_path), read)
    (tmp_path / "a").write_text("bad", encoding="utf-8")
    for _again in range(2):
        with pytest.raises(PolicyError):
            watched()
    (tmp_path / "a").write_text("one", encoding="utf-8")
    assert [watched(), watched()] == ["one", "one"]
    assert len(calls) == 3
    (tmp_path / "b").write_text("more", encoding="utf-8")
    assert watched() == "onemore"
    (tmp_path / "b").write_text("bad", encoding="utf-8")
    assert [watched(), watched()] == ["onemore", "onemore"]
    assert len(calls) == 5
    assert files_in(tmp_path / "a") == [tmp_path / "a"]
