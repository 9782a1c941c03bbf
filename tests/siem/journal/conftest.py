"""A real journal in a temporary folder, with keys."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from secops.siem.journal import Journal
from tests.siem.journal.places import Place, new_place


@pytest.fixture
def place(tmp_path: Path) -> Place:
    return new_place(tmp_path)


@pytest.fixture
def journal(place: Place) -> Iterator[Journal]:
    with place.open() as opened:
        yield opened
