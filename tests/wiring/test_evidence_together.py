"""Asked all at once or one after the other, in any store: the sheets are the same to the byte."""

from __future__ import annotations

import random
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import timedelta
from itertools import count
from typing import Any

import pytest

from secops.errors import QueryError
from secops.isms.audit.evidence_text import canonical
from secops.org.model import System
from secops.siem.ports import EventStore, Scope
from secops.store.events.elastic import ElasticStore
from secops.store.events.lake import Lake
from secops.wiring.evidence import Period
from secops.wiring.evidence_site import chosen
from tests import elastic
from tests.fakes.event_store import MemoryEventStore
from tests.web.stage import frame
from tests.wiring.evidence_samples import COUNTED, LOGON, SOURCES
from tests.wiring.test_evidence import CATALOGUE, DIRECTORY, NOW, SINCE, TELEMETRY, _columns, room

GENERATIONS = count(1)
WITH_SYSTEM = replace(DIRECTORY, systems=(System("juki", "住民記録", "211", "mynumber", ("K-0201", "10.1.0.1")),))
HOSTS = ("L-1001", "l-1002.naibu.example", "K-0201", "FW", "Z-9", "Ｌ-1001", None)
USERS = ("t-suzuki", "NAIBU\\T-Suzuki", "s-tanaka", "mado", "k-sato", "svc-x", "L-1001$", "ß", None)


class OneByOne:
    """A store that answers no questions together."""

    def __init__(self, store: EventStore) -> None:
        self._store = store
        self.asked = 0

    def several(self, *_asked: object) -> Sequence[Any]:
        raise QueryError("not together", limit=True)

    def __getattr__(self, name: str) -> Any:
        self.asked += name in {"count", "tally", "histogram", "search"}
        return getattr(self._store, name)


class Counting(OneByOne):
    """A store that does."""

    def several(self, *asked: Any) -> Sequence[Any]:
        self.asked += 1
        return self._store.several(*asked)


class Slow(Counting):
    """A store that cannot answer many at once."""

    def several(self, *asked: Any) -> Sequence[Any]:
        if len(asked[1]) > 12:
            raise QueryError("too long", limit=True)
        return super().several(*asked)


def events(dice: random.Random, number: int) -> list[Mapping[str, Any]]:
    """Events of what sources bring and queries count, by random hosts, people, departments, zones and times."""
    samples = [*SOURCES.values(), *COUNTED.values(), LOGON]
    return [
        {
            "@timestamp": SINCE - timedelta(days=1) + timedelta(minutes=dice.randrange(22 * 24 * 60)),
            "event.ingested": NOW,
            "event.id": f"w.s.{at}",
            "event.sequence": at,
            "event.dataset": dice.choice(("windows.security", "Windows.Security", "skysea.operation", "x")),
            "labels.source": "s",
            "labels.department": dice.choice(("区民課", "税務課", None)),
            "labels.zone": dice.choice(("lgwan", "mynumber", "internet")),
            "labels.off_hours": dice.random() < 0.3,
            "labels.flow_id": dice.choice(("T-1", "M-1", "S-1", None)),
            "labels.system": dice.choice(("住民記録", None, None)),
            "host.name": dice.choice(HOSTS),
            "user.name": dice.choice(USERS),
            "source.ip": dice.choice(("10.1.0.1", "10.2.0.2", "10.9.9.9", None)),
            "destination.ip": dice.choice(("10.1.0.1", "203.0.113.9", None)),
            **dice.choice(samples),
        }
        for at in range(1, number + 1)
    ]


@pytest.fixture(scope="module")
def prefix():
    with elastic.own_prefix() as made:
        yield made


@pytest.fixture(params=["memory", "lake", pytest.param("elastic", marks=elastic.needed)])
def store(request, tmp_path):
    if request.param == "elastic":
        made: EventStore = elastic.store(request.getfixturevalue("prefix"), f"g{next(GENERATIONS)}")
    else:
        made = MemoryEventStore() if request.param == "memory" else Lake(tmp_path / "lake", threads=1)
    yield made
    if isinstance(made, ElasticStore):
        made.drop()
    made.close()


def texts(store: Any, department: str, system: str = "", scope: Scope | None = None) -> list[str]:
    made = room(store, directory=WITH_SYSTEM).make(
        chosen(TELEMETRY, CATALOGUE), TELEMETRY, Period(department, SINCE, NOW, system), scope or Scope(), "kansa"
    )
    assert made.failed == {}
    return [canonical(sheet) for sheet in made.sheets]


def test_together_or_one_by_one_the_sheets_are_the_same(store):
    rows = events(random.Random(1), 300)
    memory = MemoryEventStore()
    for one in (store, memory):
        for half in (rows[:150], rows[150:]):  # several files of the lake
            one.write(frame([_columns(row) for row in half]), {"s": int(half[-1]["event.sequence"])})
    lgwan = Scope(zones=frozenset({"lgwan"}))
    far = isinstance(store, ElasticStore)  # each of its answers takes a request
    for unit in (("211", "juki", None), ("211", "", lgwan), *([] if far else [("211", "", None)])):
        together, slow = Counting(store), OneByOne(memory if far else store)
        found = texts(together, *unit)
        for other in (texts(slow, *unit), texts(OneByOne(memory), *unit)):
            assert [one for one in zip(found, other, strict=True) if one[0] != one[1]] == []
        assert together.asked < slow.asked / 3


def test_what_is_too_much_together_is_asked_in_smaller_parts():
    rows = events(random.Random(2), 200)
    memory = MemoryEventStore()
    memory.write(frame([_columns(row) for row in rows]), {"s": 200})
    slow, alone = Slow(memory), OneByOne(memory)
    assert texts(slow, "211") == texts(alone, "211")
    assert slow.asked < alone.asked / 3
