"""`secops backup` and `secops restore`: a site as one file, taken while it runs, without its keys.

The order makes it consistent: first the records, then the lake, then the journal. Both sinks keep their positions, so
in the copy they are at most as far as the journal, and whoever starts the restored site works off the difference,
exactly once, as after a crash. A replay swaps both sinks at once; it and a backup exclude each other.
"""

from __future__ import annotations

import re
import shutil
import tempfile
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path

from secops.errors import ConflictError, InputError, NotFoundError, Problem, StoreError, UsageError
from secops.locale import _
from secops.settings import FILE_NAME
from secops.wiring.archive import MANIFEST, Entry, Manifest, Writer, read_manifest, unpack, writing
from secops.wiring.clock import now
from secops.wiring.locks import held
from secops.wiring.rules import IMPORTED
from secops.wiring.site import Site

_FOLDERS = ("inventory", "rules", "audits", "audit", "policies", IMPORTED)
_FILES = ("flows.toml", "demo.json")
_PASSWORD = re.compile(r"(://[^:/@\s\"']+:)[^@\s\"']+@")
_SPARE = 64 << 20
# Why something of a site folder is not in a backup; in words where it is shown.
LEFT_OUT = {
    "keys": "鍵とパスワードのファイル。別の媒体に控え、--keys で戻す",
    "run": "動いている間だけの状態とキャッシュ。作り直される",
    "older_lake": "前の世代の検索用データ",
    "no_lake": "この機械に検索用データはない。戻したあと secops replay で作り直す",
    "other": "サイトのデータではないもの(収集元のログ、証明書など)",
}


@dataclass(frozen=True, slots=True)
class BackedUp:
    """What was made: bytes of the site in it, of the archive itself, files, and those that only the base holds."""

    archive: str
    bytes: int
    stored: int
    files: int
    reused: int
    left_out: dict[str, str]
    problems: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Restored:
    """What was restored. ``keys`` are the key files that were brought back."""

    folder: str
    site: str
    made: str
    files: int
    bytes: int
    keys: tuple[str, ...]
    left_out: dict[str, str]
    heads: dict[str, int]


def site_bytes(site: Site) -> int:
    """About how many bytes a backup will read."""
    return sum(path.stat().st_size for path in _everything(site) if path.is_file())


def backup(site: Site, archive: Path, base: Path | None, advance: Callable[[int], None]) -> BackedUp:
    """Write the archive; the site may run.

    Raises:
        ConflictError: there is such a file, or a replay is under way.
        StoreError: too little room, or the lake changed faster than it could be copied.
    """
    if archive.exists():
        raise ConflictError(_("{path} はすでにあります。別の名前を指定してください。").format(path=archive))
    if archive.resolve().is_relative_to(site.folder):
        raise UsageError(_("サイトのフォルダの中には作れません。別のディスクか媒体を指定してください。"))
    if not archive.parent.is_dir():
        raise NotFoundError(_("{path} がありません。").format(path=archive.parent))
    known, leaning = _base(base, site.settings.site.id)
    _check_room(archive.parent, site, known)
    with (
        held(site.folder, "replay"),
        tempfile.TemporaryDirectory(dir=archive.parent, prefix=".secops-backup-") as scratch,
        writing(archive, known, advance) as out,
    ):
        problems = _records(site, Path(scratch), out)
        _small(site, out)
        _lake(site, out)
        heads = _journal(site, Path(scratch), out)
        left_out = _left_out(site)
        manifest = Manifest(
            site.settings.site.id, now().isoformat(), version("secops"), tuple(out.entries), left_out, heads, leaning
        )
        out.put_bytes(MANIFEST, manifest.dump())
    stored = archive.stat().st_size
    reused = sum(entry.base for entry in manifest.entries)
    return BackedUp(str(archive), manifest.bytes, stored, len(manifest.entries), reused, left_out, tuple(problems))


def _base(base: Path | None, site: str) -> tuple[dict[str, Entry], str]:
    """The files of the older archive by name, and what its manifest hashes to."""
    if base is None:
        return {}, ""
    older, digest = read_manifest(base)
    if older.base or older.site != site:
        text = _("--base には、同じサイトの、--base を使わずに作ったバックアップを指定してください。")
        raise InputError([Problem(str(base), text)])
    return {entry.name: entry for entry in older.entries}, digest


def _check_room(target: Path, site: Site, known: dict[str, Entry]) -> None:
    from secops.siem.journal.copy import unsealed_bytes

    spared = sum(entry.size for name, entry in known.items() if (site.folder / name).exists() and _is_sealed(name))
    records = site.folder / "records.db"
    again = unsealed_bytes(site.folder / "journal") + (records.stat().st_size if records.exists() else 0)
    _room(target, site_bytes(site) - spared + again)


def _room(target: Path, wanted: int) -> None:
    free = shutil.disk_usage(target).free
    if free < wanted + _SPARE:
        text = _("{path}: 空きが足りません(必要 {wanted:.1f} GiB、空き {free:.1f} GiB)。別の場所を指定してください。")
        raise StoreError(text.format(path=target, wanted=(wanted + _SPARE) / 2**30, free=free / 2**30))


def _is_sealed(name: str) -> bool:
    return name.startswith("journal/") and name.endswith(".sealed")


def _records(site: Site, scratch: Path, out: Writer) -> list[str]:
    from secops.store.records.snapshot import copy_records

    if site.settings.records.url and not site.settings.records.url.startswith("sqlite:"):
        return [
            _("記録は PostgreSQL にあり、含まれていません。pg_dump で別に取ってください(このバックアップより先に)。")
        ]
    copy = copy_records(site.folder / "records.db", scratch / "records.db")
    out.put("records.db", copy)
    copy.unlink()
    return []


def _small(site: Site, out: Writer) -> None:
    """What people wrote: settings (passwords in addresses hidden), inventory, rules, flow table."""
    text = (site.folder / FILE_NAME).read_text(encoding="utf-8")
    out.put_bytes(FILE_NAME, _PASSWORD.sub(r"\1***@", text).encode())
    for path in _written_by_people(site):
        out.put(path.relative_to(site.folder).as_posix(), path)


def _written_by_people(site: Site) -> Iterator[Path]:
    own = [site.folder / text for text in (*site.settings.rules.folders, *site.settings.rules.pipelines)]
    places = [*(site.folder / name for name in (*_FOLDERS, *_FILES)), *own]
    inside = {place.resolve() for place in places if place.exists()}
    files = {path for place in inside for path in (place.rglob("*") if place.is_dir() else [place])}
    for path in sorted(files):
        if path.is_file() and not path.is_symlink() and path.is_relative_to(site.folder):
            yield path


def _lake(site: Site, out: Writer) -> None:
    from secops.store.events.snapshot import lake_files

    folder = site.folder / "lake"
    if not _has_lake(site):
        return
    try:
        for name in lake_files(folder).files:
            out.put(f"lake/{name}", folder / name)
    except FileNotFoundError as error:
        text = _("検索用データの整理と重なり、{path} を写せませんでした。もう一度実行してください。")
        raise StoreError(text.format(path=error.filename)) from None


def _journal(site: Site, scratch: Path, out: Writer) -> dict[str, int]:
    """All segments; returns source → last number, read from the copy itself."""
    from secops.siem.journal.copy import copy_journal
    from secops.siem.journal.segment import OpenSegment

    heads: dict[str, int] = {}

    def put(name: str, path: Path) -> None:
        nonlocal heads
        out.put(f"journal/{name}", path, reuse=_is_sealed(f"journal/{name}"))
        if name.endswith(".open"):
            segment = OpenSegment(path)
            with segment.reading():
                heads = {source: last for source, (_before, last) in segment.heads().items()}
            segment.close()

    copy_journal(site.folder / "journal", scratch, put)
    return heads


def _left_out(site: Site) -> dict[str, str]:
    """What lies in the site folder and is not taken → why: a key of `LEFT_OUT`."""
    taken = {"journal", "lake", "records.db", "records.db-wal", "records.db-shm", FILE_NAME, *_FOLDERS, *_FILES}
    taken |= {path.relative_to(site.folder).parts[0] for path in _written_by_people(site)}
    names = sorted(path.name for path in site.folder.iterdir() if path.name not in taken)
    found = {name: name if name in {"keys", "run"} else "other" for name in names}
    if not _has_lake(site):
        return found | {"lake": "no_lake"}
    older = [path for path in (site.folder / "lake").glob("g*") if path.name != _current(site)]
    return found | {f"lake/{path.name}": "older_lake" for path in older}


def _has_lake(site: Site) -> bool:
    return bool(_current(site)) and (site.folder / "lake" / _current(site) / "_delta_log").is_dir()


def _current(site: Site) -> str:
    with suppress(OSError):
        return (site.folder / "lake" / "CURRENT").read_text(encoding="ascii").strip()
    return ""


def _everything(site: Site) -> Iterator[Path]:
    yield from (site.folder / "journal").iterdir()
    yield from (site.folder / "lake" / _current(site)).rglob("*")
    yield from _written_by_people(site)
    yield site.folder / "records.db"


def restore(
    archive: Path, folder: Path, base: Path | None, keys: Path | None, advance: Callable[[int], None]
) -> Restored:
    """Make a site folder from an archive, whole or not at all; ``keys`` is the folder the keys were kept in.

    Raises:
        ConflictError: the folder exists and is not empty.
        InputError: the archive is damaged, or leans on another one than ``base``.
        StoreError: too little room.
    """
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise ConflictError(
            _("{folder} は空ではありません。空のフォルダか、まだないフォルダを指定してください。").format(folder=folder)
        )
    manifest, _digest = read_manifest(archive)
    _check_base(manifest, base)
    kept = _kept_keys(keys)
    target = folder.resolve()
    target.parent.mkdir(parents=True, exist_ok=True)
    _room(target.parent, manifest.bytes)
    with tempfile.TemporaryDirectory(dir=target.parent, prefix=f".{target.name}-restore-") as fresh:
        place = Path(fresh) / "site"
        place.mkdir(mode=0o700)
        unpack(archive, manifest, base if manifest.base else None, place, advance)
        for part in ("keys", "run", "inventory", "rules", "lake"):
            (place / part).mkdir(mode=0o700, exist_ok=True)
        for path in kept:
            copy = place / "keys" / path.name
            shutil.copyfile(path, copy)
            copy.chmod(0o400)
        if target.exists():
            target.rmdir()
        place.rename(target)
    return Restored(
        str(target),
        manifest.site,
        manifest.made,
        len(manifest.entries),
        manifest.bytes,
        tuple(path.name for path in kept),
        dict(manifest.left_out),
        dict(manifest.heads),
    )


def _check_base(manifest: Manifest, base: Path | None) -> None:
    if not manifest.base:
        return
    if base is None:
        raise UsageError(_("差分のバックアップです。もとにしたバックアップを --base で指定してください。"))
    if read_manifest(base)[1] != manifest.base:
        text = _("このバックアップのもとになったものではありません。")
        raise InputError([Problem(str(base), text)])


def _kept_keys(keys: Path | None) -> list[Path]:
    if keys is None:
        return []
    if not (keys / "journal.key").is_file() or not (keys / "journal.pub").is_file():
        raise NotFoundError(_("{folder} に journal.key と journal.pub がありません。").format(folder=keys))
    return sorted(path for path in keys.iterdir() if path.is_file())
