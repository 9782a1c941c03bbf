"""Every page of the policy and audit wing: axe, nothing beyond the edge, targets for a thumb, the place in the menu."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from axe_playwright_python.sync_playwright import Axe  # type: ignore[import-untyped]  # ships no types
from fastapi.routing import APIRoute
from playwright.sync_api import Browser, Page

from secops.access.ports import Access, Role
from secops.web.app import ISMS
from tests.audit_work import AUDITOR, appoint
from tests.e2e.test_console_reach import CHROMIUM, address, browser, look  # noqa: F401 - fixtures
from tests.rounds import KUMIN, ZEIMU, annual
from tests.web.matrix import calls
from tests.web.stage import NOW, PASSWORD, Stage

# What is handed out as a file is no page, and one address leads on to another.
FILES = {
    "/audit/evidence/{sheet_number}/file",
    "/audit/reports/draft",
    "/audit/reports/{release_number}/{file_name}",
    "/inspection/{number}/files/{file}",
    "/inspection/{number}/form/xlsx",
    "/policy/calendar.ics",
    "/policy/compare/docx",
    "/policy/registers/export",
}
LEADS_ON = {"/audit"}
# Where the thing that the matrix names is not what makes the page worth looking at.
BETTER = {
    "/audit/plans/{plan}/edit": ("audit_lead", "/audit/plans/2027/edit"),
    "/policy/documents/{document_id}/publish": ("policy_owner", "/policy/documents/taisaku/publish"),
    "/inspection/staff": ("security_manager", "/inspection/staff"),
}
# The same pages with more or with nothing in them.
MORE = (
    ("audit_lead", "/audit/plan/new?level=annual_plan"),
    ("audit_lead", "/audit/plan/new?level=engagement_plan&above=2027"),
    ("audit_lead", "/audit/plan/new?level=audit_programme"),
    ("audit_lead", "/audit/plans/2027"),
    ("audit_lead", "/audit/heatmap?view=years"),
    ("audit_lead", "/findings?q=nothing-like-it"),
    ("auditor", "/audit/plans"),
    ("auditor", "/audit/papers"),
    ("security_manager", "/findings"),
    ("policy_owner", "/policy/documents/taisaku/draft?text=1"),
    ("policy_owner", "/policy/guideline?edition=2024-10&changed=1"),
    ("policy_owner", "/policy/impact?from=2024-10&to=2025-03"),
    ("policy_owner", "/policy/exceptions?state=all"),
    ("viewer", "/audit/reports"),
)
OUTSIDE_THE_MENU = {"/inspection/staff"}  # opened with a code, by people who have no login

pytestmark = [
    pytest.mark.browser,
    pytest.mark.skipif(not CHROMIUM.exists(), reason="needs Debian's chromium: make browser"),
]


def routes() -> set[str]:
    """The GET addresses of the wing."""
    found = (route for part in ISMS for route in part.router.routes if isinstance(route, APIRoute))
    return {route.path for route in found if "GET" in (route.methods or ())}


def visits() -> dict[str, tuple[str, str]]:
    """Address of a route → as whom it is looked at, and where: the first role of the matrix that may."""
    found = {}
    for call in calls():
        if call.method == "GET" and call.path in routes() - FILES - LEADS_ON:
            may = [role.value for role in Role if call.cells.get((role, True)) == 200]
            prefer = [one for one in ("audit_lead", "policy_owner", "security_manager") if one in may]
            for who in (prefer or may)[:1]:
                found[call.path] = (who, call.url)
    return {**found, **BETTER}


def test_every_page_of_the_wing_is_looked_at():
    """A new page fails this until it is visited (a line in the matrix that somebody may open) or named as a file."""
    assert routes() - set(visits()) - FILES - LEADS_ON == set()
    assert routes() >= FILES | LEADS_ON, "these are no routes any more: take them out"
    assert set(BETTER) <= routes()


@pytest.fixture(scope="module")
def stage(tmp_path_factory) -> Iterator[Stage]:
    made = Stage(tmp_path_factory.mktemp("isms"))
    own = Access(departments=frozenset({"区民課"}))
    for role in Role:
        inside = role in {Role.SECURITY_MANAGER, Role.STAFF}
        made.person(role.value, role, own if inside else Access())
    made.play()
    made.rounds.create_plan(annual(2027, audited=(KUMIN, ZEIMU)), actor="lead", now=NOW)
    appoint(made.rounds, AUDITOR)
    yield made
    made.close()


@pytest.fixture(scope="module")
def draft(stage) -> None:
    """A draft of the 対策基準, so that there is something to publish."""
    document = stage.library.entry("taisaku", NOW.date()).working
    stage.library.save(document, seen=0, by="policy_owner", now=NOW)


class Walk:
    """A browser for each role that is needed."""

    def __init__(self, browser: Browser, address: str, stage: Stage, width: int, dark: bool) -> None:  # noqa: F811 - the fixture
        self._made = (browser, address, width, dark)
        self._pages: dict[str, Page] = {}
        self._stage = stage
        self._open: list[Any] = []

    def page(self, who: str) -> Page:
        """The page of this role."""
        if who not in self._pages:
            browser_, address_, width, dark = self._made
            context = look(browser_, address_, None, width, dark, has_touch=width < 640)
            page = context.__enter__()
            self._open.append(context)
            stage = self._stage
            token, _session = stage.accounts.login(who, PASSWORD, peer="test", now=stage.clock, demo_allowed=True)
            page.context.add_cookies([{"name": "secops", "value": token, "url": address_}])
            self._pages[who] = page
        return self._pages[who]

    def close(self) -> None:
        """All of them."""
        for one in self._open:
            one.__exit__(None, None, None)


SMALL = """() => [...document.querySelectorAll(`main button, main summary, main select, main textarea, main .button,
    main .choice, .tabs a, main input:not([type=checkbox], [type=radio], [type=hidden])`)]
    .filter(one => one.checkVisibility() && one.getBoundingClientRect().height)
    .map(one => [one.outerHTML.slice(0, 90), one.getBoundingClientRect().height])
    .filter(([_, high]) => high < 43.5)"""
OVER = "document.documentElement.scrollWidth - document.documentElement.clientWidth"
OPEN = "for (const one of document.querySelectorAll('main details')) one.open = true"


@pytest.mark.timeout(900)
@pytest.mark.parametrize(("width", "dark"), [(1280, False), (375, True)])
def test_axe_finds_nothing_and_nothing_is_beyond_the_edge(browser, address, stage, draft, width, dark):  # noqa: F811 - the fixture
    walk, found = Walk(browser, address, stage, width, dark), {}
    try:
        for who, path in [*visits().values(), *MORE]:
            page = walk.page(who)
            answer = page.goto(path)
            assert answer is not None
            assert answer.status == 200, (who, path)
            marked = page.locator('.nav a[aria-current="page"]').count()
            if marked != 1 and path not in OUTSIDE_THE_MENU:
                found[path, "menu"] = [str(marked)]
            page.evaluate(OPEN)
            if page.evaluate(OVER) > 0:
                found[path, "over the edge"] = [str(page.evaluate(OVER))]
            if width < 640 and (small := page.evaluate(SMALL)):
                found[path, "small"] = [str(one) for one in small[:3]]
            for one in Axe().run(page, options={"resultTypes": ["violations"]}).response["violations"]:
                found[path, one["id"]] = [node["html"][:160] for node in one["nodes"][:3]]
    finally:
        walk.close()
    assert found == {}
