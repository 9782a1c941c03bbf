"""A command of the ward's own (telephone gateway, patrol light, chat): started as it is, never by a shell."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import tempfile
from contextlib import suppress
from pathlib import Path
from typing import IO

from secops.locale import _
from secops.notify.channel import SendError
from secops.notify.message import Message, subject, text, to_plain
from secops.settings_notify import ChannelSettings

SHOWN = 200  # characters of what it printed that are kept
# Of our own environment a command gets what programs need to start, and nothing else.
PASSED = ("PATH", "HOME", "LANG", "LC_ALL", "TZ", "TMPDIR")


class Command:
    """See `secops.notify.channel.Channel`.

    The message is JSON on standard input and in ``SECOPS_*`` variables; 0 says that it was handed over. The working
    directory is the site's ``folder``.
    """

    def __init__(self, settings: ChannelSettings, folder: Path) -> None:
        self._argv = list(settings.argv)
        self._seconds = settings.timeout_s
        self._folder = folder

    def send(self, message: Message, to: str, mark: str) -> str:
        """See `Channel`."""
        value = {**to_plain(message), "id": mark, "to": to, "subject": subject(message), "text": text(message)}
        given = json.dumps(value, ensure_ascii=False) + "\n"
        with tempfile.TemporaryFile() as printed, tempfile.TemporaryFile() as asked:
            # Files, no pipes: a child of the command that keeps one open cannot keep us waiting.
            asked.write(given.encode())
            asked.seek(0)
            code = self._run(asked, printed, _environment(message, to, mark))
            said = _shortened(printed)
        if code:
            what = _("コマンド {argv} が終了コード {code} で終わりました。{said}")
            raise SendError(what.format(argv=self._argv[0], code=code, said=said).strip())
        return _("コマンド {argv} が受け取りました。{said}").format(argv=self._argv[0], said=said).strip()

    def _run(self, asked: IO[bytes], printed: IO[bytes], environment: dict[str, str]) -> int:
        try:
            process = subprocess.Popen(
                self._argv,
                stdin=asked,
                stdout=printed,
                stderr=subprocess.STDOUT,
                env=environment,
                cwd=self._folder,
                start_new_session=True,  # so that it can be ended with its children
            )
        except OSError as error:
            what = _("コマンド {argv} を起動できません({reason})。")
            raise SendError(what.format(argv=self._argv[0], reason=error.strerror or error)) from None
        try:
            return process.wait(self._seconds)
        except subprocess.TimeoutExpired:
            what = _("コマンド {argv} が {seconds} 秒で終わらないため、止めました。")
            raise SendError(what.format(argv=self._argv[0], seconds=f"{self._seconds:g}")) from None
        finally:
            with suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
            process.wait()


def _environment(message: Message, to: str, mark: str) -> dict[str, str]:
    own = {name: os.environ[name] for name in PASSED if name in os.environ}
    return own | {
        "SECOPS_ID": mark,
        "SECOPS_TO": to,
        "SECOPS_KIND": message.kind,
        "SECOPS_LEVEL": message.level,
        "SECOPS_COUNT": str(message.count),
        "SECOPS_NUMBERS": ",".join(map(str, message.numbers)),
        "SECOPS_SUBJECT": subject(message),
        "SECOPS_URL": message.url,
    }


def _shortened(printed: IO[bytes]) -> str:
    """What it printed, as one line without control characters."""
    printed.seek(0)
    found = printed.read(SHOWN * 4 + 1).decode("utf-8", "replace")
    line = " ".join("".join(char if char.isprintable() else " " for char in found).split())
    return line if len(line) <= SHOWN else line[:SHOWN] + "…"
