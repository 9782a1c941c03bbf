"""``secops backup`` and ``secops restore``: a running site as one file, and back."""

from __future__ import annotations

import sys
from datetime import datetime
from pathlib import Path

import click

from secops.cli.common import emit_json, json_option, progress_bar, site_option
from secops.cli.trace import note_list
from secops.locale import _

_BASE = click.option(
    "--base",
    type=click.Path(dir_okay=False, path_type=Path),
    help="もとにする以前のバックアップ(封印済みの原本ログは、変わっていなければ写さない)",
)
_archive = click.argument("archive", metavar="ARCHIVE", type=click.Path(dir_okay=False, path_type=Path))


@click.command()
@_archive
@_BASE
@site_option
@json_option
def backup(archive: Path, base: Path | None, site: Path, as_json: bool) -> None:
    """サイトを 1 つのファイル ARCHIVE に写す。動かしたままでよい。鍵とパスワードのファイルは入れない。"""
    from secops.wiring import open_site
    from secops.wiring.backup import backup as take
    from secops.wiring.backup import site_bytes

    with open_site(site) as opened, progress_bar(_("バックアップ"), site_bytes(opened)) as advance:
        made = take(opened, archive, base, advance)
        note_list(opened, "", "backup_made", str(made.archive), f"{made.files} files")
    if as_json:
        emit_json(made)
    else:
        text = _("{archive} を作りました(ファイル {files:,}、サイト {size:.1f} MiB、書いた量 {stored:.1f} MiB)。")
        click.echo(
            text.format(archive=made.archive, files=made.files, size=made.bytes / 2**20, stored=made.stored / 2**20)
        )
        if made.reused:
            click.echo(_("もとのバックアップにあるため写さなかったファイル: {n:,}").format(n=made.reused))
        _not_in_it(made.left_out)
    for problem in made.problems:
        click.echo(problem, err=True)
    sys.exit(1 if made.problems else 0)


@click.command()
@_archive
@click.argument("folder", metavar="DIR", type=click.Path(path_type=Path))
@_BASE
@click.option(
    "--keys", type=click.Path(file_okay=False, exists=True, path_type=Path), help="控えておいた keys/ フォルダ"
)
@json_option
def restore(archive: Path, folder: Path, base: Path | None, keys: Path | None, as_json: bool) -> None:
    """ARCHIVE から、空のフォルダ DIR にサイトを戻す。すべてのファイルを目録のハッシュと照合する。"""
    from secops.schema.dates import screen
    from secops.wiring.archive import read_manifest
    from secops.wiring.backup import restore as bring_back

    size = read_manifest(archive)[0].bytes
    with progress_bar(_("復元"), size) as advance:
        found = bring_back(archive, folder, base, keys, advance)
    if as_json:
        emit_json(found)
        return
    text = _("{folder} に戻しました(サイト {site}、{made} の時点、ファイル {files:,} はすべて目録と一致)。")
    made = screen(datetime.fromisoformat(found.made))
    click.echo(text.format(folder=found.folder, site=found.site, made=made, files=found.files))
    if found.keys:
        click.echo(_("鍵を戻しました: {names}").format(names=", ".join(found.keys)))
    else:
        text = _("鍵は入っていません。控えた keys/ の中身を {keys} に写し、chmod 400 を付けてください。")
        click.echo(text.format(keys=Path(found.folder) / "keys"))
    _not_in_it(found.left_out)
    click.echo(_("次に: secops doctor、secops journal verify、secops run の順に実行してください。"))


def _not_in_it(left_out: dict[str, str]) -> None:
    from secops.wiring.backup import LEFT_OUT

    click.echo(_("入っていないもの:"))
    for name, reason in left_out.items():
        click.echo(f"  {name}: {_(LEFT_OUT.get(reason, reason))}")
