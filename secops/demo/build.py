"""A demo site: its settings, inventory and logins, and the history of the ward's log files."""

from __future__ import annotations

import shutil
import socket
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

from secops.access.ports import Access, Accounts, Role
from secops.demo.pen import FIREWALL, LINUX
from secops.demo.player import State, write_history, write_state
from secops.demo.world import LABELS, NETWORKS, SITE, WARD, inventory, make_world
from secops.org.files import write_inventory
from secops.schema.dates import JST
from secops.settings import Settings

UDP_PORT, TCP_PORT, WEB_PORT = 5514, 5515, 8765


@dataclass(frozen=True, slots=True)
class Login:
    """A login of the demo console; the password is published, so it works on 127.0.0.1 only."""

    name: str
    display_name: str
    role: str
    password: str
    department: str = ""  # what it may see alone


LOGINS = (
    Login("toban", "CSIRT 当番", "csirt", "midori-toban-2026"),
    Login("tokatsu", "監査統括責任者", "audit_lead", "midori-tokatsu-2026"),
    Login("kansa", "内部監査員", "auditor", "midori-kansa-2026"),
    Login("kanri", "システム管理者", "admin", "midori-kanri-2026"),
    Login("seisaku", "ポリシー担当", "policy_owner", "midori-seisaku-2026"),
    Login("fukushi", "福祉課長", "security_manager", "midori-fukushi-2026", "福祉課"),
    Login("fukushi-tanto", "福祉課 点検担当", "staff", "midori-tanto-2026", "福祉課"),
)


def add_logins(accounts: Accounts, now: datetime) -> None:
    """Create the demo logins that are not there yet."""
    known = {user.name for user in accounts.users()}
    for one in LOGINS:
        if one.name not in known:
            accounts.add(
                one.name,
                one.password,
                role=Role(one.role),
                access=Access(departments=frozenset({one.department}) if one.department else None),
                actor="demo",
                now=now,
                display_name=one.display_name,
                demo=True,
            )


@dataclass(frozen=True, slots=True)
class Built:
    """What was made: the number of log lines and of days of history."""

    lines: int
    days: int


def free_port(kind: socket.SocketKind, wanted: int) -> int:
    """The wanted port on 127.0.0.1, or the next one that nobody listens on (another demo ward may be running)."""
    for port in range(wanted, wanted + 200, 2):
        with socket.socket(socket.AF_INET, kind) as probe:
            if kind is socket.SOCK_STREAM:
                probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                continue
            return port
    return wanted


def settings_text(udp: int = UDP_PORT, tcp: int = TCP_PORT, web: int = WEB_PORT) -> str:
    """``secops.toml`` of the demo site, with the ports on 127.0.0.1 it listens on."""
    zones = "".join(
        f'[zones.{zone}]\nlabel = "{LABELS[zone]}"\nnetworks = ["{NETWORKS[zone]}"]\n\n' for zone in NETWORKS
    )
    return _HEAD + zones + _SOURCES.format(udp=udp, tcp=tcp, web=web) + f"\n[web]\nport = {web}\n"


def build_demo(folder: Path, settings: Settings, seed: int, now: datetime, *, days: int = 5) -> Built:
    """Fill a fresh demo site with inventory and the log files of the last working days up to now.

    The site itself is made before, from `settings_text`; its machines will send to the ports in ``settings``. The state
    that the player goes on from is written last, so a building that was interrupted is begun again from the start.
    """
    moment = now.astimezone(UTC).replace(microsecond=0)
    shutil.rmtree(folder / "logs", ignore_errors=True)
    write_inventory(folder, inventory(make_world(seed), moment.astimezone(JST).date()), moment)
    (folder / "logs").mkdir(mode=0o700, parents=True)
    udp, tcp = (_port(settings, name) for name in (FIREWALL, LINUX))
    state = State(seed, moment, days, udp, tcp, ((moment - timedelta(microseconds=1), moment),))
    lines = write_history(folder, state)
    write_state(folder, replace(state, lines=lines))
    return Built(lines, days)


def _port(settings: Settings, source: str) -> int:
    found = settings.source(source)
    assert found is not None, source
    return int(found.listen.rpartition(":")[2])


_HEAD = f"""# デモサイトの設定。logs/ には模擬の機器がログを書き続けます。
[site]
id = "{SITE}"
name = "{WARD}"
model = "alpha"

"""
_SOURCES = """
[[sources]]
id = "fw01"
name = "系統間ファイアウォール(syslog)"
kind = "syslog-udp"
listen = "127.0.0.1:{udp}"
format = "fortigate"
quiet_after = "40m"

[[sources]]
id = "fw01-files"
name = "系統間ファイアウォール(過去分のファイル)"
kind = "file"
path = "logs/boundary/fortigate/*.log"
format = "fortigate"

[[sources]]
id = "win-mynumber"
name = "マイナンバー利用事務系 Windows イベント"
kind = "file"
path = "logs/mynumber/winlogbeat/winlogbeat.ndjson"
format = "windows_json"
zone = "mynumber"

[[sources]]
id = "win-lgwan"
name = "LGWAN接続系 Windows イベント"
kind = "file"
path = "logs/lgwan/winlogbeat/winlogbeat.ndjson"
format = "windows_json"
zone = "lgwan"
quiet_after = "40m"

[[sources]]
id = "win-internet"
name = "インターネット接続系 Windows イベント"
kind = "file"
path = "logs/internet/winlogbeat/winlogbeat.ndjson"
format = "windows_json"
zone = "internet"

[[sources]]
id = "ops-mynumber"
name = "マイナンバー利用事務系 端末操作ログ"
kind = "file"
path = "logs/mynumber/sousa/*.csv"
format = "skysea_csv"
encoding = "cp932"
zone = "mynumber"

[[sources]]
id = "ops-lgwan"
name = "LGWAN接続系 端末操作ログ"
kind = "file"
path = "logs/lgwan/sousa/*.csv"
format = "skysea_csv"
encoding = "cp932"
zone = "lgwan"

[[sources]]
id = "ops-internet"
name = "インターネット接続系 端末操作ログ"
kind = "file"
path = "logs/internet/sousa/*.csv"
format = "skysea_csv"
encoding = "cp932"
zone = "internet"

[[sources]]
id = "squid"
name = "Web 中継サーバ(Squid)"
kind = "file"
path = "logs/internet/squid/access.log"
format = "squid"
zone = "internet"

[[sources]]
id = "linux"
name = "中継サーバ(syslog)"
kind = "syslog-tcp"
listen = "127.0.0.1:{tcp}"
format = "syslog"
zone = "internet"

[[sources]]
id = "linux-files"
name = "中継サーバ(過去分のファイル)"
kind = "file"
path = "logs/internet/syslog/messages_*"
format = "syslog"
zone = "internet"

[rules]
builtin = true

# デモの通知は外に出ません。このフォルダの notify.jsonl に 1 通 1 行で書き足します。
[notify]
url = "http://127.0.0.1:{web}"
rota = ["toban1", "toban2"]

[[notify.channels]]
id = "file"
kind = "command"
argv = ["tee", "-a", "notify.jsonl"]

[[notify.people]]
id = "toban1"
name = "CSIRT 当番 1"
contacts = {{ file = "toban1" }}

[[notify.people]]
id = "toban2"
name = "CSIRT 当番 2"
contacts = {{ file = "toban2" }}

[[notify.people]]
id = "kacho"
name = "情報政策課長"
contacts = {{ file = "kacho" }}
"""
