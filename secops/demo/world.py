"""The simulated ward: departments, people, machines, servers and the register of flows, made from a seed."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date
from functools import cached_property

from secops.demo.chance import dice as roll
from secops.demo.registers import ASSET_HEADS, SYSTEM_HEADS, assets, systems
from secops.schema.dates import fiscal_year

SITE = "midori"
WARD = "みどり区(デモ)"
DOMAIN = {"mynumber": "KIKAN", "lgwan": "NAIBU", "internet": "SOTO"}
NETWORKS = {
    "mynumber": "10.10.0.0/16",
    "lgwan": "10.20.0.0/16",
    "internet": "10.30.0.0/16",
    "security_cloud": "172.31.0.0/24",
    "lgwan_asp": "172.30.0.0/16",
}
LABELS = {
    "mynumber": "マイナンバー利用事務系",
    "lgwan": "LGWAN接続系",
    "internet": "インターネット接続系",
    "security_cloud": "東京都自治体情報セキュリティクラウド",
    "lgwan_asp": "LGWAN-ASP",
}
STAFF_PER_DEPARTMENT = 10
TERMINALS_MYNUMBER = 6
TERMINALS_INTERNET = 3

# Code, name, kana, code of the 部 above, handles マイナンバー, what its files are called.
DEPARTMENTS = (
    ("211", "区民課", "クミンカ", "210", True, "住民異動届 転入通知 証明書交付簿 窓口受付表"),
    ("212", "税務課", "ゼイムカ", "210", True, "課税台帳 納税通知書 滞納整理票 申告書一覧"),
    ("213", "国保年金課", "コクホネンキンカ", "210", True, "被保険者台帳 保険料賦課 給付申請 年金相談記録"),
    ("221", "福祉課", "フクシカ", "220", True, "生活保護受給者 相談記録 給付決定 障害者手帳交付"),
    ("222", "高齢福祉課", "コウレイフクシカ", "220", True, "介護認定 見守り名簿 施設入所 敬老事業"),
    ("223", "子育て支援課", "コソダテシエンカ", "220", True, "保育園入園選考 児童手当 学童名簿 相談票"),
    ("111", "総務課", "ソウムカ", "110", False, "起案文書 例規審査 公印台帳 文書目録"),
    ("112", "人事課", "ジンジカ", "110", False, "人事異動案 給与明細 研修計画 職員名簿"),
    ("113", "財政課", "ザイセイカ", "110", False, "予算要求書 決算統計 補助金一覧 起債計画"),
    ("121", "情報政策課", "ジョウホウセイサクカ", "120", False, "システム構成図 調達仕様書 運用手順書 障害記録"),
    ("122", "広報課", "コウホウカ", "120", False, "区報原稿 取材予定 写真整理 SNS投稿案"),
    ("131", "道路公園課", "ドウロコウエンカ", "130", False, "道路台帳 工事発注 占用許可 公園点検表"),
)
NO_MAIL = "131"  # has no address, as it happens: whoever reminds it copies the text
SECTIONS = {code: name for code, name, *_rest in DEPARTMENTS}
DIVISIONS = (
    ("210", "区民部", "クミンブ"),
    ("220", "福祉部", "フクシブ"),
    ("110", "総務部", "ソウムブ"),
    ("120", "企画部", "キカクブ"),
    ("130", "土木部", "ドボクブ"),
)
_FAMILY = """
佐藤 サトウ sato|鈴木 スズキ suzuki|高橋 タカハシ takahashi|田中 タナカ tanaka
伊藤 イトウ ito|渡辺 ワタナベ watanabe|山本 ヤマモト yamamoto|中村 ナカムラ nakamura
小林 コバヤシ kobayashi|加藤 カトウ kato|吉田 ヨシダ yoshida|山田 ヤマダ yamada
佐々木 ササキ sasaki|山口 ヤマグチ yamaguchi|松本 マツモト matsumoto|井上 イノウエ inoue
木村 キムラ kimura|林 ハヤシ hayashi|清水 シミズ shimizu|斎藤 サイトウ saito
山崎 ヤマザキ yamazaki|森 モリ mori|池田 イケダ ikeda|橋本 ハシモト hashimoto
阿部 アベ abe|石川 イシカワ ishikawa|前田 マエダ maeda|藤田 フジタ fujita
小川 オガワ ogawa|岡田 オカダ okada
"""
_GIVEN = """
花子 ハナコ|太郎 タロウ|美咲 ミサキ|健一 ケンイチ|陽子 ヨウコ|大輔 ダイスケ
由美 ユミ|翔太 ショウタ|恵子 ケイコ|直樹 ナオキ|さくら サクラ|拓也 タクヤ
真由美 マユミ|和也 カズヤ|智子 トモコ|亮 リョウ|愛 アイ|隆 タカシ
彩 アヤ|誠 マコト
"""
# Name, zone, last two parts of the address, department in charge, importance.
_SERVERS = (
    ("MN-DC01", "mynumber", "0.10", "121", "high"),
    ("MN-FS01", "mynumber", "0.11", "121", "high"),
    ("JUMIN-AP01", "mynumber", "0.21", "211", "high"),
    ("ZEI-AP01", "mynumber", "0.22", "212", "high"),
    ("FUKU-AP01", "mynumber", "0.23", "221", "high"),
    ("LG-DC01", "lgwan", "0.10", "121", "high"),
    ("LG-FS01", "lgwan", "0.11", "121", "high"),
    ("LG-GW01", "lgwan", "0.12", "121", "normal"),
    ("LG-BUN01", "lgwan", "0.13", "111", "normal"),
    ("LG-RENKEI01", "lgwan", "0.31", "121", "high"),
    ("IN-DC01", "internet", "0.10", "121", "normal"),
    ("IN-VDI01", "internet", "0.20", "121", "normal"),
    ("IN-PRX01", "internet", "0.30", "121", "normal"),
    ("IN-MUGAI01", "internet", "0.40", "121", "normal"),
)
FIREWALL = "FW-CORE01"


@dataclass(frozen=True, slots=True)
class Staff:
    """A person: ``account`` is the same in every zone, ``terminals`` is zone → machine."""

    number: str
    name: str
    kana: str
    account: str
    department: str
    chief: bool

    @property
    def admin(self) -> str:
        """The separate account for administration, of people in 情報政策課."""
        return f"adm-{self.account}"


@dataclass(frozen=True, slots=True)
class Machine:
    """A terminal or server; ``owner`` is the staff number of who sits there."""

    name: str
    zone: str
    ip: str
    mac: str
    department: str
    owner: str = ""
    kind: str = "端末"
    importance: str = "normal"

    @property
    def fqdn(self) -> str:
        """The name as Windows reports it."""
        return f"{self.name}.{DOMAIN.get(self.zone, 'midori').lower()}.city.midori.example"


@dataclass(frozen=True)
class World:
    """The whole ward; the same seed makes the same ward."""

    seed: int
    staff: tuple[Staff, ...]
    machines: tuple[Machine, ...]

    @cached_property
    def by_name(self) -> dict[str, Machine]:
        """Name → machine."""
        return {machine.name: machine for machine in self.machines}

    @cached_property
    def by_number(self) -> dict[str, Staff]:
        """Staff number → person."""
        return {person.number: person for person in self.staff}

    def terminals(self, zone: str) -> list[Machine]:
        """The terminals of a zone, in the order of their names."""
        return [machine for machine in self.machines if machine.zone == zone and machine.kind == "端末"]

    def user_of(self, machine: Machine) -> Staff:
        """Who works at a terminal."""
        return self.by_number[machine.owner]

    def terminal_of(self, person: Staff, zone: str) -> Machine | None:
        """The terminal of a person in a zone; shared internet terminals belong to the whole department."""
        near = [one for one in self.terminals(zone) if one.department == person.department]
        own = [one for one in near if one.owner == person.number]
        return next(iter(own or (near if zone == "internet" else [])), None)

    @cached_property
    def documents(self) -> dict[str, list[str]]:
        """Department code → what its files are about."""
        return {code: files.split() for code, _name, _kana, _above, _handles, files in DEPARTMENTS}

    @cached_property
    def administrators(self) -> tuple[Staff, ...]:
        """The people of 情報政策課 who administer servers."""
        return tuple(person for person in self.staff if person.department == "121")[1:4]


def make_world(seed: int) -> World:
    """The ward of a seed: 12 departments, 120 people, about 200 terminals and 15 servers."""
    dice = roll("world", seed)
    families = [part.split() for part in _FAMILY.strip().replace("\n", "|").split("|")]
    givens = [part.split() for part in _GIVEN.strip().replace("\n", "|").split("|")]
    pairs = dice.sample([(a, b) for a in families for b in givens], len(DEPARTMENTS) * STAFF_PER_DEPARTMENT)
    staff, machines = [], list(_servers())
    for row, (code, _name, _kana, _above, handles, _files) in enumerate(DEPARTMENTS):
        for place in range(STAFF_PER_DEPARTMENT):
            index = row * STAFF_PER_DEPARTMENT + place
            (family, family_kana, roman), (given, given_kana) = pairs[index]
            number = f"{104200 + index * 7:06d}"
            kana = f"{family_kana} {given_kana}"
            person = Staff(number, f"{family} {given}", kana, f"{roman}{number[-3:]}", code, place == 0)
            staff.append(person)
            machines.append(_terminal(f"L-{1001 + index}", "lgwan", row, place, code, number))
            if handles and place < TERMINALS_MYNUMBER:
                name = f"K-{201 + row * TERMINALS_MYNUMBER + place:04d}"
                machines.append(_terminal(name, "mynumber", row, place, code, number))
            if place < TERMINALS_INTERNET:
                name = f"I-{1101 + row * TERMINALS_INTERNET + place}"
                machines.append(_terminal(name, "internet", row, place, code, number))
    return World(seed, tuple(staff), tuple(machines))


def _prefix(zone: str) -> str:
    return NETWORKS[zone].split(".0.0/")[0]


def _mac(ip: str) -> str:
    return "-".join(["02", "4D", *(f"{int(part):02X}" for part in ip.split("."))])


def _terminal(name: str, zone: str, row: int, place: int, department: str, owner: str) -> Machine:
    ip = f"{_prefix(zone)}.{row + 1}.{place + 11}"
    return Machine(name, zone, ip, _mac(ip), department, owner)


def _servers() -> Iterable[Machine]:
    for name, zone, host, department, importance in _SERVERS:
        ip = f"{_prefix(zone)}.{host}"
        yield Machine(name, zone, ip, _mac(ip), department, kind="サーバ", importance=importance)
    ip = f"{_prefix('lgwan')}.255.254"
    yield Machine(FIREWALL, "lgwan", ip, _mac(ip), "121", kind="通信機器", importance="high")


def _csv(header: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\r\n")
    writer.writerow(header)
    writer.writerows(rows)
    return out.getvalue()


def inventory(world: World, today: date) -> dict[str, str]:
    """The ward's inventory files, kind → CSV text, as `secops inventory import` takes them."""
    departments = [(code, name, kana, "部", "", "", "") for code, name, kana in DIVISIONS]
    departments += [
        (code, name, kana, "課", above, f"2{code}", "" if code == NO_MAIL else f"ka{code}@city.midori.example")
        for code, name, kana, above, _handles, _files in DEPARTMENTS
    ]
    staff = []
    for person in world.staff:
        accounts = [person.account, *([person.admin] if person in world.administrators else [])]
        staff.append((person.number, person.name, person.kana, person.department, ";".join(accounts)))
    devices = [
        (one.name, one.zone, one.ip, one.mac, one.department, one.owner, one.kind, _IMPORTANCE[one.importance])
        for one in world.machines
    ]
    return {
        "departments": _csv(
            ("所属コード", "所属名", "フリガナ", "区分", "上位コード", "内線", "メールアドレス"), departments
        ),
        "staff": _csv(("職員番号", "氏名", "フリガナ", "所属コード", "アカウント"), staff),
        "devices": _csv(
            ("機器名", "系統", "IPアドレス", "MACアドレス", "所属コード", "使用者", "種別", "重要度"), devices
        ),
        "systems": _csv(SYSTEM_HEADS, systems(today)),
        "assets": _csv(ASSET_HEADS, assets(today)),
        "flows": _csv(
            ("通信番号", "名称", "種別", "接続元", "接続先", "ポート", "主管課コード", "理由", "有効期限"),
            _flows(today),
        ),
    }


_IMPORTANCE = {"high": "高", "normal": "中", "low": "低"}


# Number, name, kind, from, to, services, department, reason; E-… and T-… run to the end of the fiscal year.
_FLOWS = """
T-001 住民記録の庁内連携 特定通信 10.10.0.21 10.20.0.31 tcp/443 211 異動情報の連携
T-002 税務の庁内連携 特定通信 10.10.0.22 10.20.0.31 tcp/443 212 課税情報の連携
T-003 旧福祉帳票の転送 特定通信 10.10.0.23 10.20.0.11 tcp/445 221 帳票の受渡し
E-001 eLTAX 十分に安全性が確保された外部接続先 10.10.0.22 172.30.1.10 tcp/443 212 申告データの受信
S-001 Web閲覧 画面転送 lgwan 10.30.0.20 tcp/443;tcp/8443 121 Web閲覧
M-001 ファイル無害化 無害化通信 10.30.0.40 10.20.0.11 tcp/443 121 受信ファイルの取込み
"""


def _flows(today: date) -> list[tuple[str, ...]]:
    """The register of flows; nobody renewed T-003."""
    year = fiscal_year(today) + 1
    ends = {"T-003": f"{year - 1}-03-31", "S-001": ""}
    rows = [line.split() for line in _FLOWS.strip().splitlines()]
    return [(*row, ends.get(row[0], f"{year}-03-31")) for row in rows]
