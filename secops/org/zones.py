"""Address → zone: the longest of the zones' networks wins, public addresses are ``world``."""

from __future__ import annotations

import ipaddress
import socket
from collections.abc import Mapping
from dataclasses import dataclass, field

from secops.locale import _
from secops.settings import Settings

WORLD = "world"
UNMAPPED = ""  # a private address of no zone: the zone's networks are not all in the settings
LOCAL = "local"  # loopback, link-local, multicast, broadcast: never crosses a zone
_MEMO = 200_000

Networks = dict[int, dict[int, str]]  # prefix length → network as a number → zone


@dataclass(frozen=True)
class ZoneMap:
    """The networks of a site's zones, made to answer for many addresses.

    Answers are remembered (bounded), which is all the state there is: the same address always gives the same zone.
    """

    labels: Mapping[str, str]
    networks: Mapping[str, tuple[str, ...]]
    _tables: Mapping[int, Networks] = field(default_factory=dict, repr=False)
    _known: dict[str, str | None] = field(default_factory=dict, repr=False, compare=False)

    @classmethod
    def of(cls, settings: Settings) -> ZoneMap:
        """The zones of a site."""
        tables: dict[int, Networks] = {4: {}, 6: {}}
        for zone, one in settings.zones.items():
            for text in one.networks:
                network = ipaddress.ip_network(text)
                table = tables[network.version].setdefault(network.prefixlen, {})
                table[int(network.network_address)] = zone
        ordered = {version: dict(sorted(table.items(), reverse=True)) for version, table in tables.items()}
        return cls(
            labels={zone: one.label for zone, one in settings.zones.items()},
            networks={zone: tuple(one.networks) for zone, one in settings.zones.items()},
            _tables=ordered,
        )

    def zone(self, address: str) -> str | None:
        """The zone of an address: a zone id, ``world``, ``local``, or "" (private, in no zone); None is no address."""
        try:
            return self._known[address]
        except KeyError:
            pass
        found = self._look_up(address)
        if len(self._known) >= _MEMO:
            self._known.clear()
        self._known[address] = found
        return found

    def label(self, zone: str) -> str:
        """What a zone is called on screens."""
        own = {WORLD: _("庁外(インターネット)"), UNMAPPED: _("所属不明のアドレス"), LOCAL: _("機器内部・同報")}
        return self.labels.get(zone) or own.get(zone, zone)

    def has_networks(self, zone: str) -> bool:
        """Whether any network is set for a zone."""
        return bool(self.networks.get(zone))

    def _look_up(self, address: str) -> str | None:
        version, bits = (6, 128) if ":" in address else (4, 32)
        try:
            raw = socket.inet_pton(socket.AF_INET6 if version == 6 else socket.AF_INET, address)
        except (OSError, ValueError):
            return None
        number = int.from_bytes(raw)
        if version == 6 and number >> 32 == 0xFFFF:  # ::ffff:10.1.2.3, an IPv4 peer on a dual-stack socket
            return self._look_up(str(ipaddress.IPv4Address(number & 0xFFFFFFFF)))
        for length, table in self._tables.get(version, {}).items():
            zone = table.get(number >> (bits - length) << (bits - length))
            if zone is not None:
                return zone
        ip = ipaddress.ip_address(raw)
        if ip.is_loopback or ip.is_link_local or ip.is_multicast or ip.is_unspecified or number == 0xFFFFFFFF:
            return LOCAL
        return UNMAPPED if _is_inside(ip) else WORLD


_INSIDE = tuple(
    map(ipaddress.ip_network, ("10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "100.64.0.0/10", "fc00::/7"))
)


def _is_inside(ip: ipaddress.IPv4Address | ipaddress.IPv6Address) -> bool:
    """Addresses an organisation uses inside (RFC 1918, 4193, 6598); documentation ranges count as public."""
    return any(ip.version == network.version and ip in network for network in _INSIDE)
