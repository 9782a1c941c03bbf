"""Everybody can use it: axe-core over every page, the main job by keyboard alone, a phone, paper."""

from __future__ import annotations

import re
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
import uvicorn
from axe_playwright_python.sync_playwright import Axe  # type: ignore[import-untyped]  # ships no types
from fastapi.routing import APIRoute
from playwright.sync_api import Browser, Page, sync_playwright

from secops.access.ports import Role
from secops.siem.ports import State
from tests.web.stage import PASSWORD, Stage
from tests.web.test_web_search import flows

CHROMIUM = Path("/usr/bin/chromium")
FLAGS = ["--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-background-networking"]
PAGES = [
    "/alerts", "/alerts?state=all", "/alerts?q=nothing-like-it", "/alerts/3", "/alerts/8", "/alerts/1", "/alerts/new",
    "/events", "/events?q=host.name:K-0213&cols=event.action,file.path", "/events?q=host.name:(a", "/events?q=nowhere",
    "/events/sumida.pc.3", "/zones", "/sources", "/rules", "/rules/zone-crossing", "/rules/coverage", "/alerts/999",
]  # fmt: skip

pytestmark = [
    pytest.mark.browser,
    pytest.mark.skipif(not CHROMIUM.exists(), reason="needs Debian's chromium: make browser"),
]


@pytest.fixture(scope="module")
def stage(tmp_path_factory) -> Iterator[Stage]:
    made = Stage(tmp_path_factory.mktemp("reach"))
    made.person("touban", Role.CSIRT)
    made.play()
    yield made
    made.close()


@pytest.fixture(scope="module")
def address(stage) -> Iterator[str]:
    server = uvicorn.Server(uvicorn.Config(stage.app, port=0, log_level="warning", timeout_graceful_shutdown=3))
    thread = threading.Thread(target=server.run)
    thread.start()
    until(lambda: server.started)
    yield f"http://127.0.0.1:{server.servers[0].sockets[0].getsockname()[1]}"
    stage.stop = server.should_exit = True
    thread.join(10)


def until(ready: Callable[[], bool]) -> None:
    end = time.monotonic() + 10
    while not ready():
        assert time.monotonic() < end
        time.sleep(0.02)


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with sync_playwright() as play:
        started = play.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        yield started
        started.close()


@pytest.fixture(scope="module")
def known(browser, address, stage) -> Any:
    """The cookies of someone logged in: logging in once is enough for pages that are only looked at."""
    context = browser.new_context(base_url=address)
    token, _session = stage.accounts.login("touban", PASSWORD, peer="test", now=stage.clock, demo_allowed=True)
    context.add_cookies([{"name": "secops", "value": token, "url": address}])
    state = context.storage_state()
    context.close()
    return state


@contextmanager
def look(browser: Browser, address: str, known: Any, width: int, dark: bool = False, **more: Any) -> Iterator[Page]:
    context = browser.new_context(
        base_url=address, storage_state=known, viewport={"width": width, "height": 900}, reduced_motion="reduce",
        color_scheme="dark" if dark else "light", **more,
    )  # fmt: skip
    yield context.new_page()
    context.close()


def others(stage: Stage) -> list[str]:
    """Pages that take nothing in their address and are not named above: those that come later are looked at too."""
    found = {path for path in get_routes(stage.app.routes) if "{" not in path}
    files = {path for path in found if "/api/" in path or path.endswith(("/export", ".ics"))}
    return sorted(found - {"/", "/healthz", "/login", *PAGES} - files)


def get_routes(routes: Iterable[Any]) -> Iterator[str]:
    for route in routes:
        if isinstance(route, APIRoute):
            yield from [route.path] if "GET" in (route.methods or ()) else []
        elif hasattr(route, "original_router"):
            yield from get_routes(route.original_router.routes)


@pytest.mark.parametrize(("width", "dark"), [(1440, False), (375, True)])
def test_axe_finds_nothing_in_light_and_dark(browser, address, stage, known, width, dark):
    """All rules in one scheme; in the other those of colour, for nothing else depends on it."""
    found: dict[str, list[str]] = {}

    def check(page: Page, where: str, **more: Any) -> None:
        answer = Axe().run(page, options={"resultTypes": ["violations"], **more}).response
        for one in answer["violations"]:
            found.setdefault(where, []).extend([one["id"], *(node["html"][:200] for node in one["nodes"][:3])])

    with look(browser, address, known, width, dark) as page:
        for path in [*PAGES, *others(stage)]:
            page.goto(path)
            page.evaluate("for (const one of document.querySelectorAll('main details')) one.open = true")
            over = page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth")
            assert over <= 0, path
            check(page, path)
            page.emulate_media(color_scheme="light" if dark else "dark")
            check(page, f"{path} in the other scheme", runOnly=["color-contrast"])
            page.emulate_media(color_scheme="dark" if dark else "light")
        page.context.clear_cookies()
        page.goto("/login")
        check(page, "/login")
    assert found == {}


@pytest.mark.parametrize("width", [1440, 375])
def test_axe_finds_nothing_where_a_policy_owner_writes(browser, address, stage, width):
    stage.person(f"policy-{width}", Role.POLICY_OWNER)
    token, _session = stage.accounts.login(f"policy-{width}", PASSWORD, peer="test", now=stage.clock, demo_allowed=True)
    found: dict[tuple[str, str], str] = {}
    with look(browser, address, None, width) as page:
        page.context.add_cookies([{"name": "secops", "value": token, "url": address}])
        for path in ("calendar", "exceptions", "exceptions/new", "exceptions/2025-1", "exceptions/2026-1", "registers"):
            page.goto(f"/policy/{path}")
            page.evaluate("for (const one of document.querySelectorAll('main details')) one.open = true")
            assert page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth") <= 0
            found |= {(path, one["id"]): one["nodes"][0]["html"] for one in Axe().run(page).response["violations"]}
    assert found == {}


def test_the_list_of_keys_is_sound_for_axe_too(browser, address, known):
    with look(browser, address, known, 1440) as page:
        page.goto("/alerts")
        page.keyboard.press("?")
        assert page.locator("#keys").is_visible()
        assert Axe().run(page).response["violations"] == []


def tab_to(page: Page, selector: str, most: int = 60) -> None:
    """Press Tab until the element has the focus, as somebody without a mouse does."""
    for _press in range(most):
        if page.evaluate("selector => document.activeElement?.matches(selector) ?? false", selector):
            return
        page.keyboard.press("Tab")
    raise AssertionError(f"{selector} cannot be reached by Tab")


def test_the_whole_job_by_keyboard_alone(browser, address, stage):
    context = browser.new_context(base_url=address, viewport={"width": 1280, "height": 900})
    page = context.new_page()
    press = page.keyboard.press
    page.goto("/login")
    page.keyboard.type("touban")
    press("Tab")
    page.keyboard.type(PASSWORD)
    press("Enter")
    page.wait_for_url("**/alerts")
    press("j")
    press("Enter")
    page.wait_for_url("**/alerts/3")
    assert "mynumber>internet" in page.inner_text(".p-why")
    press("a")
    page.wait_for_url("**done=assigned&bulk=*")
    tab_to(page, "#rawreason")
    tab_to(page, "button[name=event_id]")
    press("Enter")
    page.wait_for_selector("#raw")
    assert "dstip=203.0.113.9" in page.inner_text("#raw")
    page.goto("/alerts/3")
    press("c")
    press("ArrowDown")
    press("ArrowUp")
    press("Tab")
    page.keyboard.type("持ち込み端末。区民課に確認")
    press("Tab")
    press("Enter")
    page.wait_for_url("**done=closed")
    assert stage.desk.stored[3].state is State.CLOSED
    assert stage.desk.stored[3].closed_reason == "持ち込み端末。区民課に確認"
    press("g")
    press("e")
    page.wait_for_url("**/events")
    press("/")
    page.keyboard.type("host.name:K-0213 destination.ip:203.0.113.9")
    press("Enter")
    page.wait_for_url("**/events?q=*")
    assert "3 件見つかりました。" in page.inner_text(".headline")
    tab_to(page, ".found td a")
    press("Enter")
    page.wait_for_url("**/events/sumida.fw01.*")
    assert "203.0.113.9" in page.inner_text("main")
    press("g")
    press("a")
    page.wait_for_url("**/alerts")
    press("/")
    page.keyboard.type("k-0213")
    tab_to(page, "#narrow button")
    press("Enter")
    page.wait_for_url("**q=k-0213*")
    assert re.search("条件を外すと|K-0213", page.inner_text("main"))
    context.close()


def test_a_phone_needs_one_thumb_and_every_target_is_large(browser, address, known):
    small = """() => [...document.querySelectorAll(`main button, main summary, main select, main textarea, .nav a,
        .chip, .button, .choice, input[type=text], input[type=search], input[type=datetime-local]`)]
        .filter(one => one.checkVisibility() && one.getBoundingClientRect().height)
        .map(one => [one.outerHTML.slice(0, 90), one.getBoundingClientRect().height])
        .filter(([_, high]) => high < 44)"""
    with look(browser, address, known, 375, has_touch=True) as page:
        for path in ("/events", "/events?q=host.name:K-0213", "/zones", "/sources"):
            page.goto(path)
            assert page.evaluate(small) == [], path


def test_counts_between_zones_are_seen_on_a_phone_and_hide_nothing(browser, address, known, stage):
    places = """() => [...document.querySelectorAll('svg.zones .n')].filter(one => one.checkVisibility())
        .map(one => { const b = one.getBoundingClientRect(); return [one.textContent, b.x, b.y, b.right, b.bottom]; })
    """
    flows(stage)
    with look(browser, address, known, 375, has_touch=True) as page:
        page.goto("/zones?since=7d")
        found = page.evaluate(places)
        assert sorted(text for text, *_box in found) == ["2", "30"]
        assert all(left >= 0 and right <= 375 for _text, left, _top, right, _bottom in found)
        boxes = [box for _text, *box in found]
        assert not any(a[0] < b[2] and b[0] < a[2] and a[1] < b[3] and b[1] < a[3] for a, b in pairwise(boxes))


def test_search_and_zones_work_without_script(browser, address, known):
    with look(browser, address, known, 1280, java_script_enabled=False) as page:
        page.goto("/events")
        page.fill("#q", "host.name:K-0213")
        page.select_option("#span", "7d")
        page.click("button.primary")
        assert "8 件見つかりました。" in page.inner_text(".headline")
        assert page.input_value("#span") == "7d"
        page.goto("/zones?since=7d")
        assert page.locator("svg.zones .band").count() >= 4


def test_paper_has_a_date_in_the_japanese_era_and_no_menus(browser, address, known):
    with look(browser, address, known, 1280) as page:
        page.goto("/alerts/5")
        page.emulate_media(media="print")
        assert "令和8年11月23日" in page.inner_text(".printed")
        assert not page.locator(".nav").is_visible()
        assert not page.locator(".alert-actions").is_visible()
