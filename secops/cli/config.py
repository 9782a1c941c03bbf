"""`secops config`: check and show the settings."""

from __future__ import annotations

from pathlib import Path

import click

from secops.cli.common import emit_json, json_option, site_option
from secops.locale import _


@click.group()
def config() -> None:
    """設定(secops.toml)を確かめる・表示する。"""


@config.command()
@site_option
def check(site: Path) -> None:
    """まちがいをすべて挙げる。"""
    from secops.settings import FILE_NAME, load

    settings = load(site)
    text = _("{file}: 問題ありません(系統 {zones}、収集元 {sources})")
    click.echo(text.format(file=site / FILE_NAME, zones=len(settings.zones), sources=len(settings.sources)))


@config.command()
@site_option
@json_option
def show(site: Path, as_json: bool) -> None:
    """省略した項目も含めて、いま効いている設定を表示する。"""
    from secops.settings import load

    values = load(site).model_dump()
    if as_json:
        emit_json(values)
        return
    for section, value in values.items():
        click.echo(f"[{section}]")
        items = value.items() if isinstance(value, dict) else enumerate(value)
        for key, item in items:
            click.echo(f"  {key} = {item}")
