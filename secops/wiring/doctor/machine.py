"""Checks of the machine: they need no site."""

from __future__ import annotations

import ctypes
import re
import resource
import sqlite3
import sys
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from secops.locale import _
from secops.wiring.doctor.model import Finding, Patient, ok, warning, wrong

# In an installed wheel the lock file is inside the package, in a checkout at its top.
_PACKED = Path(__file__).parents[2] / "_requirements.lock"
LOCK = _PACKED if _PACKED.exists() else Path(__file__).parents[3] / "requirements.lock"
_PINNED = re.compile(r"^([A-Za-z0-9._-]+)==(\S+)( ;)?", re.MULTILINE)
_SQLITE = (3, 35, 0)  # RETURNING
_UNSYNCHRONIZED = 5  # TIME_ERROR of ntp_adjtime(3)
_FONTS = (
    "notosanscjk",
    "notosansjp",
    "notoserifcjk",
    "notoserifjp",
    "ipa",
    "takao",
    "vlgothic",
    "vl-gothic",
    "mplus",
    "msgothic",
    "meiryo",
    "yugoth",
)
_MEMORY = 1 << 30
_LITTLE_MEMORY = 256 << 20
_FILES, _FEW_FILES = 4096, 1024
_WATCHES = 8192


def python(_patient: Patient) -> Finding:
    """The version of Python."""
    return judge_python(sys.version_info[:3])


def judge_python(version_info: tuple[int, ...]) -> Finding:
    """By its numbers; an environment that was copied may be run by another Python than it was made for."""
    found = ".".join(map(str, version_info))
    if version_info < (3, 11):
        todo = _("Python 3.11 以上を入れ、.venv を作り直してください。")
        return wrong("python", _("Python {found} は古すぎます。").format(found=found), todo)
    return ok("python", f"Python {found}")


def packages(_patient: Patient, lock: Path = LOCK) -> Finding:
    """Installed packages against the lock file."""
    if not lock.exists():
        text = _("版の一覧({path})がないため、比べられません。").format(path=lock)
        return warning("packages", text, _("配布されたフォルダ一式から入れ直してください。"))
    pinned: dict[str, set[str]] = {}
    optional = set()
    for name, wanted, marker in _PINNED.findall(lock.read_text(encoding="utf-8")):
        pinned.setdefault(name, set()).add(wanted)
        if marker:
            optional.add(name)
    different = []
    for name, versions in pinned.items():
        try:
            found = version(name)
        except PackageNotFoundError:
            if name not in optional:
                different.append(_("{name} がありません").format(name=name))
            continue
        if found not in versions:
            different.append(f"{name} {found}(≠ {'/'.join(sorted(versions))})")
    if different:
        todo = _("pip install --require-hashes -r requirements.lock で、決められた版を入れ直してください。")
        text = _("決められた版とちがう部品: {names}")
        return wrong(
            "packages", text.format(names=", ".join(different[:8]) + ("…" if len(different) > 8 else "")), todo
        )
    return ok("packages", _("部品 {n} 個はすべて決められた版です。").format(n=len(pinned)))


def sqlite(_patient: Patient) -> Finding:
    """The SQLite that Python was built with."""
    found = sqlite3.sqlite_version
    if tuple(map(int, found.split("."))) < _SQLITE:
        text = _("SQLite {found} は古すぎます(3.35 以上が必要)。").format(found=found)
        return wrong("sqlite", text, _("新しい OS か、新しい SQLite で作られた Python を使ってください。"))
    return ok("sqlite", f"SQLite {found}")


def clock_synchronized(_patient: Patient) -> Finding:
    """Whether the kernel's clock is kept by NTP (ntp_adjtime, which asks and changes nothing)."""
    ask = getattr(ctypes.CDLL(None), "ntp_adjtime", None)
    if ask is None:
        text = _("時刻同期の状態を調べられない環境です。")
        return warning("clock_synchronized", text, _("時計を庁内の時刻サーバに合わせているか、人が確かめてください。"))
    if ask(ctypes.create_string_buffer(1024)) in {-1, _UNSYNCHRONIZED}:
        todo = _("chrony か systemd-timesyncd で、庁内の時刻サーバに合わせてください。ずれた時刻では調査ができません。")
        return warning("clock_synchronized", _("時計が時刻サーバと同期していません。"), todo)
    return ok("clock_synchronized", _("時計は時刻サーバと同期しています。"))


def time_zones(patient: Patient) -> Finding:
    """Whether the zones that moments are shown and read in are known."""
    wanted = {"Asia/Tokyo"}
    if patient.settings:
        wanted |= {patient.settings.site.timezone, *(one.timezone or "Asia/Tokyo" for one in patient.settings.sources)}
    for name in sorted(wanted):
        try:
            ZoneInfo(name)
        except (ZoneInfoNotFoundError, ValueError):
            text = _("時差の表に {name} がありません。").format(name=name)
            return wrong("time_zones", text, _("部品 tzdata を入れ直してください。"))
    local = patient.now.astimezone()
    text = _("今は {now}(機械のタイムゾーン {zone}。画面は日本時間)。")
    return ok("time_zones", text.format(now=f"{local:%Y-%m-%d %H:%M:%S}", zone=local.tzname()))


def memory(patient: Patient) -> Finding:
    """Memory that is free, or would be if caches were dropped."""
    found = re.search(
        r"^MemAvailable:\s+(\d+) kB", (patient.proc / "meminfo").read_text(encoding="ascii"), re.MULTILINE
    )
    free = int(found[1]) * 1024 if found else 0
    text = _("使えるメモリ {free:.1f} GiB").format(free=free / 2**30)
    if free < _LITTLE_MEMORY:
        return wrong("memory", text, _("ほかのプログラムを止めるか、メモリを増やしてください(4 GiB 以上を推奨)。"))
    if free < _MEMORY:
        return warning("memory", text, _("大量の取り込みや調査では足りなくなります(4 GiB 以上を推奨)。"))
    return ok("memory", text)


def open_files(_patient: Patient) -> Finding:
    """How many files a process may hold open: each followed log is one."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    return judge_open_files(soft, hard)


def judge_open_files(soft: int, hard: int) -> Finding:
    """By the limits of the process; -1 is none."""
    text = _("同時に開けるファイル {soft}(上限 {hard})").format(soft=soft, hard=hard)
    todo = _("systemd なら LimitNOFILE=65536、そうでなければ ulimit -n 65536 で増やしてください。")
    if 0 <= soft < _FEW_FILES:
        return wrong("open_files", text, todo)
    if 0 <= hard < _FILES:
        return warning("open_files", text, todo)
    return ok("open_files", text)


def inotify(patient: Patient) -> Finding:
    """How many folders the kernel tells changes of; without it files are still found, by looking."""
    path = patient.proc / "sys/fs/inotify/max_user_watches"
    if not path.exists():
        text = _("ファイルの変化の通知(inotify)が使えません。")
        return warning("inotify", text, _("動作に支障はありません。見回りで気づくため、少し遅くなります。"))
    watches = int(path.read_text(encoding="ascii"))
    text = _("ファイルの変化の通知 {n} 個まで").format(n=watches)
    if watches < _WATCHES:
        return warning("inotify", text, _("sysctl fs.inotify.max_user_watches=65536 で増やしてください。"))
    return ok("inotify", text)


def terminal(patient: Patient) -> Finding:
    """Whether the terminal's character encoding can show Japanese."""
    names = ("LC_ALL", "LC_CTYPE", "LANG")
    name = next((one for one in names if patient.environment.get(one)), "")
    found = patient.environment.get(name, "")
    if "utf-8" in found.lower() or "utf8" in found.lower():
        return ok("terminal", _("端末の文字コード {found}").format(found=f"{name}={found}"))
    text = _("端末の文字コードが UTF-8 ではありません({found})。").format(found=f"{name}={found}" if name else "LANG=")
    return warning("terminal", text, _("export LANG=C.UTF-8 としてください。日本語が文字化けすることがあります。"))


def fonts(patient: Patient) -> Finding:
    """Whether a Japanese font is there, for printing reports from this machine."""
    for folder in patient.fonts:
        for path in folder.rglob("*.[ot]t[cf]") if folder.is_dir() else ():
            if path.name.lower().replace("_", "").startswith(_FONTS):
                return ok("fonts", _("日本語フォント {path}").format(path=path.name))
    text = _("日本語フォントが見つかりません。")
    todo = _("この機械で報告書を印刷・画像にするなら、fonts-noto-cjk などを入れてください。画面だけなら要りません。")
    return warning("fonts", text, todo)
