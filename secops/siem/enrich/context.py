"""What enrichment knows, turned into tables once: zones, flows, inventory and working hours by number.

A column's distinct values are looked up here and become small numbers; the labels are then gathered from the tables.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import time

import polars as pl

from secops.org.flows import FlowJudge, FlowTable
from secops.org.model import Device, Directory
from secops.org.zones import LOCAL, UNMAPPED, WORLD, ZoneMap
from secops.schema.text import fold
from secops.settings import Settings

WHOSE = ("device", "department", "owner", "system")


@dataclass(frozen=True, slots=True)
class Whose:
    """The labels of a device or person: names as shown, empty where unknown."""

    device: str = ""
    department: str = ""
    owner: str = ""
    system: str = ""
    zone: str = ""
    passive: bool = False  # a firewall or switch: it reports on others, so the address it names says more


class Inventory:
    """Host name, address or account → number of a `Whose`; ``columns`` has their labels by that number."""

    def __init__(self, directory: Directory, zones: ZoneMap) -> None:
        self.entries: list[Whose] = []
        self._hosts = {name: self._add(_whose(one, directory)) for name, one in directory.device_by_name.items()}
        self._ips = {ip: self._hosts[fold(one.name)] for ip, one in directory.device_by_ip.items()}
        for host, system in directory.system_by_host.items():
            if host not in self._ips and zones.zone(host) is not None:
                department = directory.department_name(system.department)
                self._ips[host] = self._add(Whose(department=department, system=system.name, zone=system.zone))
        self._accounts: dict[str, int] = {}
        for name, people in directory.people_by_account.items():
            if len(people) == 1:  # an account that several people use says nothing
                person = people[0]
                department = directory.department_name(person.departments[0])
                self._accounts[name] = self._add(Whose(department=department, owner=person.name))
        self.columns = {
            name: pl.Series([getattr(one, name) or None for one in self.entries], dtype=pl.String) for name in WHOSE
        }

    def _add(self, whose: Whose) -> int:
        self.entries.append(whose)
        return len(self.entries) - 1

    def host(self, name: str) -> int | None:
        """The device of a host name, written in any case or width, with or without its domain."""
        folded = fold(name)
        found = self._hosts.get(folded)
        return self._hosts.get(folded.split(".", 1)[0]) if found is None else found

    def active_host(self, name: str) -> int | None:
        """The same, but not a device that only reports on others."""
        found = self.host(name)
        return None if found is None or self.entries[found].passive else found

    def address(self, ip: str) -> int | None:
        """The device or system at an address."""
        return self._ips.get(ip)

    def account(self, name: str) -> int | None:
        r"""The one person who uses an account name (``DOMAIN\name`` and ``name@domain`` too)."""
        return self._accounts.get(fold(name).rsplit("\\", 1)[-1].split("@", 1)[0])

    def zone_of_host(self, name: str) -> str | None:
        """The zone of a device; what stands between zones (a firewall) has none of its own."""
        found = self.active_host(name)
        return None if found is None else self.entries[found].zone or None


class ZoneCodes:
    """Zones by number: the site's own first, then world, local, unmapped; and what each pair of them means."""

    def __init__(self, zones: ZoneMap, judge: FlowJudge) -> None:
        self.names = [*zones.labels, WORLD, LOCAL, UNMAPPED]
        self.own = len(zones.labels)
        self.size = len(self.names)
        self._numbers = {name: number for number, name in enumerate(self.names)}
        self._zones = zones
        pairs = [(a, b) for a in self.names for b in self.names]
        meanings = [judge.crossing(a, b) for a, b in pairs]
        self.text = _texts(None if name in {LOCAL, UNMAPPED} else name for name in self.names)
        self.flow = _texts(text or None for text, _verdict in meanings)
        self.verdict = _texts(verdict and verdict.value for _text, verdict in meanings)
        asks = [
            verdict is None and a != b and judge.rule(a, b) is not None
            for (a, b), (_text, verdict) in zip(pairs, meanings, strict=True)
        ]
        self.asks_register = pl.Series(asks, dtype=pl.Boolean)

    def number(self, zone: str | None) -> int | None:
        """The number of a zone."""
        return None if zone is None else self._numbers.get(zone)

    def address(self, ip: str) -> int | None:
        """The number of an address's zone."""
        return self.number(self._zones.zone(ip))


def _texts(values: Iterable[str | None]) -> pl.Series:
    return pl.Series(list(values), dtype=pl.String)


@dataclass(frozen=True)
class EnrichContext:
    """Everything `enrich` needs beside the frame; made once by `make_context`, shared by all batches."""

    site: str
    zones: ZoneCodes
    judge: FlowJudge
    inventory: Inventory
    source_zones: Mapping[str, str]
    timezone: str
    start: time
    end: time


def make_context(settings: Settings, directory: Directory, table: FlowTable) -> EnrichContext:
    """The context of a site from its settings, inventory and flow table."""
    zones = ZoneMap.of(settings)
    judge = FlowJudge(table, settings.site.model, zones, directory.flows)
    return EnrichContext(
        site=settings.site.id,
        zones=ZoneCodes(zones, judge),
        judge=judge,
        inventory=Inventory(directory, zones),
        source_zones={source.id: source.zone for source in settings.sources if source.zone},
        timezone=settings.site.timezone,
        start=time.fromisoformat(settings.work.start),
        end=time.fromisoformat(settings.work.end),
    )


def _whose(device: Device, directory: Directory) -> Whose:
    keys = [fold(device.name), *device.ips]
    system = next((directory.system_by_host[key] for key in keys if key in directory.system_by_host), None)
    department = device.department or (system.department if system else "")
    return Whose(
        device=device.name,
        department=directory.department_name(department),
        owner=directory.owner_name(device.owner),
        system=system.name if system else "",
        zone=device.zone,
        passive=device.kind == "network",
    )
