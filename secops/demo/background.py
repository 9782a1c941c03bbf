"""What goes on beside the office work: data exchange, backups and cron at any hour, administration in working hours."""

from __future__ import annotations

from datetime import date, timedelta

from secops.demo.chance import dice as roll
from secops.demo.hours import moment
from secops.demo.pen import Pen

_PROXY = "in-prx01"
# From, to (a server or an address), zones, firewall policy, every so many quarters of an hour, first and last quarter.
_EXCHANGES = (
    ("JUMIN-AP01", "LG-RENKEI01", ("mynumber", "lgwan"), 11, 1, 0, 95),
    ("ZEI-AP01", "LG-RENKEI01", ("mynumber", "lgwan"), 11, 2, 0, 95),
    ("ZEI-AP01", "172.30.1.10", ("mynumber", "lgwan_asp"), 12, 4, 0, 95),
    ("IN-MUGAI01", "LG-FS01", ("internet", "lgwan"), 22, 1, 34, 70),
)
_BACKUPS = ((22.5, "LG-FS01"), (23.0, "MN-FS01"), (23.5, "JUMIN-AP01"))
_BACKUP_AGENT = r"C:\Program Files\BackupAgent\bkagent.exe"
_APPROVED_USB = {"device": "登録済みUSBメモリ(暗号化)", "serial": "MDR-0007"}


def servers(pen: Pen, day: date) -> None:
    """A day and night of the servers, on working days and others."""
    dice = roll(pen.world.seed, day, "servers")
    name = pen.world.by_name
    for quarter in range(96):
        hour = quarter / 4 + 0.02
        for turn, (source, target, zones, policy, every, first, last) in enumerate(_EXCHANGES):
            if quarter % every == every - 1 and first <= quarter <= last:
                address = name[target].ip if target in name else target
                at = moment(day, hour + 0.05 * turn, dice)
                pen.session(at, name[source].ip, address, 443, zones, policy=policy)
        for server in ("LG-GW01", "LG-FS01", "MN-FS01"):
            pen.logon(moment(day, hour + 0.15, dice), name[server], f"svc-{server[3:].lower()}", 5)
        if quarter % 4 == 3:
            command = "(root) CMD (/usr/sbin/logrotate /etc/logrotate.conf)"
            pen.linux(moment(day, hour + 0.12, dice), _PROXY, "CRON", command, pid=20000 + quarter, priority=78)
    for hour, server in _BACKUPS:
        at = moment(day, hour, dice)
        pen.logon(at, name[server], "svc-backup", 5)
        started = at + timedelta(seconds=36)
        service = r"C:\Windows\System32\services.exe"
        pen.process(started, name[server], "SYSTEM", _BACKUP_AGENT, f'"{_BACKUP_AGENT}" /job:daily', service)


def administration(pen: Pen, day: date) -> None:
    """Remote desktop to servers by the people of 情報政策課, each from the own terminal."""
    dice = roll(pen.world.seed, day, "admin")
    for person in pen.world.administrators:
        desk = pen.world.terminal_of(person, "lgwan")
        assert desk is not None
        for _ in range(dice.randint(1, 3)):
            server = pen.world.by_name[dice.choice(("LG-DC01", "LG-FS01", "LG-GW01", "LG-BUN01"))]
            at = moment(day, dice.uniform(9, 17), dice)
            pen.logon(at, server, person.admin, 10, desk)
            pen.privileges(at + timedelta(seconds=0.02), server, person.admin)
            image, parent = r"C:\Windows\System32\mmc.exe", r"C:\Windows\explorer.exe"
            pen.process(at + timedelta(seconds=9), server, person.admin, image, f'"{image}" eventvwr.msc', parent)


def maintenance(pen: Pen, day: date) -> None:
    """An administrator reloads the proxy over ssh."""
    dice = roll(pen.world.seed, day, "maintenance")
    operator = pen.world.administrators[0]
    terminal = pen.world.terminal_of(operator, "internet")
    assert terminal is not None
    at = moment(day, dice.uniform(10, 11), dice)
    port, user = dice.randint(40000, 60000), operator.account
    accepted = f"Accepted publickey for {user} from {terminal.ip} port {port} ssh2: ED25519 SHA256:q1Yb"
    pen.linux(at, _PROXY, "sshd", accepted, pid=port)
    command = f"  {user} : TTY=pts/0 ; PWD=/home/{user} ; USER=root ; COMMAND=/usr/bin/systemctl reload squid"
    pen.linux(at + timedelta(seconds=31), _PROXY, "sudo", command, priority=85)


def approved_medium(pen: Pen, day: date) -> None:
    """広報課 takes pictures over with a registered, encrypted USB device: allowed, and no alert."""
    dice = roll(pen.world.seed, day, "medium")
    person = next(one for one in pen.world.staff if one.department == "122" and not one.chief)
    terminal = pen.world.terminal_of(person, "lgwan")
    assert terminal is not None
    at = moment(day, dice.uniform(13, 16), dice)
    pen.operation(at, terminal, person.account, "デバイス", "USBデバイス接続", **_APPROVED_USB)
    done = at + timedelta(minutes=6)
    pen.operation(done, terminal, person.account, "デバイス", "USBデバイス切断", **_APPROVED_USB)
