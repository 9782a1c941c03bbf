"""For all tests: none fails because the machine is slow or because of the language that another one chose."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import settings

from secops import locale
from tests.databases import new_records
from tests.postgres import postgres

__all__ = ["postgres"]

settings.register_profile("secops", deadline=None)
settings.load_profile("secops")


@pytest.fixture(autouse=True)
def language_of_the_environment() -> Iterator[None]:
    yield
    locale._language.set("")


@pytest.fixture(params=["sqlite", "postgresql"])
def records_place(request: Any, tmp_path: Path) -> Iterator[Path | str]:
    """A new records database of each kind: a test that uses it runs on both."""
    if request.param == "sqlite":
        yield new_records(tmp_path / "records.db")
        return
    with request.getfixturevalue("postgres").database() as url:
        yield url
