"""A stage per test: fakes behind a real app."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from secops.access.ports import Access, Role
from secops.locale import use_language
from tests.web.stage import Stage


@pytest.fixture
def stage(tmp_path: Path) -> Iterator[Stage]:
    """The night of `tests.web.stage`, with someone of every role."""
    made = Stage(tmp_path)
    for role in Role:
        made.person(role.value, role)
    made.person("touban", Role.CSIRT)
    made.person("lgwan-only", Role.CSIRT, Access(zones=frozenset({"lgwan"})))
    made.person("kumin", Role.SECURITY_MANAGER, Access(departments=frozenset({"区民課"})))
    made.play()
    yield made
    made.close()
    use_language("ja")
