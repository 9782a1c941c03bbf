"""`secops users`: who may log in to the console."""

from __future__ import annotations

import getpass
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from secops.cli.common import emit_json, emit_table, json_option, site_option
from secops.errors import UsageError
from secops.locale import _

if TYPE_CHECKING:
    from secops.access.ports import User
    from secops.wiring.site import Site

F = TypeVar("F", bound=Callable[..., Any])
ROLES = ("admin", "csirt", "audit_lead", "auditor", "security_manager", "policy_owner", "staff", "viewer")


@click.group()
def users() -> None:
    """画面の利用者。"""


def _actor_option(function: F) -> F:
    return click.option("--as-user", "actor", default="", help="操作した人(省略時は OS の利用者名)")(function)


@users.command("list")
@site_option
@json_option
def list_(site: Path, as_json: bool) -> None:
    """利用者の一覧。"""
    from secops.wiring import open_site

    with open_site(site) as opened:
        found = opened.accounts.users(opened.now())
    if as_json:
        emit_json(found)
        return
    from secops.access.ports import ROLE_LABELS
    from secops.schema.dates import screen

    emit_table(
        [_("利用者名"), _("氏名"), _("役割"), _("系統"), _("課"), _("多要素認証"), _("状態"), _("最終ログイン")],
        [
            (
                user.name,
                user.display_name,
                _(ROLE_LABELS[user.role]),
                _scope(user.access.zones),
                _scope(user.access.departments),
                _factors(user),
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
@click.option("--oidc", is_flag=True, help="庁内の認証基盤([web.oidc])でログインする利用者にする(登録コードは出ない)")
@_actor_option
@json_option
def add(
    site: Path,
    name: str,
    role: str,
    zones: tuple[str, ...],
    departments: tuple[str, ...],
    display_name: str,
    oidc: bool,
    actor: str,
    as_json: bool,
) -> None:
    """利用者を登録し、最初のログインに使う登録コードを表示する。"""
    from secops.access.ports import Access, Role
    from secops.wiring import open_site

    with open_site(site) as opened:
        _check_scope(opened, zones, departments)
        if oidc and not opened.settings.web.oidc.issuer:
            raise UsageError(_("secops.toml に [web.oidc] がありません。書いてから登録してください。"))
        user, code = opened.accounts.invite(
            name,
            role=Role(role),
            access=Access(frozenset(zones) or None, frozenset(departments) or None),
            actor=_who(actor),
            now=opened.now(),
            display_name=display_name,
            external=oidc,
        )
    _done(user, as_json, _("利用者「{name}」を登録しました。"), code)


@users.command()
@site_option
@click.argument("name")
@click.option("--role", type=click.Choice(ROLES), help="新しい役割(省略時は今のまま)")
@click.option("--zone", "zones", multiple=True, help="見てよい系統を、これだけにする(繰り返し可)")
@click.option("--all-zones", is_flag=True, help="すべての系統を見てよいことにする")
@click.option("--department", "departments", multiple=True, help="見てよい課を、これだけにする(繰り返し可)")
@click.option("--all-departments", is_flag=True, help="すべての課を見てよいことにする")
@_actor_option
@json_option
def change(
    site: Path,
    name: str,
    role: str | None,
    zones: tuple[str, ...],
    all_zones: bool,
    departments: tuple[str, ...],
    all_departments: bool,
    actor: str,
    as_json: bool,
) -> None:
    """利用者の役割と見える範囲を変える(権限が減るときは、ログイン中ならすぐに切れる)。"""
    from secops.access.ports import Access, Role
    from secops.wiring import open_site

    if (zones and all_zones) or (departments and all_departments):
        raise UsageError(_("--zone と --all-zones、--department と --all-departments は一緒に使えません。"))
    if not (role or zones or all_zones or departments or all_departments):
        raise UsageError(
            _("変えるものがありません。--role・--zone・--department などで新しい役割か範囲を書いてください。")
        )
    with open_site(site) as opened:
        _check_scope(opened, zones, departments)
        before = opened.accounts.user(name).access
        access = Access(
            None if all_zones else frozenset(zones) or before.zones,
            None if all_departments else frozenset(departments) or before.departments,
        )
        user, ended = opened.accounts.change(
            name, role=Role(role) if role else None, access=access, actor=_who(actor), now=opened.now()
        )
        mapped = bool(role and user.external and opened.settings.web.oidc.roles)
    if as_json:
        emit_json({"user": user, "sessions_ended": ended})
        return
    _say_change(user, ended, mapped)


@users.command()
@site_option
@click.argument("name")
@_actor_option
@json_option
def disable(site: Path, name: str, actor: str, as_json: bool) -> None:
    """利用者を停止する(記録は残る。ログイン中ならすぐに切れる)。"""
    from secops.wiring import open_site

    with open_site(site) as opened:
        user = opened.accounts.disable(name, actor=_who(actor), now=opened.now())
    _done(user, as_json, _("利用者「{name}」を停止しました。"))


@users.command()
@site_option
@click.argument("name")
@_actor_option
@json_option
def enable(site: Path, name: str, actor: str, as_json: bool) -> None:
    """利用者の停止を取り消す。"""
    from secops.wiring import open_site

    with open_site(site) as opened:
        user = opened.accounts.disable(name, actor=_who(actor), now=opened.now(), disabled=False)
    _done(user, as_json, _("利用者「{name}」の停止を取り消しました。"))


@users.command()
@site_option
@click.argument("name")
@_actor_option
@json_option
def unlock(site: Path, name: str, actor: str, as_json: bool) -> None:
    """ログインの失敗が続いて停止した利用者を、すぐにログインできるようにする。"""
    from secops.wiring import open_site

    with open_site(site) as opened:
        user = opened.accounts.unlock(name, actor=_who(actor), now=opened.now())
    _done(user, as_json, _("利用者「{name}」の失敗の記録を消しました。すぐにログインできます。"))


@users.command()
@site_option
@click.argument("name")
@click.option("--factors", is_flag=True, help="多要素認証(認証アプリ・パスキー・回復コード)も外す")
@_actor_option
@json_option
def reset(site: Path, name: str, factors: bool, actor: str, as_json: bool) -> None:
    """パスワードを無効にし、新しい登録コードを表示する(ログイン中ならすぐに切れる)。"""
    from secops.wiring import open_site

    with open_site(site) as opened:
        user, code = opened.accounts.reset(name, actor=_who(actor), now=opened.now(), factors=factors)
    _done(user, as_json, _("利用者「{name}」のパスワードを無効にしました。"), code)


def _check_scope(opened: Site, zones: tuple[str, ...], departments: tuple[str, ...]) -> None:
    """Refuse zones that are not in the settings and departments that are not in the inventory (where there is one)."""
    if unknown := [zone for zone in zones if zone not in opened.settings.zones]:
        text = _("系統「{zone}」はありません。次から選んでください: {known}")
        raise UsageError(text.format(zone=", ".join(unknown), known=", ".join(opened.settings.zones)))
    known = {department.name for department in opened.directory.departments}
    if known and (unknown := [one for one in departments if one not in known]):
        text = _("課「{department}」は台帳にありません。secops inventory で取り込んだ名前を書いてください。")
        raise UsageError(text.format(department=", ".join(unknown)))


def _say_change(user: User, ended: int, mapped: bool) -> None:
    from secops.access.ports import ROLE_LABELS

    text = _("利用者「{name}」: 役割 {role}、系統 {zones}、課 {departments}。")
    scope = {"zones": _scope(user.access.zones), "departments": _scope(user.access.departments)}
    click.echo(text.format(name=user.name, role=_(ROLE_LABELS[user.role]), **scope))
    if ended:
        click.echo(_("権限か範囲が減ったため、ログインを {n} 件終わらせました。").format(n=ended))
    if mapped:
        text = _("役割は、次にこの人が認証基盤でログインしたとき、[web.oidc] の roles に従って変わることがあります。")
        click.echo(text, err=True)


def _who(actor: str) -> str:
    return actor.strip() or getpass.getuser()


def _done(user: User, as_json: bool, text: str, code: str = "") -> None:
    if as_json:
        emit_json({"user": user, "setup_code": code} if code else user)
        return
    click.echo(text.format(name=user.name))
    if code:
        click.echo(_("登録コード(1 回だけ、7 日以内): {code}").format(code=code))
        click.echo(_("本人に直接渡してください。ログイン画面のパスワード欄に入力すると、パスワードを決められます。"))


def _scope(names: frozenset[str] | None) -> str:
    return _("すべて") if names is None else ", ".join(sorted(names))


def _factors(user: User) -> str:
    found = [_("認証アプリ")] if user.totp else []
    if user.passkeys:
        found.append(_("パスキー {n}").format(n=user.passkeys))
    return "・".join(found) or "—"


def _state(user: User) -> str:
    if user.disabled:
        return _("停止")
    if user.locked_until:
        return _("ログイン失敗で停止中")
    if user.external:
        return _("有効(認証基盤)")
    if not user.has_password:
        return _("登録待ち")
    return _("デモ用") if user.demo else _("有効")
