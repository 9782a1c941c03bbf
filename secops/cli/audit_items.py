"""``secops audit import``: a ward's own items from its Excel."""

from __future__ import annotations

from pathlib import Path

import click

from secops.cli.common import emit_json, json_option, say_hidden
from secops.errors import ConflictError
from secops.locale import _


def register(group: click.Group) -> None:
    """Add the command."""
    group.add_command(import_)


@click.command("import")
@click.argument("file", metavar="FILE", type=click.Path(path_type=Path))
@click.option(
    "-o", "--output", "folder", type=click.Path(path_type=Path), required=True,
    help="書き出すフォルダ(サイトの audits/catalogue なら、その項目が使われる)",
)  # fmt: skip
@click.option("--force", is_flag=True, help="同じ名前のファイルがあれば置き換える")
@json_option
def import_(file: Path, folder: Path, force: bool, as_json: bool) -> None:
    """区の監査項目を CSV か Excel の表から取り込む(見出しで列を見つける)。表にないものは補い、要確認の印を付ける。"""
    from secops.isms.audit.catalogue import read_catalogue
    from secops.isms.audit.items_import import catalogue_files
    from secops.wiring.tables import read_rows

    listed = read_rows(file)
    say_hidden(listed.hidden)
    files = catalogue_files(listed.rows, str(file))
    catalogue = read_catalogue(files.items())
    there = [name for name in files if (folder / name).exists()]
    if there and not force:
        text = _("{folder} にはすでに {names} があります。置き換えるときは --force を付けてください。")
        raise ConflictError(text.format(folder=folder, names=", ".join(there)))
    folder.mkdir(parents=True, exist_ok=True)
    for name, text in files.items():
        (folder / name).write_text(text, encoding="utf-8")
    doubtful = sum(item.confirm for item in catalogue.items)
    if as_json:
        emit_json({"files": sorted(files), "items": len(catalogue.items), "confirm": doubtful, "hidden": listed.hidden})
        return
    text = _("監査項目 {n} 件を {files} 個のファイルに書きました。うち要確認 {doubtful} 件。")
    click.echo(text.format(n=len(catalogue.items), files=len(files), doubtful=doubtful))
