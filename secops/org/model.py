"""Departments, people, devices, systems and registered flows as values; `Directory` is all of them together."""

from __future__ import annotations

import ipaddress
from dataclasses import dataclass, field
from datetime import date
from functools import cached_property

from secops.errors import Problem
from secops.schema.text import fold

FLOW_KINDS = {
    "registered": "特定通信",
    "sanitized": "無害化通信",
    "screen_transfer": "画面転送",
    "trusted_external": "十分に安全性が確保された外部接続先",
    "gov_cloud": "ガバメントクラウド",
    "lgwan_asp": "LGWAN-ASP",
    "cloud": "許可したクラウドサービス",
}
DEVICE_KINDS = {
    "terminal": "端末",
    "server": "サーバ",
    "printer": "複合機",
    "network": "通信機器",
    "other": "その他",
}
IMPORTANCE = {"high": "高", "normal": "中", "low": "低"}
LEVELS = {"body": "執行機関", "bu": "部", "ka": "課", "kakari": "係"}
CLASSES = {
    "c3a": "自治体機密性3A",
    "c3b": "自治体機密性3B",
    "c3c": "自治体機密性3C",
    "c2": "自治体機密性2",
    "c1": "自治体機密性1",
}
INTEGRITY = {"i2": "自治体完全性2", "i1": "自治体完全性1"}
AVAILABILITY = {"a2": "自治体可用性2", "a1": "自治体可用性1"}
# The same codes as `secops.isms.audit.priority.PersonalData`, which stands above this room; a test compares them.
PERSONAL_DATA = {
    "none": "個人情報なし",
    "held": "保有個人情報",
    "sensitive": "要配慮個人情報",
    "specific": "特定個人情報",
}
CLOUD = {"no": "利用なし", "yes": "利用あり"}
SYSTEM_STATES = {"planned": "準備中", "active": "稼働中", "stopped": "休止中", "retired": "廃止"}
ASSET_KINDS = {
    "document": "文書",
    "data": "データ",
    "system": "情報システム",
    "program": "プログラム",
    "device": "機器",
    "medium": "記録媒体",
    "other": "その他",
}
MEDIA = {
    "paper": "紙",
    "server": "サーバ",
    "terminal": "端末",
    "removable": "外部記録媒体",
    "cloud": "クラウド",
    "other": "その他",
}
NO_CONTRACTOR = "なし"  # said of a system that the ward runs by itself; an empty cell says nothing


@dataclass(frozen=True, slots=True)
class Department:
    """A unit of the organisation; ``parent`` is the code of the unit above, empty at the top.

    ``mail`` is the box of its 情報セキュリティ管理者 or 担当者, of the department and no person's own.
    """

    code: str
    name: str
    kana: str = ""
    level: str = "ka"
    parent: str = ""
    extension: str = ""
    mail: str = ""


@dataclass(frozen=True, slots=True)
class Account:
    """A user account of a person; an empty zone means the name is used in every zone."""

    zone: str
    name: str

    def __str__(self) -> str:
        return f"{self.zone}:{self.name}" if self.zone else self.name


@dataclass(frozen=True, slots=True)
class Person:
    """A member of staff; the first department is the main post, further ones are 兼務."""

    number: str
    name: str
    departments: tuple[str, ...]
    accounts: tuple[Account, ...] = ()
    kana: str = ""


@dataclass(frozen=True, slots=True)
class Device:
    """A thing with an address; ``owner`` is a staff number, ``importance`` one of `IMPORTANCE`."""

    name: str
    zone: str
    ips: tuple[str, ...] = ()
    mac: str = ""
    department: str = ""
    owner: str = ""
    kind: str = "terminal"
    importance: str = "normal"


@dataclass(frozen=True, slots=True)
class System:
    """An information system; ``hosts`` are device names or addresses, ``classification`` one of `CLASSES`.

    Empty (None) is what nobody has said yet: no ``contractor`` is `NO_CONTRACTOR`, no cloud is ``no``. ``cloud`` is one
    of `CLOUD`, ``personal_data`` of `PERSONAL_DATA`, ``state`` of `SYSTEM_STATES`; ``persons`` is of how many people
    it holds data, ``manager`` the post of the 情報システム管理者, ``reviewed`` when the entry was last confirmed.
    """

    code: str
    name: str
    department: str
    zone: str
    hosts: tuple[str, ...] = ()
    classification: str = ""
    contractor: str = ""
    cloud: str = ""
    cloud_service: str = ""
    personal_data: str = ""
    persons: int | None = None
    manager: str = ""
    state: str = "active"
    reviewed: date | None = None


@dataclass(frozen=True, slots=True)
class Asset:
    """An entry of the 情報資産管理台帳; ``confidentiality`` is one of `CLASSES`, ``system`` the code of a system.

    ``integrity`` is one of `INTEGRITY`, ``availability`` of `AVAILABILITY`, ``kind`` of `ASSET_KINDS`, ``medium`` of
    `MEDIA`, ``personal_data`` of `PERSONAL_DATA`; ``retention`` and ``place`` are the ward's own words.
    """

    code: str
    name: str
    department: str = ""
    kind: str = ""
    medium: str = ""
    confidentiality: str = ""
    integrity: str = ""
    availability: str = ""
    retention: str = ""
    place: str = ""
    system: str = ""
    personal_data: str = ""
    manager: str = ""
    reviewed: date | None = None


@dataclass(frozen=True, slots=True)
class Service:
    """A protocol with a range of ports, such as ``tcp/443`` or ``tcp/8000-8010``; 0–65535 where ports do not apply."""

    protocol: str
    first: int = 0
    last: int = 65535

    def __str__(self) -> str:
        if (self.first, self.last) == (0, 65535):
            return self.protocol
        return f"{self.protocol}/{self.first}" + ("" if self.first == self.last else f"-{self.last}")

    def covers(self, protocol: str, port: int | None) -> bool:
        """Whether a connection uses this service; an unknown protocol passes if the port does."""
        if protocol and protocol != self.protocol:
            return False
        return (self.first, self.last) == (0, 65535) or (port is not None and self.first <= port <= self.last)


@dataclass(frozen=True, slots=True)
class Flow:
    """An entry of the flow register.

    ``source`` and ``destination`` are zone ids, networks or addresses; ``owner`` is a department code; ``expires`` is
    the last day on which it may be used.
    """

    id: str
    kind: str
    source: str
    destination: str
    services: tuple[Service, ...]
    owner: str
    reason: str
    expires: date | None = None
    name: str = ""

    def expired(self, day: date) -> bool:
        """Whether the flow may no longer be used on a day."""
        return self.expires is not None and day > self.expires


@dataclass(frozen=True)
class Directory:
    """Everything the inventory files say; immutable, with indexes made when first asked for.

    ``warnings`` are what is odd without being wrong (an expired flow, a device without a department).
    """

    departments: tuple[Department, ...] = ()
    staff: tuple[Person, ...] = ()
    devices: tuple[Device, ...] = ()
    systems: tuple[System, ...] = ()
    assets: tuple[Asset, ...] = ()
    flows: tuple[Flow, ...] = ()
    warnings: tuple[Problem, ...] = field(default=(), compare=False)

    @cached_property
    def department_by_code(self) -> dict[str, Department]:
        """Code → department."""
        return {one.code: one for one in self.departments}

    @cached_property
    def person_by_number(self) -> dict[str, Person]:
        """Staff number → person."""
        return {one.number: one for one in self.staff}

    @cached_property
    def device_by_name(self) -> dict[str, Device]:
        """Folded name → device."""
        return {fold(one.name): one for one in self.devices}

    @cached_property
    def device_by_ip(self) -> dict[str, Device]:
        """Address in canonical form → device."""
        return {ip: one for one in self.devices for ip in one.ips}

    @cached_property
    def system_by_host(self) -> dict[str, System]:
        """Folded device name or address → system."""
        return {fold(host): one for one in self.systems for host in one.hosts}

    @cached_property
    def people_by_account(self) -> dict[str, tuple[Person, ...]]:
        """Folded account name → everyone who uses it, in whatever zone."""
        found: dict[str, dict[str, Person]] = {}
        for person in self.staff:
            for account in person.accounts:
                found.setdefault(fold(account.name), {})[person.number] = person
        return {name: tuple(people.values()) for name, people in found.items()}

    def department_name(self, code: str) -> str:
        """The name of a department, or the code itself where it is not in the list."""
        found = self.department_by_code.get(code)
        return found.name if found else code

    def codes_of(self, names: frozenset[str] | None) -> frozenset[str] | None:
        """The codes of departments by name, with all units below them; None (all) stays None.

        A name that is not in the list is taken as a code: a ward without a list of departments uses names for both.
        """
        if names is None:
            return None
        found = {one.code for one in self.departments if one.name in names or one.code in names}
        grown = found
        while grown:
            grown = {one.code for one in self.departments if one.parent in grown} - found
            found |= grown
        return frozenset(found | (names - {one.name for one in self.departments}))

    def owner_name(self, owner: str) -> str:
        """The name of a person by staff number, or the text itself where it is no known number."""
        found = self.person_by_number.get(owner)
        return found.name if found else owner


def canonical_ip(text: str) -> str:
    """An address in the one form used for comparing.

    Raises:
        ValueError: not an IPv4 or IPv6 address.
    """
    return str(ipaddress.ip_address(text))
