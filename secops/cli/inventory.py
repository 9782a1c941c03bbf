"""``secops inventory``: departments, staff, devices, systems, assets and registered flows from CSV or Excel."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import click

from secops.cli.common import emit_json, emit_table, json_option, optional_site_option, say_hidden, site_option
from secops.locale import _

KINDS = ("departments", "staff", "devices", "systems", "assets", "flows")
_FILES = click.argument(
    "files", nargs=-1, required=True, type=click.Path(exists=True, dir_okay=False, path_type=Path), metavar="FILE…"
)
_KIND = click.option("--kind", type=click.Choice(KINDS), help="ファイルの種類(省略時は名前と見出しで判別)")


@click.group()
def inventory() -> None:
    """部署・職員・端末・システム・情報資産・許可通信の台帳(CSV・Excel)。"""


@inventory.command("import")
@_FILES
@_KIND
@site_option
@json_option
def import_(files: tuple[Path, ...], kind: str | None, site: Path, as_json: bool) -> None:
    """CSV か Excel を確かめて台帳に入れる(誤りが 1 つでもあれば何も変えない。前の版は history に残る)。"""
    from secops.wiring import open_site
    from secops.wiring.inventory import import_files

    done = import_files(open_site(site), files, kind)
    if as_json:
        emit_json({"imported": done.rows, "warnings": done.warnings, "foreign": done.foreign, "hidden": done.hidden})
        return
    for (name, count), path in zip(done.rows.items(), done.paths, strict=True):
        click.echo(_("{kind}: {n} 件を {path} に入れました。").format(kind=name, n=count, path=path))
    for problem in done.warnings:
        click.echo(_("注意: {problem}").format(problem=problem), err=True)
    _say_foreign(done.foreign)
    say_hidden(done.hidden)


def _say_foreign(sheets: Sequence[str]) -> None:
    for sheet in sheets:
        click.echo(_("台帳ではないシートなので読みませんでした: {sheet}").format(sheet=sheet), err=True)


@inventory.command()
@_FILES
@_KIND
@site_option
@json_option
def diff(files: tuple[Path, ...], kind: str | None, site: Path, as_json: bool) -> None:
    """CSV か Excel を取り込むと何が変わるか(追加・変更・削除)。"""
    from secops.wiring import open_site
    from secops.wiring.inventory import compare_files

    found, given = compare_files(open_site(site), files, kind)
    if as_json:
        emit_json(found)
        return
    rows: list[tuple[str, str, str, str]] = []
    for one in found:
        rows += [(one.kind, _("追加"), key, "") for key in one.added]
        for change in one.changed:
            text = ", ".join(f"{column}: {old} → {new}" for column, (old, new) in change.columns.items())
            rows.append((one.kind, _("変更"), change.key, text))
        rows += [(one.kind, _("削除"), key, "") for key in one.removed]
    emit_table([_("種類"), _("変更"), _("キー"), _("内容")], rows)
    click.echo(_("変わらない行: {n} 件").format(n=sum(one.unchanged for one in found)), err=True)
    _say_foreign(given.foreign)
    say_hidden(given.hidden)


@inventory.command()
@click.argument("path", metavar="FILE.xlsx", type=click.Path(dir_okay=False, path_type=Path))
@click.option(
    "--kind",
    "kinds",
    multiple=True,
    type=click.Choice(KINDS),
    help="入れる台帳(繰り返し可、省略時は情報システムと情報資産)",
)
@optional_site_option
def template(path: Path, kinds: tuple[str, ...], site: Path | None) -> None:
    """台帳の空の Excel を作る(見出し、選択肢、記入方法。--site があれば部署と系統も選択肢になる)。"""
    from secops.wiring.inventory import make_template

    make_template(path, kinds or ("systems", "assets"), site)
    click.echo(_("{path} を作りました。記入したら secops inventory import で取り込みます。").format(path=path))


@inventory.command("list")
@click.argument("kind", type=click.Choice(KINDS), required=False)
@site_option
@json_option
def list_(kind: str | None, site: Path, as_json: bool) -> None:
    """台帳の件数、または一種類の全件。"""
    from secops.org.files import read_inventory
    from secops.org.inventory import parse, show
    from secops.org.tables import TABLES

    texts = read_inventory(site)
    parsed = {name: parse(texts[name], f"{name}.csv", name).rows for name in KINDS if name in texts}
    if kind is None:
        counts = {name: len(parsed.get(name, ())) for name in KINDS}
        if as_json:
            emit_json(counts)
        else:
            emit_table([_("種類"), _("件数")], [(_(TABLES[name].label), n) for name, n in counts.items()], right=[1])
        return
    rows = parsed.get(kind, ())
    columns = TABLES[kind].columns
    if as_json:
        emit_json(rows)
    else:
        emit_table(
            [column.headings[0] for column in columns],
            [[show(getattr(row, column.field)) for column in columns] for row in rows],
        )
