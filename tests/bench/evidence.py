"""All evidence of one department over 90 days of a million events in the lake."""

from __future__ import annotations

import random
import time
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path

import orjson
import polars as pl

from secops.org.model import Account, Department, Device, Directory, Person
from secops.schema.ecs import dtype
from secops.schema.frame import EXTRA
from secops.siem.ports import Handled, Scope, Span
from secops.store.events.lake import Lake
from secops.wiring.audits import open_catalogue, open_telemetry
from secops.wiring.evidence import EvidenceRoom, Period
from secops.wiring.evidence_asking import Chain, Inventories, Ports
from secops.wiring.evidence_site import chosen
from tests.bench.measure import Row

EVENTS = 1_000_000
CHUNK = 50_000
DAYS = 90
BEGIN = datetime(2026, 8, 1, tzinfo=UTC)
END = BEGIN + timedelta(days=DAYS)
DEPARTMENTS = 60
ZONES = ("mynumber", "lgwan", "internet")
KINDS = (
    ("windows.security", "logged-in", ["authentication"]),
    ("windows.security", "logon-failed", ["authentication"]),
    ("windows.security", "logged-in-special", ["iam"]),
    ("windows.security", "user-account-created", ["iam"]),
    ("skysea.operation", "file-copied", ["file"]),
    ("skysea.operation", "document-printed", ["file"]),
    ("skysea.operation", "usb-device-attached", ["host"]),
    ("squid.access", "tcp_tunnel", ["web"]),
    ("fortinet.traffic", "close", ["network"]),
    ("windows.defender", "", ["malware"]),
)
WEIGHTS = (20, 1, 2, 1, 20, 5, 1, 20, 28, 2)


class _Nobody:
    """No alerts: they are counted in the records, which have a benchmark of their own."""

    def handled(self, opened: Span, scope: Scope, *, named: bool = False) -> Sequence[Handled]:
        """See `ReviewDesk`."""
        return ()


def chunk(first: int, dice: random.Random) -> pl.DataFrame:
    """Events of a ward of 60 departments with 50 machines each, evenly over the days."""
    count = range(first, first + CHUNK)
    at = [BEGIN + timedelta(seconds=number * DAYS * 86400 / EVENTS) for number in count]
    kinds = dice.choices(KINDS, WEIGHTS, k=CHUNK)
    departments = [dice.randrange(DEPARTMENTS) for _ in count]
    machines = [f"L-{department:02}{dice.randrange(50):02}" for department in departments]
    flows = [kind[0] == "fortinet.traffic" for kind in kinds]
    columns = {
        "@timestamp": at,
        "event.id": [f"bench.wec.{number}" for number in count],
        "event.sequence": list(count),
        "event.ingested": at,
        "event.kind": ["event"] * CHUNK,
        "event.dataset": [kind[0] for kind in kinds],
        "event.action": [kind[1] or None for kind in kinds],
        "event.category": [kind[2] for kind in kinds],
        "event.code": [str(dice.choice((1116, 2000, 2001, 4624))) for _ in count],
        "labels.source": ["wec"] * CHUNK,
        "labels.zone": [dice.choice(ZONES) for _ in count],
        "labels.department": [f"第{department}課" for department in departments],
        "labels.off_hours": [dice.random() < 0.05 for _ in count],
        "labels.flow_verdict": [
            dice.choice(("allowed", "registered", "unregistered")) if one else None for one in flows
        ],
        "labels.flow": ["lgwan>internet" if one else None for one in flows],
        "host.name": machines,
        "user.name": [f"user{department:02}{dice.randrange(60)}" for department in departments],
        "source.ip": [f"10.2.{department}.{dice.randrange(250)}" for department in departments],
        "url.domain": [f"site{dice.randrange(500)}.example" for _ in count],
        EXTRA: [orjson.dumps({"winlog.event_data.LogonType": dice.choice("2357")}).decode() for _ in count],
    }
    return pl.DataFrame(columns, schema={name: dtype(name) for name in columns})


def rows(folder: Path) -> Iterator[Row]:
    dice = random.Random(1)
    lake = Lake(folder / "evidence-lake")
    for first in range(1, EVENTS, CHUNK):
        lake.write(chunk(first, dice), {"wec": first + CHUNK - 1})
    lake.compact()
    directory = Directory(
        departments=(Department("7", "第7課"),),
        staff=tuple(Person(f"{n}", f"職員{n}", ("7",), (Account("", f"user07{n}"),)) for n in range(60)),
        devices=tuple(Device(f"L-07{n:02}", ZONES[n % 3], department="7") for n in range(50)),
    )
    inventories = Inventories(lambda _at: directory, lambda: (), lambda _at: False)
    room = EvidenceRoom(
        Ports(
            store=lake,
            desk=_Nobody(),
            inventories=inventories,
            chain=lambda _since, _until: Chain(90, 90, ""),
            waivers=lambda _codes: (),
            zone_label=str,
            now=lambda: END,
        )
    )
    telemetry = open_telemetry()
    started = time.perf_counter()
    made = room.make(chosen(telemetry, open_catalogue()), telemetry, Period("7", BEGIN, END), Scope(), "bench")
    taken = time.perf_counter() - started
    assert not made.failed, made.failed
    title = f"evidence: a department × {len(made.sheets)} queries × {DAYS} days of {EVENTS:,} events"
    yield Row(title, f"{taken:.1f} s")
    lake.close()
