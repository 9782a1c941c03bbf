"""Logging in with a second factor in a real browser: a set-up code, an app, a passkey; and how the pages look."""

from __future__ import annotations

import os
import re
import threading
from collections.abc import Iterator
from datetime import timedelta

import pyotp
import pytest
import uvicorn
from playwright.sync_api import Browser, BrowserContext, Page, sync_playwright

from secops.access.ports import Access, AuditEntry, Role
from secops.settings import WebSettings
from tests.e2e.test_console_browser import CHROMIUM, FLAGS, until
from tests.web.stage import HOSTILE, PASSWORD, Stage

pytestmark = [
    pytest.mark.browser,
    pytest.mark.skipif(not CHROMIUM.exists(), reason="needs Debian's chromium: make browser"),
]
ALERT = re.compile(r"^[^?]*/alerts/3$")  # not the pages before it, which name it as what comes next
LONG = "情報政策課セキュリティ対策係の長い名前の当番担当者(兼務)"


@pytest.fixture(scope="module")
def stage(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stage]:
    made = Stage(tmp_path_factory.mktemp("stage"), WebSettings(second_factor=["csirt"]))
    made.play()
    made.person("kanri", Role.ADMIN)
    yield made
    made.close()


@pytest.fixture(scope="module")
def address(stage: Stage) -> Iterator[str]:
    """The console under a name: passkeys do not exist under a number."""
    server = uvicorn.Server(uvicorn.Config(stage.app, port=0, log_level="warning", timeout_graceful_shutdown=5))
    thread = threading.Thread(target=server.run)
    thread.start()
    until(lambda: server.started)
    yield f"http://localhost:{server.servers[0].sockets[0].getsockname()[1]}"
    stage.stop = server.should_exit = True
    thread.join(10)
    assert not thread.is_alive()


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with sync_playwright() as play:
        started = play.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        yield started
        started.close()


@pytest.fixture
def context(browser: Browser, address: str) -> Iterator[BrowserContext]:
    made = browser.new_context(base_url=address, viewport={"width": 375, "height": 800})
    yield made
    made.close()


def begin(context: BrowserContext, name: str, password: str) -> Page:
    page = context.new_page()
    page.goto("/login?next=/alerts/3")
    page.fill("#name", name)
    page.fill("#password", password)
    page.click("button.primary")
    return page


def invite(stage: Stage, name: str, role: Role = Role.CSIRT) -> str:
    return stage.accounts.invite(name, role=role, access=Access(), actor="kanri", now=stage.clock)[1]


def code_of(stage: Stage, secret: str) -> str:
    return pyotp.TOTP(secret).at(int(stage.clock.timestamp()))


def test_from_the_set_up_code_to_the_console_with_an_app_and_without_script(stage, browser, address):
    without = browser.new_context(base_url=address, java_script_enabled=False, viewport={"width": 375, "height": 800})
    page = begin(without, "tanaka", invite(stage, "tanaka"))
    assert page.inner_text("h1") == "パスワードを決める"
    page.goto("/alerts")
    assert page.inner_text("h1") == "パスワードを決める", "nothing else opens before"
    page.fill("#new", "tanaka-tanaka-1")
    page.fill("#again", "tanaka-tanaka-1")
    page.click("button.primary")
    assert "推測されやすい" in page.inner_text("#problem")
    page.fill("#new", "みどりの三輪車と夕立")
    page.fill("#again", "みどりの三輪車と夕立")
    page.click("button.primary")
    page.fill("#new", "orange umbrella 47 boats")
    page.fill("#again", "orange umbrella 47 boats")
    page.click("button.primary")
    assert page.inner_text("h1") == "多要素認証の登録"
    page.click("text=認証アプリ")
    assert page.locator(".qr svg").count() == 1
    page.click("summary")
    secret = page.inner_text(".secret code").replace(" ", "")
    page.fill("#code", code_of(stage, secret))
    page.click("button.primary")
    codes = page.locator(".codes code").all_inner_texts()
    assert len(codes) == 10
    page.click("text=控えたので先へ進む")
    assert "/alerts" in page.url
    page.goto("/account")
    assert "残り 10 個" in page.inner_text("main")
    without.close()

    again = browser.new_context(base_url=address, java_script_enabled=False)
    stage.clock += timedelta(seconds=60)
    page = begin(again, "tanaka", "orange umbrella 47 boats")
    assert page.inner_text("h1") == "多要素認証"
    page.fill("#code", "000000")
    page.click("button.primary")
    assert "違う" in page.inner_text("#problem")
    page.fill("#code", code_of(stage, secret))
    page.click("button.primary")
    page.wait_for_url(ALERT)
    again.close()


def test_a_passkey_is_made_and_used(stage, context):
    page = context.new_page()
    cdp = context.new_cdp_session(page)
    cdp.send("WebAuthn.enable")
    kind = {"protocol": "ctap2", "transport": "internal", "hasUserVerification": True, "isUserVerified": True}
    cdp.send("WebAuthn.addVirtualAuthenticator", {"options": kind | {"automaticPresenceSimulation": True}})
    stage.person("sato", Role.CSIRT)

    def login() -> None:
        page.goto("/login?next=/alerts/3")
        page.fill("#name", "sato")
        page.fill("#password", PASSWORD)
        page.click("button.primary")

    login()
    page.click("text=パスキー")
    page.fill("#name", "当番用ノート")
    page.click("[data-start]")
    page.wait_for_selector(".codes")
    page.click("text=控えたので先へ進む")
    page.wait_for_url(ALERT)
    assert [one.name for one in stage.accounts.passkeys("sato")] == ["当番用ノート"]
    context.clear_cookies()
    login()
    assert page.inner_text("h1") == "多要素認証"
    page.click("[data-start]")
    page.wait_for_url(ALERT)
    assert stage.accounts.passkeys("sato")[0].last_used == stage.clock
    page.goto("/account")
    assert "当番用ノート" in page.inner_text("main")


def people(stage: Stage) -> None:
    """A crowd for pictures: long names, all states, a log with hostile text."""

    for n, role in enumerate(Role):
        scope = Access(frozenset({"lgwan", "mynumber"}), frozenset({"高齢者福祉課地域包括ケア推進担当", "区民課"}))
        stage.accounts.invite(
            f"user{n}",
            role=role,
            access=scope if n % 2 else Access(),
            actor="kanri",
            now=stage.clock,
            display_name=LONG,
        )
    stage.accounts.disable("user3", actor="kanri", now=stage.clock)
    stage.accounts.record(AuditEntry(stage.clock, "sato", "raw_viewed", HOSTILE, "10.1.0.5", HOSTILE))


def listen(context: BrowserContext) -> list[str]:
    """What the browser complains about from here on."""
    complaints: list[str] = []
    context.on("console", lambda said: complaints.append(said.text) if said.type == "error" else None)
    return complaints


@pytest.mark.parametrize("width", [375, 1440])
def test_the_pages_fit_and_their_targets_are_large_enough(stage, browser, address, width):
    if not stage.accounts.audit_log(action="raw_viewed"):
        people(stage)
    small = """() => [...document.querySelectorAll(`button, summary, select, .button, .way, .tick, input[type=text],
        input[type=password], input[type=date], input[type=search]`)]
        .filter(one => one.checkVisibility() && one.getBoundingClientRect().height)
        .map(one => [one.outerHTML.slice(0, 80), one.getBoundingClientRect().height]).filter(([_, h]) => h < 44)"""
    folder = os.environ.get("SECOPS_PICTURES")
    for dark in (False, True) if folder else (False,):
        made = browser.new_context(
            base_url=address, viewport={"width": width, "height": 900}, color_scheme="dark" if dark else "light"
        )
        page, complaints = begin(made, "kanri", PASSWORD), listen(made)
        page.wait_for_url(ALERT)
        for path in ("/account", "/account/totp", "/account/passkey", "/account/confirm", "/users", "/audit-log"):
            page.goto(path)
            over = page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth")
            assert over <= 0, path
            if width == 375:
                assert page.evaluate(small) == [], path
            if folder:
                for one in page.locator("details.fold").all()[:2]:
                    one.evaluate("one => one.open = true")
                name = re.sub(r"\W+", "-", path).strip("-")
                page.screenshot(path=f"{folder}/{name}-{width}{'-dark' if dark else ''}.png", full_page=True)
        made.close()
        assert complaints == []
