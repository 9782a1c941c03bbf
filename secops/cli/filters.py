"""``secops rules filters``: exceptions, who answers for them, until when, and how much they suppressed."""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from secops.cli.common import emit_json, emit_table, json_option, optional_site_option, plain
from secops.locale import _

if TYPE_CHECKING:
    from datetime import datetime

    from secops.errors import Problem
    from secops.siem.health import FilterState
    from secops.siem.ports import RuleFilter

_paths = click.argument("paths", nargs=-1, type=click.Path(path_type=Path))


@click.command()
@_paths
@optional_site_option
@json_option
def filters(paths: tuple[Path, ...], site: Path | None, as_json: bool) -> None:
    """例外(フィルタ文書)の一覧: 対象・責任者・理由・期限と、抑止した検知の件数。動かない例外があれば終了コード 1。"""
    from secops.cli.rules import load_rules
    from secops.siem.health import filter_states
    from secops.wiring import open_site
    from secops.wiring.clock import now

    if site and not paths:
        with open_site(site) as opened:
            states = filter_states(opened.detector.filters, opened.desk.filter_counts(), now())
            titles = {rule.id: rule.title_ja for rule in opened.rules}
    else:
        detector, _samples = load_rules(paths, site)
        states = filter_states(detector.filters, (), now())
        titles = {rule.id: rule.title_ja for rule in detector.rules}
    if as_json:
        emit_json(states)
    else:
        _table(states, titles)
    sys.exit(0 if all(one.state == "active" for one in states) else 1)


def state_label(state: str) -> str:
    """The word for a state of a filter."""
    return {"active": _("有効"), "ended": _("期限切れ"), "broken": _("誤り")}[state]


def _table(states: Sequence[FilterState], titles: Mapping[str, str]) -> None:
    headers = [_("状態"), _("例外"), _("対象"), _("責任者"), _("理由"), _("期限"), _("抑止"), _("最後の抑止")]
    emit_table(
        [*headers, _("動かない理由"), _("ファイル")],
        [
            (
                state_label(one.state),
                one.title_ja,
                _targets(one, titles),
                one.owner,
                one.reason,
                one.expires or "",
                f"{one.suppressed:,}",
                plain(one.last) if one.last else "—",
                one.problem,
                one.path,
            )
            for one in states
        ],
        right=[6],
    )


def _targets(one: FilterState, titles: Mapping[str, str]) -> str:
    if one.every:
        return _("{count} ルール(ログの種類が合うものすべて)").format(count=len(one.rules))
    return ", ".join(titles.get(rule, rule) for rule in one.rules)


def ended(filters: Sequence[RuleFilter]) -> list[Problem]:
    """Filters whose last day is over, as mistakes to be mended."""
    from secops.errors import Problem
    from secops.siem.detect.rulebook import Lines
    from secops.wiring.clock import now

    text = _("例外「{name}」は {day} で期限が切れ、抑止していません。延長するか、ファイルを消してください。")
    moment = now()
    return [
        Problem(
            f"{one.path}:{Lines(one.text).of('secops', 'expires')}", text.format(name=one.title_ja, day=one.expires)
        )
        for one in filters
        if not one.problem and not one.in_force(moment)
    ]


def filters_of(filters: Sequence[RuleFilter], counts: Mapping[int, int], now: datetime) -> list[dict[str, Any]]:
    """The filters of a hunt with what each suppressed."""
    return [
        {
            "id": one.id,
            "title": one.title,
            "title_ja": one.title_ja,
            "active": one.in_force(now),
            "problem": one.problem,
            "expires": plain(one.expires),
            "suppressed": counts.get(number, 0),
            "path": one.path,
        }
        for number, one in enumerate(filters)
    ]


def say_filters(filters: Sequence[Mapping[str, Any]]) -> None:
    """What filters suppressed in a hunt, and which did not filter: on standard error."""
    if not filters:
        return
    total = sum(one["suppressed"] for one in filters)
    click.echo(_("例外(フィルタ)が抑止したもの: {count} 件").format(count=total), err=True)
    for one in sorted(filters, key=lambda one: -one["suppressed"]):
        state = ""
        if not one["active"]:
            state = one["problem"] or _("{day} で期限が切れ、抑止していません").format(day=one["expires"])
        click.echo(f"  {one['suppressed']:>5}  {one['title_ja']}  {state}".rstrip(), err=True)
