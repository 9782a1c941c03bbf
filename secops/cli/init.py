"""`secops init`: make a site."""

from __future__ import annotations

from pathlib import Path

import click

from secops.locale import _


@click.command()
@click.argument("folder", type=click.Path(path_type=Path))
@click.option("--id", "site_id", default=None, help="サイトの id(既定: フォルダ名)")
@click.option("--name", default="〇〇区", show_default=True, help="画面に出る自治体名")
def init(folder: Path, site_id: str | None, name: str) -> None:
    """FOLDER にサイト(設定、原本ログ、検索用データ、記録、鍵)を作る。"""
    from secops.wiring import create_site

    create_site(folder, site_id=site_id, name=name)
    click.echo(_("サイトを作りました: {folder}").format(folder=folder))
    click.echo(_("次にすること:"))
    click.echo(_("  1. {file} に系統のネットワークと収集元を書く").format(file=folder / "secops.toml"))
    click.echo(_("  2. secops users add 名前 --role admin --site {folder} で最初の利用者を作る").format(folder=folder))
    click.echo(_("  3. secops run --site {folder} で動かす").format(folder=folder))
