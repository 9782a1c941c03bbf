"""`secops search`: events that match a query."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qsl

import click

from secops.cli.common import emit_json, emit_table, json_option, site_option
from secops.cli.trace import note_list, os_user
from secops.errors import UsageError
from secops.locale import _

if TYPE_CHECKING:
    from secops.siem.ports import SavedSearch


@click.command()
@click.argument("query", default="")
@click.option("--since", default="24h", show_default=True, help="この時点から(24h, 7d, 2026-11-23 など)")
@click.option("--until", default=None, help="この時点の前まで(省略するといままで)")
@click.option("--limit", default=100, show_default=True, type=click.IntRange(1, 10_000), help="示す件数")
@click.option("--count", "only_count", is_flag=True, help="件数だけを示す")
@click.option("--saved", default="", help="保存した検索の名前(--as-user の人のものか、共有されたもの)")
@click.option("--as-user", "actor", default="", help="保存した人(省略時は OS の利用者名)")
@click.option("--fields", default="", help="表に示す項目(カンマ区切り)")
@site_option
@json_option
def search(
    query: str,
    since: str,
    until: str | None,
    limit: int,
    only_count: bool,
    saved: str,
    actor: str,
    fields: str,
    site: Path,
    as_json: bool,
) -> None:
    """QUERY(Lucene 形式。例: labels.zone:lgwan AND process.name:powershell.exe)に合うイベントを新しい順に示す。"""
    from secops.query.parse import parse
    from secops.schema.dates import parse_moment
    from secops.siem.ports import Scope, Span
    from secops.wiring import open_site

    with open_site(site) as opened:
        now = opened.now()
        if saved:
            query, since, until = _saved(opened.desk.searches(actor or os_user(), Scope(), "events"), saved)
        try:
            span = Span(parse_moment(since, now) if since else None, parse_moment(until, now) if until else None)
        except (ValueError, OverflowError) as error:
            raise UsageError(f"--since / --until: {error}") from None
        tree = parse(query, now)
        asked = f"since={since}" + (f" until={until}" if until else "")
        if only_count:
            total = opened.store.count(tree, span, Scope())
            note_list(opened, actor, "events_searched", asked, f"{query[:500]} → {total}")
            emit_json({"total": total}) if as_json else click.echo(total)
            return
        found = opened.store.search(tree, span, Scope(), limit=limit)
        note_list(opened, actor, "events_searched", asked, f"{query[:500]} → {found.total}")
    names = [name.strip() for name in fields.split(",") if name.strip()]
    if as_json:
        wanted = [_chosen(event, names) for event in found.events] if names else found.events
        emit_json({"total": found.total, "events": wanted})
        return
    _table(found.events, names)
    _said(len(found.events), found.total)


def _saved(found: Sequence[SavedSearch], name: str) -> tuple[str, str, str | None]:
    """Query, beginning and end of a saved search."""
    one = next((one for one in found if one.name == name), None)
    if one is None:
        known = ", ".join(one.name for one in found) or "—"
        raise UsageError(
            _("「{name}」という検索は保存されていません。あるもの: {known}").format(name=name, known=known)
        )
    values = dict(parse_qsl(one.query))
    span = values.get("span", "")
    since = values.get("since", "") if "since" in values or "until" in values else span or "24h"
    return values.get("q", ""), "" if since == "all" else since, values.get("until")


def _chosen(event: Mapping[str, Any], names: list[str]) -> dict[str, Any]:
    return {name: event[name] for name in names if name in event}


def _table(events: Any, names: list[str]) -> None:
    from secops.schema.dates import JST
    from secops.store.events.summary import summary

    def when(event: Mapping[str, Any]) -> str:
        return f"{event['@timestamp'].astimezone(JST):%Y-%m-%d %H:%M:%S}"

    if names:
        emit_table(
            [_("時刻"), *names], ([when(event), *(_cell(event.get(name)) for name in names)] for event in events)
        )
        return
    headers = [_("時刻"), _("系統"), _("端末"), _("種類"), _("内容")]
    rows = (
        [
            when(event),
            event.get("labels.zone", ""),
            event.get("host.name", event.get("observer.name", "")),
            event.get("event.dataset", ""),
            summary(event),
        ]
        for event in events
    )
    emit_table(headers, rows)


def _cell(value: Any) -> str:
    if isinstance(value, list):
        return ", ".join(map(str, value))
    return "" if value is None else str(value)


def _said(shown: int, total: int) -> None:
    """How many there are goes to standard error, so that a pipe carries rows only."""
    text = _("{total:,} 件") if shown == total else _("{total:,} 件のうち新しい {shown:,} 件を表示(--limit で変更)")
    click.echo(text.format(total=total, shown=shown), err=True)
