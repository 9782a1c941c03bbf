"""The JSON API against its own description: schemathesis makes the calls, no answer may be an error of the server."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from typing import Any

import pytest
import schemathesis
from fastapi.testclient import TestClient
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from hypothesis.errors import Unsatisfiable

from secops.access.ports import Access, Role
from tests.web.stage import Stage, csrf

EXAMPLES = 8
NAMES = ["q", "span", "since", "until", "cols", "after", "back", "was", "format", "state", "who", "severity", "zone"]
ODD = ["24h", "9d", "-1", "4-0-1", "0-a.b.1", "2026-11-23", "custom", "a OR b"]


@pytest.fixture(scope="module")
def stage(tmp_path_factory) -> Iterator[Stage]:
    made = Stage(tmp_path_factory.mktemp("schema"))
    made.person("touban", Role.CSIRT, Access())
    made.play()
    yield made
    made.close()


@pytest.fixture(scope="module")
def browser(stage) -> TestClient:
    return stage.client("touban")


def operations(stage: Stage) -> list[Any]:
    schema = schemathesis.openapi.from_dict(stage.app.openapi())
    found = [one.ok() for one in schema.get_all_operations()]
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


def test_the_api_answers_as_it_describes_itself(stage, browser):
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
                answer = send(browser, case)
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


@settings(max_examples=40, deadline=None, derandomize=True, suppress_health_check=list(HealthCheck))
@given(
    path=st.sampled_from(["/events", "/events/export", "/alerts", "/zones", "/rules", "/sources", "/api/alerts"]),
    values=st.dictionaries(st.sampled_from(NAMES), st.text(max_size=30) | st.sampled_from(ODD), max_size=5),
)
def test_no_address_breaks_a_page(browser, path, values):
    answer = browser.get(path, params={name: text for name, text in values.items() if max(text, default="") < "\ud800"})
    assert answer.status_code < 500, (path, values, answer.text[:300])
