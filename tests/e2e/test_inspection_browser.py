"""A department fills its sheet on a phone in a real browser: saved as it is typed, two people, evidence."""

from __future__ import annotations

import threading
from collections.abc import Iterator

import pytest
import uvicorn
from playwright.sync_api import Browser, BrowserContext, Page, expect, sync_playwright

from secops.access.ports import Access, Role
from secops.isms.audit.model import Verdict
from secops.isms.audit.sheets import SheetState
from tests.e2e.test_console_browser import CHROMIUM, FLAGS, until
from tests.rounds import CLERK, HEAD, begin, fill, sheet_of
from tests.web.stage import PASSWORD, Stage

pytestmark = [
    pytest.mark.browser,
    pytest.mark.skipif(not CHROMIUM.exists(), reason="needs Debian's chromium: make browser"),
]
OWN = Access(departments=frozenset({"区民課"}))
PHONE = {"width": 375, "height": 720}


@pytest.fixture(scope="module")
def stage(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stage]:
    made = Stage(tmp_path_factory.mktemp("stage"))
    begin(made.rounds, 2025)
    fill(made.rounds, sheet_of(made.rounds, of="2025"), but="t1")
    begin(made.rounds)
    made.person("tanto", Role.STAFF, OWN)
    made.person("kacho", Role.SECURITY_MANAGER, OWN)
    made.person("lead", Role.AUDIT_LEAD)
    yield made
    made.close()


@pytest.fixture(scope="module")
def address(stage: Stage) -> Iterator[str]:
    server = uvicorn.Server(uvicorn.Config(stage.app, port=0, log_level="warning", timeout_graceful_shutdown=5))
    thread = threading.Thread(target=server.run)
    thread.start()
    until(lambda: server.started)
    yield f"http://127.0.0.1:{server.servers[0].sockets[0].getsockname()[1]}"
    stage.stop = server.should_exit = True
    thread.join(10)
    assert not thread.is_alive()


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with sync_playwright() as play:
        started = play.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        yield started
        started.close()


def enter(browser: Browser, stage: Stage, address: str, name: str, **options: object) -> tuple[BrowserContext, Page]:
    """Somebody logged in, on a phone."""
    context = browser.new_context(**{"base_url": address, "viewport": PHONE, "has_touch": True, **options})  # type: ignore[arg-type]  # options by name
    token, _session = stage.accounts.login(name, PASSWORD, peer="test", now=stage.clock, demo_allowed=True)
    context.add_cookies([{"name": "secops", "value": token, "url": address}])
    page = context.new_page()
    page.on("pageerror", lambda error: pytest.fail(str(error)))
    return context, page


def test_a_department_fills_its_sheet_on_a_phone_and_the_head_confirms(stage, browser, address):
    number = sheet_of(stage.rounds).number
    context, page = enter(browser, stage, address, "tanto")
    page.goto("/inspection")
    page.tap("text=区民課 >> nth=0")
    page.tap("text=続きから答える")
    expect(page.locator("h1")).to_have_text("課の情報資産を台帳に載せているか。")
    assert page.evaluate("document.documentElement.scrollWidth") <= PHONE["width"]
    boxes = [one.bounding_box() for one in page.locator(".verdict").all()]
    assert all(box and box["height"] >= 44 and box["width"] >= 44 for box in boxes)
    assert "台帳がない" in page.inner_text(".last"), "last year's × is open beside it"
    assert not page.is_visible("#reason")
    page.tap(".verdict-partial")
    expect(page.locator("#saved")).to_have_text("保存しました 02:07")
    assert stage.rounds.answers(number, CLERK)["t1"].verdict is Verdict.PARTIAL
    page.fill("#note", "台帳はある")
    page.fill("#reason", "異動の後に直していない")
    page.fill("#improvement", "四半期ごとに見直す")
    page.fill("#due", "2026-12-28")
    until(lambda: stage.rounds.answers(number, CLERK)["t1"].due is not None)
    page.set_input_files("#file", {"name": "台帳.pdf", "mimeType": "application/pdf", "buffer": b"%PDF-1.7 x"})
    page.tap("text=追加する")
    expect(page.locator("main")).to_contain_text("証拠を追加しました")
    assert page.input_value("#reason") == "異動の後に直していない"
    for place in ("2/3", "3/3"):
        page.tap("button:has-text('次へ')")
        expect(page.locator(".item-top")).to_contain_text(place)
        page.tap(".verdict-met")
        expect(page.locator("#saved")).to_contain_text("保存しました")
    page.tap("text=一覧へ")
    page.tap("text=入力を終える")
    expect(page.locator("main")).to_contain_text("確認待ち")
    context.close()
    context, page = enter(browser, stage, address, "kacho")
    page.goto(f"/inspection/{number}")
    page.tap("text=内容を確認した")
    expect(page.locator(".sheet-state")).to_have_text("確認済")
    assert stage.rounds.sheet(number, HEAD).state is SheetState.CONFIRMED
    page.goto(f"/inspection/{number}/t1")
    assert page.locator("#answer").count() == 0, "what is confirmed can only be read"
    context.close()
    context, page = enter(browser, stage, address, "lead", viewport={"width": 1440, "height": 900})
    page.goto("/audit/progress?round=2026")
    page.click("text=課の点検票 >> nth=0")
    expect(page.locator("main")).to_contain_text("異動の後に直していない")
    context.close()


def test_the_second_of_two_people_is_told_and_nothing_is_overwritten(stage, browser, address):
    sheet = next(one for one in stage.rounds.sheets(CLERK, of="2026") if one.unit.system)
    first_context, first = enter(browser, stage, address, "tanto")
    second_context, second = enter(browser, stage, address, "kacho")
    for page in (first, second):
        page.goto(f"/inspection/{sheet.number}/t4")
    first.tap(".verdict-met")
    expect(first.locator("#saved")).to_contain_text("保存しました")
    second.tap(".verdict-not_met")
    expect(second.locator("#saved")).to_contain_text("ほかの人が先に保存しました")
    second.fill("#reason", "見直しの記録がない")
    second.tap("button:has-text('保存する')")
    expect(second.locator(".changed")).to_contain_text("先に保存された内容(tanto")
    assert second.input_value("#reason") == "見直しの記録がない", "what was typed is still there"
    assert stage.rounds.answers(sheet.number, CLERK)["t4"].verdict is Verdict.MET
    second.tap("button:has-text('保存する')")
    expect(second.locator(".notice.good")).to_have_text("保存しました。")
    assert stage.rounds.answers(sheet.number, CLERK)["t4"].verdict is Verdict.NOT_MET
    first_context.close()
    second_context.close()


def test_everything_works_without_script(stage, browser, address):
    sheet = next(one for one in stage.rounds.sheets(CLERK, of="2026") if one.unit.system)
    context, page = enter(browser, stage, address, "tanto", java_script_enabled=False)
    page.goto(f"/inspection/{sheet.number}/t4")
    page.check("[value=partial]", force=True)
    page.fill("#reason", "半年遅れ")
    page.fill("#improvement", "毎月見る")
    page.click("button:has-text('一覧へ')")
    page.wait_for_url(f"**/inspection/{sheet.number}")
    assert stage.rounds.answers(sheet.number, CLERK)["t4"].reason == "半年遅れ"
    with page.expect_download() as download:
        page.click("text=Excel で書き出す")
    assert download.value.suggested_filename == "自己点検票_2026_区民課_住民記録システム.xlsx"
    page.set_input_files("#file", download.value.path())
    page.click("text=取り込む")
    expect(page.locator("main")).to_contain_text("変わったところはありません")
    context.close()
