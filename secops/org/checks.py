"""What only all inventory files together can tell: unknown references, doubled addresses, flows no model permits."""

from __future__ import annotations

import ipaddress
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import date
from typing import Any

from secops.errors import Problem
from secops.locale import _
from secops.org.model import Asset, Device, Flow, System
from secops.org.zones import WORLD, ZoneMap
from secops.schema.text import fold
from secops.settings import Settings

Rows = Sequence[tuple[str, Any]]


def resolve(files: Mapping[str, Rows], settings: Settings) -> dict[str, list[tuple[str, Any]]]:
    """Rows with codes where people wrote names: of a department, a zone, a system; what no row bears stays as it is."""
    zones = _by_name((one.label, zone) for zone, one in settings.zones.items())
    departments = _by_name((row.name, row.code) for _place, row in files.get("departments", ()))
    systems = _by_name((row.name, row.code) for _place, row in files.get("systems", ()))

    def codes(row: Any) -> Any:
        if isinstance(row, System | Device):
            row = replace(row, zone=zones.get(fold(row.zone), row.zone))
        if isinstance(row, System | Asset):
            row = replace(row, department=departments.get(fold(row.department), row.department))
        if isinstance(row, Asset):
            row = replace(row, system=systems.get(fold(row.system), row.system))
        return row

    return {kind: [(place, codes(row)) for place, row in rows] for kind, rows in files.items()}


def _by_name(pairs: Iterable[tuple[str, str]]) -> dict[str, str]:
    """Folded name → code, of names that only one has; a code is never taken for a name."""
    known = [(fold(name), code) for name, code in pairs]
    often = Counter(name for name, _code in known)
    codes = {fold(code) for _name, code in known}
    return {name: code for name, code in known if often[name] == 1 and name not in codes}


def cross_checks(files: Mapping[str, Rows], settings: Settings, today: date) -> tuple[list[Problem], list[Problem]]:
    """Mistakes and warnings between files; ``files`` is kind → (place, row) of all rows."""
    codes = {row.code for _place, row in files.get("departments", ())}
    zones = ZoneMap.of(settings)
    wrong = _parents(files.get("departments", ()), codes) + _references(files, codes, settings)
    wrong += _doubled(files.get("devices", ()))
    warnings: list[Problem] = []
    names = {row.name.lower() for _place, row in files.get("devices", ())}
    for place, device in files.get("devices", ()):
        wrong += _addresses(place, device, zones)
    for place, system in files.get("systems", ()):
        for host in system.hosts:
            if host.lower() not in names and not _is_address(host):
                text = _("機器「{host}」は機器一覧にありません。").format(host=host)
                warnings.append(Problem(f"{place} 機器名", text))
        if system.cloud == "no" and system.cloud_service:
            text = _("クラウドは「利用なし」ですが、クラウドサービス名「{name}」があります。")
            warnings.append(Problem(f"{place} クラウド", text.format(name=system.cloud_service)))
        if system.personal_data == "none" and system.persons:
            text = _("個人情報は「なし」ですが、本人数 {n} があります。")
            warnings.append(Problem(f"{place} 本人数", text.format(n=system.persons)))
    systems = {row.code for _place, row in files.get("systems", ())}
    for place, asset in files.get("assets", ()):
        if asset.system and asset.system not in systems:
            text = _("システム「{code}」は台帳にありません。")
            warnings.append(Problem(f"{place} システムコード", text.format(code=asset.system)))
    for place, flow in files.get("flows", ()):
        found, odd = _flow(place, flow, settings, today)
        wrong += found
        warnings += odd
    return wrong, warnings


def _is_address(text: str) -> bool:
    try:
        ipaddress.ip_address(text)
    except ValueError:
        return False
    return True


def _parents(rows: Rows, codes: set[str]) -> list[Problem]:
    wrong = []
    parent = {row.code: row.parent for _place, row in rows}
    for place, row in rows:
        if row.parent and row.parent not in codes:
            text = _("「{code}」という部署はありません。").format(code=row.parent)
            wrong.append(Problem(f"{place} 上位コード", text))
            continue
        seen, code = {row.code}, row.parent
        while code and code not in seen:
            seen.add(code)
            code = parent.get(code, "")
        if code == row.code:
            wrong.append(Problem(f"{place} 上位コード", _("上位の部署をたどると自分に戻ります。")))
    return wrong


def _references(files: Mapping[str, Rows], codes: set[str], settings: Settings) -> list[Problem]:
    wrong = []
    known = ", ".join(settings.zones)

    def department(place: str, code: str, heading: str) -> None:
        if code and codes and code not in codes:
            text = _("「{code}」という部署はありません。部署一覧に加えるか、コードを直してください。")
            wrong.append(Problem(f"{place} {heading}", text.format(code=code)))

    def zone(place: str, name: str, heading: str) -> None:
        if name and name not in settings.zones:
            text = _("「{zone}」という系統はありません(使えるもの: {known})。").format(zone=name, known=known)
            wrong.append(Problem(f"{place} {heading}", text))

    for place, person in files.get("staff", ()):
        for code in person.departments:
            department(place, code, "所属コード")
        for account in person.accounts:
            zone(place, account.zone, "アカウント")
    for place, device in files.get("devices", ()):
        department(place, device.department, "所属コード")
        zone(place, device.zone, "系統")
    for place, system in files.get("systems", ()):
        department(place, system.department, "主管課コード")
        zone(place, system.zone, "系統")
    for place, asset in files.get("assets", ()):
        department(place, asset.department, "主管課コード")
    for place, flow in files.get("flows", ()):
        department(place, flow.owner, "主管課コード")
    return wrong


def _doubled(rows: Rows) -> list[Problem]:
    wrong, first = [], dict[str, str]()
    for place, device in rows:
        for ip in device.ips:
            if ip in first:
                text = _("{ip} は {place} にもあります。").format(ip=ip, place=first[ip])
                wrong.append(Problem(f"{place} IPアドレス", text))
            first.setdefault(ip, place)
    return wrong


def _addresses(place: str, device: Device, zones: ZoneMap) -> list[Problem]:
    wrong = []
    for ip in device.ips:
        found = zones.zone(ip)
        if found != device.zone and zones.has_networks(device.zone):
            where = zones.label(found) if found else _("どの系統でもない")
            text = _("{ip} は系統「{zone}」のネットワークの外({where})です。").format(
                ip=ip, zone=device.zone, where=where
            )
            wrong.append(Problem(f"{place} IPアドレス", text))
    return wrong


def _flow(place: str, flow: Flow, settings: Settings, today: date) -> tuple[list[Problem], list[Problem]]:
    wrong, warnings = [], []
    for text, heading in ((flow.source, "接続元"), (flow.destination, "接続先")):
        if text not in settings.zones and text != WORLD and not _is_network(text):
            known = ", ".join([*settings.zones, WORLD])
            hint = _("「{found}」は系統の名前({known})でも IP アドレスでもありません。")
            wrong.append(Problem(f"{place} {heading}", hint.format(found=text, known=known)))
    wide = flow.source in settings.zones or flow.destination in settings.zones
    if flow.kind == "registered" and wide:
        hint = _("特定通信は経路(IP アドレス)も限定します。系統全体ではなくアドレスで書いてください。")
        warnings.append(Problem(f"{place} 接続元・接続先", hint))
    if flow.expired(today):
        hint = _("{id} は {day} に期限が切れています。更新するか、行を消してください。")
        warnings.append(Problem(f"{place} 有効期限", hint.format(id=flow.id, day=flow.expires)))
    return wrong, warnings


def _is_network(text: str) -> bool:
    try:
        ipaddress.ip_network(text)
    except ValueError:
        return False
    return True
