"""The JSON API against its own description: schemathesis makes the calls, no answer may be an error of the server."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Iterator
from datetime import timedelta
from typing import Any, cast
from urllib.parse import urlencode

import pytest
import schemathesis
from fastapi.testclient import TestClient
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from hypothesis.errors import Unsatisfiable

from secops.access.ports import Access, Role
from secops.store.events.lake import Lake
from secops.store.records import open_records
from tests.rounds import begin
from tests.web.stage import NOW, RULES, Stage, csrf, frame, neighbours, night

EXAMPLES = 5
NAMES = ["q", "span", "since", "until", "cols", "after", "back", "was", "format", "state", "who", "severity", "zone"]
ODD = [
    "0001-01-01",
    "9999-12-31",
    "-9999999999999999-a.b.1",
    "24h",
    "9d",
    "-1",
    "4-0-1",
    "0-a.b.1",
    "2026-11-23",
    "custom",
    "a OR b",
]


@pytest.fixture(scope="module")
def stage(tmp_path_factory) -> Iterator[Stage]:
    """On the real records and the real lake: a fake takes numbers and letters that no database has."""
    folder = tmp_path_factory.mktemp("schema")
    made = Stage(folder)
    desk, lake = open_records(folder / "records.db", list(RULES)), Lake(folder / "lake", threads=1)
    made.desk, made.store = desk, lake  # type: ignore[assignment]  # ports, which the fakes implement too
    made.person("touban", Role.CSIRT, Access())
    made.person("kacho", Role.SECURITY_MANAGER, Access())
    begin(made.rounds)
    desk.put_hits(night(), {}, NOW - timedelta(minutes=1))
    lake.write(frame(neighbours()), {})
    yield made
    lake.close()
    desk.dispose()
    made.close()


@pytest.fixture(scope="module")
def browser(stage) -> TestClient:
    made: TestClient = stage.client("touban")
    return made


@pytest.fixture(scope="module")
def department(stage) -> TestClient:
    """Who answers a self-inspection, which those who work alerts do not."""
    made: TestClient = stage.client("kacho")
    return made


def operations(stage: Stage) -> list[Any]:
    schema = schemathesis.openapi.from_dict(stage.app.openapi())
    found: list[Any] = [cast("Any", one).ok() for one in schema.get_all_operations()]
    return [one for one in found if one.path.startswith("/api/") and not one.path.endswith("/stream")]


def send(browser: TestClient, case: Any) -> Any:
    headers = {name: value for name, value in (case.headers or {}).items() if value.isascii() and value.isprintable()}
    headers["x-csrf-token"] = csrf(browser)
    path = case.formatted_path
    query = {name: value for name, value in (case.query or {}).items() if value is not None}
    body = case.body if isinstance(case.body, dict | list | str | int | float | bool | None) else None
    if case.method == "GET":
        return browser.get(path, params=query, headers=headers)
    return browser.request(case.method, path, params=query, headers=headers, json=body)


def test_the_api_answers_as_it_describes_itself(stage, browser, department):
    told = operations(stage)
    assert {one.path for one in told} >= {"/api/alerts", "/api/alerts/{alert_id}", "/api/alerts/close"}
    for operation in told:
        for mode in (schemathesis.GenerationMode.POSITIVE, schemathesis.GenerationMode.NEGATIVE):

            @settings(
                max_examples=EXAMPLES, deadline=None, database=None, derandomize=True, phases=[Phase.generate],
                suppress_health_check=list(HealthCheck),
            )  # fmt: skip
            @given(case=operation.as_strategy(generation_mode=mode))
            def one(case: Any) -> None:
                answer = send(department if case.path.startswith("/api/inspection") else browser, case)
                where = (case.method, case.formatted_path, case.query, case.body, answer.text[:300])
                assert answer.status_code < 500, where
                assert answer.status_code not in {401, 403}, where
                assert answer.headers["content-type"] == "application/json", where
                if answer.status_code >= 400:
                    assert answer.json()["error"]["status"] == answer.status_code, where

            if mode is schemathesis.GenerationMode.NEGATIVE:
                with contextlib.suppress(Unsatisfiable):  # a call that takes nothing cannot be given anything wrong
                    one()
            else:
                one()


EVIL = [10**30, 1 << 63, -1, "\ud800", "a\x00b", "\u202e"]


def test_numbers_and_letters_that_no_database_has(browser):
    headers = {"x-csrf-token": csrf(browser), "content-type": "application/json"}
    for number in EVIL[:3]:
        assert browser.get(f"/alerts/{number}").status_code == 404
        assert browser.get(f"/api/alerts/{number}").status_code == 404
        for path, more in (("assign", {}), ("close", {"verdict": "false_positive", "reason": "x"}), ("reopen", {})):
            body = json.dumps({"ids": [number], **more})
            assert browser.post(f"/api/alerts/{path}", content=body, headers=headers).status_code == 404
        assert browser.post(f"/api/alerts/{number}/notes", content='{"text": "x"}', headers=headers).status_code == 404
    for text in EVIL[3:]:
        answer = browser.post("/api/alerts/3/notes", content=json.dumps({"text": text}), headers=headers)
        assert answer.status_code in {200, 400}, answer.text
        body = json.dumps({"ids": [3], "assignee": text})
        assert browser.post("/api/alerts/assign", content=body, headers=headers).status_code == 400
        form = {"category": "loss", "severity": "low", "zone": "lgwan", "title": "x" + str(text), "text": text}
        form |= {"department": text, "csrf": csrf(browser)}
        sent = {name: str(value).encode("utf-8", "surrogatepass") for name, value in form.items()}
        plain = {"content-type": "application/x-www-form-urlencoded"}
        assert browser.post("/alerts/new", content=urlencode(sent), headers=plain).status_code in {303, 400}
    assert browser.get("/alerts/3").status_code == 200


@settings(max_examples=40, deadline=None, derandomize=True, suppress_health_check=list(HealthCheck))
@given(
    path=st.sampled_from(["/events", "/events/export", "/alerts", "/zones", "/rules", "/sources", "/api/alerts"]),
    values=st.dictionaries(st.sampled_from(NAMES), st.text(max_size=30) | st.sampled_from(ODD), max_size=5),
)
def test_no_address_breaks_a_page(browser, path, values):
    answer = browser.get(path, params={name: text for name, text in values.items() if max(text, default="") < "\ud800"})
    assert answer.status_code < 500, (path, values, answer.text[:300])
