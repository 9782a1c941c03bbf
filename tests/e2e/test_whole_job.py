"""The job of the person on call from end to end in a real browser, on a desktop and on a phone.

Log in with a second factor, take the top alert, read why it fired, look at the raw record, close it with a reason, find
it again by search.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pyotp
import pytest
import uvicorn
from playwright.sync_api import Page, sync_playwright

from secops.access.ports import Role, Visit
from secops.settings import WebSettings
from secops.siem.ports import State, Verdict
from tests.e2e.test_console_reach import CHROMIUM, FLAGS, until
from tests.web.stage import PASSWORD, Stage

pytestmark = [
    pytest.mark.browser,
    pytest.mark.skipif(not CHROMIUM.exists(), reason="needs Debian's chromium: make browser"),
]
REASON = "持ち込み端末。区民課に確認"
OVER = "document.documentElement.scrollWidth - document.documentElement.clientWidth"


@pytest.fixture
def stage(tmp_path: Path) -> Iterator[Stage]:
    made = Stage(tmp_path, WebSettings(second_factor=["csirt"]))
    made.play()
    yield made
    made.close()


@pytest.fixture
def address(stage: Stage) -> Iterator[str]:
    server = uvicorn.Server(uvicorn.Config(stage.app, port=0, log_level="warning", timeout_graceful_shutdown=3))
    thread = threading.Thread(target=server.run)
    thread.start()
    until(lambda: server.started)
    yield f"http://127.0.0.1:{server.servers[0].sockets[0].getsockname()[1]}"
    stage.stop = server.should_exit = True
    thread.join(10)


def with_app(stage: Stage, name: str) -> str:
    """Someone of the CSIRT who has set an app up; its secret."""
    stage.person(name, Role.CSIRT)
    _token, session = stage.accounts.login(name, PASSWORD, peer="test", now=stage.clock, demo_allowed=True)
    secret = stage.accounts.begin_totp(session)
    code = pyotp.TOTP(secret).at(int(stage.clock.timestamp()))
    stage.accounts.finish_totp(session, code, Visit("test", "", stage.clock))
    stage.clock += timedelta(seconds=60)  # a code is good once
    return secret


def log_in(page: Page, stage: Stage, secret: str) -> None:
    page.goto("/login")
    page.fill("#name", "touban")
    page.fill("#password", PASSWORD)
    page.click("button.primary")
    assert page.inner_text("h1") == "多要素認証"
    page.fill("#code", pyotp.TOTP(secret).at(int(stage.clock.timestamp())))
    page.click("button.primary")
    page.wait_for_url("**/alerts")


@pytest.mark.parametrize("width", [1280, 375])
def test_from_the_second_factor_to_the_closed_alert_found_again(stage, address, width):
    secret = with_app(stage, "touban")
    with sync_playwright() as play:
        browser = play.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        context = browser.new_context(
            base_url=address, viewport={"width": width, "height": 800}, has_touch=width == 375, reduced_motion="reduce"
        )
        page = context.new_page()
        log_in(page, stage, secret)
        page.locator("tr[data-id] .title a").first.click()
        page.wait_for_url("**/alerts/3")
        page.click("#take")
        assert "担当を記録しました。" in page.inner_text(".notice.good")
        assert "mynumber>internet" in page.inner_text(".p-why mark >> nth=0") + page.inner_text(".p-why")
        page.fill("#rawreason", "K-0213 の調査")
        page.locator("button[name=event_id]").first.click()
        assert "dstip=203.0.113.9" in page.inner_text("#raw")
        page.goto("/alerts/3")
        page.click("#close summary")
        page.check("#v-true_positive")
        page.fill("#reason", REASON)
        page.click("#close button.primary")
        assert "対応を完了しました。" in page.inner_text(".notice.good")
        page.goto("/alerts?state=closed")
        page.evaluate("const more = document.getElementById('more'); if (more) more.checked = true")
        page.fill("#f-q", "verdict:true_positive host:K-0213")
        page.click("#narrow button")
        page.wait_for_url("**q=verdict*")
        assert page.eval_on_selector_all("tr[data-id]", "rows => rows.map(row => row.dataset.id)") == ["3"]
        assert page.evaluate(OVER) <= 0
        browser.close()
    alert = stage.desk.stored[3]
    assert (alert.state, alert.verdict, alert.closed_reason) == (State.CLOSED, Verdict.TRUE_POSITIVE, REASON)
    log = {one.action for one in stage.accounts.audit_log(limit=100, actor="touban")}
    assert {"login", "alert_viewed", "alerts_assigned", "raw_viewed", "alerts_closed", "alerts_listed"} <= log
