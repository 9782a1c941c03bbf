"""Every page of `tests.web.looks`, as somebody who may see it: axe-core, no scrolling sideways, large targets.

Those of the policy and audit wing are looked at in the same way by `test_isms_reach`, filled as an audit fills them.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator
from typing import Any

import pytest
import uvicorn
from axe_playwright_python.sync_playwright import Axe  # type: ignore[import-untyped]  # ships no types
from playwright.sync_api import Browser, sync_playwright

from secops.settings import WebSettings
from tests.e2e.test_console_reach import CHROMIUM, FLAGS, look, until
from tests.e2e.test_isms_reach import routes as of_the_wing
from tests.web.looks import PUBLIC, looks, people, token
from tests.web.stage import Stage

pytestmark = [
    pytest.mark.browser,
    pytest.mark.skipif(not CHROMIUM.exists(), reason="needs Debian's chromium: make browser"),
]
OVER = "document.documentElement.scrollWidth - document.documentElement.clientWidth"
UNFOLD = "for (const one of document.querySelectorAll('main details')) one.open = true"
# What a thumb presses. A box or a dot is pressed by its label, which is what must be large.
SMALL = """() => [...document.querySelectorAll(`main button, main summary, main select, main textarea, main .button,
    main .choice, main .chip, main input[type=text], main input[type=search], main input[type=password],
    main input[type=date]`)]
    .filter(one => one.checkVisibility() && one.getBoundingClientRect().height)
    .map(one => [one.outerHTML.slice(0, 90), one.getBoundingClientRect().height])
    .filter(([_, high]) => high < 44)"""


@pytest.fixture(scope="module")
def stage(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stage]:
    made = Stage(tmp_path_factory.mktemp("every"), WebSettings(second_factor=["viewer"]))
    made.play()
    people(made)
    yield made
    made.close()


@pytest.fixture(scope="module")
def address(stage: Stage) -> Iterator[str]:
    """The console under a name: passkeys do not exist under a number."""
    server = uvicorn.Server(uvicorn.Config(stage.app, port=0, log_level="warning", timeout_graceful_shutdown=3))
    thread = threading.Thread(target=server.run)
    thread.start()
    until(lambda: server.started)
    yield f"http://localhost:{server.servers[0].sockets[0].getsockname()[1]}"
    stage.stop = server.should_exit = True
    thread.join(10)


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with sync_playwright() as play:
        started = play.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        yield started
        started.close()


@pytest.mark.parametrize(("width", "dark"), [(1440, False), (375, True)])
def test_every_page_is_sound_for_whoever_sees_it(browser, address, stage, width, dark):
    found: dict[str, Any] = {}
    sessions: dict[str, str] = {}
    with look(browser, address, None, width, dark, has_touch=width == 375) as page:
        for one in (one for one in looks() if one.path not in of_the_wing()):
            page.context.clear_cookies()
            if one.who != PUBLIC:
                value = sessions.setdefault(one.who, token(stage, one.who))
                page.context.add_cookies([{"name": "secops", "value": value, "url": address}])
            answer = page.goto(one.url)
            assert answer is not None
            assert answer.status == 200, one
            assert page.url.removeprefix(address) == one.url, "leads elsewhere"
            page.evaluate(UNFOLD)
            problems = [(each["id"], each["nodes"][0]["html"][:200]) for each in Axe().run(page).response["violations"]]
            if (over := page.evaluate(OVER)) > 0:
                problems.append(("scrolls sideways", over))
            if width == 375:
                problems += [("small", *each) for each in page.evaluate(SMALL)]
            if problems:
                found[one.url] = problems
    assert found == {}


@pytest.mark.parametrize("width", [1024, 1280, 1440])
@pytest.mark.parametrize("who", ["look-csirt", "look-admin", "look-audit-lead"])
def test_the_navigation_is_one_line_on_a_desktop(browser, address, stage, who, width):
    with look(browser, address, None, width, dark=False) as page:
        page.context.add_cookies([{"name": "secops", "value": token(stage, who), "url": address}])
        page.goto("/account")
        tops = page.evaluate("[...document.querySelectorAll('.nav a')].map(one => one.getBoundingClientRect().top)")
        assert len(tops) > 5
        assert len(set(tops)) == 1
