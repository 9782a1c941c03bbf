"""A correlation in a real site: journal, pipeline, keeper's road, status, and the same again after a replay."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from secops.siem.ports import AlertFilter, NewBatch, Origin, Scope
from secops.wiring import open_site
from secops.wiring.correlation import correlation_health, make_correlating
from secops.wiring.parts import drain_alone, make_pipeline
from secops.wiring.replay import replay
from secops.wiring.site import Site, create_site

RULES = """title: Refused
name: refused
id: 11111111-0000-4000-8000-000000000001
logsource: {product: secops, category: any}
detection: {s: {event.action: refused}, condition: s}
---
title: Many refused
id: 11111111-0000-4000-8000-000000000002
level: high
correlation: {type: value_count, rules: [refused], group-by: [source.ip], timespan: 5m, condition: {field: user.name, gte: 3}}
"""  # noqa: E501 - one line is easier to read here
ORIGIN = Origin("file", "json", path="/x.json", zone="lgwan")


@pytest.fixture
def site(tmp_path: Path) -> Iterator[Site]:
    create_site(tmp_path / "ward", site_id="ward")
    settings = tmp_path / "ward" / "secops.toml"
    settings.write_text(settings.read_text(encoding="utf-8").replace("builtin = true", "builtin = false"), "utf-8")
    (tmp_path / "ward" / "rules" / "own.yml").write_text(RULES, encoding="utf-8")
    with open_site(tmp_path / "ward") as opened:
        yield opened


def refuse(site: Site, *users: str, source: str = "app") -> None:
    now = datetime.now(UTC)
    lines = [
        json.dumps({"@timestamp": (now - timedelta(seconds=9 - n)).isoformat(), "event.action": "refused",
                    "source.ip": "10.1.1.1", "user.name": user, "host.name": "srv"})
        for n, user in enumerate(users)
    ]  # fmt: skip
    site.journal.append([NewBatch(source, now, ORIGIN, [line.encode() for line in lines])])


def alerts(site: Site) -> list[tuple[str, int, int, dict[str, str]]]:
    page = site.desk.alerts(AlertFilter(), Scope())
    found = []
    for alert in page.alerts:
        hit = site.desk.detail(alert.id, Scope()).hits[0]
        found.append((alert.title_en, alert.count, hit.contributed, dict(alert.entities)))
    return found


def work(site: Site) -> None:
    pipeline = make_pipeline(site)
    pipeline.run_dry(site.now)
    pipeline.close()


def test_from_lines_of_two_sources_to_one_alert_and_the_same_after_a_replay(site: Site):
    road = make_correlating(site)
    refuse(site, "a", "b")
    work(site)
    road.step(site.now())
    assert alerts(site) == []
    refuse(site, "c", "c", source="other")
    work(site)
    road.step(site.now())
    [(title, count, _contributed, entities)] = alerts(site)
    assert (title, count) == ("Many refused", 2)
    assert entities == {"source.ip": "10.1.1.1", "host.name": "srv"}, "no user: they are several"
    health = correlation_health(site)
    assert (health.rules, health.groups, health.inputs, health.waiting) == (1, 1, 4, 0)
    assert health.watermark is not None
    before = alerts(site)
    replay(site, None, lambda _records: None)
    assert alerts(site) == before
    road.step(site.now())
    road.step(site.now())
    assert alerts(site) == before


def test_work_without_a_keeper_is_correlated_at_its_end(site: Site):
    refuse(site, "a", "b", "c")
    drain_alone(site, lambda: False)
    assert [one[:3] for one in alerts(site)] == [("Many refused", 1, 3)]
