"""`secops rules import`: a release of rules from a folder or a ZIP file into the site, all at once and reversible.

A release is a folder ``imported/<name>`` of the site; the file ``imported/current`` names the one in force, and the one
before it stays for ``--undo``. Replacing that file is the switch, so workers see the old rules or the new ones.
"""

from __future__ import annotations

import hashlib
import shutil
import stat
import zipfile
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from functools import partial
from pathlib import Path, PurePosixPath

from secops.access.ports import AuditEntry
from secops.errors import ConflictError, InputError, Problem
from secops.locale import _
from secops.siem.detect.releases import Comparison, compare, entries
from secops.wiring.rules import CURRENT, IMPORTED, SUFFIXES, current_folder, read_rule_files
from secops.wiring.site import Site

MAX_FILE = 1 << 20  # bytes of one rule file; the largest of SigmaHQ have 60 kB
MAX_TOTAL = 256 << 20
MAX_FILES = 50_000
_LICENCE = ("license", "licence", "copying", "notice")


@dataclass(frozen=True, slots=True)
class Inactive:
    """A rule or an exception of the release that will not run, and why."""

    id: str
    title: str
    path: str
    reason: str


@dataclass(frozen=True, slots=True)
class Imported:
    """What an import found and did. ``orphans`` are exceptions and correlations that stop working with it."""

    name: str
    sha256: str
    rules: int
    comparison: Comparison
    inactive: Sequence[Inactive]
    orphans: Sequence[Problem]
    problems: Sequence[Problem]
    ignored: int
    applied: bool


@dataclass(slots=True)
class _Release:
    """What was read from the medium."""

    files: dict[str, bytes] = field(default_factory=dict)
    problems: list[Problem] = field(default_factory=list)
    ignored: int = 0


def import_release(site: Site, source: Path, *, actor: str, now: datetime, dry_run: bool = False) -> Imported:
    """Read a release, compare it with the one in force, and put it in force unless ``dry_run``.

    Raises:
        InputError: the source is neither a folder nor a ZIP file, or holds no rule.
    """
    release = _read(source)
    texts = _texts(release.files)
    found = entries(texts)
    if not found:
        raise InputError([*release.problems, Problem(str(source), _("Sigma ルールが 1 つもありません。"))])
    digest = _digest(release.files)
    folder = site.folder / IMPORTED
    name = f"{now:%Y%m%d-%H%M%S}-{digest[:8]}"
    old = current_folder(site.folder)
    comparison = compare(entries(read_rule_files([old]) if old else []), found)
    staged = folder / f".{name}"
    _write(staged, release.files)
    try:
        inactive, orphans = _effects(site, staged, old)
        if not dry_run:
            staged.rename(folder / name)
            _switch(folder, name)
            _keep(folder, {name, old.name if old else name})
    finally:
        shutil.rmtree(staged, ignore_errors=True)
    if not dry_run:
        text = _("{source}(SHA-256 {digest})から {count} ルールを取り込みました({name})。")
        text = text.format(source=source, digest=digest, count=len(found), name=name)
        site.accounts.record(AuditEntry(now, actor, "rules_imported", name, "cli", text))
    return Imported(
        name, digest, len(found), comparison, inactive, orphans, release.problems, release.ignored, not dry_run
    )


def undo_import(site: Site, *, actor: str, now: datetime) -> str:
    """Put the release before the one in force back in force; returns its name ("": no imported rules from now on).

    Raises:
        ConflictError: nothing was imported.
    """
    folder, current = site.folder / IMPORTED, current_folder(site.folder)
    if current is None:
        raise ConflictError(_("取り込んだルールはありません。"))
    others = sorted(path.name for path in folder.iterdir() if path.is_dir() and path.name < current.name)
    name = others[-1] if others else ""
    _switch(folder, name)
    text = _("取り込みを取り消しました: {old} → {new}").format(old=current.name, new=name or _("なし"))
    site.accounts.record(AuditEntry(now, actor, "rules_import_undone", current.name, "cli", text))
    return name


# -------------------------------------------------------------------------------------------------------------- reading


def _read(source: Path) -> _Release:
    release = _Release()
    total = 0
    for name, size, data in _zipped(source, release) if zipfile.is_zipfile(source) else _unpacked(source):
        path = PurePosixPath(name)
        if not (path.suffix in SUFFIXES or path.name.lower().startswith(_LICENCE)):
            release.ignored += 1
        elif path.is_absolute() or ".." in path.parts or "\\" in name or ":" in name:
            release.problems.append(Problem(f"{source}: {name}", _("フォルダの外を指す名前なので取り込みません。")))
        elif size > MAX_FILE:
            text = _("大きすぎるので取り込みません({size:,} バイト、上限 {limit:,} バイト)。")
            release.problems.append(Problem(f"{source}: {name}", text.format(size=size, limit=MAX_FILE)))
        else:
            total += size
            if total > MAX_TOTAL or len(release.files) >= MAX_FILES:
                text = _("全体が大きすぎます(上限 {files:,} ファイル、{limit:,} バイト)。何も取り込んでいません。")
                raise InputError([Problem(str(source), text.format(files=MAX_FILES, limit=MAX_TOTAL))])
            release.files[str(path)] = data()
    return release


Item = tuple[str, int, Callable[[], bytes]]


def _unpacked(source: Path) -> Iterator[Item]:
    if not source.is_dir():
        raise InputError([Problem(str(source), _("フォルダか ZIP ファイルを指定してください。"))])
    for path in sorted(source.rglob("*")):
        if path.is_file() and not path.is_symlink() and ".git" not in path.parts:
            yield path.relative_to(source).as_posix(), path.stat().st_size, path.read_bytes


def _zipped(source: Path, release: _Release) -> Iterator[Item]:
    with zipfile.ZipFile(source) as archive:
        for info in archive.infolist():
            if info.is_dir():
                continue
            if stat.S_ISLNK(info.external_attr >> 16) or info.flag_bits & 1:
                what = _("リンクまたは暗号化されたファイルなので取り込みません。")
                release.problems.append(Problem(f"{source}: {info.filename}", what))
                continue
            yield info.filename, info.file_size, partial(_member, archive, info)


def _member(archive: zipfile.ZipFile, info: zipfile.ZipInfo) -> bytes:
    """What a member holds, and not more than it says: a header may lie."""
    with archive.open(info) as file:
        data = file.read(MAX_FILE + 1)
    if len(data) > MAX_FILE:
        what = _("見出しより大きいファイルが入っています。壊れているか、悪意のある ZIP です。何も取り込んでいません。")
        raise InputError([Problem(f"{archive.filename}: {info.filename}", what)])
    return data


def _texts(files: dict[str, bytes]) -> list[tuple[str, str]]:
    return [(name, data.decode("utf-8", "replace")) for name, data in files.items() if name.endswith(SUFFIXES)]


def _digest(files: dict[str, bytes]) -> str:
    digest = hashlib.sha256()
    for name in sorted(files):
        for part in (name.encode(), files[name]):
            digest.update(len(part).to_bytes(8, "big"))
            digest.update(part)
    return digest.hexdigest()


# -------------------------------------------------------------------------------------------------------------- writing


def _write(folder: Path, files: dict[str, bytes]) -> None:
    """Rules, and licence texts beside them; documents that are no rules (tests, settings of tools) stay behind."""
    for name, data in files.items():
        text = data.decode("utf-8", "replace")
        if name.endswith(SUFFIXES) and not entries([(name, text)]) and not _is_broken_rule(text):
            continue
        target = folder / name
        target.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        target.write_bytes(data)


def _is_broken_rule(text: str) -> bool:
    """Whether a text that cannot be read means to be a rule: it is taken over, so that `rules check` names it."""
    return any(line.startswith(("detection:", "correlation:", "filter:")) for line in text.splitlines())


def _switch(folder: Path, name: str) -> None:
    beside = folder / f".{CURRENT}"
    beside.write_text(name + "\n", encoding="utf-8")
    beside.replace(folder / CURRENT)


def _keep(folder: Path, names: set[str]) -> None:
    """The release in force and the one before it; older ones go."""
    for path in folder.iterdir():
        if path.is_dir() and path.name not in names:
            shutil.rmtree(path, ignore_errors=True)


def _effects(site: Site, staged: Path, old: Path | None) -> tuple[list[Inactive], list[Problem]]:
    """Rules of the release that will not run, and exceptions and correlations that lose what they are about."""
    before = site.detector
    after = site.detector_with(
        [pair for pair in site.rule_files() if old is None or not Path(pair[0]).is_relative_to(old)]
        + read_rule_files([staged])
    )
    inactive = [
        Inactive(rule.id, rule.title, str(Path(rule.path).relative_to(staged)), rule.reason)
        for rule in after.rules
        if not rule.active and Path(rule.path).is_relative_to(staged)
    ]
    inactive += [
        Inactive(one.id, one.title, str(Path(one.path).relative_to(staged)), one.problem)
        for one in after.filters
        if one.problem and Path(one.path).is_relative_to(staged)
    ]
    working = {one.path for one in before.filters if not one.problem}
    working |= {rule.path for rule in before.rules if rule.active and not _is_below(rule.path, old)}
    orphans = [Problem(one.path, one.problem) for one in after.filters if one.problem and one.path in working]
    orphans += [Problem(rule.path, rule.reason) for rule in after.rules if rule.reason and rule.path in working]
    return inactive, orphans


def _is_below(path: str, folder: Path | None) -> bool:
    return folder is not None and Path(path).is_relative_to(folder)
