"""`secops notify`: what was sent to whom, whether a channel works, and who is on duty when."""

from __future__ import annotations

import sys
import time
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from secops.access.ports import CLI
from secops.cli.common import emit_json, emit_table, json_option, plain, site_option
from secops.cli.trace import os_user
from secops.errors import UsageError
from secops.locale import _

if TYPE_CHECKING:
    from secops.siem.ports import Outgoing, PageDesk
    from secops.wiring.site import Site

STATES = ("waiting", "failed", "sent", "given_up", "superseded")
WAIT_SECONDS = 130.0  # the longest limit of a try, and a little


@click.group()
def notify() -> None:
    """通知(当番への連絡)の一覧・試験・当番表。"""


@notify.command("list")
@click.option("--state", type=click.Choice(STATES), help="この状態のものだけ")
@click.option("--limit", type=click.IntRange(1, 10_000), default=50, show_default=True, help="件数の上限")
@site_option
@json_option
def list_(state: str | None, limit: int, site: Path, as_json: bool) -> None:
    """送った通知・送れていない通知を新しい順に示す。断念したものがあれば終了コード 1。"""
    from secops.siem.ports import OUTGOING_LABELS, OutgoingState, Scope
    from secops.wiring import open_site

    with open_site(site) as opened:
        desk = opened.desk.paging
        found, total = desk.outbox(Scope(), state=OutgoingState(state) if state else None, limit=limit)
        counts, going = desk.counts(), desk.conditions(Scope(), open_only=True, limit=1000)
    if as_json:
        rows = [_plain(one) for one in found]
        emit_json({"counts": counts, "total": total, "outbox": rows, "conditions": going})
    else:
        headers = [_("番号"), _("作成"), _("状態"), _("当番者"), _("手段"), _("内容"), _("試行"), _("理由")]
        emit_table(headers, [_row(one) for one in found], right=[0, 6])
        if total > len(found):
            click.echo(_("ほか {n} 件(--limit で増やせます)").format(n=total - len(found)), err=True)
        states = _("、").join(f"{_(OUTGOING_LABELS[one])} {counts.states.get(one, 0)}" for one in OutgoingState)
        click.echo(states)
        _print_conditions(going)
    sys.exit(1 if counts.given_up else 0)


def _row(one: Outgoing) -> list[object]:
    from secops.notify.message import from_plain, subject
    from secops.schema.dates import screen
    from secops.siem.ports import OUTGOING_LABELS

    what = subject(from_plain(one.content))
    state = _(OUTGOING_LABELS[one.state])
    return [one.id, screen(one.created), state, one.person, one.channel, what, one.attempts, one.reason]


def _print_conditions(going: Any) -> None:
    from secops.notify.message import CONDITIONS
    from secops.schema.dates import screen

    for one in going:
        text = _("続いている異常 {id}: {what} {subject}({began} から)")
        what = _(CONDITIONS.get(one.kind, one.kind))
        click.echo(text.format(id=one.id, what=what, subject=one.subject, began=screen(one.began)))


def _plain(one: Outgoing) -> dict[str, Any]:
    from secops.notify.message import from_plain, subject

    found: dict[str, Any] = plain(one)
    return {**found, "subject": subject(from_plain(one.content))}


@notify.command()
@click.argument("number", type=int)
@site_option
@json_option
def show(number: int, site: Path, as_json: bool) -> None:
    """通知 NUMBER の文面と、送ろうとした記録をすべて示す。"""
    from secops.notify.message import from_plain, subject, text
    from secops.schema.dates import screen
    from secops.siem.ports import OUTGOING_LABELS, Scope
    from secops.wiring import open_site

    with open_site(site) as opened:
        found, attempts = opened.desk.paging.outgoing(number, Scope())
    message = from_plain(found.content)
    if as_json:
        emit_json({**_plain(found), "text": text(message), "tries": attempts})
        return
    click.echo(f"{subject(message)}\n{text(message)}")
    head = _("宛先 {person}({channel}: {address})、{state}")
    state = _(OUTGOING_LABELS[found.state])
    click.echo(head.format(person=found.person, channel=found.channel, address=found.address, state=state))
    rows = [[screen(one.at), _("成功") if one.ok else _("失敗"), one.text] for one in attempts]
    emit_table([_("時刻"), _("結果"), _("理由")], rows)


@notify.command()
@click.argument("channel")
@click.option("--to", "person", default="", help="この当番者だけに送る(id)。省略すると、この手段を持つ全員")
@site_option
@json_option
def test(channel: str, person: str, site: Path, as_json: bool) -> None:
    """通知手段 CHANNEL の試験。本物と同じ道で送り、結果を待つ。送れなければ終了コード 1。"""
    from secops.notify.plan import addressed, trial_message
    from secops.siem.ports import Scope
    from secops.wiring import open_site
    from secops.wiring.paging import LOCK, make_channel, send

    with open_site(site) as opened:
        settings = opened.settings.notify
        way = next((one for one in settings.channels if one.id == channel), None)
        if way is None:
            known = ", ".join(one.id for one in settings.channels) or "—"
            what = _("通知手段「{id}」はありません(使えるもの: {known})。secops.toml の [notify] を確かめてください。")
            raise UsageError(what.format(id=channel, known=known))
        people = [one for one in settings.people if person in {"", one.id}]
        pages = addressed(trial_message(opened.settings, opened.now()), people, channel)
        if not pages:
            what = _("通知手段「{id}」の宛先を持つ当番者がいません。secops.toml の notify.people を確かめてください。")
            raise UsageError(what.format(id=channel))
        desk = opened.desk.paging
        numbers = desk.put_test(pages, actor=os_user(), peer=CLI, now=opened.now())
        if not _is_paging(opened, LOCK):
            for number in numbers:
                one, _tries = desk.outgoing(number, Scope())
                send(desk, one, make_channel(way, opened.folder), opened.settings.site.id, opened.now)
        found = [_result(desk, number) for number in numbers]
    good = all(one["ok"] for one in found)
    if as_json:
        emit_json({"ok": good, "results": found})
    else:
        emit_table([_("番号"), _("当番者"), _("結果")], [[one["id"], one["person"], one["text"]] for one in found])
    sys.exit(0 if good else 1)


def _is_paging(site: Site, lock: str) -> bool:
    """Whether a running program sends what is in the outbox."""
    from secops.wiring.locks import is_held

    return is_held(site.folder, lock)


def _result(desk: PageDesk, number: int) -> dict[str, Any]:
    """The first try of a message, once there is one."""
    from secops.siem.ports import Scope

    deadline = time.monotonic() + WAIT_SECONDS
    while True:
        one, attempts = desk.outgoing(number, Scope())
        if attempts:
            return {"id": number, "person": one.person, "ok": attempts[0].ok, "text": attempts[0].text}
        if time.monotonic() > deadline:
            text = _("まだ送られていません。secops run の keeper が動いているか確かめてください。")
            return {"id": number, "person": one.person, "ok": False, "text": text}
        time.sleep(0.1)


@notify.command()
@click.option("--days", type=click.IntRange(1, 60), default=7, show_default=True, help="今日から何日分")
@site_option
@json_option
def rota(days: int, site: Path, as_json: bool) -> None:
    """当番表。いつから誰に、どの順で通知するか(日本時間)。"""
    from secops.notify.rota import duties
    from secops.schema.dates import screen
    from secops.settings import load
    from secops.wiring.clock import now

    settings, begin = load(site).notify, now()
    found = duties(settings, begin, begin + timedelta(days=days)) if settings.enabled else []
    if as_json:
        rows = [{"since": since, "until": until, "people": [one.id for one in line]} for since, until, line in found]
        emit_json(rows)
        return
    names = [[screen(since), screen(until), " → ".join(one.name for one in line)] for since, until, line in found]
    emit_table([_("から"), _("まで"), _("当番(通知する順)")], names)


@notify.command()
@click.option("--alert", type=int, default=None, help="このアラートの通知")
@click.option("--condition", type=int, default=None, help="この番号の稼働の異常の通知")
@click.option("--given-up", is_flag=True, help="送信を断念した通知をすべて")
@site_option
@json_option
def confirm(alert: int | None, condition: int | None, given_up: bool, site: Path, as_json: bool) -> None:
    """通知を見たことを記録する。次の人への通知が止まる。"""
    from secops.siem.ports import Scope
    from secops.wiring import open_site

    if alert is None and condition is None and not given_up:
        raise UsageError(_("--alert、--condition、--given-up のどれかを指定してください。"))
    done: dict[str, object] = {}
    with open_site(site) as opened:
        desk, now = opened.desk.paging, opened.now()
        if alert is not None:
            done["alert"] = desk.confirm_alert(alert, actor=os_user(), scope=Scope(), now=now)
        if condition is not None:
            desk.confirm_condition(condition, actor=os_user(), peer=CLI, scope=Scope(), now=now)
            done["condition"] = True
        if given_up:
            done["given_up"] = desk.confirm_given_up(actor=os_user(), peer=CLI, now=now)
    if as_json:
        emit_json(done)
    elif done.get("alert") is False:
        click.echo(_("このアラートに、確認を待つ通知はありません。"))
    else:
        click.echo(_("確認を記録しました。"))
