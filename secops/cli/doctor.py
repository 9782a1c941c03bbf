"""``secops doctor``: what is wrong with this machine or site, and what to do."""

from __future__ import annotations

import sys
from pathlib import Path

import click

from secops.cli.common import emit_json, json_option, optional_site_option
from secops.locale import _


@click.command()
@optional_site_option
@json_option
def doctor(site: Path | None, as_json: bool) -> None:
    """機械(と、--site があればサイト)の具合を調べ、直し方を示す。直すべきものがあれば終了コード 1。"""
    from secops.wiring.doctor import State, examine

    found = examine(site)
    bad = sum(one.state is State.WRONG for one in found)
    if as_json:
        emit_json({"ok": not bad, "findings": found})
        sys.exit(1 if bad else 0)
    marks = {State.OK: ("○", None), State.WARNING: ("△", "yellow"), State.WRONG: ("×", "red")}
    for one in found:
        mark, colour = marks[one.state]
        click.secho(f"{mark} {one.check}: {one.what}", fg=colour)
        if one.todo:
            click.echo(f"    → {one.todo}")
    noted = sum(one.state is State.WARNING for one in found)
    click.echo(
        _("直すもの {bad}、注意 {noted}、よいもの {good}").format(bad=bad, noted=noted, good=len(found) - bad - noted)
    )
    sys.exit(1 if bad else 0)
