"""The site's signing keys: Ed25519 (RFC 8032), PEM files that only their owner can read.

The private key belongs to the keeper alone. It stays outside backups: who has a copy of journal and key can forge both.
"""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import TYPE_CHECKING

from secops.durable import sync, write_new
from secops.errors import JournalError
from secops.locale import _

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

PRIVATE_NAME = "journal.key"
PUBLIC_NAME = "journal.pub"


def create_keys(folder: Path) -> None:
    """Make a key pair in the folder: ``journal.key`` (mode 0400) and ``journal.pub``.

    Raises:
        JournalError: there already is a key (replacing it would make every seal unverifiable), or no place to write.
    """
    from cryptography.hazmat.primitives import serialization
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

    key = Ed25519PrivateKey.generate()
    private = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    public = key.public_key().public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        write_new(folder / PRIVATE_NAME, [private], 0o400)
        write_new(folder / PUBLIC_NAME, [public], 0o444)
        sync(folder)
    except FileExistsError as error:
        text = _("{path}: 署名鍵が既にあります。上書きすると封印済みの原本ログを検証できなくなるため、作りません。")
        raise JournalError(text.format(path=error.filename)) from None
    except OSError as error:
        text = _("{folder}: 署名鍵を書き込めません({reason})。フォルダの権限と空き容量を確認してください。")
        raise JournalError(text.format(folder=folder, reason=error.strerror)) from None


def load_private_key(folder: Path) -> Ed25519PrivateKey:
    """The signing key of a keys folder, or a JournalError that says what is wrong with it."""
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
    from cryptography.hazmat.primitives.serialization import load_pem_private_key

    path = folder / PRIVATE_NAME
    try:
        key = load_pem_private_key(path.read_bytes(), password=None)
    except (OSError, ValueError, TypeError) as error:
        raise _unreadable(path, error) from None
    if not isinstance(key, Ed25519PrivateKey):
        raise _unreadable(path, TypeError(type(key).__name__))
    return key


def load_public_key(folder: Path) -> Ed25519PublicKey:
    """The key that checks seals, or a JournalError that says what is wrong with it."""
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
    from cryptography.hazmat.primitives.serialization import load_pem_public_key

    path = folder / PUBLIC_NAME
    try:
        key = load_pem_public_key(path.read_bytes())
    except (OSError, ValueError, TypeError) as error:
        raise _unreadable(path, error) from None
    if not isinstance(key, Ed25519PublicKey):
        raise _unreadable(path, TypeError(type(key).__name__))
    return key


def fingerprint(key: Ed25519PublicKey) -> str:
    """SHA-256 of the raw public key, hex: what a header names its signer by."""
    return hashlib.sha256(key.public_bytes_raw()).hexdigest()


def _unreadable(path: Path, error: Exception) -> JournalError:
    reason = error.strerror if isinstance(error, OSError) else error
    text = _("{path}: 署名鍵(Ed25519)を読めません({reason})。鍵ファイルを控えから戻してください。")
    return JournalError(text.format(path=path, reason=reason))


def key_problems(folder: Path) -> list[str]:
    """What is wrong with a keys folder, one sentence each, without reading the private key: missing, empty, exposed."""
    problems = []
    for name in (PRIVATE_NAME, PUBLIC_NAME):
        path = folder / name
        try:
            status = path.stat()
        except FileNotFoundError:
            problems.append(_("{path}: 署名鍵がありません。").format(path=path))
            continue
        if not status.st_size:
            problems.append(_("{path}: 署名鍵が空です。").format(path=path))
        elif name == PRIVATE_NAME and status.st_mode & 0o077:
            problems.append(_("{path}: 署名鍵をほかの利用者が読めます。").format(path=path))
    if not problems:
        try:
            load_public_key(folder)
        except JournalError as error:
            problems.append(str(error))
    return problems
