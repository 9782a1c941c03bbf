"""`secops users`: who may log in to the console."""

from __future__ import annotations

import getpass
import sys
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from secops.cli.common import emit_json, emit_table, json_option, site_option
from secops.errors import UsageError
from secops.locale import _

if TYPE_CHECKING:
    from secops.access.ports import User

F = TypeVar("F", bound=Callable[..., Any])
ROLES = ("admin", "csirt", "audit_lead", "auditor", "security_manager", "policy_owner", "viewer")


@click.group()
def users() -> None:
    """画面の利用者。"""


def _password_option(function: F) -> F:
    return click.option("--password-stdin", "from_stdin", is_flag=True, help="パスワードを標準入力の 1 行目から読む")(
        function
    )


def _actor_option(function: F) -> F:
    return click.option("--as-user", "actor", default="", help="操作した人(省略時は OS の利用者名)")(function)


@users.command("list")
@site_option
@json_option
def list_(site: Path, as_json: bool) -> None:
    """利用者の一覧。"""
    from secops.wiring import open_site

    with open_site(site) as opened:
        found = opened.accounts.users()
    if as_json:
        emit_json(found)
        return
    from secops.access.ports import ROLE_LABELS
    from secops.schema.dates import screen

    emit_table(
        [_("利用者名"), _("氏名"), _("役割"), _("系統"), _("課"), _("状態"), _("最終ログイン")],
        [
            (
                user.name,
                user.display_name,
                _(ROLE_LABELS[user.role]),
                _scope(user.access.zones),
                _scope(user.access.departments),
                _state(user),
                screen(user.last_login) if user.last_login else "",
            )
            for user in found
        ],
    )


@users.command()
@site_option
@click.argument("name")
@click.option("--role", required=True, type=click.Choice(ROLES), help="役割")
@click.option("--zone", "zones", multiple=True, help="見てよい系統(繰り返し可、省略時はすべて)")
@click.option("--department", "departments", multiple=True, help="見てよい課(繰り返し可、省略時はすべて)")
@click.option("--display-name", default="", help="画面に出す氏名")
@_password_option
@_actor_option
@json_option
def add(
    site: Path,
    name: str,
    role: str,
    zones: tuple[str, ...],
    departments: tuple[str, ...],
    display_name: str,
    from_stdin: bool,
    actor: str,
    as_json: bool,
) -> None:
    """利用者を登録する。"""
    from secops.access.ports import Access, Role
    from secops.wiring import open_site

    with open_site(site) as opened:
        if unknown := [zone for zone in zones if zone not in opened.settings.zones]:
            text = _("系統「{zone}」はありません。次から選んでください: {known}")
            raise UsageError(text.format(zone=", ".join(unknown), known=", ".join(opened.settings.zones)))
        user = opened.accounts.add(
            name,
            _password(from_stdin),
            role=Role(role),
            access=Access(frozenset(zones) or None, frozenset(departments) or None),
            actor=_who(actor),
            now=opened.now(),
            display_name=display_name,
        )
    _done(user, as_json, _("利用者「{name}」を登録しました。"))


@users.command()
@site_option
@click.argument("name")
@click.option("--undo", is_flag=True, help="停止を取り消す")
@_actor_option
@json_option
def disable(site: Path, name: str, undo: bool, actor: str, as_json: bool) -> None:
    """利用者を停止する(記録は残る。ログイン中ならすぐに切れる)。"""
    from secops.wiring import open_site

    with open_site(site) as opened:
        user = opened.accounts.disable(name, actor=_who(actor), now=opened.now(), disabled=not undo)
    done = _("利用者「{name}」の停止を取り消しました。") if undo else _("利用者「{name}」を停止しました。")
    _done(user, as_json, done)


@users.command()
@site_option
@click.argument("name")
@_password_option
@_actor_option
@json_option
def reset(site: Path, name: str, from_stdin: bool, actor: str, as_json: bool) -> None:
    """パスワードを設定し直す(ログイン中ならすぐに切れる)。"""
    from secops.wiring import open_site

    with open_site(site) as opened:
        opened.accounts.user(name)  # say so before a password is typed
        user = opened.accounts.reset(name, _password(from_stdin), actor=_who(actor), now=opened.now())
    _done(user, as_json, _("利用者「{name}」のパスワードを設定し直しました。"))


def _password(from_stdin: bool) -> str:
    if from_stdin:
        return sys.stdin.readline().rstrip("\r\n")
    if not sys.stdin.isatty():
        raise UsageError(_("パスワードを入力できません。--password-stdin を付けて標準入力から渡してください。"))
    entered: str = click.prompt(
        _("パスワード(12 字以上)"), hide_input=True, confirmation_prompt=_("もう一度入力してください")
    )
    return entered


def _who(actor: str) -> str:
    return actor.strip() or getpass.getuser()


def _done(user: User, as_json: bool, text: str) -> None:
    if as_json:
        emit_json(user)
    else:
        click.echo(text.format(name=user.name))


def _scope(names: frozenset[str] | None) -> str:
    return _("すべて") if names is None else ", ".join(sorted(names))


def _state(user: User) -> str:
    if user.disabled:
        return _("停止")
    return _("デモ用") if user.demo else _("有効")
