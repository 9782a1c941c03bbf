"""What goes wrong with the journal's files, in the words of whoever has to put it right."""

from __future__ import annotations

import errno
from pathlib import Path

from secops.errors import JournalError
from secops.locale import _


class DamagedError(JournalError):
    """Stored records cannot be read back.

    ``source``, ``first_seq`` and ``last_seq`` say which, so that a reader may go on behind ``last_seq``; they are empty
    and 0 where the damage is not in a block of records.
    """

    def __init__(self, path: Path, source: str = "", first_seq: int = 0, last_seq: int = 0, reason: str = "") -> None:
        self.path, self.source, self.first_seq, self.last_seq = path, source, first_seq, last_seq
        self.reason = reason or _("形式が違います")
        where = f"{path}: {source} {first_seq}-{last_seq}" if source else str(path)
        text = _(
            "{where}: 原本ログが壊れていて読めません({reason})。secops journal verify で範囲を確かめ、"
            "バックアップから戻してください。"
        )
        super().__init__(text.format(where=where, reason=self.reason))


def database_error(path: Path, error: Exception) -> JournalError:
    """The message for an error of SQLite or the operating system on a journal file."""
    name = getattr(error, "sqlite_errorname", "") or ""
    code = getattr(error, "errno", None)
    if name == "SQLITE_FULL" or code in {errno.ENOSPC, errno.EDQUOT}:
        text = _(
            "{path}: ディスクに空きがないため原本ログを書き込めません。空き容量を確保してください"
            "(確保されると自動で続きから書き込みます)。"
        )
        return JournalError(text.format(path=path))
    if name.startswith(("SQLITE_NOTADB", "SQLITE_CORRUPT")):
        return DamagedError(path, reason=str(error))
    if name.startswith(("SQLITE_BUSY", "SQLITE_LOCKED")):
        text = _("{path}: 他の処理が使用中のため書き込めませんでした。しばらくしてからやり直してください。")
        return JournalError(text.format(path=path))
    text = _("{path}: 原本ログを読み書きできません({reason})。ディスクの状態、フォルダの有無と権限を確認してください。")
    return JournalError(text.format(path=path, reason=error))


def not_in_place(path: Path) -> JournalError:
    """The file that is open is no longer where it was: the folder was removed, renamed or unmounted."""
    text = _(
        "{path}: 書き込み中の原本ログのファイルがなくなりました。フォルダが移動・削除されていないか、"
        "ディスクがマウントされているかを確認してください。"
    )
    return JournalError(text.format(path=path))


def newer_version(path: Path, found: int, known: int) -> JournalError:
    """The file was written by a later program."""
    text = _(
        "{path}: 新しい版の形式です(形式 {found}、この secops が読めるのは {known} まで)。secops を更新してください。"
    )
    return JournalError(text.format(path=path, found=found, known=known))


def no_journal(folder: Path) -> JournalError:
    """The folder holds no journal."""
    text = _("{folder}: 原本ログがありません。サイトのフォルダを確かめるか、secops init で作ってください。")
    return JournalError(text.format(folder=folder))


def missing_segment(path: Path) -> JournalError:
    """A segment that must exist is gone."""
    text = _(
        "{path}: 原本ログのファイルがありません。通し番号の重複を防ぐため、新しく作りません。"
        "バックアップから戻してください。"
    )
    return JournalError(text.format(path=path))
