"""Files that a form carries: who sends them is known before the body is read."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from fastapi import Request
from starlette.concurrency import run_in_threadpool
from starlette.datastructures import UploadFile

from secops.access.ports import Right, Session
from secops.errors import UsageError
from secops.locale import _
from secops.web.session import check_csrf, current, require, token_of

MAX_FIELDS = 12


@dataclass(frozen=True, slots=True)
class File:
    """A file: the last part of the name that the browser gave, and what is in it."""

    name: str
    data: bytes


@dataclass(frozen=True, slots=True)
class Upload:
    """Who sent a form, its files by field (those that were chosen), and its other fields."""

    session: Session
    files: Mapping[str, File]
    fields: Mapping[str, str]

    @property
    def file(self) -> File:
        """The file of the field ``file``.

        Raises:
            UsageError: none was chosen.
        """
        if "file" not in self.files:
            raise UsageError(_("ファイルを選んでください。"))
        return self.files["file"]


async def receive(request: Request, right: Right, *, files: int = 1, longest: int = 1 << 20) -> Upload:
    """A form with files; ``longest`` is the limit of a text field in bytes.

    A stranger's megabytes are not taken. What is taken lies in a temporary file, not in memory, until all of it is
    there.
    """
    session = require(await run_in_threadpool(current, request), right)
    async with request.form(max_files=files, max_fields=MAX_FIELDS, max_part_size=longest) as form:
        token = form.get("csrf")
        check_csrf(token_of(request), token if isinstance(token, str) else "")
        found: dict[str, File] = {}
        fields: dict[str, str] = {}
        for key, value in form.items():
            if not isinstance(value, UploadFile):
                fields[key] = value
            elif value.filename:
                found[key] = File(value.filename.replace("\\", "/").rpartition("/")[2], await value.read())
        return Upload(session, found, fields)
