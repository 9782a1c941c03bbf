"""From a form on a phone to the report, in a real browser over a real site: every statement can be followed back."""

from __future__ import annotations

import io
import threading
from collections.abc import Iterator
from pathlib import Path

import docx
import pytest
import uvicorn
from playwright.sync_api import Browser, Page, expect, sync_playwright

from secops.access.ports import Access, Role
from secops.isms.audit.round import FindingState
from secops.web.app import create_app
from secops.web.serve import services
from secops.wiring import Site, create_site, open_site
from tests.audit_work import AUDITOR, appoint
from tests.e2e.test_console_browser import CHROMIUM, FLAGS, until
from tests.rounds import KUMIN, LEAD, begin, sheet_of

pytestmark = [
    pytest.mark.browser,
    pytest.mark.skipif(not CHROMIUM.exists(), reason="needs Debian's chromium: make browser"),
]
PASSWORD = "a-long-password-for-tests"
DEPARTMENTS = "所属コード,所属名,階層\nkumin,区民課,課\nzeimu,税務課,課\njoho,区民情報課,課\n"
PHONE, DESK = {"width": 375, "height": 720}, {"width": 1280, "height": 900}


@pytest.fixture
def site(tmp_path: Path) -> Iterator[Site]:
    create_site(tmp_path / "site")
    (tmp_path / "site" / "inventory" / "departments.csv").write_text(DEPARTMENTS, encoding="utf-8-sig")
    with open_site(tmp_path / "site") as made:
        begin(made.desk.rounds, audited=(KUMIN,))
        appoint(made.desk.rounds, AUDITOR)
        own = Access(departments=frozenset({"区民課"}))
        for name, role, access in (
            ("tanto", Role.STAFF, own),
            ("kacho", Role.SECURITY_MANAGER, own),
            (AUDITOR.name, Role.AUDITOR, Access()),
            ("tokatsu", Role.AUDIT_LEAD, Access()),
        ):
            made.accounts.add(name, PASSWORD, role=role, access=access, actor="test", now=made.now())
        yield made


@pytest.fixture
def address(site: Site) -> Iterator[str]:
    stop = threading.Event()
    app = create_app(services(site, stop))
    server = uvicorn.Server(uvicorn.Config(app, port=0, log_level="warning", timeout_graceful_shutdown=5))
    thread = threading.Thread(target=server.run)
    thread.start()
    until(lambda: server.started)
    yield f"http://127.0.0.1:{server.servers[0].sockets[0].getsockname()[1]}"
    stop.set()
    server.should_exit = True
    thread.join(10)


@pytest.fixture
def browser() -> Iterator[Browser]:
    with sync_playwright() as play:
        started = play.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        yield started
        started.close()


def enter(browser: Browser, site: Site, address: str, name: str, size: dict[str, int]) -> Page:
    context = browser.new_context(base_url=address, viewport=size, has_touch=size is PHONE)  # type: ignore[arg-type]  # a TypedDict
    token, _session = site.accounts.login(name, PASSWORD, peer="test", now=site.now(), demo_allowed=True)
    context.add_cookies([{"name": "secops", "value": token, "url": address}])
    page = context.new_page()
    page.on("pageerror", lambda error: pytest.fail(str(error)))
    return page


def test_from_the_form_on_a_phone_to_the_report(site, browser, address):
    number = sheet_of(site.desk.rounds).number
    clerk = enter(browser, site, address, "tanto", PHONE)
    for item in sheet_of(site.desk.rounds).items:
        clerk.goto(f"/inspection/{number}/{item}")
        clerk.tap(".verdict-met")
        expect(clerk.locator("#saved")).to_contain_text("保存しました")
    clerk.goto(f"/inspection/{number}")
    clerk.tap("text=入力を終える")
    expect(clerk.locator("main")).to_contain_text("確認待ち")
    head = enter(browser, site, address, "kacho", PHONE)
    head.goto(f"/inspection/{number}")
    head.tap("text=内容を確認した")

    auditor = enter(browser, site, address, AUDITOR.name, DESK)
    auditor.goto("/audit/papers")
    auditor.click("main >> text=区民課")
    auditor.click("text=t1")
    auditor.check("input[name=verdict][value=not_met]")
    auditor.fill("#result", "電子申請の受付簿が台帳に載っていないことを確認した。")
    auditor.fill("#evidence", "情報資産管理台帳 | 書庫3")
    auditor.click("text=調書を保存する")
    expect(auditor.locator("main")).to_contain_text("作成 kansa")
    auditor.click("text=指摘にする")
    assert auditor.input_value("#fact") == "電子申請の受付簿が台帳に載っていないことを確認した。"
    auditor.fill("#title", "受付簿が台帳にない")
    auditor.fill("#criterion", "対策基準は、全ての情報資産を台帳に載せると定めている。")
    auditor.fill("#risk", "このため、廃棄の管理から漏れるおそれがある。")
    auditor.fill("#recommendation", "台帳に載せる手順を定める必要がある。")
    auditor.click("text=保存する")
    auditor.click("text=事実確認に出す")

    head.goto("/findings")
    assert head.evaluate("document.documentElement.scrollWidth") <= PHONE["width"]
    head.tap("td a")
    head.check("text=事実に相違ない")
    head.tap("button:has-text('回答する')")
    lead = enter(browser, site, address, "tokatsu", DESK)
    (finding,) = site.desk.audit_work.findings(LEAD)
    lead.goto(f"/findings/{finding.finding.number}")
    lead.click("text=指摘として確定する")
    assert site.desk.audit_work.finding(finding.finding.number, LEAD).finding.state is FindingState.OPEN

    answer = lead.request.get(f"{address}/audit/reports/draft?kind=report&year=2026&format=docx")
    assert answer.status == 200
    told = docx.Document(io.BytesIO(answer.body()))
    cells = [cell.text for table in told.tables for row in table.rows for cell in row.cells]
    text = "\n".join([*(one.text for one in told.paragraphs), *cells])
    fact = "電子申請の受付簿が台帳に載っていないことを確認した。"
    for words in ("受付簿が台帳にない", fact, "情報資産管理台帳"):
        assert words in text, words
    heads = [one.text for part in told.sections for one in part.header.paragraphs]
    assert "案" in "".join(heads), "a draft says on every page that it is one"
