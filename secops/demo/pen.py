"""Lines of the simulated machines, each for the stream (file or socket) that its product writes to."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from secops.demo.world import Machine, World
from secops.demo.writers import network, skysea, windows

FIREWALL = "fw01"
LINUX = "linux"
SQUID = "squid"


@dataclass(frozen=True, slots=True, order=True)
class Line:
    """One record of a stream, without its line end; ``at`` is UTC."""

    at: datetime
    stream: str
    data: bytes


@dataclass
class Pen:
    """Collects what the machines of the ward write."""

    world: World
    lines: list[Line] = field(default_factory=list)

    def windows(
        self, at: datetime, machine: Machine, provider: tuple[str, str, str], event_id: int, data: Mapping[str, Any]
    ) -> None:
        """A Windows event, shipped by the zone's Winlogbeat."""
        section = "user_data" if event_id == 1102 else "event_data"
        line = windows.event(at, machine.fqdn, provider, event_id, data, record_id=_number(at) % 10**8, section=section)
        self.lines.append(Line(at, f"win-{machine.zone}", line))

    def logon(self, at: datetime, machine: Machine, user: str, kind: int, source: Machine | None = None) -> None:
        """A successful logon on a machine (4624), from another one where it came over the network."""
        ip, name = (source.ip, source.name) if source else ("127.0.0.1" if kind == 2 else "-", machine.name)
        data = windows.logon(user, _domain(machine), kind, ip=ip, workstation=name, number=_number(at))
        self.windows(at, machine, windows.SECURITY, 4624, data)

    def failed_logon(self, at: datetime, machine: Machine, user: str, kind: int, source: Machine) -> None:
        """A wrong password (4625)."""
        data = windows.failed_logon(
            user, _domain(machine), kind, ip=source.ip, workstation=source.name, number=_number(at)
        )
        self.windows(at, machine, windows.SECURITY, 4625, data)

    def privileges(self, at: datetime, machine: Machine, user: str) -> None:
        """Special privileges given to a new logon (4672)."""
        data = {
            "SubjectUserSid": windows.sid(user),
            "SubjectUserName": user,
            "SubjectDomainName": _domain(machine),
            "SubjectLogonId": hex(0x100000 + _number(at) % 60000),
            "PrivilegeList": "SeSecurityPrivilege\n\t\t\tSeBackupPrivilege\n\t\t\tSeDebugPrivilege",
        }
        self.windows(at, machine, windows.SECURITY, 4672, data)

    def process(
        self, at: datetime, machine: Machine, user: str, image: str, command: str, parent: str, parent_command: str = ""
    ) -> None:
        """A process start (Sysmon 1)."""
        account = f"{_domain(machine)}\\{user}" if user != "SYSTEM" else r"NT AUTHORITY\SYSTEM"
        data = windows.process(at, machine.fqdn, account, image, command, parent, parent_command, number=_number(at))
        self.windows(at, machine, windows.SYSMON, 1, data)

    def operation(self, at: datetime, machine: Machine, user: str, kind: str, action: str, **more: Any) -> None:
        """An operation at a terminal, as the asset-management agent logs it."""
        row = skysea.row(at, machine.name, machine.ip, user, kind, action, **more)
        self.lines.append(Line(at, f"ops-{machine.zone}", row))

    def session(
        self, at: datetime, source: str, destination: str, port: int, zones: tuple[str, str], **more: Any
    ) -> None:
        """A connection across the firewall."""
        number = _number(at)
        one = network.Session(source, 49152 + number % 16000, destination, port, zones, **more)
        self.lines.append(Line(at, FIREWALL, network.fortigate(at, one, number % 10**8)))

    def vpn(self, at: datetime, user: str, remote: str, inside: str) -> None:
        """A remote maintenance connection that was opened (SSL VPN of the firewall)."""
        self.lines.append(Line(at, FIREWALL, network.fortigate_vpn(at, user, remote, inside, _number(at) % 10**8)))

    def web(self, at: datetime, client: str, method: str, url: str, **more: Any) -> None:
        """A request through the proxy."""
        self.lines.append(Line(at, SQUID, network.squid(at, client, method, url, **more)))

    def linux(self, at: datetime, host: str, program: str, message: str, **more: Any) -> None:
        """A syslog message of a Linux server."""
        self.lines.append(Line(at, LINUX, network.syslog(at, host, program, message, **more)))


def _number(at: datetime) -> int:
    """A number that grows with time, for ids that only have to differ."""
    return int(at.timestamp() * 1000) & 0x7FFFFFFF


def _domain(machine: Machine) -> str:
    return machine.fqdn.split(".")[1].upper()
