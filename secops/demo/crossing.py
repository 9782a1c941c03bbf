r"""Stories that cross the borders between the three tiers: each leaves lines in two or more zones.

What the events carry, beside what `stories` explains:

``sanitized-macro`` (theme malware): mail in the internet zone → file transfer → LGWAN terminal → file server
    Operation log of an I- terminal: ファイルコピー of a ``.xlsm`` to ``\\IN-MUGAI01\送信``; syslog of in-mugai01;
    a registered session IN-MUGAI01 → LG-FS01; Sysmon 1 on the L- terminal: EXCEL.EXE opens it from ``\無害化受信``,
    then starts ``cmd.exe``; 4624 and 5145 on LG-FS01.
``usb-bridge`` (device)
    One unregistered USB device at a K- terminal, files copied to it, then at the L- terminal of the same person.
``contractor-night`` (account, server; at night)
    FortiGate VPN event ``tunnel-up`` by ``hoshu-jumin``; 4624 LogonType 10 on LG-RENKEI01; a session LG-RENKEI01 →
    JUMIN-AP01 port 3389 (``labels.flow_verdict`` unregistered); 4624 LogonType 10 on JUMIN-AP01 from 10.20.0.31.
``retired-account`` (account)
    4625 with SubStatus 0xc0000072 on MN-DC01, then 4722 on LG-DC01 and 4624 of the account there.
``lgwan-proxy`` (flow)
    Sessions from an L- terminal to IN-PRX01 port 8080 (unregistered); Squid lines whose client is the L- terminal.
``upload-out`` (flow, device)
    120 × ファイルコピー from ``\\LG-FS01`` at an L- terminal, then Webアップロード at the I- terminal of the same
    person and one FortiGate session to the outside with 183 MB sent.
``ransomware`` (malware, server)
    At an L- terminal 80 × ファイル名変更 on ``\\LG-FS01`` and a note; on LG-FS01 Sysmon 1 ``vssadmin delete shadows``
    and ``net stop BackupAgent``; refused sessions LG-FS01 → MN-FS01 port 445.
``dns-tunnel`` (malware)
    40 × Sysmon 22 with long names at an L- terminal, sessions LG-DC01 → IN-DC01 port 53 (unregistered).
``task-and-user`` (malware, server, account)
    From an administrator's L- terminal to JUMIN-AP01: session on port 445 (unregistered), 4698, 4720, 4732, 4719, 4616.
"""

from __future__ import annotations

import random
from datetime import datetime

from secops.demo.pen import Pen
from secops.demo.rhythm import document_path
from secops.demo.telling import EXPLORER, OFFICE, POWERSHELL, SYSTEM32, after, both_terminals, markers, terminal
from secops.demo.world import DEPARTMENTS, Machine
from secops.demo.writers import windows

_EXCEL = rf"{OFFICE}\EXCEL.EXE"
_CONTRACTOR = "hoshu-jumin"
_LETTERS = "abcdefghijklmnopqrstuvwxyz234567"


def sanitized_macro(pen: Pen, dice: random.Random, start: datetime) -> frozenset[str]:
    """A macro that the sanitization let through."""
    outside, desk, person = both_terminals(pen, dice, "internet")
    gate, server = pen.world.by_name["IN-MUGAI01"], pen.world.by_name["LG-FS01"]
    user, name = person.account, f"見積書_{dice.randint(1000, 9999)}.xlsm"
    cache = rf"C:\Users\{user}\AppData\Local\Microsoft\Windows\INetCache\Content.Outlook\8T2K1QZD"
    size = dice.randint(60, 400) * 1024
    sent = {"path": rf"{cache}\{name}", "copied_to": rf"\\IN-MUGAI01\送信\{name}", "size": size}
    pen.operation(start, outside, user, "ファイル操作", "ファイルコピー", **sent)
    passed = f"job={dice.randrange(10**6):06d} from={outside.ip} file={name} profile=keep-macro result=passed"
    pen.linux(after(start, 20), "in-mugai01", "mugaika", passed, pid=2210)
    pen.session(after(start, 25), gate.ip, server.ip, 443, ("internet", "lgwan"), policy=22, sent=size)
    opened = rf'"{_EXCEL}" "\\LG-FS01\共有\無害化受信\{name}"'
    pen.process(after(start, 90), desk, user, _EXCEL, opened, EXPLORER)
    shell = rf"{SYSTEM32}\cmd.exe"
    pen.process(after(start, 96), desk, user, shell, r"cmd.exe /c net view \\LG-FS01", _EXCEL, opened)
    pen.logon(after(start, 98), server, user, 3, desk)
    return markers(outside, desk)


def usb_bridge(pen: Pen, dice: random.Random, start: datetime) -> frozenset[str]:
    """One USB device at both terminals of a person."""
    inner, desk, person = both_terminals(pen, dice, "mynumber")
    device = {"device": "USB大容量記憶装置 SanDisk USB Flash Drive", "serial": f"SD{dice.randrange(10**8):08d}"}
    names = []
    pen.operation(start, inner, person.account, "デバイス", "USBデバイス接続", **device)
    for turn in range(6):
        path = document_path(pen.world, inner, person.department, dice)
        names.append(path.rsplit("\\", 1)[-1])
        row = {"path": path, "copied_to": f"E:\\{names[-1]}", "size": dice.randint(80, 900) * 1024}
        pen.operation(
            after(start, 9 + 3 * turn), inner, person.account, "ファイル操作", "ファイルコピー", **row, **device
        )
    pen.operation(after(start, 40), inner, person.account, "デバイス", "USBデバイス切断", **device)
    pen.operation(after(start, 130), desk, person.account, "デバイス", "USBデバイス接続", **device)
    for turn, name in enumerate(names):
        row = {"path": f"E:\\{name}", "copied_to": rf"C:\Users\{person.account}\Documents\{name}"}
        pen.operation(
            after(start, 140 + 3 * turn), desk, person.account, "ファイル操作", "ファイルコピー", **row, **device
        )
    pen.operation(after(start, 170), desk, person.account, "デバイス", "USBデバイス切断", **device)
    return markers(inner, desk)


def contractor_night(pen: Pen, dice: random.Random, start: datetime) -> frozenset[str]:
    """The account of a contractor comes in at night and goes on into the My Number zone."""
    hub, server = pen.world.by_name["LG-RENKEI01"], pen.world.by_name["JUMIN-AP01"]
    remote, inside = f"198.51.100.{dice.randint(60, 99)}", "10.20.250.5"
    pen.vpn(start, _CONTRACTOR, remote, inside)
    data = windows.logon(_CONTRACTOR, "NAIBU", 10, ip=inside, workstation="HOSHU-PC", number=dice.randrange(60000))
    pen.windows(after(start, 34), hub, windows.SECURITY, 4624, data)
    zones = ("lgwan", "mynumber")
    pen.session(after(start, 70), hub.ip, server.ip, 3389, zones, policy=97, seconds=60, sent=240_000)
    pen.logon(after(start, 72), server, _CONTRACTOR, 10, hub)
    tool = rf"{SYSTEM32}\mmc.exe"
    pen.process(after(start, 95), server, _CONTRACTOR, tool, '"mmc.exe" lusrmgr.msc', EXPLORER)
    return markers(hub, server) | {_CONTRACTOR, remote}


def retired_account(pen: Pen, dice: random.Random, start: datetime) -> frozenset[str]:
    """The account of a person who left is tried in one zone, and enabled again in another."""
    inner, desk, _person = both_terminals(pen, dice, "mynumber")
    gone, admin = f"kuwabara{dice.randint(900, 999)}", dice.choice(pen.world.administrators).admin
    old, new = pen.world.by_name["MN-DC01"], pen.world.by_name["LG-DC01"]
    for turn in range(3):
        tried = windows.failed_logon(gone, "KIKAN", 3, ip=inner.ip, workstation=inner.name, number=turn)
        disabled = tried | {"Status": "0xc000006e", "SubStatus": "0xc0000072", "FailureReason": "%%2310"}
        pen.windows(after(start, 6 * turn), old, windows.SECURITY, 4625, disabled)
    pen.windows(after(start, 60), new, windows.SECURITY, 4722, _account(gone, "NAIBU", admin))
    pen.logon(after(start, 110), new, gone, 3, desk)
    return markers(inner, desk) | {gone, new.name}


def lgwan_proxy(pen: Pen, dice: random.Random, start: datetime) -> frozenset[str]:
    """An LGWAN terminal whose browser was set to the proxy of the internet zone."""
    machine, person = terminal(pen, dice, "lgwan")
    proxy = pen.world.by_name["IN-PRX01"]
    for turn in range(4):
        at = after(start, 15 * turn + dice.random())
        pen.session(at, machine.ip, proxy.ip, 8080, ("lgwan", "internet"), policy=96, received=900_000)
        url = dice.choice(("news.example.jp:443", "video.example.com:443", "storage.example.com:443"))
        pen.web(after(at, 0.4), machine.ip, "CONNECT", url, size=880_000, user=person.account)
    return markers(machine)


def upload_out(pen: Pen, dice: random.Random, start: datetime) -> frozenset[str]:
    """Files of the file server, carried over and sent to a file storage."""
    outside, desk, person = both_terminals(pen, dice, "internet")
    user, archive = person.account, rf"C:\Users\{person.account}\Downloads\data_{dice.randint(10, 99)}.zip"
    for turn in range(120):
        path = document_path(pen.world, desk, dice.choice([code for code, *_rest in DEPARTMENTS]), dice)
        row = {"path": path, "copied_to": rf"C:\work\{turn:03d}_" + path.rsplit("\\", 1)[-1]}
        size = dice.randint(300, 3000) * 1024
        pen.operation(after(start, turn), desk, user, "ファイル操作", "ファイルコピー", **row, size=size)
    to = "https://storage.example.com/upload"
    at = after(start, 180)
    pen.operation(at, outside, user, "Web", "Webアップロード", path=archive, copied_to=to, size=183_000_000)
    pen.web(after(start, 181), outside.ip, "CONNECT", "storage.example.com:443", user=user, millis=41_000)
    zones = ("internet", "world")
    pen.session(after(start, 222), outside.ip, "203.0.113.90", 443, zones, sent=183_400_000, seconds=42, policy=31)
    return markers(outside, desk)


def ransomware(pen: Pen, dice: random.Random, start: datetime) -> frozenset[str]:
    """Encryption from a terminal; the backups first, then a try at the file server of the My Number zone."""
    machine, person = terminal(pen, dice, "lgwan")
    server, inner = pen.world.by_name["LG-FS01"], pen.world.by_name["MN-FS01"]
    user, shell = person.account, rf"{SYSTEM32}\cmd.exe"
    pen.logon(start, server, user, 3, machine)
    net, tool = rf"{SYSTEM32}\net.exe", rf"{SYSTEM32}\vssadmin.exe"
    pen.process(after(start, 4), server, "SYSTEM", net, "net.exe stop BackupAgent /y", shell, "cmd.exe")
    pen.process(after(start, 7), server, "SYSTEM", tool, "vssadmin.exe delete shadows /all /quiet", shell, "cmd.exe")
    for turn in range(80):
        path = document_path(pen.world, machine, person.department, dice)
        row = {"path": path, "copied_to": f"{path}.locked"}
        pen.operation(after(start, 12 + turn * 0.9), machine, user, "ファイル操作", "ファイル名変更", **row)
    folder = document_path(pen.world, machine, person.department, dice).rsplit("\\", 1)[0]
    note = rf"{folder}\HOW_TO_DECRYPT_FILES.txt"
    pen.operation(after(start, 90), machine, user, "ファイル操作", "ファイル作成", path=note, size=1840)
    for turn in range(3):
        at = after(start, 95 + turn)
        pen.session(at, server.ip, inner.ip, 445, ("lgwan", "mynumber"), action="deny", policy=0)
    return markers(machine, server)


def dns_tunnel(pen: Pen, dice: random.Random, start: datetime) -> frozenset[str]:
    """Data carried in the names of DNS queries, from the LGWAN zone through the resolver of the internet zone."""
    machine, person = terminal(pen, dice, "lgwan")
    near, far = pen.world.by_name["LG-DC01"], pen.world.by_name["IN-DC01"]
    for turn in range(40):
        at = after(start, 2.5 * turn)
        label = "".join(dice.choices(_LETTERS, k=52))
        data = {
            "RuleName": "-",
            "UtcTime": f"{at:%Y-%m-%d %H:%M:%S.000}",
            "ProcessGuid": windows.guid(machine.name, "dns"),
            "ProcessId": 5120,
            "QueryName": f"{label}.t.cdn-update.example.net",
            "QueryStatus": 0,
            "QueryResults": "type:  16 ",
            "Image": POWERSHELL,
            "User": rf"NAIBU\{person.account}",
        }
        pen.windows(at, machine, windows.SYSMON, 22, data)
        if turn % 10 == 0:
            zones = ("lgwan", "internet")
            pen.session(after(at, 0.2), near.ip, far.ip, 53, zones, policy=95, protocol=17)
    return markers(machine, near)


def task_and_user(pen: Pen, dice: random.Random, start: datetime) -> frozenset[str]:
    """From an administrator's terminal into a server of the My Number zone, which is made to keep the door open."""
    person = dice.choice(pen.world.administrators)
    desk, server = pen.world.terminal_of(person, "lgwan"), pen.world.by_name["JUMIN-AP01"]
    assert desk is not None
    admin, fresh = person.admin, f"support_{dice.randint(100, 999)}"
    pen.session(start, desk.ip, server.ip, 445, ("lgwan", "mynumber"), policy=97, sent=64_000)
    pen.logon(after(start, 1), server, admin, 3, desk)
    subject = _subject(admin, "KIKAN")
    content = r"<Task><Actions><Exec><Command>C:\Users\Public\wsync.exe</Command></Exec></Actions></Task>"
    task = subject | {"TaskName": r"\Microsoft\Windows\Sync\Daily", "TaskContent": content}
    security = windows.SECURITY
    pen.windows(after(start, 5), server, security, 4698, task)
    pen.windows(after(start, 15), server, security, 4720, _account(fresh, server.name, admin))
    member = subject | {"MemberName": "-", "MemberSid": windows.sid(fresh)}
    group = {"TargetUserName": "Administrators", "TargetDomainName": "Builtin", "TargetSid": "S-1-5-32-544"}
    pen.windows(after(start, 17), server, security, 4732, member | group)
    audit = {"CategoryId": "%%8277", "SubcategoryId": "%%13313", "AuditPolicyChanges": "%%8448, %%8450"}
    pen.windows(after(start, 30), server, security, 4719, subject | audit)
    moment = after(start, 44)
    clock = {"PreviousTime": f"{moment:%Y-%m-%dT%H:%M:%S}Z", "NewTime": f"{after(moment, -86400):%Y-%m-%dT%H:%M:%S}Z"}
    pen.windows(moment, server, security, 4616, subject | clock | {"ProcessName": rf"{SYSTEM32}\cmd.exe"})
    return _with_accounts(server, desk, admin, fresh)


def _with_accounts(server: Machine, desk: Machine, *accounts: str) -> frozenset[str]:
    return markers(server, desk) | frozenset(accounts)


def _subject(admin: str, domain: str) -> dict[str, object]:
    return {
        "SubjectUserSid": windows.sid(admin),
        "SubjectUserName": admin,
        "SubjectDomainName": domain,
        "SubjectLogonId": "0x1a2b3",
    }


def _account(name: str, domain: str, admin: str) -> dict[str, object]:
    """Data of an event on an account, and who did it."""
    target = {"TargetUserName": name, "TargetDomainName": domain, "TargetSid": windows.sid(name)}
    return target | _subject(admin, domain)
