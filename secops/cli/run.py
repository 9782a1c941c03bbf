"""`secops run`: collectors, workers, keeper and console, watched by a supervisor."""

from __future__ import annotations

import logging
import sys
import threading
from pathlib import Path
from typing import TYPE_CHECKING

import click

from secops.cli.common import site_option
from secops.locale import _

if TYPE_CHECKING:
    from secops.wiring.site import Site


@click.command()
@site_option
@click.option("--part", default=None, help="1 つの処理だけを動かす(collectors, worker-0, keeper, web)。調査用")
def run(site: Path, part: str | None) -> None:
    """サイトを動かす。Ctrl-C で止める。止めても受信済みのログは失われません。"""
    from secops.wiring import open_site
    from secops.wiring.parts import run_part, run_site

    logging.basicConfig(level=logging.WARNING, format="%(asctime)s %(message)s", stream=sys.stderr)
    with open_site(site) as opened:
        if part:
            run_part(opened, part, _console)
            return
        code = run_site(opened, lambda: _ready(opened.address), _said)
    click.echo(_("止めました。次に動かすと続きから始めます。"))
    sys.exit(code)


def _console(site: Site, stop: threading.Event) -> None:
    from secops.web.serve import serve  # half a second that the other parts need not take

    serve(site, stop)


def _ready(address: str) -> None:
    click.echo(_("動いています。画面: {address}  (Ctrl-C で止める)").format(address=address))


def _said(name: str, code: int) -> None:
    text = _("処理「{name}」が終了しました(終了コード {code})。もう一度動かします。受信済みのログは失われていません。")
    click.echo(text.format(name=name, code=code), err=True)
