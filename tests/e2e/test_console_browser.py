"""The console in a real browser: the main job, live updates, the phone, the keyboard, no script, no complaints."""

from __future__ import annotations

import os
import re
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest
import uvicorn
from playwright.sync_api import Browser, Page, expect, sync_playwright

from secops.access.ports import Role
from secops.siem.detect.attack_tactics import TACTICS_OF
from secops.siem.detect.coverage import RuleCoverage, Status
from secops.siem.ports import State
from secops.web.services import Standing
from tests.web.stage import COPY, CROSSING, NOW, PASSWORD, Stage, hit

CHROMIUM = Path("/usr/bin/chromium")
FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
PAGES = ["/alerts", "/alerts?state=all", "/alerts/3", "/alerts/8", "/alerts/1", "/alerts/new", "/sources", "/notify"]
PAGES += ["/rules", "/rules?status=active", "/rules/coverage", "/rules/zone-crossing"]
PAGES += ["/events/sumida.pc.3", "/events/sumida.web.9", "/alerts?q=nothing-like-it"]

pytestmark = [
    pytest.mark.browser,
    pytest.mark.skipif(not CHROMIUM.exists(), reason="needs Debian's chromium: make browser"),
]


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with sync_playwright() as play:
        started = play.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        yield started
        started.close()


@pytest.fixture
def stage(tmp_path: Path) -> Iterator[Stage]:
    made = Stage(tmp_path)
    made.person("touban", Role.CSIRT)
    made.person("yamada", Role.CSIRT)
    made.play()
    yield made
    made.close()


@pytest.fixture
def address(stage: Stage) -> Iterator[str]:
    """The console on a free port, stopped the way the program stops it."""
    server = uvicorn.Server(uvicorn.Config(stage.app, port=0, log_level="warning", timeout_graceful_shutdown=5))
    thread = threading.Thread(target=server.run)
    thread.start()
    until(lambda: server.started)
    port = server.servers[0].sockets[0].getsockname()[1]
    yield f"http://127.0.0.1:{port}"
    begin = time.monotonic()
    stage.stop = server.should_exit = True
    thread.join(10)
    assert not thread.is_alive()
    assert time.monotonic() - begin < 4, "an open event stream held the server up"


def until(ready: Callable[[], bool], seconds: float = 10) -> None:
    end = time.monotonic() + seconds
    while not ready():
        assert time.monotonic() < end, "waited too long"
        time.sleep(0.02)


@contextmanager
def visit(
    browser: Browser, address: str, *, width: int = 1440, script: bool = True, dark: bool = False
) -> Iterator[Page]:
    """A page of someone logged in; anything the browser complains about fails the test at the end."""
    context = browser.new_context(
        viewport={"width": width, "height": 900},
        java_script_enabled=script,
        color_scheme="dark" if dark else "light",
        base_url=address,
    )
    page = context.new_page()
    complaints: list[str] = []
    page.on(
        "console", lambda message: complaints.append(message.text) if message.type in {"error", "warning"} else None
    )
    page.on("pageerror", lambda error: complaints.append(str(error)))
    page.goto("/login")
    page.fill("#name", "touban")
    page.fill("#password", PASSWORD)
    page.click("button.primary")
    page.wait_for_url("**/alerts")
    yield page
    context.close()
    assert complaints == []


def ids(page: Page) -> list[str]:
    return [str(one) for one in page.eval_on_selector_all("tr[data-id]", "rows => rows.map(row => row.dataset.id)")]


def test_the_main_job(browser, address, stage):
    with visit(browser, address) as page:
        assert "重大 2 件が未完了です" in page.inner_text("#headline")
        page.keyboard.press("j")
        page.keyboard.press("Enter")
        page.wait_for_url("**/alerts/3")
        why = page.inner_text(".p-why")
        assert "mynumber>internet" in why
        assert page.locator(".p-why mark").first.inner_text() == "mynumber>"
        assert "端末 K-0213(区民課)" in page.inner_text(".p-what")
        assert page.locator(".timeline .hit").count() == 3
        page.click("#take")
        assert "担当を記録しました。" in page.inner_text("[role=status]")
        page.keyboard.press("c")
        page.check("#v-true_positive")
        page.fill("#reason", "持ち込み端末。区民課に確認")
        page.click("#close button.primary")
        assert "対応を完了しました。" in page.inner_text("[role=status]")
        assert "持ち込み端末。区民課に確認" in page.inner_text(".p-history")
        page.goto("/alerts")
        assert ids(page) == ["5", "4", "8", "6", "7"]
    assert stage.desk.stored[3].state is State.CLOSED
    assert stage.desk.stored[3].assignee == "touban"


def test_new_alerts_wait_behind_a_bar_and_nothing_moves(browser, address, stage):
    with visit(browser, address) as page:
        before = ids(page)
        top = page.locator("tr[data-id='4']").bounding_box()
        page.wait_for_timeout(700)  # the stream is open
        again = hit(CROSSING, 30_001, timedelta(), "mynumber", labels__device="K-0300", host__name="K-0300")
        more = hit(COPY, 30_002, timedelta(), "lgwan", host__name="PC-new")
        stage.desk.put_hits([again, more], {}, NOW)
        bar = page.locator("#newbar button")
        bar.wait_for(state="visible", timeout=6000)
        assert bar.inner_text() == "新着 2 件 — 表示"
        assert ids(page) == before
        assert page.locator("tr[data-id='4']").bounding_box() == top
        bar.click()
        assert set(ids(page)) == {*before, "9", "10"}
        assert page.locator("#newbar").is_hidden()
        assert ids(page)[0] == "9"


def test_a_row_is_brought_up_to_date_where_it_stands(browser, address, stage):
    with visit(browser, address) as page:
        page.wait_for_timeout(700)
        stage.desk.put_hits(
            [hit(COPY, 40_000 + n, timedelta(), "lgwan", host__name="PC-x") for n in range(2)]
            + [
                hit(
                    CROSSING, 40_010, timedelta(), "mynumber", labels__device="K-0213", host__name="K-0213",
                    destination__ip="203.0.113.9", source__ip="10.1.4.13", user__name="t-suzuki",
                )
            ],
            {},
            NOW,
        )  # fmt: skip
        expect(page.locator("tr[data-id='3'] .count")).to_contain_text("×4", timeout=6000)


def test_keys_take_select_and_close(browser, address, stage):
    with visit(browser, address) as page:
        page.keyboard.press("?")
        assert page.locator("#keys").is_visible()
        page.keyboard.press("?")
        assert page.locator("#keys").is_hidden()
        page.keyboard.press("j")
        page.keyboard.press("a")
        expect(page.locator("tr[data-id='3'] .status")).to_contain_text("対応中", timeout=6000)
        assert stage.desk.stored[3].assignee == "touban"
        for key in "jxjxc":
            page.keyboard.press(key)
        assert page.inner_text("#picked") == "2 件を選択中"
        page.keyboard.press("Space")
        page.fill("#bulk-reason", "訓練")
        page.click("#bulk-close button.primary")
        assert "2 件を対応完了にしました。" in page.inner_text(".notice.good")
    assert {i for i, alert in stage.desk.stored.items() if alert.closed_reason == "訓練"} == {4, 5}


def test_it_works_without_script(browser, address, stage):
    with visit(browser, address, script=False) as page:
        page.select_option("#f-zone", "lgwan")
        page.click("#narrow button")
        assert re.findall(r'<tr data-id="(\d+)"', page.content()) == ["6", "7"]
        page.check("tr[data-id='6'] .picker")
        page.click("#bulk-close summary")
        page.check("#bulk-false_positive")
        page.fill("#bulk-reason", "点検")
        page.click("#bulk-close button.primary")
        assert "1 件を対応完了にしました。" in page.inner_text(".notice.good")


@pytest.mark.parametrize(("width", "dark"), [(375, False), (1440, True)])  # the other two: test_console_reach
def test_no_page_scrolls_sideways_or_complains(browser, address, width, dark):
    with visit(browser, address, width=width, dark=dark) as page:
        for path in PAGES:
            page.goto(path)
            over = page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth")
            assert over <= 0, path


def every_tactic(stage: Stage) -> None:
    """A rulebook that fills the whole matrix, so that it is wider and higher than any screen."""
    rules = [
        replace(COPY, id=f"r{at}", tags=(f"attack.{tactic}", f"attack.{technique.lower()}"))
        for at, (technique, tactics) in enumerate(TACTICS_OF.items())
        for tactic in tactics
    ]
    rules.append(replace(COPY, id="alone", tags=("attack.impact",)))
    stage.standing = Standing(NOW, rules, [RuleCoverage(at, Status.ACTIVE) for at in range(len(rules))])


@pytest.mark.parametrize("width", [375, 1280])
def test_the_map_shows_where_it_goes_on_and_scrolls_by_key_in_its_own_frame(browser, address, stage, width):
    every_tactic(stage)
    with visit(browser, address, width=width) as page:
        page.goto("/rules/coverage")
        box = page.locator(".map")
        assert (box.get_attribute("role"), box.get_attribute("tabindex")) == ("region", "0")
        assert "横に動かせます" in str(box.get_attribute("aria-label"))
        frame = box.evaluate("""box => ({
            hidden: box.scrollWidth - box.clientWidth,
            inCard: box.getBoundingClientRect().right <= box.closest('.card').getBoundingClientRect().right,
            edge: parseFloat(getComputedStyle(box).borderRightWidth),
            fade: parseFloat(getComputedStyle(box, '::after').width),
        })""")
        assert frame["hidden"] > 0
        assert frame["inCard"]
        assert frame["edge"] >= 1
        assert frame["fade"] >= 24
        assert page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth") <= 0
        box.focus()
        page.keyboard.press("End")
        page.keyboard.press("ArrowRight")
        until(lambda: box.evaluate("box => box.scrollLeft") > 0)
        box.evaluate("box => { box.scrollLeft = box.scrollWidth; box.scrollTop = 0; }")
        last = page.locator(".map-heads text").last
        ends = "(one, box) => box.getBoundingClientRect().right - one.getBoundingClientRect().right"
        assert last.evaluate(ends, box.element_handle()) > 40, "no fade over the last column once all is seen"


def test_targets_on_a_phone_are_large_enough(browser, address):
    small = """() => [...document.querySelectorAll(`button, summary, select, textarea, .nav a, .tabs a, .chip, .button,
        .pick label, .choice, input[type=text], input[type=search]`)]
        .filter(one => one.checkVisibility() && one.getBoundingClientRect().height)
        .map(one => [one.outerHTML.slice(0, 80), one.getBoundingClientRect().height])
        .filter(([_, height]) => height < 44)"""
    with visit(browser, address, width=375) as page:
        for path in PAGES:
            page.goto(path)
            assert page.evaluate(small) == [], path


def test_pictures(browser, address):
    """Writes pictures of all pages where SECOPS_PICTURES names a folder, for whoever works on the look."""
    folder = os.environ.get("SECOPS_PICTURES")
    if not folder:
        pytest.skip("SECOPS_PICTURES is not set")
    for width in (375, 1440):
        for dark in (False, True):
            with visit(browser, address, width=width, dark=dark) as page:
                for path in PAGES:
                    page.goto(path)
                    name = re.sub(r"\W+", "-", path).strip("-")
                    page.screenshot(path=f"{folder}/{name}-{width}{'-dark' if dark else ''}.png", full_page=True)


def test_what_a_key_took_another_key_gives_back(browser, address, stage):
    with visit(browser, address) as page:
        page.keyboard.press("j")
        page.keyboard.press("a")
        expect(page.locator("#undo form")).to_be_visible()
        expect(page.locator("tr[data-id='3'] .status")).to_contain_text("touban")
        assert stage.desk.stored[3].assignee == "touban"
        page.keyboard.press("u")
        page.wait_for_url("**/undo")
        assert "1 件を元に戻しました" in page.inner_text("main")
    assert (stage.desk.stored[3].assignee, stage.desk.stored[3].state) == ("", State.OPEN)
