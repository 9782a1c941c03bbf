"""Where reading of a file stands, and how the file is known again: the checkpoint of the tail.

An inode number alone is not an identity: it is used again when a file is deleted. So a mark also holds fingerprints of
the first kilobyte and of the kilobyte before its offset; it *holds* for a file when both are still there.
"""

from __future__ import annotations

import hashlib
import json
import os
from dataclasses import asdict, dataclass

SPAN = 1024  # bytes in a fingerprint, or fewer where the file is shorter

Identity = tuple[int, int]  # device, inode


@dataclass(frozen=True, slots=True)
class Print:
    """A fingerprint: SHA-256 (shortened) of so many bytes."""

    length: int
    digest: str

    @classmethod
    def of(cls, data: bytes) -> Print:
        """The fingerprint of these bytes."""
        return cls(len(data), hashlib.sha256(data).hexdigest()[:32])


@dataclass(frozen=True, slots=True)
class Mark:
    """Everything before ``offset`` is journaled; ``part`` parts of the overlong line at ``offset`` came before it."""

    path: str
    offset: int
    part: int
    head: Print
    before: Print
    format: str
    encoding: str
    sure: bool = True
    header: str | None = None
    mtime: int = 0  # ns, of the file when it was last read: a copy of it is not older
    gone: int = 0  # seconds since 1970 when no name of the source was seen to lead to it any more; 0: one does

    def dump(self) -> bytes:
        """The mark as small JSON."""
        return json.dumps(asdict(self), ensure_ascii=False, separators=(",", ":")).encode("utf-8", "surrogatepass")

    @classmethod
    def load(cls, data: bytes) -> Mark:
        """The mark from its JSON."""
        value = json.loads(data.decode("utf-8", "surrogatepass"))
        value["head"] = Print(**value["head"])
        value["before"] = Print(**value["before"])
        return cls(**value)

    def holds(self, fd: int) -> bool:
        """Whether the open file still has, or has again, the content up to the offset that this mark speaks of."""
        if os.fstat(fd).st_size < max(self.offset, self.head.length):
            return False
        head = os.pread(fd, self.head.length, 0)
        before = os.pread(fd, self.before.length, self.offset - self.before.length)
        return Print.of(head) == self.head and Print.of(before) == self.before


def key(source: str, identity: Identity) -> str:
    """The checkpoint key of a followed file."""
    return f"file:{source}:{identity[0]:x}-{identity[1]:x}"


def identity_of(checkpoint_key: str) -> Identity:
    """The identity in a checkpoint key."""
    device, inode = checkpoint_key.rsplit(":", 1)[1].split("-")
    return int(device, 16), int(inode, 16)


def identity_at(stat: os.stat_result) -> Identity:
    """The identity of a file."""
    return stat.st_dev, stat.st_ino


def holds(mark: Mark, path: str, identity: Identity | None = None) -> bool:
    """Whether the file at a path has the content that a mark speaks of (and is the very same file)."""
    try:
        fd = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    except OSError:
        return False
    try:
        return identity in {None, identity_at(os.fstat(fd))} and mark.holds(fd)
    finally:
        os.close(fd)
