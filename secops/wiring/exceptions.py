"""Exceptions that people make on the console or the command line, put where the site's own rules live."""

from __future__ import annotations

from pathlib import Path

from secops.errors import ConflictError, UsageError
from secops.locale import _
from secops.wiring.site import Site

FOLDER = "exceptions"  # in the site's own rules


def write_exception(site: Site, text: str, number: str) -> Path:
    """Write a filter document, in one step, after the rulebook has taken it without a complaint; returns where.

    Workers take it up within seconds, and tell others of it as of every change of what protects (`wiring.protection`).

    Raises:
        ConflictError: there is one of this id already.
        UsageError: it would not filter; the message says why.
    """
    path = site.folder / "rules" / FOLDER / f"{number}.yml"
    if path.exists():
        raise ConflictError(_("同じ例外がすでにあります({path})。").format(path=path))
    tried = site.detector_with([*site.rule_files(), (str(path), text)])
    found = next((one for one in tried.filters if one.path == str(path)), None)
    if found is None or found.problem:
        reason = found.problem if found else _("フィルタ文書として読めません")
        raise UsageError(_("この例外は働かないため、保存していません: {reason}").format(reason=reason))
    path.parent.mkdir(mode=0o700, exist_ok=True)
    fresh = path.with_suffix(".new")
    fresh.write_text(text, encoding="utf-8")
    fresh.replace(path)
    return path
