"""Elasticsearch misbehaves while a site works: records are journaled, rules go on, status says why, nothing is lost."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from click.testing import CliRunner

from secops.cli.status import status
from secops.query.tree import All
from secops.siem.ports import Scope, Span
from secops.store.events.elastic_server import Server
from secops.wiring import Site, open_site
from secops.wiring.away import absence
from secops.wiring.locks import held
from secops.wiring.parts import _worker, drain_alone
from secops.wiring.status import system_status
from tests import elastic
from tests.fakes.certificate import write_certificate
from tests.fakes.elastic_gate import BAD, gate
from tests.wiring.test_elastic_site import hits, journal, make_site, stored, until

SAID = {
    "slow": "timed out",
    "queue full": "es_rejected_execution",
    "disk full": "flood-stage watermark",
    "too many shards": "maximum shards",
    "login": "ログイン",
    "no right": "ログイン",
    "breaker": "Data too large",
    "broken": "oops",
    "proxy": "413",
    "gone": "応答しないか",
}


@contextmanager
def working(site: Site) -> Iterator[None]:
    """A worker of the site in a thread of its own, as a process would be."""
    stop = threading.Event()
    with open_site(site.folder) as own, held(site.folder, "worker-0"):
        worker = threading.Thread(target=_worker, args=(own, 0, stop))
        worker.start()
        try:
            yield
        finally:
            stop.set()
            worker.join()


def journal_while_away(site: Site, reason: str) -> None:
    """The second hundred: rules go on, and the command line and the page say since when and why."""
    journal(site, 101, 100)
    until(lambda: hits(site) == 2, "the rules wait for the store")
    until(lambda: absence(site) is not None, "nobody says that the store is away")
    found = system_status(site)
    assert reason in found.store.away
    assert found.store.since is not None
    [problem] = [one for one in found.problems if "収集と検知は続いていて" in one]
    assert reason in problem
    printed = CliRunner().invoke(status, ["--site", str(site.folder)])
    assert "Elasticsearch(応答なし)" in printed.output
    assert reason in printed.output


def assert_whole(site: Site, count: int) -> None:
    """Each event once, each hit once."""
    found = site.store.search(All(), Span(), Scope(), limit=1000)
    assert sorted(event["event.sequence"] for event in found.events) == list(range(1, count + 1))
    assert (hits(site), stored(site), site.store.positions()) == (count // 100, count, {"auth": count})


@elastic.needed
@pytest.mark.parametrize("bad", BAD)
def test_whatever_it_does_the_rest_goes_on_and_it_catches_up(tmp_path, bad):
    with elastic.own_prefix() as prefix, gate(elastic.URL) as there:
        with make_site(tmp_path / "site", there.url, prefix) as site:
            settings = site.folder / "secops.toml"
            settings.write_text(settings.read_text(encoding="utf-8") + "timeout_seconds = 0.7\n", encoding="utf-8")
        with open_site(tmp_path / "site") as site, working(site):
            journal(site, 1, 100)
            until(lambda: stored(site) == 100, "nothing was stored")
            there.mode = bad
            journal_while_away(site, SAID[bad])
            there.mode = "open"
            until(lambda: absence(site) is None and stored(site) == 200, "not caught up")
            assert_whole(site, 200)


@elastic.needed
def test_an_index_that_became_read_only_is_said_and_caught_up_with(tmp_path):
    """What a full disk does to a real node: it blocks the indices, and unblocks them when there is room."""
    with elastic.own_prefix() as prefix, make_site(tmp_path / "site", elastic.URL, prefix) as site:
        server = Server(elastic.access())

        def block(on: bool | None) -> None:
            setting = {"index.blocks.read_only_allow_delete": on}
            server.ask("PUT", f"/{prefix}-*/_settings", setting, expand_wildcards="all")

        with working(site):
            journal(site, 1, 100)
            until(lambda: stored(site) == 100, "nothing was stored")
            block(True)
            journal_while_away(site, "read-only")
            block(None)
            until(lambda: absence(site) is None and stored(site) == 200, "not caught up")
            assert_whole(site, 200)
        server.close()


@elastic.needed
def test_a_field_that_somebody_mapped_otherwise_keeps_the_event_and_says_so(tmp_path):
    with elastic.own_prefix() as prefix, make_site(tmp_path / "site", elastic.URL, prefix) as site:
        site.store.positions()
        server = Server(elastic.access())
        mapping = {"mappings": {"properties": {"message": {"type": "long"}, "event.id": {"type": "keyword"}}}}
        server.ask("PUT", f"/{prefix}-system.auth-internet-2026-11-23-g1", mapping)
        server.close()
        journal(site, 1, 100)
        drain_alone(site, lambda: False)
        assert (site.store.count(All(), Span(), Scope()), hits(site), stored(site)) == (100, 1, 100)
        found = system_status(site).store
        assert (found.away, found.refused) == ("", 100)
        printed = CliRunner().invoke(status, ["--site", str(site.folder)])
        assert "100  元の形では受け付けられず" in printed.output


@elastic.needed
def test_a_certificate_that_nobody_vouches_for_is_said_and_with_its_authority_all_is_caught_up(tmp_path):
    write_certificate(tmp_path)
    with elastic.own_prefix() as prefix, gate(elastic.URL, tmp_path) as there:
        with make_site(tmp_path / "site", there.url, prefix) as site, working(site):
            journal(site, 1, 100)
            until(lambda: hits(site) == 1, "the rules wait for the store")
            journal_while_away(site, "store.ca_file")
            assert stored(site) == 0
        settings = site.folder / "secops.toml"
        text = settings.read_text(encoding="utf-8")
        settings.write_text(f'{text}ca_file = "{tmp_path / "cert.pem"}"\n', encoding="utf-8")
        with open_site(site.folder) as mended, working(mended):
            until(lambda: absence(mended) is None and stored(mended) == 200, "not caught up")
            assert_whole(mended, 200)
