"""``secops inventory``: departments, staff, devices, systems and registered flows from CSV."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from secops.cli.common import emit_json, emit_table, json_option, site_option
from secops.locale import _

if TYPE_CHECKING:
    from secops.org.inventory import Difference, Parsed
    from secops.org.model import Flow
    from secops.settings import Settings

KINDS = ("departments", "staff", "devices", "systems", "flows")
_FILES = click.argument(
    "files", nargs=-1, required=True, type=click.Path(exists=True, dir_okay=False, path_type=Path), metavar="FILE…"
)
_KIND = click.option("--kind", type=click.Choice(KINDS), help="ファイルの種類(省略時は名前と見出しで判別)")


@click.group()
def inventory() -> None:
    """部署・職員・端末・システム・許可通信の台帳(CSV)。"""


def _read(files: tuple[Path, ...], kind: str | None) -> tuple[dict[str, str], dict[str, Parsed]]:
    """The given files as kind → text and kind → rows; every mistake in all of them is told together."""
    from secops.errors import InventoryError, Problem, UsageError
    from secops.org.inventory import decode, parse, recognise

    texts: dict[str, str] = {}
    parsed: dict[str, Parsed] = {}
    problems: list[Problem] = []
    for path in files:
        try:
            text = decode(path.read_bytes(), path.name)
            found = kind or recognise(text, path.name)
            if found in texts:
                raise UsageError(_("種類「{kind}」のファイルが 2 つあります: {file}").format(kind=found, file=path))
            texts[found] = text
            parsed[found] = parse(text, path.name, found)
        except InventoryError as error:
            problems += error.problems
    if problems:
        raise InventoryError(problems)
    return texts, parsed


@inventory.command("import")
@_FILES
@_KIND
@site_option
@json_option
def import_(files: tuple[Path, ...], kind: str | None, site: Path, as_json: bool) -> None:
    """CSV を確かめて台帳に入れる(誤りが 1 つでもあれば何も変えない。前の版は history に残る)。"""
    from secops.org.files import read_inventory, write_inventory
    from secops.org.inventory import combine, parse
    from secops.schema.dates import JST
    from secops.wiring import open_site

    opened = open_site(site)
    now = opened.now()
    texts, parsed = _read(files, kind)
    kept = {name: parse(text, f"{name}.csv", name) for name, text in read_inventory(site).items() if name not in parsed}
    directory = combine(kept | parsed, opened.settings, now.astimezone(JST).date())
    warnings = [str(problem) for problem in directory.warnings] + _useless(site, opened.settings, directory.flows)
    paths = write_inventory(site, texts, now)
    if as_json:
        emit_json(
            {
                "imported": {name: len(one.rows) for name, one in parsed.items()},
                "warnings": warnings,
            }
        )
        return
    for (name, one), path in zip(parsed.items(), paths, strict=True):
        click.echo(_("{kind}: {n} 件を {path} に入れました。").format(kind=name, n=len(one.rows), path=path))
    for problem in warnings:
        click.echo(_("注意: {problem}").format(problem=problem), err=True)


def _useless(site: Path, settings: Settings, flows: tuple[Flow, ...]) -> list[str]:
    """What to say about flows that were registered in vain."""
    from secops.org.files import open_table
    from secops.org.flows import FlowJudge
    from secops.org.zones import ZoneMap

    judge = FlowJudge(open_table(site), settings.site.model, ZoneMap.of(settings), flows)
    text = _("{id}: この系統の間では、この種別の通信は登録しても認められません。secops zones show で確かめてください。")
    return [text.format(id=flow.id) for flow in judge.useless()]


@inventory.command()
@_FILES
@_KIND
@site_option
@json_option
def diff(files: tuple[Path, ...], kind: str | None, site: Path, as_json: bool) -> None:
    """CSV を取り込むと何が変わるか(追加・変更・削除)。"""
    from secops.org.files import read_inventory
    from secops.org.inventory import difference, parse

    _texts, parsed = _read(files, kind)
    present = read_inventory(site)
    found: list[Difference] = []
    for name, new in parsed.items():
        old = parse(present[name], f"{name}.csv", name).rows if name in present else ()
        found.append(difference(name, old, new.rows))
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
