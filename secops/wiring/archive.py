"""The file a backup is: a plain tar of the site's files, with a manifest as its last member.

The manifest names every file with its size, permissions and SHA-256. It is written last, and the archive gets its name
only when all of it is on the disk: an archive that was cut short has no manifest and is refused. An archive may lean on
an older one (``base``): sealed segments that are in it, byte for byte, are named and not stored again.
"""

from __future__ import annotations

import hashlib
import io
import json
import os
import tarfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import asdict, dataclass, field
from pathlib import Path, PurePosixPath
from typing import IO, Any

from secops.durable import place, settle
from secops.errors import InputError, NotFoundError, Problem
from secops.locale import _

MANIFEST = "MANIFEST.json"
FORMAT = 1
_CHUNK = 1 << 20


@dataclass(frozen=True, slots=True)
class Entry:
    """A file: name below the site folder, bytes, permissions, SHA-256; ``base`` where the older archive has it."""

    name: str
    size: int
    mode: int
    sha256: str
    base: bool = False


@dataclass(frozen=True, slots=True)
class Manifest:
    """What is in an archive. ``base`` is the SHA-256 of the older archive's manifest, or empty.

    ``left_out`` says what of the site is not in it, and why; ``heads`` is source → last sequence number.
    """

    site: str
    made: str
    program: str
    entries: tuple[Entry, ...]
    left_out: Mapping[str, str]
    heads: Mapping[str, int]
    base: str = ""
    format: int = FORMAT

    def dump(self) -> bytes:
        """As JSON."""
        return json.dumps(asdict(self), ensure_ascii=False, indent=1).encode()

    @property
    def bytes(self) -> int:
        """Of all files when they are restored."""
        return sum(entry.size for entry in self.entries)


@dataclass
class Writer:
    """Puts files into a tar; `entries` grows with each. ``known`` are the base's entries by name."""

    tar: tarfile.TarFile
    known: Mapping[str, Entry]
    advance: Callable[[int], None]
    entries: list[Entry] = field(default_factory=list)

    def put(self, name: str, path: Path, *, reuse: bool = False) -> None:
        """Store a file; with ``reuse`` it is only named where the base has the same one."""
        with path.open("rb") as file:
            status = os.fstat(file.fileno())
            old = self.known.get(name) if reuse else None
            if old and old.size == status.st_size and _digest(file) == old.sha256:
                self.entries.append(Entry(name, old.size, old.mode, old.sha256, base=True))
                self.advance(old.size)
                return
            file.seek(0)
            self._store(name, file, status.st_size, status.st_mode & 0o700, status.st_mtime)

    def put_bytes(self, name: str, data: bytes) -> None:
        """Store a small file from memory."""
        self._store(name, io.BytesIO(data), len(data), 0o600)

    def _store(self, name: str, file: IO[bytes], size: int, mode: int, mtime: float = 0) -> None:
        info = tarfile.TarInfo(name)
        info.size, info.mode, info.mtime = size, mode, mtime
        hashed = _Hashing(file, self.advance)
        self.tar.addfile(info, hashed)
        self.entries.append(Entry(name, size, mode, hashed.digest.hexdigest()))


class _Hashing(io.RawIOBase):
    """Reads a file for `tarfile` and hashes what goes by."""

    def __init__(self, file: IO[bytes], advance: Callable[[int], None]) -> None:
        self._file, self._advance = file, advance
        self.digest = hashlib.sha256()

    def read(self, size: int = -1) -> bytes:
        """The next bytes."""
        data = self._file.read(size)
        self.digest.update(data)
        self._advance(len(data))
        return data


def _digest(file: IO[bytes]) -> str:
    found = hashlib.sha256()
    while chunk := file.read(_CHUNK):
        found.update(chunk)
    return found.hexdigest()


@contextmanager
def writing(path: Path, known: Mapping[str, Entry], advance: Callable[[int], None]) -> Iterator[Writer]:
    """An archive under a temporary name; it gets its own, durably, when the block ends without an error."""
    fresh = path.with_name(f".{path.name}.part")
    try:
        handle = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        with os.fdopen(handle, "wb") as out:
            with tarfile.open(fileobj=out, mode="w", format=tarfile.PAX_FORMAT) as tar:
                yield Writer(tar, known, advance)
            settle(out)
        place(fresh, path)
    finally:
        fresh.unlink(missing_ok=True)


def read_manifest(path: Path) -> tuple[Manifest, str]:
    """The manifest of an archive and its SHA-256.

    Raises:
        NotFoundError: there is no such file.
        InputError: it is not a backup, was cut short, or is of a newer version.
    """
    try:
        with tarfile.open(path) as tar:
            file = tar.extractfile(MANIFEST)
            assert file is not None
            data = file.read()
        raw: dict[str, Any] = json.loads(data)
        if raw["format"] != FORMAT:
            raise _refused(path, _("新しい版のプログラムで作られています。プログラムを更新してください。"))
        entries = tuple(Entry(**entry) for entry in raw.pop("entries"))
        manifest = Manifest(entries=entries, **raw)
    except FileNotFoundError:
        raise NotFoundError(_("{path} がありません。").format(path=path)) from None
    except (tarfile.TarError, KeyError, ValueError, TypeError, AssertionError, EOFError):
        raise _refused(
            path, _("バックアップとして読めません(目録がない、途中で切れている、または別のファイル)。")
        ) from None
    wrong = [entry.name for entry in entries if not _inside(entry.name)]
    if wrong:
        raise _refused(path, _("フォルダの外を指す名前「{name}」があります。").format(name=wrong[0]))
    return manifest, hashlib.sha256(data).hexdigest()


def _inside(name: str) -> bool:
    path = PurePosixPath(name)
    return bool(name) and not path.is_absolute() and ".." not in path.parts and "\0" not in name


def _refused(path: Path, what: str) -> InputError:
    return InputError([Problem(str(path), what)])


def unpack(archive: Path, manifest: Manifest, base: Path | None, folder: Path, advance: Callable[[int], None]) -> None:
    """Write all files of an archive below a folder, each checked against the manifest.

    Raises:
        InputError: names every file that is missing or not what the manifest says.
    """
    problems = []
    with ExitStack() as stack:
        tars = {False: stack.enter_context(tarfile.open(archive))}
        if base is not None:
            tars[True] = stack.enter_context(tarfile.open(base))
        members = {
            of_base: {member.name: member for member in tar.getmembers() if member.isreg()}
            for of_base, tar in tars.items()
        }
        for entry in manifest.entries:
            member = members.get(entry.base, {}).get(entry.name)
            file = tars[entry.base].extractfile(member) if member else None
            if (
                file is None
                or member is None
                or _write(file, folder / entry.name, entry, member, advance) != entry.sha256
            ):
                what = _("中身が目録と合いません。") if file else _("アーカイブの中にありません。")
                problems.append(Problem(f"{base if entry.base else archive}: {entry.name}", what))
    if problems:
        raise InputError(problems)


def _write(file: IO[bytes], target: Path, entry: Entry, member: tarfile.TarInfo, advance: Callable[[int], None]) -> str:
    target.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    digest = hashlib.sha256()
    with os.fdopen(os.open(target, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as out:
        while chunk := file.read(_CHUNK):
            digest.update(chunk)
            out.write(chunk)
            advance(len(chunk))
        settle(out)
    target.chmod(entry.mode or 0o400)
    if member.mtime:  # the lake judges by it which of its commits are recent
        os.utime(target, (member.mtime, member.mtime))
    return digest.hexdigest()
