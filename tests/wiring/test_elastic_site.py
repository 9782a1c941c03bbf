"""A site whose events are searched in Elasticsearch: through the wiring, and with the node killed in the middle."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable
from datetime import UTC, datetime

import pytest
from click.testing import CliRunner

from secops.cli.search import search
from secops.cli.store import store
from secops.query.tree import All, Text
from secops.siem.ports import AlertFilter, NewBatch, Origin, Scope, Span
from secops.wiring import Site, create_site, open_site
from secops.wiring.away import absence
from secops.wiring.crew import work_off_together
from secops.wiring.locks import held
from secops.wiring.parts import _worker, drain_alone
from secops.wiring.replay import replay
from secops.wiring.status import system_status
from tests import elastic
from tests.fakes.elastic_door import Door, door

NOW = datetime(2026, 11, 23, 2, 0, tzinfo=UTC)
SYSLOG = Origin("file", "syslog", path="/var/log/auth.log", zone="internet", timezone="UTC")
RULE = """title: Root shell
id: 7d1c0b70-5f57-4d39-9d65-0d1b3f0a7f01
level: high
logsource: {product: linux}
detection:
  words: ['uid=0 for every hundredth']
  condition: words
"""
SETTINGS = """
[site]
id = "ward"
name = "試験区"
[zones.internet]
label = "インターネット接続系"
[rules]
builtin = false
[work]
flush_seconds = 0.2
[store]
kind = "elasticsearch"
urls = ["{url}"]
prefix = "{prefix}"
retry_seconds = 0.5
"""


def make_site(folder, url: str, prefix: str) -> Site:
    create_site(folder, site_id="ward", settings=SETTINGS.format(url=url, prefix=prefix))
    (folder / "rules" / "root.yml").write_text(RULE, encoding="utf-8")
    return open_site(folder)


def journal(site: Site, first: int, count: int) -> None:
    numbers = range(first, first + count)
    texts = ["uid=0 for every hundredth" if number % 100 == 0 else "session opened" for number in numbers]
    lines = [
        f"<86>Nov 23 01:02:03 srv1 su[{number}]: {text}".encode() for number, text in zip(numbers, texts, strict=True)
    ]
    site.journal.append([NewBatch("auth", NOW, SYSLOG, lines)])


def hits(site: Site) -> int:
    alerts = site.desk.alerts(AlertFilter(), Scope()).alerts
    return sum(one.count for one in alerts if one.rule_id.startswith("7d1c0b70"))


def stored(site: Site) -> int:
    return sum(one.stored for one in site.desk.tallies().values())


def until(holds: Callable[[], bool], what: str) -> None:
    deadline = time.monotonic() + 120
    while not holds():
        assert time.monotonic() < deadline, what
        time.sleep(0.05)


@pytest.fixture
def site(tmp_path):
    with elastic.own_prefix() as prefix, make_site(tmp_path / "site", elastic.URL, prefix) as made:
        yield made


@elastic.needed
def test_commands_and_a_replay_work_through_it(site):
    journal(site, 1, 300)
    drain_alone(site, lambda: False)
    assert (site.generation, site.store.positions(), hits(site)) == ("g1", {"auth": 300}, 3)
    place = ["--site", str(site.folder)]
    found = CliRunner().invoke(search, ["hundredth", "--since", "2026-11-01", "--json", *place])
    assert json.loads(found.stdout)["total"] == 3
    stats = json.loads(CliRunner().invoke(store, ["stats", "--json", *place]).stdout)
    assert (stats["rows"], stats["refused"], stats["cut"]) == (300, 0, 0)
    assert replay(site, None, lambda _records: None).records == 300
    assert (site.generation, site.store.count(All(), Span(), Scope()), site.store.positions()) == (
        "g2",
        300,
        {"auth": 300},
    )
    since = datetime(2026, 11, 24, tzinfo=UTC)  # nothing is newer: all is taken over as it is
    assert replay(site, since, lambda _records: None).records == 0
    assert (site.generation, site.store.count(Text("hundredth"), Span(), Scope())) == ("g3", 3)
    old = site.stores.open("g1")
    assert (old.positions(), old.stats().rows) == ({}, 0)
    old.close()
    status = system_status(site)
    assert (status.store.kind, status.store.away) == ("elasticsearch", "")
    assert site.store.retain(NOW.replace(year=2027)) == 300


@elastic.needed
def test_a_crew_stages_for_it(site):
    journal(site, 1, 300)
    work_off_together(site, site.generation, lambda: (site.store, site.desk), lambda: False)
    assert (site.store.positions(), site.store.count(All(), Span(), Scope()), hits(site)) == ({"auth": 300}, 300, 3)
    assert site.desk.tallies()["auth"].stored == 300


def test_a_refused_login_stops_no_rule(tmp_path):
    """Somebody changed the password at night: the store is away, and alerts open as ever."""
    with door(Door.basic("secops", "new")) as there, make_site(tmp_path / "site", there.url, "t") as site:
        journal(site, 1, 300)
        stop = threading.Event()
        with held(site.folder, "worker-0"):
            worker = threading.Thread(target=_worker, args=(site, 0, stop))
            worker.start()
            until(lambda: hits(site) == 3, "the rules go on")
            gone = absence(site)
            assert gone is not None
            assert "ログイン" in gone.reason
            stop.set()
            worker.join()
        assert "ログイン" in system_status(site).store.away


@pytest.fixture
def node(tmp_path):
    made = elastic.Node(tmp_path)
    yield made
    made.stop()


@elastic.own_node_needed
def test_killed_in_the_middle_of_ingest_nothing_is_lost_or_twice_and_the_rules_go_on(tmp_path, node):
    stop = threading.Event()
    with make_site(tmp_path / "site", node.url, "kill") as site, open_site(site.folder) as worker:
        working = threading.Thread(target=_worker, args=(worker, 0, stop))
        with held(site.folder, "worker-0"):
            working.start()
            try:
                journal(site, 1, 1000)
                until(lambda: hits(site) == 10, "no hits")
                journal(site, 1001, 1000)
                node.kill()
                journal(site, 2001, 1000)
                until(lambda: hits(site) == 30, "the rules wait for the store")
                until(lambda: absence(site) is not None, "nobody says that the store is away")
                status = system_status(site)
                assert status.store.since is not None
                assert any("収集と検知は続いていて" in problem for problem in status.problems)
                journal(site, 3001, 1000)
                until(lambda: hits(site) == 40, "the rules stopped")
                node.start()
                until(
                    lambda: stored(site) == 4000,
                    "not caught up",
                )
                until(lambda: absence(site) is None, "still said to be away")
            finally:
                stop.set()
                working.join()
        page = site.store.search(All(), Span(), Scope(), limit=5000)
        assert page.total == 4000
        assert sorted(event["event.sequence"] for event in page.events) == list(range(1, 4001))
        assert site.store.positions() == {"auth": 4000}
        assert hits(site) == 40
        assert system_status(site).store.away == ""
