"""For all tests: none fails because the machine is slow or because of the language that another one chose."""

from collections.abc import Iterator

import pytest
from hypothesis import settings

from secops import locale

settings.register_profile("secops", deadline=None)
settings.load_profile("secops")


@pytest.fixture(autouse=True)
def language_of_the_environment() -> Iterator[None]:
    yield
    locale._language.set("")
