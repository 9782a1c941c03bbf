"""Log text, names and titles that attack: on every page and in every file that the console gives out.

Routes are found, not listed: a new page is asked with the same content before anybody thinks of it.
"""

from __future__ import annotations

import csv
import dataclasses
import io
import json
import re
from collections.abc import Iterator
from datetime import date, timedelta
from urllib.parse import quote

import pytest
from fastapi.routing import APIRoute

from secops.access.ports import Access, Role
from secops.isms.policy.calendar import Entry, What
from secops.isms.policy.exceptions import Decision, Lapsed, Source
from secops.org.model import Asset, System
from secops.org.registers import Registers
from secops.schema.severity import Severity
from secops.siem.health import FilterState
from secops.siem.ports import MatchedValue, Scope, Verdict
from secops.web.services import Standing
from secops.wiring.policy_watch import Calendar
from tests.web.care import draft
from tests.web.stage import HOSTILE, NOW, PASSWORD, RULES, Stage, csrf, frame, hit

FORMULA = '=HYPERLINK("http://evil.example";"x")'
ATTACKS = HOSTILE + "<!--{% raw %}--><a href=javascript:alert(3)>" + "\u2066\u2069\u200f\u0085"
EVENT, RULE = "sumida.evil.1", "evil-rule"
UNSEEN = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\u200b-\u200f\u202a-\u202e\u2060-\u206f\ufeff]")


def evil_event() -> dict[str, object]:
    return {
        "@timestamp": NOW - timedelta(minutes=1), "event.ingested": NOW, "event.id": EVENT, "event.sequence": 1,
        "event.kind": "event", "event.action": ATTACKS, "event.dataset": ATTACKS, "message": FORMULA,
        "labels.zone": "lgwan", "labels.source": "fw01", "labels.department": ATTACKS, "labels.source_zone": ATTACKS,
        "labels.destination_zone": ATTACKS, "labels.flow": ATTACKS, "labels.flow_verdict": ATTACKS,
        "host.name": ATTACKS, "user.name": FORMULA, "source.ip": ATTACKS, "process.command_line": ATTACKS,
    }  # fmt: skip


def fill_care(stage: Stage) -> None:
    """The attack in what departments ask for, in registers and in the review calendar."""
    asked = stage.care.waivers.request(draft(reason=ATTACKS, measure=ATTACKS), actor=ATTACKS, codes=None, now=NOW)
    yes = Decision(approved=True, decider=ATTACKS[:100], decided_on=date(2026, 11, 20), conditions=ATTACKS)
    stage.care.waivers.decide(asked.number, yes, actor=FORMULA, codes=None, now=NOW)
    system = System(ATTACKS, ATTACKS, ATTACKS, "lgwan", contractor=FORMULA, cloud_service=ATTACKS, manager=ATTACKS)
    asset = Asset(ATTACKS, FORMULA, ATTACKS, retention=ATTACKS, place=ATTACKS, system=ATTACKS, manager=ATTACKS)
    entry = Entry(ATTACKS, What.RECURRING, ATTACKS, ATTACKS, date(2026, 1, 1), note=ATTACKS, clauses=(ATTACKS,))
    late = Lapsed(Source.FLOW, ATTACKS, ATTACKS, ATTACKS, date(2026, 1, 1), 9)
    stage.__dict__["care"] = dataclasses.replace(
        stage.care,
        registers=lambda _access: Registers((system,), (asset,)),
        calendar=lambda: Calendar([entry], own=True, path=ATTACKS),
        lapsed=lambda _access: [late],
    )


def fill(stage: Stage) -> None:
    """The attack in all that a log, an inventory, a rule or a colleague can write."""
    one = dataclasses.replace(
        RULES[0], id=RULE, title=ATTACKS, title_ja=ATTACKS, description=ATTACKS, description_ja=ATTACKS,
        next_steps=(ATTACKS,), false_positives=(ATTACKS,), text=f"title: {ATTACKS!r}", path=ATTACKS,
        tags=(ATTACKS, "attack.t1059"), clauses=(ATTACKS,), logsource={"product": ATTACKS},
    )  # fmt: skip
    found = [dataclasses.replace(stage.standing.found[0], rule=0, reason=ATTACKS)]
    stage.standing = Standing(NOW, (one,), found)
    stage.desk.rules[RULE] = one
    stage.store.write(frame([evil_event(), {**evil_event(), "event.id": "sumida.evil.2", "event.kind": "pipeline_error",
                                            "event.original": ATTACKS, "error.message": ATTACKS}]), {})  # fmt: skip
    matched = (MatchedValue(ATTACKS, ATTACKS, "contains", "script", ATTACKS),)
    names = {"host__name": ATTACKS, "user__name": FORMULA, "labels__department": ATTACKS}
    stage.desk.put_hits([hit(one, 1, timedelta(minutes=1), "lgwan", matched, **names)], {}, NOW)
    stage.desk.open_manual(
        title=ATTACKS, category="loss", zone="lgwan", severity=Severity.HIGH, department=ATTACKS, text=ATTACKS,
        actor=ATTACKS, now=NOW,
    )  # fmt: skip
    last = max(stage.desk.stored)
    stage.desk.note(last, ATTACKS, actor=ATTACKS, scope=Scope(), now=NOW)
    stage.desk.assign([last], ATTACKS, actor=ATTACKS, scope=Scope(), now=NOW)
    stage.desk.close([last], Verdict.FALSE_POSITIVE, ATTACKS, actor=ATTACKS, scope=Scope(), now=NOW)
    stage.found = [
        dataclasses.replace(source, name=ATTACKS, problem=ATTACKS, dropped={ATTACKS: 1}, rejected_reasons={ATTACKS: 2})
        for source in stage.found
    ]
    stage.filters = [
        FilterState(
            id="f", title=ATTACKS, title_ja=ATTACKS, state="broken", problem=ATTACKS, owner=ATTACKS, reason=ATTACKS,
            expires=date(2027, 3, 31), rules=[RULE, ATTACKS], every=False, keeps_only=False, path=ATTACKS,
        )
    ]  # fmt: skip
    stage.problems = [ATTACKS]
    fill_care(stage)


@pytest.fixture(scope="module")
def stage(tmp_path_factory) -> Iterator[Stage]:
    made = Stage(tmp_path_factory.mktemp("hostile"))
    for role in (Role.CSIRT, Role.ADMIN):
        made.accounts.add(
            role.value, PASSWORD, role=role, access=Access(), actor=ATTACKS, now=NOW, display_name=ATTACKS
        )
    made.play()
    fill(made)
    yield made
    made.close()


def routes(stage: Stage, method: str) -> list[str]:
    found: set[str] = set()

    def walk(some) -> None:
        for route in some:
            if isinstance(route, APIRoute) and method in (route.methods or ()):
                found.add(route.path)
            elif hasattr(route, "original_router"):
                walk(route.original_router.routes)

    walk(stage.app.routes)
    return sorted(path for path in found if not path.endswith("/stream"))


def addresses(stage: Stage, path: str) -> list[str]:
    """A route with ids of what is hostile, and with an attack for an id."""
    ids = {"alert_id": str(max(stage.desk.stored) - 1), "event_id": EVENT, "rule_id": RULE, "waiver": "2026-2"}
    attack = quote(ATTACKS.replace("\x00", ""), safe="")
    filled = re.sub(r"\{(\w+)[^}]*\}", lambda found: ids.get(found[1], attack), path)
    evil = re.sub(r"\{(\w+)[^}]*\}", attack, path)
    closed = path.replace("{alert_id}", str(max(stage.desk.stored)))
    asked = [filled, evil, closed] if "{" in path else [filled]
    query = "&".join(f"{name}={attack}" for name in (
        "q", "since", "until", "span", "cols", "after", "back", "state", "zone", "severity", "who", "level", "tactic",
        "technique", "status", "start", "next", "format", "done", "n", "was",
    ))  # fmt: skip
    wide = "?span=all&state=all" if path.startswith(("/events", "/alerts", "/api")) else "?since=30d"
    return [*(one + wide for one in dict.fromkeys(asked) if "{" not in one), filled + "?" + query]


def check_html(text: str, where: str) -> None:
    assert "<script>alert" not in text, where
    assert "<svg onload" not in text, where
    assert "javascript:alert(3)>" not in text, where
    # What somebody typed comes back into the field as it was; nothing is drawn of it outside.
    drawn = re.sub(r'value="[^"]*"|<textarea[^>]*>[^<]*', "", text)
    found = UNSEEN.search(drawn)
    assert found is None, (where, drawn[max(0, found.start() - 200) : found.end() + 50])
    assert not re.search(r"\son\w+=", re.sub(r'"[^"]*"', '""', re.sub(r">[^<]*<", "><", text))), where
    assert " style=" not in re.sub(r'"[^"]*"', '""', re.sub(r">[^<]*<", "><", text)), where
    assert text.count("<script") == text.count('<script src="/static/'), where


@pytest.mark.parametrize("role", ["csirt", "admin"])
def test_no_page_and_no_file_lets_an_attack_through(stage, role):
    browser = stage.client(role)
    kinds: set[str] = set()
    for path in routes(stage, "GET"):
        for address in addresses(stage, path):
            answer = browser.get(address)
            assert answer.status_code < 500, (address, answer.text[:500])
            kind = answer.headers.get("content-type", "").partition(";")[0]
            kinds.add(kind)
            assert answer.headers["x-content-type-options"] == "nosniff"
            if kind == "text/html":
                check_html(answer.text, address)
            elif kind == "text/csv":
                for row in csv.reader(io.StringIO(answer.content.decode("utf-8-sig"))):
                    assert not any(re.match(r"\s*[=+\-@\t]", cell) for cell in row), row
                assert not UNSEEN.search(answer.text.lstrip("\ufeff"))
            elif kind == "application/json":
                json.loads(answer.text)
            if "location" in answer.headers:
                assert re.match(r"/(?![/\\])", answer.headers["location"]), address
    assert kinds >= ({"text/html", "application/json", "text/csv"} if role == "csirt" else {"text/html"})


def test_json_lines_are_lines(stage):
    text = stage.client("csirt").get("/events/export?span=all&format=jsonl").text
    assert {json.loads(line)["event.id"] for line in text.split("\n") if line} >= {EVENT}


def test_english_pages_are_no_weaker(stage):
    browser = stage.client("csirt")
    browser.cookies.set("secops_lang", "en")
    for path in ("/alerts?state=all", "/events?span=all", "/zones", "/sources", "/rules", f"/rules/{RULE}"):
        check_html(browser.get(path).text, path)


def test_no_form_leads_elsewhere_or_breaks_on_an_attack(stage):
    browser = stage.client("csirt")
    token = csrf(browser)
    for path in routes(stage, "POST"):
        if path == "/logout":
            continue
        filled = re.sub(r"\{(\w+)\}", lambda found: EVENT if found[1] == "event_id" else "3", path)
        for evil in ("//evil.example", "https://evil.example/", "/\\evil.example", "/alerts\r\nx: y", ATTACKS):
            names = ("target", "back", "next", "reason", "text", "title", "assignee", "event_id", "verdict", "category")
            form = {**dict.fromkeys(names, evil), "csrf": token, "ids": "3", "action": "assign"}
            if path.startswith("/api/"):
                body = {"ids": [3], "text": evil, "assignee": evil, "reason": evil, "verdict": "false_positive"}
                answer = browser.post(filled, json=body, headers={"x-csrf-token": token})
            else:
                answer = browser.post(filled, data=form)
            assert answer.status_code < 500, (path, answer.text[:300])
            if "location" in answer.headers:
                assert re.match(r"/(?![/\\])[!-~]*$", answer.headers["location"]), (path, answer.headers["location"])
            elif answer.headers.get("content-type", "").startswith("text/html"):
                check_html(answer.text, path)


@pytest.mark.parametrize("host", ["evil.example", "evil.example:8765", "127.0.0.1.evil.example"])
def test_no_page_is_served_under_a_foreign_name(stage, host):
    browser = stage.visitor()
    for path in [*routes(stage, "GET"), "/static/base.js"]:
        assert browser.get(path.replace("{", "").replace("}", ""), headers={"host": host}).status_code == 400, path
