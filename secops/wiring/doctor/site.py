"""Checks of a site: its folder, keys, stores, sources and ports."""

from __future__ import annotations

import errno
import glob
import os
import socket
import sqlite3
import stat
from collections.abc import Iterator
from contextlib import closing
from datetime import timedelta
from pathlib import Path
from urllib.parse import quote

from secops.errors import SecopsError
from secops.locale import _
from secops.schema.dates import screen
from secops.settings import SourceSettings
from secops.siem.journal.keys import key_problems
from secops.wiring import factor_key
from secops.wiring.doctor.model import Finding, Patient, State, ok, warning, wrong
from secops.wiring.locks import is_held

_FULL, _NEARLY_FULL = 0.05, 0.15
_SKEW = timedelta(minutes=1)
_SOON = timedelta(days=30)


def disk(patient: Patient) -> Finding:
    """Free space of the site's volume."""
    status = os.statvfs(patient.site)
    return judge_disk(status.f_bavail * status.f_frsize, status.f_blocks * status.f_frsize)


def judge_disk(free: int, total: int) -> Finding:
    """By bytes."""
    text = _("ディスクの空き {free:.1f} GiB({share:.0f}%)").format(free=free / 2**30, share=100 * free / max(1, total))
    todo = _("secops store retain で保存期間を過ぎたものを消すか、ディスクを増やしてください。")
    if free < _FULL * total or free < 1 << 30:
        return wrong("disk", text, todo)
    if free < _NEARLY_FULL * total:
        return warning("disk", text, todo)
    return ok("disk", text)


def inodes(patient: Patient) -> Finding:
    """Free inodes of the site's volume; some file systems have no limit."""
    status = os.statvfs(patient.site)
    return judge_inodes(status.f_favail, status.f_files)


def judge_inodes(free: int, total: int) -> Finding:
    """By number; a total of 0 is no limit."""
    if not total:
        return ok("inodes", _("ファイル数の上限はありません。"))
    text = _("作れるファイルの残り {free:,}").format(free=free)
    if free < _FULL * total:
        return wrong("inodes", text, _("古いファイルを消すか、ファイル数の上限(inode)の多いディスクに移してください。"))
    return ok("inodes", text)


def permissions(patient: Patient) -> Finding:
    """Whether others can look into what is unmasked, and whether we can write."""
    names = ("journal", "keys", "records.db", "lake", "run")
    places = [patient.site, *(patient.site / name for name in names)]
    there = [path for path in places if path.exists()]
    # The folder itself shuts out whoever it is not open to; below it modes only count where it is open.
    if patient.site.stat().st_mode & 0o077:
        open_ = [path for path in there if path.stat().st_mode & 0o077]
        text = _("ほかの利用者に開いています: {paths}").format(paths=", ".join(map(str, open_)))
        return wrong("permissions", text, f"chmod -R go= {patient.site}")
    closed = [path for path in there if not os.access(path, os.R_OK | os.W_OK)]
    if closed:
        text = _("読み書きできません: {paths}").format(paths=", ".join(map(str, closed)))
        return wrong("permissions", text, _("サイトの所有者で実行するか、chown で所有者を直してください。"))
    missing = [path.name for path in places if not path.exists() and path.name not in {"run", "records.db"}]
    if missing:
        text = _("ありません: {paths}").format(paths=", ".join(missing))
        return wrong("permissions", text, _("バックアップから戻してください(secops restore)。"))
    return ok("permissions", _("サイトのフォルダは所有者だけが読めます。"))


def keys(patient: Patient) -> Finding:
    """The signing keys and the key of second factors: there, not empty, for their owner alone."""
    problems = key_problems(patient.site / "keys")
    if not problems and (wanting := factor_key.problems(patient.site, needed=_sealed(patient))):
        return wrong("keys", " ".join(wanting), _("控えた鍵を keys/ に戻し、chmod 400 を付けてください。"))
    if problems:
        todo = _("控えた鍵を keys/ に戻し、chmod 400 を付けてください。鍵がないと封(署名)も検証もできません。")
        return wrong("keys", " ".join(problems), todo)
    return ok("keys", _("署名の鍵はそろっています。控えが別の場所にあるかは、人が確かめてください。"))


def _sealed(patient: Patient) -> bool:
    """Whether secrets of one-time codes lie in the records that only their key opens (of a database elsewhere: no)."""
    path = patient.site / "records.db"
    if patient.known.records.url or not path.exists():
        return False
    try:
        with closing(sqlite3.connect(f"file:{quote(str(path))}?mode=ro", uri=True)) as database:
            return bool(database.execute("SELECT 1 FROM users WHERE totp_secret LIKE 'v1.%' LIMIT 1").fetchone())
    except sqlite3.Error:  # a finding of `records`
        return False


def journal(patient: Patient) -> Finding:
    """Whether the journal can be opened and no segment is missing."""
    from secops.siem.journal import Journal

    with Journal(patient.site / "journal") as opened:
        segments = opened.segments()
    waiting = sum(one.state == "closed" for one in segments)
    text = _("原本ログの区間 {n}(封印待ち {waiting})").format(n=len(segments), waiting=waiting)
    if waiting > 2:
        todo = _("keeper が動いているか secops status で確かめ、secops journal seal で封をしてください。")
        return warning("journal", text, todo)
    return ok("journal", text)


def clock_went_back(patient: Patient) -> Finding:
    """Whether the newest record was received later than now."""
    from secops.siem.journal import Journal

    with Journal(patient.site / "journal") as opened:
        moments = [one.last_received for one in opened.segments() if one.last_received]
    newest = max(moments, default=None)
    if newest and newest > patient.now + _SKEW:
        text = _("最後の受信 {newest} が、今の時刻 {now} より後です。時計が戻っています。")
        todo = _("時計を直してください。直すまでに受信した記録の時刻は、対応履歴に残して読み替えてください。")
        return wrong("clock_went_back", text.format(newest=screen(newest), now=screen(patient.now)), todo)
    return ok("clock_went_back", _("時計は最後の受信より進んでいます。"))


def records(patient: Patient) -> Finding:
    """The version of the records database, and what SQLite says of the file."""
    from secops.store.records.migrate import HEAD

    if patient.known.records.url:
        return ok("records", _("記録データベースは別のサーバにあります(ここでは調べません)。"))
    path = patient.site / "records.db"
    if not path.exists():
        return wrong("records", _("records.db がありません。"), _("バックアップから戻してください(secops restore)。"))
    try:
        with closing(sqlite3.connect(f"file:{quote(str(path))}?mode=ro", uri=True)) as database:
            found = database.execute("SELECT version_num FROM alembic_version").fetchone()
            damage = database.execute("PRAGMA quick_check(1)").fetchone()[0]
    except sqlite3.Error as error:
        return wrong("records", f"records.db: {error}", _("バックアップから戻してください(secops restore)。"))
    if damage != "ok":
        return wrong("records", f"records.db: {damage}", _("バックアップから戻してください(secops restore)。"))
    if found is None or found[0] > HEAD:
        text = _("記録データベースの版 {found} を、このプログラム({head})は扱えません。")
        todo = _("プログラムを、このサイトを最後に動かした版以上に上げてください。")
        return wrong("records", text.format(found=found and found[0], head=HEAD), todo)
    if found[0] < HEAD:
        text = _("記録データベースの版 {found} は、次に開くときに {head} へ上がります。")
        todo = _("上げる前に secops backup を取ってください。上げたあとは古いプログラムで開けません。")
        return warning("records", text.format(found=found[0], head=HEAD), todo)
    return ok("records", _("記録データベースの版 {found}").format(found=found[0]))


def lake(patient: Patient) -> Finding:
    """Whether the live generation is there with its log; of Elasticsearch, whether it answers and takes events."""
    if patient.settings is not None and patient.settings.store.kind == "elasticsearch":
        return _elastic(patient)
    from secops.store.events.generations import CURRENT

    folder = patient.site / "lake"
    try:
        name = (folder / CURRENT).read_text(encoding="ascii").strip()
    except FileNotFoundError:
        name = ""
    if not name or not any((folder / name / "_delta_log").glob("*.json")):
        text = _("検索用データがありません({path})。").format(path=folder / (name or CURRENT))
        return wrong("lake", text, _("secops replay で、原本ログから作り直してください。"))
    return ok("lake", _("検索用データの世代 {name}").format(name=name))


def _elastic(patient: Patient) -> Finding:
    from secops.wiring.stores import Stores

    try:
        store = Stores(patient.site, patient.known).open()
        try:
            store.probe()
        finally:
            store.close()
    except SecopsError as error:
        todo = _(
            "Elasticsearch の状態と secops.toml の [store] を確かめてください。"
            "ログは原本ログにあり、戻れば自動で追いつきます。"
        )
        return wrong("lake", str(error), todo)
    return ok("lake", _("Elasticsearch は応答し、書き込めます。"))


def sources(patient: Patient) -> Finding:
    """Whether the files and folders of the sources can be read."""
    problems = [text for source in patient.known.sources if source.path for text in _unreadable(patient, source)]
    if problems:
        todo = _("フォルダがマウントされているか、secops を動かす利用者に読む権限があるかを確かめてください。")
        return wrong("sources", " ".join(problems), todo)
    return ok("sources", _("収集元のファイルとフォルダは読めます。"))


def _unreadable(patient: Patient, source: SourceSettings) -> Iterator[str]:
    pattern = patient.site / source.path
    found = [Path(name) for name in glob.iglob(str(pattern), recursive=True)]  # noqa: PTH207 - absolute patterns
    if not found:
        fixed = next((one for one in pattern.parents if not glob.has_magic(str(one))), pattern.parent)
        if not fixed.is_dir():
            yield _("収集元 {id}: {path} がありません。").format(id=source.id, path=fixed)
        elif not os.access(fixed, os.R_OK | os.X_OK):
            yield _("収集元 {id}: {path} を読めません。").format(id=source.id, path=fixed)
    for path in found:
        if not os.access(path, os.R_OK | (os.X_OK if path.is_dir() else 0)):
            yield _("収集元 {id}: {path} を読めません。").format(id=source.id, path=path)


def ports(patient: Patient) -> Finding:
    """Whether the ports can be listened on, where the program does not do so already."""
    wanted = []
    if not is_held(patient.site, "web"):
        wanted.append((patient.known.web.host, patient.known.web.port, socket.SOCK_STREAM))
    if not is_held(patient.site, "collectors"):
        for source in patient.known.sources:
            if source.listen:
                host, _colon, port = source.listen.rpartition(":")
                kind = socket.SOCK_DGRAM if source.kind == "syslog-udp" else socket.SOCK_STREAM
                wanted.append((host.strip("[]"), int(port), kind))
    problems = [text for host, port, kind in wanted if (text := _refusal(host, port, kind))]
    if problems:
        todo = _("そのポートを使っているプログラムを止める(ss -ltnup)か、secops.toml で別の番号にしてください。")
        return wrong("ports", " ".join(problems), todo)
    return ok("ports", _("待ち受けるポートは空いているか、このサイトが使っています。"))


def _refusal(host: str, port: int, kind: socket.SocketKind) -> str:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family, kind) as probe:
        if kind is socket.SOCK_STREAM:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError as error:
            if error.errno == errno.EACCES:
                text = _("{host}:{port} は 1024 未満のため、管理者権限(または CAP_NET_BIND_SERVICE)が要ります。")
            elif error.errno == errno.EADDRINUSE:
                text = _("{host}:{port} はほかのプログラムが使っています。")
            else:
                text = _("{host}:{port} では待ち受けられません。この機械のアドレスか確かめてください。")
            return text.format(host=host, port=port)
    return ""


def certificate(patient: Patient) -> Finding:
    """The console's TLS certificate: its end, and who can read its key."""
    web = patient.known.web
    if not web.tls_certificate:
        return ok("certificate", _("TLS は使っていません(127.0.0.1 だけで待ち受け)。"))
    from cryptography.x509 import load_pem_x509_certificate

    try:
        end = load_pem_x509_certificate((patient.site / web.tls_certificate).read_bytes()).not_valid_after_utc
    except ValueError as error:
        text = _("証明書を読めません: {reason}").format(reason=error)
        return wrong("certificate", text, _("PEM 形式の証明書を置いてください。"))
    key = patient.site / web.tls_key
    if not key.exists() or key.stat().st_mode & (stat.S_IRWXG | stat.S_IRWXO):
        text = _("証明書の鍵 {path} がないか、ほかの利用者に開いています。").format(path=key)
        return wrong("certificate", text, f"chmod 600 {key}")
    return _by_end(end - patient.now, screen(end))


def _by_end(left: timedelta, end: str) -> Finding:
    text = _("証明書の期限 {end}").format(end=end)
    todo = _("庁内の認証局で新しい証明書を作り、置き換えて secops run を起動し直してください。")
    state = State.WRONG if left <= timedelta() else State.WARNING if left < _SOON else State.OK
    return Finding("certificate", state, text, "" if state is State.OK else todo)
