"""`secops alerts bulk|undo|split|unlink`: one action on many alerts after the exact set was confirmed, and its undo."""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from secops.cli.alerts_filter import alert_filter, filter_options, words
from secops.cli.common import emit_json, emit_table, json_option, site_option
from secops.cli.trace import note, note_many
from secops.errors import ConflictError, UsageError
from secops.locale import _

if TYPE_CHECKING:
    from secops.siem.ports import Alert, Bulk, BulkAction, Left, Undone
    from secops.wiring import Site

VERDICTS = ("true_positive", "false_positive", "benign_true_positive")
SHOWN = 10
MOST_LINKS = 1000


def confirm(count: int, told: int | None) -> None:
    """Ask for the number of what will be changed; ``told`` is what stands behind ``--yes``.

    Raises:
        UsageError: another number, or nobody who could be asked. Nothing has been changed.
    """
    if told is None:
        if not sys.stdin.isatty():
            raise UsageError(_("何も変更していません。実行するには --yes {n} を付けてください。").format(n=count))
        told = click.prompt(_("実行するには、対象の件数を数字で入力してください"), type=int, err=True)
    if told != count:
        text = _("件数が違うため、何も変更していません(対象 {n} 件、入力 {told})。")
        raise ConflictError(text.format(n=count, told=told))


def register(group: click.Group, actor_option: Callable[..., Any], who: Callable[[str], str]) -> None:
    """Add the commands to `secops alerts`."""

    @group.command()
    @site_option
    @click.argument("query", default="")
    @filter_options(closed=False)
    @click.option("--rule", "rule_id", help="このルール(id)のアラート")
    @click.option("--close", "verdict", type=click.Choice(VERDICTS), help="この判断で対応を完了する(--reason も書く)")
    @click.option("--reason", default="", help="そう判断した理由")
    @click.option("--assign", "taker", default="", help="この人の担当にする")
    @click.option("--link", "leader", type=int, help="この番号のアラートに関連付ける")
    @click.option("--yes", type=int, metavar="N", help="確かめた件数。今の対象と同じときだけ実行する")
    @actor_option
    @json_option
    def bulk(
        site: Path,
        query: str,
        rule_id: str | None,
        verdict: str | None,
        reason: str,
        taker: str,
        leader: int | None,
        yes: int | None,
        actor: str,
        as_json: bool,
        **wanted: Any,
    ) -> None:
        """検索式 QUERY と条件に合う、対応完了していないアラートのすべてに、まとめて対応する。

        対象の件数と先頭の 10 件を示し、その件数を入力するか --yes で示したときだけ実行する。
        """
        wanted |= {"query": query, "rule_id": rule_id}
        _check(wanted, verdict, reason, taker, leader)
        from secops.siem.ports import BulkAction, Verdict
        from secops.wiring import open_site

        action = BulkAction(taker, Verdict(verdict) if verdict else None, reason, leader)
        with open_site(site) as opened:
            made = _act(opened, wanted, action, yes, who(actor))
            note_many(opened, actor, made)
        done: dict[str, Any] = {"bulk": made.id, "asked": made.asked, "done": made.done, "left": made.left}
        done |= {"leader": leader} if leader else {}
        emit_json(done) if as_json else click.echo(_said(done))

    @group.command()
    @site_option
    @click.argument("bulk_id", type=int)
    @actor_option
    @json_option
    def undo(site: Path, bulk_id: int, actor: str, as_json: bool) -> None:
        """まとめて行った対応 BULK_ID を取り消す(1 時間以内、行った本人だけ)。残したものがあれば終了コード 1。"""
        from secops.siem.ports import Scope
        from secops.wiring import open_site

        with open_site(site) as opened:
            found = opened.desk.undo(bulk_id, actor=who(actor), scope=Scope(), now=opened.now())
            note_many(opened, actor, found.bulk)
        emit_json(found) if as_json else _print_undone(found)
        sys.exit(1 if found.left else 0)

    @group.command()
    @site_option
    @click.argument("alert_id", type=int)
    @click.argument("field", default="")
    @click.argument("value", default="")
    @actor_option
    @json_option
    def split(site: Path, alert_id: int, field: str, value: str, actor: str, as_json: bool) -> None:
        """FIELD が VALUE の検知を、別のアラートに分ける。FIELD を省くと、分けられる値の一覧を示す。"""
        from secops.siem.ports import Scope
        from secops.wiring import open_site

        with open_site(site) as opened:
            if not field:
                note(opened, actor, "alert_viewed", [alert_id], "split")
                _print_parts(opened, alert_id, as_json)
                return
            made = opened.desk.split(alert_id, field, value, actor=who(actor), scope=Scope(), now=opened.now())
            note(opened, actor, "alerts_split", [alert_id, made.id], f"{field}={value} ×{made.count}")
        text = _("検知 {n} 件をアラート {id} に分けました。")
        emit_json(made) if as_json else click.echo(text.format(n=made.count, id=made.id))

    @group.command()
    @site_option
    @click.argument("alert_id", type=int)
    @click.argument("other", type=int)
    @actor_option
    @json_option
    def unlink(site: Path, alert_id: int, other: int, actor: str, as_json: bool) -> None:
        """アラートの関連付けを解除する。"""
        from secops.siem.ports import Scope
        from secops.wiring import open_site

        with open_site(site) as opened:
            opened.desk.unlink(alert_id, other, actor=who(actor), scope=Scope(), now=opened.now())
            note(opened, actor, "alerts_unlinked", [alert_id, other])
        emit_json({"changed": 1}) if as_json else click.echo(_("{n} 件を変更しました。").format(n=1))


def _check(wanted: dict[str, Any], verdict: str | None, reason: str, taker: str, leader: int | None) -> None:
    if sum(1 for one in (verdict, taker, leader) if one) != 1:
        raise UsageError(_("--close、--assign、--link のどれか 1 つを書いてください。"))
    if verdict and not reason.strip():
        raise UsageError(_("--close には --reason(そう判断した理由)が要ります。"))
    if not any(wanted.values()) and wanted["assignee"] is None:  # an empty name is nobody, and a condition
        raise UsageError(_("条件がありません。QUERY か --severity・--zone・--rule などで絞ってください。"))


def _act(site: Site, wanted: dict[str, Any], action: BulkAction, yes: int | None, actor: str) -> Bulk:
    """Show the set, have its number confirmed, and do it to exactly that set."""
    from secops.siem.ports import Chosen, Scope

    if unknown := [zone for zone in wanted["zones"] if zone not in site.settings.zones]:
        text = _("系統「{zone}」はありません。次から選んでください: {known}")
        raise UsageError(text.format(zone=", ".join(unknown), known=", ".join(site.settings.zones)))
    chosen = Chosen(wanted=alert_filter(site.now(), **wanted), words=words(wanted))
    found = site.desk.chosen(chosen, Scope())
    if not found.count:
        raise UsageError(_("条件に合う、対応完了していないアラートはありません。"))
    if action.leader is not None and found.count > MOST_LINKS:
        raise UsageError(_("関連付けは一度に {n} 件までです。条件を絞ってください。").format(n=MOST_LINKS))
    _show(site, found.numbers)
    confirm(found.count, yes)
    return site.desk.act(chosen, action, mark=found.mark, actor=actor, scope=Scope(), now=site.now())


def _show(site: Site, numbers: Sequence[int]) -> None:
    """The number of the set and its first few, for the eye: on stderr, so that --json stays JSON."""
    from secops.siem.ports import Scope

    click.echo(_("対象のアラート {n} 件:").format(n=len(numbers)), err=True)
    for number in numbers[:SHOWN]:
        click.echo(f"  {_line(site.desk.detail(number, Scope(), hits=0).alert)}", err=True)
    if len(numbers) > SHOWN:
        click.echo("  " + _("ほか {n} 件").format(n=len(numbers) - SHOWN), err=True)


def _line(alert: Alert) -> str:
    from secops.report.text import flat

    about = ", ".join(alert.entities.values())
    return flat(f"{alert.id}  {alert.severity.mark} {_(alert.severity.label)}  {alert.title}  {alert.zone}  {about}")


def _said(done: dict[str, Any]) -> str:
    if "leader" in done:
        text = _(
            "アラート {leader} に {done} 件を関連付けました(一括操作 {id})。"
            "1 時間以内なら secops alerts undo {id} で取り消せます。"
        )
        return text.format(leader=done["leader"], done=done["done"], id=done["bulk"])
    text = _("{done} 件を変更しました(一括操作 {id})。1 時間以内なら secops alerts undo {id} で取り消せます。")
    said = text.format(done=done["done"], id=done["bulk"])
    if done["left"]:
        said += _(" 途中で変わった {n} 件は、そのままです。").format(n=done["left"])
    return said


def _print_undone(found: Undone) -> None:
    click.echo(_("{n} 件を元に戻しました。").format(n=found.restored))
    for one in found.left:
        click.echo(_("アラート {id} はそのままです: {why}").format(id=one.alert_id, why=_why(one)))


def _why(one: Left) -> str:
    from secops.schema.dates import dated
    from secops.siem.triage.states import ACTION_LABELS

    if one.successor:
        return _("続きのアラート {id} が対応中です。").format(id=one.successor)
    if one.at is None:
        return _("閲覧できる範囲の外です。")
    text = _("{at} に {actor} が操作しました({action})。")
    return text.format(at=dated(one.at), actor=one.actor, action=_(ACTION_LABELS[one.action]))


def _print_parts(site: Site, alert_id: int, as_json: bool) -> None:
    from secops.report.text import flat
    from secops.siem.ports import Scope

    found = site.desk.bonds(alert_id, Scope())
    if as_json:
        emit_json({"parts": [{"field": f, "value": v, "hits": n} for f, v, n in found.parts], "unseen": found.unseen})
        return
    if not found.parts:
        click.echo(_("分けられる値はありません。"))
        return
    emit_table([_("項目"), _("値"), _("件数")], [(f, flat(v), n) for f, v, n in found.parts], right=[2])
    if found.unseen:
        click.echo(_("件数だけを保存した検知 {n} 件は、分けられません。").format(n=found.unseen))
