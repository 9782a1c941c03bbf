"""Which pages are looked at, and as whom: every GET call of the console, or why one is no page to look at.

The addresses and roles come from `tests.web.matrix`: of each call, the first role that gets it. So a new page is looked
at as soon as it has its line there. `tests/web/test_web_looks.py` holds that none is left out and that each of them
shows what it is for, not an error; `tests/e2e/test_every_page.py` looks at them.
"""

from __future__ import annotations

from dataclasses import dataclass

import pyotp

from secops.access.ports import Access, Role, Visit
from tests.rounds import KUMIN, annual
from tests.web.matrix import calls
from tests.web.stage import PASSWORD, Stage

PUBLIC = "nobody"
STEPS = {"/login/password": "new", "/login/factor": "factor", "/login/enroll": "enroll"}
# Another address than the one in the matrix, where that one is refused.
ELSEWHERE = {
    "/alerts/{alert_id}/exception": ("/alerts/1/exception", Role.CSIRT),
    "/audit/plans/{plan}/edit": ("/audit/plans/2027/edit", Role.AUDIT_LEAD),
}
PUBLISH = "/policy/documents/{document_id}/publish"
FILE, DATA = "a file to keep, no page", "JSON or a stream, no page"
NO_PAGES = {
    "/": "leads on to the first page of the reader",
    "/healthz": "one word for a machine",
    "/audit": "leads on to the first page of the audit wing",
    "/login/oidc": "leads on to the ward's own provider",
    "/login/oidc/callback": "leads on from it; its refusals are the page of /login",
    "/events/export": FILE,
    "/policy/calendar.ics": FILE,
    "/policy/registers/export": FILE,
    "/policy/compare/docx": FILE,
    "/audit/reports/{release_number}/{file_name}": FILE,
    "/audit/reports/draft": FILE,
    "/audit/evidence/{sheet_number}/file": FILE,
    "/inspection/{number}/files/{file}": FILE,
    "/inspection/{number}/form/xlsx": FILE,
    "/api/alerts": DATA,
    "/api/alerts/stream": DATA,
    "/api/alerts/{alert_id}": DATA,
}


@dataclass(frozen=True, slots=True)
class Look:
    """A page: its path in the app, an address of it, and the login of who looks."""

    path: str
    url: str
    who: str


def name_of(role: Role) -> str:
    """The login of someone with this role on a `peopled` stage."""
    return f"look-{role.value.replace('_', '-')}"


def looks() -> list[Look]:
    """All pages."""
    found = {}
    for call in calls():
        if call.method != "GET" or call.path in NO_PAGES:
            continue
        url, who = call.url, PUBLIC
        if call.path in ELSEWHERE:
            url, role = ELSEWHERE[call.path]
            who = name_of(role)
        elif call.path == PUBLISH:
            who = name_of(Role.POLICY_OWNER)
        elif call.kind == "begun":
            who = STEPS[call.path]
        elif call.kind == "guarded":
            may = [role for role in Role if call.cells[role, True] == 200]
            who = name_of(may[0]) if may else "nobody may"
        found[call.path] = Look(call.path, url, who)
    return list(found.values())


def people(stage: Stage) -> None:
    """Someone of every role and at each step of the login, a draft to publish, and a plan that can be changed."""
    for role in Role:
        mine = frozenset({"区民課"}) if role in {Role.SECURITY_MANAGER, Role.STAFF} else None
        stage.person(name_of(role), role, Access(departments=mine))
    stage.person("victim", Role.VIEWER)
    stage.rounds.create_plan(annual(2027, audited=(KUMIN,), office=""), actor="x", now=stage.clock)
    library = stage.library
    working = library.entry("taisaku", stage.clock.date()).working
    library.save(working, seen=library.shelf.draft("taisaku").revision, by="x", now=stage.clock)


def token(stage: Stage, who: str) -> str:
    """A session of this person; of a step of the login, of someone who is just there."""
    name = f"{who}-{len(stage.accounts.users())}"
    visit = Visit("test", "", stage.clock, "")
    if who == "new":
        _user, code = stage.accounts.invite(name, role=Role.CSIRT, access=Access(), actor="x", now=stage.clock)
        return stage.accounts.login(name, code, peer="test", now=stage.clock, demo_allowed=True)[0]
    if who in STEPS.values():
        stage.person(name, Role.VIEWER)  # the role that must have a second factor on a stage of `settings`
        made, session = stage.accounts.login(name, PASSWORD, peer="test", now=stage.clock, demo_allowed=True)
        if who == "enroll":
            return made
        secret = stage.accounts.begin_totp(session)
        code = pyotp.TOTP(secret).at(int(stage.clock.timestamp()))
        stage.accounts.finish_totp(session, code, visit)
        who = name
    return stage.accounts.login(who, PASSWORD, peer="test", now=stage.clock, demo_allowed=True)[0]
