"""What enrichment knows: zones, flow table, register, inventory and working hours, indexed for columns of values."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import time

from secops.org.flows import FlowJudge, FlowTable
from secops.org.model import Device, Directory, Person
from secops.org.zones import ZoneMap
from secops.schema.text import fold
from secops.settings import Settings


@dataclass(frozen=True, slots=True)
class Whose:
    """The labels of a device or person: names as shown, empty where unknown."""

    device: str = ""
    department: str = ""
    owner: str = ""
    system: str = ""
    zone: str = ""
    passive: bool = False  # a firewall or switch: it reports on others, so the address it names says more


@dataclass(frozen=True)
class EnrichContext:
    """Everything `enrich` needs beside the frame; made once by `make_context`, shared by all batches."""

    site: str
    zones: ZoneMap
    judge: FlowJudge
    source_zones: Mapping[str, str]
    by_host: Mapping[str, Whose]
    by_ip: Mapping[str, Whose]
    by_account: Mapping[str, tuple[Person, ...]]
    directory: Directory
    timezone: str
    start: time
    end: time

    def host(self, name: str) -> Whose | None:
        """The device of a host name, written in any case or width, with or without its domain."""
        folded = fold(name)
        return self.by_host.get(folded) or self.by_host.get(folded.split(".", 1)[0])

    def account(self, name: str) -> Whose | None:
        r"""The one person who uses an account name (``DOMAIN\name`` and ``name@domain`` too)."""
        people = self.by_account.get(fold(name).rsplit("\\", 1)[-1].split("@", 1)[0], ())
        if len(people) != 1:
            return None
        person = people[0]
        return Whose(department=self.directory.department_name(person.departments[0]), owner=person.name)


def make_context(settings: Settings, directory: Directory, table: FlowTable) -> EnrichContext:
    """The context of a site from its settings, inventory and flow table."""
    zones = ZoneMap.of(settings)
    by_ip = {ip: _whose(device, directory) for ip, device in directory.device_by_ip.items()}
    for host, system in directory.system_by_host.items():
        if host not in by_ip and zones.zone(host) is not None:
            by_ip[host] = Whose(
                department=directory.department_name(system.department), system=system.name, zone=system.zone
            )
    return EnrichContext(
        site=settings.site.id,
        zones=zones,
        judge=FlowJudge(table, settings.site.model, zones, directory.flows),
        source_zones={source.id: source.zone for source in settings.sources if source.zone},
        by_host={name: _whose(device, directory) for name, device in directory.device_by_name.items()},
        by_ip=by_ip,
        by_account={
            name: tuple({person.number: person for _zone, person in people}.values())
            for name, people in directory.people_by_account.items()
        },
        directory=directory,
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
