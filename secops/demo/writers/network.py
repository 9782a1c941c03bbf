"""What the boundary machines write: FortiGate key=value over syslog, Squid's access.log, Linux syslog (RFC 3164)."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from secops.demo.world import FIREWALL
from secops.schema.dates import JST

_INTERFACES = {
    "mynumber": "kikan",
    "lgwan": "naibu",
    "internet": "soto",
    "lgwan_asp": "lgwan-wan",
    "security_cloud": "wan1",
    "world": "wan1",
}
_SERVICES = {443: "HTTPS", 80: "HTTP", 53: "DNS", 445: "SMB", 123: "NTP", 3389: "RDP", 8443: "tcp/8443", 25: "SMTP"}


@dataclass(frozen=True, slots=True)
class Session:
    """A connection that the firewall saw end (or refused)."""

    source: str
    source_port: int
    destination: str
    port: int
    zones: tuple[str, str]
    sent: int = 2200
    received: int = 8400
    seconds: int = 12
    action: str = "close"
    policy: int = 10
    protocol: int = 6


def fortigate(at: datetime, session: Session, number: int) -> bytes:
    """A traffic log of FortiOS 7 (log id 0000000013) with its syslog priority, as one datagram."""
    local = at.astimezone(JST)
    one = session
    service = _SERVICES.get(one.port, f"tcp/{one.port}")
    nanos = int(at.timestamp()) * 10**9 + at.microsecond * 1000
    denied = one.action == "deny"
    text = (
        f'<189>date={local:%Y-%m-%d} time={local:%H:%M:%S} devname="{FIREWALL}" devid="FG101FTK22000417" '
        f'eventtime={nanos} tz="+0900" logid="0000000013" type="traffic" subtype="forward" level="notice" vd="root" '
        f'srcip={one.source} srcport={one.source_port} srcintf="{_INTERFACES[one.zones[0]]}" srcintfrole="lan" '
        f'dstip={one.destination} dstport={one.port} dstintf="{_INTERFACES[one.zones[1]]}" dstintfrole="undefined" '
        f'sessionid={10_000_000 + number} proto={one.protocol} action="{one.action}" policyid={one.policy} '
        f'policytype="policy" service="{service}" trandisp="noop" duration={0 if denied else one.seconds} '
        f"sentbyte={0 if denied else one.sent} rcvdbyte={0 if denied else one.received} "
        f"sentpkt={0 if denied else one.sent // 900 + 1} rcvdpkt={0 if denied else one.received // 1200 + 1} "
        f'appcat="unscanned"'
    )
    return text.encode()


def fortigate_vpn(at: datetime, user: str, remote: str, inside: str, number: int) -> bytes:
    """An SSL VPN tunnel that came up (log id 0101039947), for a client at ``remote`` that is given ``inside``."""
    local = at.astimezone(JST)
    nanos = int(at.timestamp()) * 10**9 + at.microsecond * 1000
    text = (
        f'<190>date={local:%Y-%m-%d} time={local:%H:%M:%S} devname="{FIREWALL}" devid="FG101FTK22000417" '
        f'eventtime={nanos} tz="+0900" logid="0101039947" type="event" subtype="vpn" level="information" vd="root" '
        f'logdesc="SSL VPN tunnel up" action="tunnel-up" tunneltype="ssl-tunnel" tunnelid={number} remip={remote} '
        f'tunnelip={inside} user="{user}" group="hoshu" dst_host="N/A" reason="N/A" msg="SSL tunnel established"'
    )
    return text.encode()


def squid(
    at: datetime,
    client: str,
    method: str,
    url: str,
    *,
    status: int = 200,
    size: int = 5200,
    user: str = "-",
    millis: int = 180,
) -> bytes:
    """A line of Squid's native access log; for CONNECT the url is ``host:port``."""
    result = "TCP_TUNNEL" if method == "CONNECT" else "TCP_MISS"
    if status == 403:
        result = "TCP_DENIED"
    kind = "-" if method == "CONNECT" else "text/html"
    stamp = f"{int(at.timestamp())}.{at.microsecond // 1000:03d}"
    peer = "HIER_NONE/-" if status == 403 else "HIER_DIRECT/203.0.113.80"
    return f"{stamp} {millis:6d} {client} {result}/{status} {size} {method} {url} {user} {peer} {kind}".encode()


def syslog(at: datetime, host: str, program: str, message: str, *, pid: int | None = None, priority: int = 86) -> bytes:
    """A line of RFC 3164 syslog in the machine's local time, as rsyslog forwards it."""
    local = at.astimezone(JST)
    tag = f"{program}[{pid}]" if pid is not None else program
    return f"<{priority}>{local:%b} {local.day:2d} {local:%H:%M:%S} {host} {tag}: {message}".encode()
