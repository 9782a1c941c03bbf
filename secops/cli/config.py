"""`secops config`: check and show the settings."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

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
    from secops.errors import SettingsError
    from secops.settings import FILE_NAME, absent_files, load

    settings = load(site)
    if problems := absent_files(settings, site):
        raise SettingsError(problems)
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
        for line in _toml(section, value):
            click.echo(line)


def _toml(name: str, value: Any) -> Iterator[str]:
    """A section as it could stand in the file; JSON spells texts, numbers and lists as TOML does."""
    if isinstance(value, list):
        for one in value:
            yield f"[[{name}]]"
            yield from _pairs(one)
        return
    tables = {key: part for key, part in value.items() if part and isinstance(part, dict)}
    rows = {key: part for key, part in value.items() if part and isinstance(part, list) and isinstance(part[0], dict)}
    if len(tables) + len(rows) < len(value) or not value:
        yield f"[{name}]"
        yield from _pairs({key: part for key, part in value.items() if key not in tables and key not in rows})
    for key, part in tables.items():
        yield f"[{name}.{key}]"
        yield from _pairs(part)
    for key, listed in rows.items():
        for row in listed:
            yield from _table_row(f"{name}.{key}", row)


def _table_row(name: str, row: Mapping[str, Any]) -> Iterator[str]:
    """A table in a list of tables; the tables in it come behind its own pairs."""
    yield f"[[{name}]]"
    yield from _pairs({key: part for key, part in row.items() if not isinstance(part, dict)})
    for key, part in row.items():
        if isinstance(part, dict):
            yield f"[{name}.{key}]"
            yield from _pairs(part)


def _pairs(values: Mapping[str, Any]) -> Iterator[str]:
    for key, value in values.items():
        if value is None or value == {}:
            continue
        bare = key if re.fullmatch(r"[A-Za-z0-9_-]+", key) else json.dumps(key, ensure_ascii=False)
        yield f"{bare} = {json.dumps(value, ensure_ascii=False)}"
