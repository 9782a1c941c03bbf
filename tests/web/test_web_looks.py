"""No page is left out where pages are looked at: each GET call is in `tests.web.looks`, or says there why it is not."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from secops.settings import WebSettings
from tests.web.looks import NO_PAGES, PUBLIC, STEPS, Look, looks, people, token
from tests.web.stage import Stage
from tests.web.test_web_matrix import routes


@pytest.fixture(scope="module")
def stage(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stage]:
    made = Stage(tmp_path_factory.mktemp("looks"), WebSettings(second_factor=["viewer"]))
    made.play()
    people(made)
    yield made
    made.close()


def test_every_page_is_looked_at_or_says_why_not(stage):
    there = {path for method, path in routes(stage.app) if method == "GET"}
    seen = {one.path for one in looks()}
    assert there - seen - NO_PAGES.keys() == set(), "give it a line in tests/web/matrix.py, or a reason in looks.py"
    assert NO_PAGES.keys() - there == set(), "these are no calls any more"
    assert seen & NO_PAGES.keys() == set()
    assert all(NO_PAGES.values())


@pytest.mark.parametrize("look", looks(), ids=lambda look: look.path)
def test_what_is_looked_at_is_the_page_and_no_error(stage, look: Look):
    browser = stage.visitor()
    if look.who != PUBLIC:
        browser.cookies.set("secops", token(stage, look.who))
    answer = browser.get(look.url)
    assert (answer.status_code, answer.headers["content-type"]) == (200, "text/html; charset=utf-8"), look
    if look.path in STEPS:
        assert stage.visitor().get(look.url).status_code == 303, "only who is at this step sees it"
