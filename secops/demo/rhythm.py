"""An ordinary day at the ward office: who comes when, and what their machines write while they work."""

from __future__ import annotations

import random
from datetime import date, datetime, timedelta

from secops.demo.background import administration, approved_medium, maintenance, servers
from secops.demo.chance import dice as roll
from secops.demo.hours import moment
from secops.demo.pen import Line, Pen
from secops.demo.world import SECTIONS, Machine, Staff, World
from secops.demo.writers import windows
from secops.schema.holidays import is_office_day
from secops.siem.enrich.masking import check_digit

# Share of the day's work per hour from 8:00: slow start, two peaks, lunch, people leave after 17:15.
_HOURS = (3, 10, 13, 12, 4, 10, 13, 12, 11, 7, 3, 1)
_OFFICE = r"C:\Program Files\Microsoft Office\root\Office16"
_EXPLORER = r"C:\Windows\explorer.exe"
_SITES = (
    "www.city.midori.example:443",
    "www.soumu.example:443",
    "www.metro.example:443",
    "laws.e-gov.example:443",
    "www.jma.example:443",
    "news.example.jp:443",
    "maps.example.com:443",
    "www.kantei.example:443",
    "transit.example.jp:443",
)
_OUTSIDE = ("203.0.113.20", "203.0.113.21", "198.51.100.40", "198.51.100.41", "192.0.2.80")
_BUSINESS = {
    "211": ("JUMIN-AP01", "住民記録", r"C:\Kikan\Jumin\JuminClient.exe"),
    "212": ("ZEI-AP01", "税総合", r"C:\Kikan\Zei\ZeiClient.exe"),
}
_WELFARE = ("FUKU-AP01", "福祉総合", r"C:\Kikan\Fukushi\FukuClient.exe")


def ordinary_day(world: World, day: date) -> list[Line]:
    """Everything the ward's machines write on one day (JST), in order of time; on a closed day only the servers."""
    pen = Pen(world)
    servers(pen, day)
    if is_office_day(day):
        for person in world.staff:
            dice = roll(world.seed, day, person.number)
            if dice.random() < 0.93:
                _person(pen, person, day, dice)
        administration(pen, day)
        maintenance(pen, day)
        approved_medium(pen, day)
    return sorted(pen.lines)


def _moments(day: date, arrive: float, leave: float, count: int, dice: random.Random) -> list[datetime]:
    """So many moments between coming and going, as dense as work is at that hour."""
    found: list[float] = []
    while len(found) < count:
        hour = dice.choices(range(8, 20), weights=_HOURS)[0] + dice.random()
        if arrive + 0.1 < hour < leave - 0.05:
            found.append(hour)
        elif leave - arrive < 1:
            break
    return [moment(day, hour, dice) for hour in sorted(found)]


def _person(pen: Pen, person: Staff, day: date, dice: random.Random) -> None:
    arrive = 8.1 + dice.triangular(0, 0.45, 0.3)
    leave = min(17.25 + dice.expovariate(1 / 0.8), 20.4)
    own = pen.world.terminal_of(person, "lgwan")
    if own:
        _session(pen, own, person, day, arrive, leave, dice)
        for at in _moments(day, arrive, leave, dice.randint(14, 24), dice):
            dice.choices(
                (_document, _browse, _print, _share, _copy, _mail),
                weights=(34, 24, 8, 18, 8, 8),
            )[0](pen, at, own, person, dice)
    kikan = pen.world.terminal_of(person, "mynumber")
    if kikan:
        _session(pen, kikan, person, day, arrive + 0.2, leave - 0.1, dice)
        for at in _moments(day, arrive + 0.3, leave - 0.1, dice.randint(10, 18), dice):
            dice.choices((_business, _document, _print), weights=(60, 30, 10))[0](pen, at, kikan, person, dice)
    outside = pen.world.terminal_of(person, "internet")
    if outside and outside.owner == person.number:
        _session(pen, outside, person, day, arrive + 0.5, leave - 0.2, dice)
        for at in _moments(day, arrive + 0.6, leave - 0.2, dice.randint(12, 26), dice):
            _surf(pen, at, outside, person, dice)


def _session(
    pen: Pen, machine: Machine, person: Staff, day: date, arrive: float, leave: float, dice: random.Random
) -> None:
    """Switch on, log on (a few mistype), start the desktop, log off and switch off."""
    on = moment(day, arrive, dice)
    pen.operation(on, machine, person.account, "起動・終了", "電源オン")
    at = on + timedelta(seconds=dice.uniform(20, 50))
    if dice.random() < 0.06:
        for _ in range(dice.randint(1, 2)):
            pen.failed_logon(at, machine, person.account, 2, machine)
            at += timedelta(seconds=dice.uniform(5, 12))
    pen.logon(at, machine, person.account, 2)
    controller = pen.world.by_name[{"mynumber": "MN-DC01", "lgwan": "LG-DC01", "internet": "IN-DC01"}[machine.zone]]
    pen.logon(at + timedelta(seconds=0.3), controller, person.account, 3, machine)
    pen.operation(at + timedelta(seconds=1), machine, person.account, "起動・終了", "ログオン")
    start = at + timedelta(seconds=4)
    pen.process(start, machine, person.account, _EXPLORER, "explorer.exe", r"C:\Windows\System32\userinit.exe")
    off = moment(day, leave, dice)
    data = {
        "TargetUserSid": windows.sid(person.account),
        "TargetUserName": person.account,
        "TargetDomainName": machine.fqdn.split(".")[1].upper(),
        "TargetLogonId": hex(0x100000 + dice.randrange(60000)),
        "LogonType": 2,
    }
    pen.windows(off, machine, windows.SECURITY, 4634, data)
    pen.operation(off + timedelta(seconds=20), machine, person.account, "起動・終了", "電源オフ")


def document_path(world: World, machine: Machine, department: str, dice: random.Random) -> str:
    """Where a document of a department lies on the file server of a zone."""
    server = "MN-FS01" if machine.zone == "mynumber" else "LG-FS01"
    name = dice.choice(world.documents[department])
    section = SECTIONS[department]
    ending = dice.choice(("xlsx", "xlsx", "docx", "pdf"))
    return rf"\\{server}\共有\{section}\令和8年度\{name}_{dice.randint(4, 11):02d}月{dice.randint(1, 40):02d}.{ending}"


def _document(pen: Pen, at: datetime, machine: Machine, person: Staff, dice: random.Random) -> None:
    path = document_path(pen.world, machine, person.department, dice)
    if machine.zone == "mynumber" and dice.random() < 0.03:
        # Someone puts a マイナンバー into a file name: what is stored of it must be masked.
        folder, _sep, name = path.rpartition("\\")
        eleven = f"{dice.randrange(10**11):011d}"
        path = f"{folder}\\{eleven}{check_digit(eleven)}_{name}"
    program = {"xlsx": "EXCEL.EXE", "docx": "WINWORD.EXE"}.get(path[-4:])
    if program and dice.random() < 0.5:
        image = rf"{_OFFICE}\{program}"
        pen.process(at, machine, person.account, image, f'"{image}" "{path}"', _EXPLORER)
    title = path.rsplit("\\", 1)[-1]
    action = dice.choices(("ファイル参照", "ファイル更新", "ファイル作成"), weights=(6, 3, 1))[0]
    when = at + timedelta(seconds=1.5)
    pen.operation(
        when,
        machine,
        person.account,
        "ファイル操作",
        action,
        path=path,
        size=dice.randint(9, 900) * 1024,
        application=program or "AcroRd32.exe",
        title=title,
    )


def _browse(pen: Pen, at: datetime, machine: Machine, person: Staff, dice: random.Random) -> None:
    """Web pages from the LGWAN side: the picture comes from the VDI server (画面転送), which asks the proxy."""
    vdi = pen.world.by_name["IN-VDI01"]
    pen.session(
        at,
        machine.ip,
        vdi.ip,
        8443,
        ("lgwan", "internet"),
        seconds=dice.randint(60, 1800),
        received=dice.randint(10**5, 10**7),
        policy=21,
    )
    for step in range(dice.randint(1, 3)):
        when = at + timedelta(seconds=3 + 11 * step)
        pen.web(when, vdi.ip, "CONNECT", dice.choice(_SITES), size=dice.randint(2000, 400000), user=person.account)


def _print(pen: Pen, at: datetime, machine: Machine, person: Staff, dice: random.Random) -> None:
    path = document_path(pen.world, machine, person.department, dice)
    pen.operation(
        at, machine, person.account, "印刷", "印刷", path=path, device="MFP-3F-02", title=path.rsplit("\\", 1)[-1]
    )


def _share(pen: Pen, at: datetime, machine: Machine, person: Staff, dice: random.Random) -> None:
    server = pen.world.by_name[dice.choice(("LG-FS01", "LG-GW01", "LG-BUN01"))]
    pen.logon(at, server, person.account, 3, machine)


def _copy(pen: Pen, at: datetime, machine: Machine, person: Staff, dice: random.Random) -> None:
    path = document_path(pen.world, machine, person.department, dice)
    name = path.rsplit("\\", 1)[-1]
    target = rf"C:\Users\{person.account}\Documents\{name}"
    pen.operation(
        at,
        machine,
        person.account,
        "ファイル操作",
        "ファイルコピー",
        path=path,
        copied_to=target,
        size=dice.randint(9, 900) * 1024,
    )


def _mail(pen: Pen, at: datetime, machine: Machine, person: Staff, dice: random.Random) -> None:
    image = r"C:\Program Files (x86)\Microsoft\Edge\Application\msedge.exe"
    pen.process(
        at,
        machine,
        person.account,
        image,
        f'"{image}" https://gw.naibu.city.midori.example/mail/?id={dice.randint(1000, 9999)}',
        _EXPLORER,
    )


def _business(pen: Pen, at: datetime, machine: Machine, person: Staff, dice: random.Random) -> None:
    """Work in one of the systems that handle マイナンバー."""
    server, title, image = _BUSINESS.get(person.department, _WELFARE)
    if dice.random() < 0.3:
        pen.process(at, machine, person.account, image, f'"{image}" /user:{person.account}', _EXPLORER)
    screen = dice.choice(("照会", "異動入力", "証明書発行", "検索結果", "帳票出力"))
    pen.operation(
        at + timedelta(seconds=1),
        machine,
        person.account,
        "アプリケーション",
        "ウィンドウ切替",
        application=image.rsplit("\\", 1)[-1],
        title=f"{title}システム - {screen}",
    )
    if dice.random() < 0.4:
        pen.logon(at + timedelta(seconds=2), pen.world.by_name[server], person.account, 3, machine)


def _surf(pen: Pen, at: datetime, machine: Machine, person: Staff, dice: random.Random) -> None:
    size = dice.randint(2000, 600000)
    pen.web(
        at, machine.ip, "CONNECT", dice.choice(_SITES), size=size, user=person.account, millis=dice.randint(20, 2500)
    )
    if dice.random() < 0.25:
        outside = dice.choice(_OUTSIDE)
        pen.session(at, machine.ip, outside, 443, ("internet", "world"), received=size, policy=31)
    if dice.random() < 0.02:
        pen.web(
            at + timedelta(seconds=9),
            machine.ip,
            "GET",
            "http://ads.example.net/banner.js",
            status=403,
            size=4100,
            user=person.account,
        )
