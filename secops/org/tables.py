"""What an inventory CSV may look like: its columns with all the headings wards use for them, and how a cell is read."""

from __future__ import annotations

import ipaddress
import re
import unicodedata
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any

from secops.locale import _
from secops.org.model import (
    ASSET_KINDS,
    AVAILABILITY,
    CLASSES,
    CLOUD,
    DEVICE_KINDS,
    FLOW_KINDS,
    IMPORTANCE,
    INTEGRITY,
    LEVELS,
    MEDIA,
    NO_CONTRACTOR,
    PERSONAL_DATA,
    SYSTEM_STATES,
    Account,
    Asset,
    Department,
    Device,
    Flow,
    Person,
    Service,
    System,
    canonical_ip,
)
from secops.schema.dates import read_day
from secops.settings_notify import is_mail_address

_LIST = re.compile(r"[;、；\n]+")
_SERVICE = re.compile(r"(tcp|udp|sctp)/(\d{1,5})(?:-(\d{1,5}))?|(icmp|esp|gre)")
_MAC = re.compile(r"[0-9a-f]{12}")
_CODE = re.compile(r"[A-Za-z0-9_.\-]{1,64}")
_COUNT = re.compile(r"(?:約)?([0-9,]{1,12})(?:人|名|件)?")


def narrow(text: str) -> str:
    """Full-width digits, letters and signs as half-width, without spaces at the ends."""
    return unicodedata.normalize("NFKC", text).strip()


def _text(cell: str) -> str:
    return cell.strip()


def _code(cell: str) -> str:
    text = narrow(cell)
    if not _CODE.fullmatch(text):
        raise ValueError(_("半角の英数字とハイフン(64 字以内)で書いてください"))
    return text


def _codes(cell: str) -> tuple[str, ...]:
    return tuple(_code(part) for part in _LIST.split(cell) if part.strip())


def _names(cell: str) -> tuple[str, ...]:
    return tuple(narrow(part) for part in _LIST.split(cell) if part.strip())


def _ips(cell: str) -> tuple[str, ...]:
    try:
        return tuple(canonical_ip(part) for part in _names(cell))
    except ValueError:
        raise ValueError(_("IP アドレスを書いてください(例: 10.1.2.13。複数は ; で区切る)")) from None


def _mac(cell: str) -> str:
    digits = re.sub(r"[-:.]", "", narrow(cell).lower())
    if not _MAC.fullmatch(digits):
        raise ValueError(_("MAC アドレスを書いてください(例: 00-1A-2B-3C-4D-5E)"))
    return "-".join(digits[at : at + 2] for at in range(0, 12, 2)).upper()


def _accounts(cell: str) -> tuple[Account, ...]:
    found = []
    for part in _names(cell):
        zone, colon, name = part.partition(":")
        found.append(Account(zone.strip(), name.strip()) if colon else Account("", part))
    return tuple(found)


def _choice(words: Mapping[str, str], extra: Mapping[str, str] | None = None) -> Callable[[str], str]:
    """Read one of a few codes, written as code or as the Japanese word."""
    table = {word: code for code, word in words.items()} | {code: code for code in words} | dict(extra or {})
    table = {narrow(word).lower(): code for word, code in table.items()}

    def read(cell: str) -> str:
        found = table.get(narrow(cell).lower())
        if found is None:
            raise ValueError(_("{words} のどれかを書いてください").format(words="・".join(words.values())))
        return found

    return read


def _mail(cell: str) -> str:
    text = narrow(cell)
    if text and not is_mail_address(text):
        raise ValueError(_("メールアドレスを一つ書いてください(例: kumin@example.lg.jp)"))
    return text


def _place(cell: str) -> str:
    """A zone id, an address or a network; the network in canonical form."""
    text = narrow(cell)
    if not re.fullmatch(r"[0-9a-fA-F:.]+(?:/\d+)?", text) or text.isalpha():
        return text
    try:
        return str(ipaddress.ip_network(text) if "/" in text else ipaddress.ip_address(text))
    except ValueError:
        if text.isalnum():
            return text
        raise ValueError(_("系統の名前、IP アドレス、ネットワーク(例: 10.1.0.0/16)のどれかを書いてください")) from None


def parse_services(cell: str) -> tuple[Service, ...]:
    """Services such as ``tcp/443;udp/53;icmp``.

    Raises:
        ValueError: a part is not a protocol with a port or range.
    """
    found = []
    for part in _names(cell.replace(",", ";").replace("，", ";")):
        match = _SERVICE.fullmatch(part.lower())
        if not match:
            raise ValueError(_("「tcp/443」「tcp/8000-8010」「icmp」のように書いてください(複数は ; で区切る)"))
        if match[4]:
            found.append(Service(match[4]))
            continue
        first, last = int(match[2]), int(match[3] or match[2])
        if not 0 < first <= last < 65536:
            raise ValueError(_("ポート番号は 1 から 65535 で、小さい方を先に書いてください"))
        found.append(Service(match[1], first, last))
    return tuple(found)


def _unit(cell: str) -> str:
    """A department by its code or its name; the name is looked up when all files are there."""
    text = narrow(cell)
    if len(text) > 100 or not text.isprintable():
        raise ValueError(_("部署のコードか名前を 1 つ書いてください"))
    return text


def _count(cell: str) -> int:
    match = _COUNT.fullmatch(narrow(cell).replace(" ", ""))
    digits = match[1].replace(",", "") if match else ""
    if not digits:
        raise ValueError(_("人数を数字で書いてください(例: 12000)"))
    return int(digits)


def _contractor(cell: str) -> str:
    text = cell.strip()
    return NO_CONTRACTOR if narrow(text).lower() in _NOBODY else text


def parse_day(cell: str) -> date:
    """A day as people write it; see `read_day`.

    Raises:
        ValueError: it is none; the message says what to write.
    """
    if day := read_day(cell):
        return day
    raise ValueError(_("日付を書いてください(例: 2027-03-31、令和9年3月31日)"))


@dataclass(frozen=True, slots=True)
class Column:
    """A column: the field it fills, headings it may carry (between ``|``, the first is the one in messages), reader."""

    field: str
    spellings: str
    read: Callable[[str], Any] = _text
    required: bool = False
    words: Mapping[str, str] | None = None  # code → word, where only a few values will do

    @property
    def headings(self) -> tuple[str, ...]:
        """All headings."""
        return tuple(self.spellings.split("|"))


@dataclass(frozen=True, slots=True)
class Table:
    """A kind of inventory file; ``key`` is the field that tells its rows apart."""

    kind: str
    label: str
    make: Callable[..., Any]
    key: str
    columns: tuple[Column, ...]


_DEVICE_WORDS = {"PC": "terminal", "サーバー": "server", "プリンタ": "printer", "ネットワーク機器": "network"}
_CLASS_WORDS = {"3A": "c3a", "3B": "c3b", "3C": "c3c", "2": "c2", "1": "c1"}
_CLASS_WORDS |= {f"機密性{word}": code for word, code in _CLASS_WORDS.items()}
_NOBODY = {"なし", "無し", "無", "直営", "内製", "職員", "-", "none"}
_PERSONAL_WORDS = {
    "なし": "none", "無し": "none", "無": "none", "あり": "held", "有り": "held", "有": "held",
    "個人情報": "held", "要配慮": "sensitive", "マイナンバー": "specific", "個人番号": "specific",
}  # fmt: skip
_CLOUD_WORDS = dict.fromkeys(
    ("なし", "無し", "無", "×", "いいえ", "no", "false", "オンプレミス"), "no"
) | dict.fromkeys(("あり", "有り", "有", "○", "〇", "はい", "yes", "true", "クラウド"), "yes")
_STATE_WORDS = {"運用中": "active", "稼働": "active", "構築中": "planned", "停止": "stopped", "休止": "stopped"}
_KIND_WORDS = {"電子データ": "data", "電子情報": "data", "公文書": "document", "帳票": "document", "システム": "system"}
_KIND_WORDS |= {"ソフトウェア": "program", "ハードウェア": "device", "媒体": "medium"}
_MEDIA_WORDS = {
    "サーバー": "server",
    "PC": "terminal",
    "パソコン": "terminal",
    "USBメモリ": "removable",
    "外部媒体": "removable",
}
_ZONE = Column("zone", "系統|ゾーン|三層|zone", narrow, required=True)


def _few(field: str, spellings: str, words: Mapping[str, str], extra: Mapping[str, str] | None = None) -> Column:
    return Column(field, spellings, _choice(words, extra), words=words)


def _axis(word: str, letter: str) -> dict[str, str]:
    """``2`` and ``完全性2`` beside ``自治体完全性2``."""
    return {f"{before}{number}": f"{letter}{number}" for before in ("", word) for number in "21"}


_UNIT = "主管課コード|所管課コード|所属コード|主管課|所管課|担当課|部署|所属|department"
_REVIEWED = Column("reviewed", "確認日|最終確認日|棚卸日|見直し日|reviewed", parse_day)
_PERSONAL = _few(
    "personal_data", "個人情報|個人情報の区分|個人情報の有無|personal_data", PERSONAL_DATA, _PERSONAL_WORDS
)

TABLES: dict[str, Table] = {
    table.kind: table
    for table in (
        Table(
            "departments",
            "部署",
            Department,
            "code",
            (
                Column("code", "所属コード|部署コード|課コード|組織コード|code|department_code", _code, required=True),
                Column("name", "所属名|部署名|課名|組織名|名称|name|department_name", required=True),
                Column("kana", "フリガナ|カナ|ふりがな|読み|kana"),
                _few("level", "区分|階層|level", LEVELS),
                Column("parent", "上位コード|上位所属コード|部コード|親コード|parent", _code),
                Column("extension", "内線|内線番号|extension", narrow),
                Column("mail", "メールアドレス|メール|代表メール|mail|email", _mail),
            ),
        ),
        Table(
            "staff",
            "職員",
            Person,
            "number",
            (
                Column("number", "職員番号|職員コード|番号|number|staff_number", _code, required=True),
                Column("name", "氏名|職員氏名|名前|name", required=True),
                Column("departments", "所属コード|所属|部署コード|departments|department", _codes, required=True),
                Column("accounts", "アカウント|ユーザID|ユーザー名|利用者ID|accounts|account", _accounts),
                Column("kana", "フリガナ|カナ|ふりがな|kana"),
            ),
        ),
        Table(
            "devices",
            "機器",
            Device,
            "name",
            (
                Column("name", "機器名|端末名|コンピュータ名|ホスト名|name|hostname", narrow, required=True),
                _ZONE,
                Column("ips", "IPアドレス|IP|ip|ips|ip_address", _ips),
                Column("mac", "MACアドレス|MAC|mac|mac_address", _mac),
                Column("department", "所属コード|部署コード|設置課|department", _code),
                Column("owner", "使用者|利用者|管理者|職員番号|owner", narrow),
                _few("kind", "種別|機器種別|kind|type", DEVICE_KINDS, _DEVICE_WORDS),
                _few("importance", "重要度|importance", IMPORTANCE),
            ),
        ),
        Table(
            "systems",
            "システム",
            System,
            "code",
            (
                Column("code", "システムコード|システムID|code|id", _code, required=True),
                Column("name", "システム名|名称|name", required=True),
                Column("department", _UNIT, _unit, required=True),
                _ZONE,
                Column("hosts", "機器名|サーバ|サーバ名|ホスト|hosts", _names),
                _few("classification", "機密性|分類|機密性分類|classification", CLASSES, _CLASS_WORDS),
                Column("contractor", "委託事業者|委託先|保守業者|contractor", _contractor),
                _few("cloud", "クラウド|クラウド利用|クラウドの利用|cloud", CLOUD, _CLOUD_WORDS),
                Column("cloud_service", "クラウドサービス名|クラウドサービス|cloud_service"),
                _PERSONAL,
                Column("persons", "本人数|対象人数|個人情報の本人数|persons", _count),
                Column("manager", "情報システム管理者|システム管理者|管理者|manager"),
                _few("state", "状態|稼働状況|運用状況|state", SYSTEM_STATES, _STATE_WORDS),
                _REVIEWED,
            ),
        ),
        Table(
            "assets",
            "情報資産",
            Asset,
            "code",
            (
                Column("code", "資産番号|情報資産番号|資産コード|asset_id|code", _code, required=True),
                Column("name", "情報資産名|情報資産の名称|資産名|名称|asset_name|name", required=True),
                Column("department", _UNIT + "|管理課", _unit),
                _few("kind", "資産の種類|資産種別|種類|種別|kind", ASSET_KINDS, _KIND_WORDS),
                _few("medium", "媒体|記録媒体|保存媒体|形態|medium", MEDIA, _MEDIA_WORDS),
                _few("confidentiality", "機密性|機密性分類|confidentiality", CLASSES, _CLASS_WORDS),
                _few("integrity", "完全性|完全性分類|integrity", INTEGRITY, _axis("完全性", "i")),
                _few("availability", "可用性|可用性分類|availability", AVAILABILITY, _axis("可用性", "a")),
                Column("retention", "保存期間|保存年限|保存期限|retention"),
                Column("place", "保管場所|保存場所|場所|place"),
                Column("system", "システムコード|利用システム|使用システム|system", narrow),
                _PERSONAL,
                Column("manager", "情報資産管理者|管理責任者|管理者|manager"),
                _REVIEWED,
            ),
        ),
        Table(
            "flows",
            "許可通信",
            Flow,
            "id",
            (
                Column("id", "通信番号|管理番号|番号|id", _code, required=True),
                Column("kind", "種別|通信種別|kind", _choice(FLOW_KINDS), required=True, words=FLOW_KINDS),
                Column("source", "接続元|送信元|from|source", _place, required=True),
                Column("destination", "接続先|宛先|送信先|to|destination", _place, required=True),
                Column("services", "ポート|プロトコル|サービス|ports|services", parse_services, required=True),
                Column("owner", "主管課コード|所属コード|申請課|owner", _code, required=True),
                Column("reason", "理由|目的|用途|reason", required=True),
                Column("expires", "有効期限|期限|expires", parse_day),
                Column("name", "名称|通信名|name"),
            ),
        ),
    )
}
