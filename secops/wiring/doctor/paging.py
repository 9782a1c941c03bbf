"""Whether the person on call can be reached: the ways out that ``[notify]`` names."""

from __future__ import annotations

import os
import shutil
import socket
from pathlib import Path

from secops.locale import _
from secops.settings_notify import ChannelSettings
from secops.wiring.doctor.model import Finding, Patient, ok, warning, wrong

_SECONDS = 3.0


def paging(patient: Patient) -> Finding:
    """Each channel: its mail server answers, its password is its owner's alone, its command is there. Sends nothing."""
    settings = patient.known.notify
    if not settings.enabled:
        todo = _(
            "secops.toml の [notify] に通知手段と当番者を書いてください。書くまでは、画面を見ていない間は気づけません。"
        )
        return warning("paging", _("当番への通知が設定されていません。"), todo)
    problems = [text for one in settings.channels if (text := _trouble(patient.site, one))]
    if problems:
        return wrong(
            "paging", " ".join(problems), _("直したあと、secops notify test で本当に届くことを確かめてください。")
        )
    text = _("通知手段 {n} 個は使えそうです。届くことは secops notify test で確かめてください。")
    return ok("paging", text.format(n=len(settings.channels)))


def _trouble(site: Path, channel: ChannelSettings) -> str:
    """What is wrong with a channel; empty where nothing is seen from here."""
    if channel.kind == "command":
        if shutil.which(str(site / channel.argv[0])) is None and shutil.which(channel.argv[0]) is None:
            text = _("通知手段 {id}: 命令 {path} がないか、実行できません。")
            return text.format(id=channel.id, path=channel.argv[0])
        return ""
    if channel.password_file:
        path = site / channel.password_file
        if not path.is_file() or not os.access(path, os.R_OK) or path.stat().st_mode & 0o077:
            text = _("通知手段 {id}: パスワードのファイル {path} がないか、ほかの利用者に開いています(chmod 600)。")
            return text.format(id=channel.id, path=path)
    try:
        socket.create_connection((channel.host, channel.at_port), _SECONDS).close()
    except OSError as error:
        text = _("通知手段 {id}: メールサーバ {host}:{port} につながりません({reason})。")
        reason = error.strerror or str(error)
        return text.format(id=channel.id, host=channel.host, port=channel.at_port, reason=reason)
    return ""
