"""Evidence files of the audit wing in the site folder: named by their SHA-256, owner-only, never changed or deleted."""

from __future__ import annotations

import hashlib
import os
import re
import tempfile
from pathlib import Path

from secops.errors import NotFoundError, StoreError
from secops.isms.audit.filetypes import judge_file
from secops.isms.audit.ports import NewFile
from secops.locale import _

FOLDER = "audit/evidence"
_DIGEST = re.compile(r"[0-9a-f]{64}")


class EvidenceStore:
    """Keeps what people upload; a file that is there already is kept once."""

    def __init__(self, site: Path) -> None:
        self._folder = site / FOLDER

    def keep(self, name: str, data: bytes) -> NewFile:
        """Judge a file and put it away; to be noted in the records by the caller.

        Raises:
            UsageError: it may not be evidence.
            StoreError: the disk does not take it.
        """
        kind = judge_file(name, data)
        digest = hashlib.sha256(data).hexdigest()
        place = self._folder / digest[:2] / digest
        try:
            self._write(place, data)
        except OSError as error:
            what = _("証拠を保存できませんでした({reason})。空き容量を確かめてください。")
            raise StoreError(what.format(reason=error.strerror)) from error
        return NewFile(name, kind, len(data), digest)

    def _write(self, place: Path, data: bytes) -> None:
        if place.exists():
            return
        for folder in (self._folder.parent, self._folder, place.parent):
            folder.mkdir(mode=0o700, exist_ok=True)
        handle, fresh = tempfile.mkstemp(dir=place.parent, prefix=".new-")  # owner-only from the start
        try:
            with os.fdopen(handle, "wb") as out:
                out.write(data)
                out.flush()
                os.fsync(out.fileno())
            Path(fresh).chmod(0o400)
            Path(fresh).replace(place)
        finally:
            Path(fresh).unlink(missing_ok=True)

    def read(self, digest: str) -> bytes:
        """The content, which is what it was when it was put away.

        Raises:
            NotFoundError: no such file.
            StoreError: it is not what it was.
        """
        place = self._folder / digest[:2] / digest
        if not _DIGEST.fullmatch(digest) or not place.is_file():
            raise NotFoundError(_("証拠のファイルがありません。バックアップから戻してください。"))
        data = place.read_bytes()
        if hashlib.sha256(data).hexdigest() != digest:
            raise StoreError(_("証拠のファイルの中身が、保存したときと違います。使わないでください。"))
        return data
