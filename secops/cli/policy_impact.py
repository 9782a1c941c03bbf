"""``secops policy impact`` and ``work``: what a revision touches, and the list of what must be looked at again."""

from __future__ import annotations

import getpass
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from secops.cli.common import emit_json, emit_table, json_option, optional_site_option, site_option
from secops.errors import UsageError
from secops.locale import _, language

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from secops.isms.policy.impact import Impact, Linked, Reason
    from secops.isms.policy.work import Made, WorkItem
    from secops.siem.ports import Rule
    from secops.wiring.site import Site

REASONS = 3  # a line of the table names so many


def register(group: click.Group) -> None:
    """Add the commands."""
    group.add_command(impact)
    group.add_command(work)


def _day(_ctx: click.Context, _param: click.Parameter, value: str | None) -> date | None:
    if not value:
        return None
    try:
        return date.fromisoformat(value)
    except ValueError:
        raise UsageError(_("日付「{text}」は 2027-03-31 のように書いてください。").format(text=value)) from None


_due = click.option("--due", callback=_day, metavar="YYYY-MM-DD", help="期限")
_actor = click.option("--as-user", "actor", default="", help="操作した人(省略時は OS の利用者名)")
_ids = click.argument("numbers", metavar="番号...", nargs=-1, required=True, type=int)


@click.command()
@click.option(
    "--from", "older", required=True, help="前の版: ガイドラインの版(2024-10)、文書のファイル、文書の版(taisaku@1)"
)
@click.option("--to", "newer", required=True, help="新しい版")
@optional_site_option
@click.option("--make", is_flag=True, help="見直しの一覧を作る(すでにあれば、足りないものを加える)")
@click.option("--owner", default="", help="一覧を作るときの担当(省略時は条項の所管。ないものは空)")
@_due
@_actor
@json_option
def impact(
    older: str, newer: str, site: Path | None, make: bool, owner: str, due: date | None, actor: str, as_json: bool
) -> None:
    """改定で見直しが要るもの(区の規程の条項、監査項目、検知ルール、様式)を、変わった条項とともに示す。"""
    from secops.schema.dates import JST
    from secops.wiring.audits import open_catalogue
    from secops.wiring.guidelines import open_editions
    from secops.wiring.linked import link_up, revision, version_in

    if make and site is None:
        raise UsageError(_("一覧を作るには --site でサイトを指定してください。"))
    if not make and (owner or due):
        raise UsageError(_("--owner と --due は --make とともに使います。"))
    editions = open_editions(site)
    if site is None:
        linked, rules = _shipped()
        found = revision(editions, older, newer, linked, lambda _name: None)
        _show(found, _english(rules), as_json=as_json)
        return
    from secops.wiring import open_site
    from secops.wiring.policies import open_library

    with open_site(site) as opened:
        library = open_library(opened)
        documents = library.current(opened.now().astimezone(JST).date())
        linked = link_up(open_catalogue(site), opened.rules, documents)
        found = revision(editions, older, newer, linked, lambda name: version_in(library, name))
        made = _make(opened, found, owner, due, actor) if make else None
        titles = _english(opened.rules)
    _show(found, titles, made=made, as_json=as_json)


def _english(rules: Sequence[Rule]) -> Mapping[str, str]:
    """Rule → its English title, for who reads English; what is kept of a rule is its Japanese one."""
    return {one.id: one.title for one in rules if one.title} if language() != "ja" else {}


def _shipped() -> tuple[Linked, Sequence[Rule]]:
    """Everything that names clauses in what the program ships, and the rules among it."""
    from secops.cli.rules import load_rules
    from secops.wiring.audits import open_catalogue
    from secops.wiring.linked import link_up
    from secops.wiring.policies import open_files

    rules = load_rules((), None)[0].rules
    return link_up(open_catalogue(), rules, list(open_files(None).documents.values())), rules


def _make(site: Site, found: Impact, owner: str, due: date | None, actor: str) -> Made:
    from secops.isms.policy.work import entries_of

    who = actor.strip() or getpass.getuser()
    return site.desk.review_work.make(
        found.source, found.target, entries_of(found.touched), owner=owner, due=due, by=who, now=site.now()
    )


def _show(found: Impact, titles: Mapping[str, str], *, made: Made | None = None, as_json: bool) -> None:
    if as_json:
        emit_json({**_said(found), "made": made})
        return
    from secops.isms.clauses.model import CHANGE_LABELS
    from secops.isms.policy.impact import KIND_LABELS, Kind

    emit_table(
        [_("変わった条項"), _("題名"), _("変更"), _("変わったこと"), _("確認")],
        [
            (one.number, one.title, _(CHANGE_LABELS[one.change]), one.note, _("要確認") if one.confirm else "")
            for one in found.shifts
        ],
    )
    click.echo()
    emit_table(
        [_("種類"), _("番号"), _("題名"), _("理由"), _("所管")],
        [
            (
                _(KIND_LABELS[one.thing.kind]),
                one.thing.id,
                titles.get(one.thing.id, one.thing.title),
                _because(one.reasons),
                one.thing.owner,
            )
            for kind in Kind
            for one in found.of(kind)
        ],
    )
    _sum_up(found, made)


def _because(reasons: Sequence[Reason]) -> str:
    said = [one.shift.number if one.direct else _("{number}(下位)").format(number=one.shift.number) for one in reasons]
    more = len(said) - REASONS
    return "、".join(said[:REASONS]) + (_(" ほか {count} 件").format(count=more) if more > 0 else "")


def _sum_up(found: Impact, made: Made | None) -> None:
    from secops.isms.policy.impact import KIND_LABELS

    for kind in found.absent:
        text = _("{kind}: このプログラムにはまだありません(0 件という意味ではありません)。")
        click.echo(text.format(kind=_(KIND_LABELS[kind])))
    for thing, clause in found.unknown:
        text = _("{where} {id}: 条項「{clause}」はどの版にもありません。")
        click.echo(text.format(where=thing.where, id=thing.id, clause=clause), err=True)
    text = _("変わった条項 {shifts} 件、見直すもの {things} 件。")
    click.echo(text.format(shifts=len(found.shifts), things=len(found.touched)))
    if made is not None:
        text = _("見直しの一覧 {number}: {added} 件を加えました(すでにあるもの {known} 件)。")
        click.echo(text.format(number=made.list_id, added=made.added, known=made.known))


def _said(found: Impact) -> dict[str, Any]:
    return {
        "source": found.source,
        "target": found.target,
        "shifts": found.shifts,
        "touched": [
            {
                "kind": one.thing.kind,
                "id": one.thing.id,
                "title": one.thing.title,
                "owner": one.thing.owner,
                "where": one.thing.where,
                "reasons": [
                    {"clause": each.shift.id, "change": each.shift.change, "cited": each.cited, "direct": each.direct}
                    for each in one.reasons
                ],
            }
            for one in found.touched
        ],
        "absent": found.absent,
        "unknown": [{"kind": thing.kind, "id": thing.id, "clause": clause} for thing, clause in found.unknown],
    }


@click.group()
def work() -> None:
    """改定に伴う見直しの一覧: 担当、期限、済みの記録。"""


@work.command("list")
@site_option
@click.option("--list", "list_id", type=int, help="この番号の一覧だけ")
@click.option("--open", "open_only", is_flag=True, help="済んでいないものだけ")
@click.option("--overdue", is_flag=True, help="期限を過ぎたものだけ")
@json_option
def list_(site: Path, list_id: int | None, open_only: bool, overdue: bool, as_json: bool) -> None:
    """見直しの一覧。期限を過ぎたものには印が付く。"""
    from secops.schema.dates import JST
    from secops.wiring import open_site

    with open_site(site) as opened:
        today = opened.now().astimezone(JST).date()
        lists = {one.id: one for one in opened.desk.review_work.lists()}
        found = opened.desk.review_work.items(list_id, open_only=open_only)
    found = [one for one in found if not overdue or one.overdue(today)]
    if as_json:
        emit_json({"lists": list(lists.values()), "items": found, "today": today})
        return
    if not found:
        click.echo(_("該当する見直しはありません。"))
        return
    emit_table(_headers(), [_row(one, lists[one.list_id].source, lists[one.list_id].target, today) for one in found])
    late = sum(one.overdue(today) for one in found)
    still = sum(not one.done for one in found)
    text = _("{count} 件、うち済んでいないもの {still} 件、期限を過ぎたもの {late} 件。")
    click.echo(text.format(count=len(found), still=still, late=late))


def _headers() -> list[str]:
    return [_("番号"), _("改定"), _("種類"), _("対象"), _("題名"), _("理由"), _("担当"), _("期限"), _("状態")]


def _row(one: WorkItem, source: str, target: str, today: date) -> tuple[object, ...]:
    from secops.isms.policy.impact import KIND_LABELS

    state = _("期限超過") if one.overdue(today) else _("未了")
    if one.done_at is not None:
        state = _("済({who})").format(who=one.done_by)
    numbers = [why.number for why in one.why]
    more = _(" ほか {count} 件").format(count=len(numbers) - REASONS) if len(numbers) > REASONS else ""
    why = "、".join(numbers[:REASONS]) + more
    kind = _(KIND_LABELS[one.kind])
    return (one.id, f"{source} → {target}", kind, one.thing, one.title, why, one.owner, one.due or "", state)


@work.command()
@_ids
@site_option
@click.option("--owner", help="担当(課や人の名前。空文字で外す)")
@_due
@_actor
@json_option
def assign(
    numbers: tuple[int, ...], site: Path, owner: str | None, due: date | None, actor: str, as_json: bool
) -> None:
    """見直しの担当と期限を決める。"""
    from secops.wiring import open_site

    with open_site(site) as opened:
        who = actor.strip() or getpass.getuser()
        found = opened.desk.review_work.assign(numbers, owner=owner, due=due, by=who, now=opened.now())
    _changed(found, as_json=as_json)


@work.command()
@_ids
@site_option
@click.option("--note", default="", help="どう見直したか")
@click.option("--undo", is_flag=True, help="済みを取り消す")
@_actor
@json_option
def done(numbers: tuple[int, ...], site: Path, note: str, undo: bool, actor: str, as_json: bool) -> None:
    """見直しを済みにする。"""
    from secops.wiring import open_site

    with open_site(site) as opened:
        who, desk = actor.strip() or getpass.getuser(), opened.desk.review_work
        if undo:
            found = desk.reopen(numbers, by=who, now=opened.now())
        else:
            found = desk.finish(numbers, note, by=who, now=opened.now())
    _changed(found, as_json=as_json)


def _changed(found: Sequence[WorkItem], *, as_json: bool) -> None:
    if as_json:
        emit_json(found)
        return
    for one in found:
        state = _("済") if one.done else _("未了")
        click.echo(f"{one.id} {one.title}: {one.owner or '-'} {one.due or '-'} {state}")
