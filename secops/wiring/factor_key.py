"""The key under which secrets of one-time codes are kept: `keys/totp.key`, for its owner alone, in no backup."""

from __future__ import annotations

import os
import secrets
import tempfile
from pathlib import Path

from secops.access.box import KEY_BYTES, Box
from secops.durable import settle, sync
from secops.errors import StoreError
from secops.locale import _

NAME = "totp.key"


def box_of(folder: Path) -> Box:
    """The box of a site; its key is made when the first secret is sealed."""
    path = folder / "keys" / NAME
    return Box(lambda: _read(path), lambda: _make(path))


def _read(path: Path) -> bytes | None:
    try:
        key = path.read_bytes()
    except FileNotFoundError:
        return None
    except OSError as error:
        raise _unusable(path, error.strerror or str(error)) from None
    if len(key) != KEY_BYTES:
        raise _unusable(path, _("{n} バイトではありません").format(n=KEY_BYTES))
    return key


def _make(path: Path) -> bytes:
    """Written beside and linked, so that of several processes one is first and nobody reads half a key."""
    try:
        path.parent.mkdir(mode=0o700, exist_ok=True)
        with tempfile.NamedTemporaryFile(dir=path.parent, prefix=".totp-") as fresh:
            fresh.write(secrets.token_bytes(KEY_BYTES))
            settle(fresh)
            os.fchmod(fresh.fileno(), 0o400)
            os.link(fresh.name, path)
        sync(path.parent)
    except FileExistsError:
        pass
    except OSError as error:
        raise _unusable(path, error.strerror or str(error)) from None
    key = _read(path)
    assert key is not None
    return key


def problems(folder: Path, *, needed: bool) -> list[str]:
    """What is wrong with the key of a site; ``needed``: there are secrets that only it opens."""
    path = folder / "keys" / NAME
    try:
        mode = path.stat().st_mode
    except FileNotFoundError:
        text = _(
            "{path}: 認証アプリの秘密の鍵がありません。控えから戻すか、認証アプリを使う人を "
            "secops users reset --factors で登録し直してください。"
        )
        return [text.format(path=path)] if needed else []
    if mode & 0o077:
        return [_("{path}: 認証アプリの秘密の鍵をほかの利用者が読めます。").format(path=path)]
    try:
        _read(path)
    except StoreError as error:
        return [str(error)]
    return []


def _unusable(path: Path, reason: str) -> StoreError:
    text = _("{path}: 認証アプリの秘密の鍵を使えません({reason})。控えから戻してください。")
    return StoreError(text.format(path=path, reason=reason))
