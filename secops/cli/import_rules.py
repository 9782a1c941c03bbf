"""``secops rules import``: a release of rules from a folder or a ZIP file, carried on a medium."""

from __future__ import annotations

import getpass
import sys
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING

import click

from secops.cli.common import emit_json, emit_table, json_option, site_option
from secops.errors import UsageError
from secops.locale import _

if TYPE_CHECKING:
    from secops.siem.detect.releases import Entry
    from secops.wiring.releases import Imported

SHOWN = 50  # rules of a list; --json has all of them


@click.command("import")
@click.argument("source", required=False, type=click.Path(exists=True, path_type=Path))
@click.option("--dry-run", is_flag=True, help="取り込まずに、違いだけを示す")
@click.option("--undo", is_flag=True, help="最後の取り込みを取り消し、その前の版に戻す")
@click.option("--as-user", "actor", default="", help="操作した人(省略時は OS の利用者名)")
@site_option
@json_option
def import_(source: Path | None, dry_run: bool, undo: bool, actor: str, site: Path, as_json: bool) -> None:
    """SigmaHQ などのルール集(フォルダか ZIP)を取り込み、新しい・変わった・なくなったルールを示す。"""
    from secops.wiring import open_site
    from secops.wiring.releases import import_release, undo_import

    if undo == (source is not None):
        raise UsageError(_("ルール集のフォルダか ZIP、または --undo のどちらか 1 つを指定してください。"))
    who = actor.strip() or getpass.getuser()
    with open_site(site) as opened:
        if source is None:
            name = undo_import(opened, actor=who, now=opened.now())
            emit_json({"current": name}) if as_json else click.echo(
                _("戻しました。いまの版: {name}").format(name=name or _("なし"))
            )
            return
        done = import_release(opened, source, actor=who, now=opened.now(), dry_run=dry_run)
    if as_json:
        emit_json(_plain(done))
    else:
        _show(done)
    sys.exit(1 if done.problems or done.orphans else 0)


def _plain(done: Imported) -> dict[str, object]:
    found = done.comparison
    return {
        "name": done.name,
        "sha256": done.sha256,
        "applied": done.applied,
        "rules": done.rules,
        "new": [_entry(one) for one in found.new],
        "changed": [{**_entry(one.after), "keys": one.keys} for one in found.changed],
        "withdrawn": [_entry(one) for one in found.withdrawn],
        "unchanged": found.unchanged,
        "inactive": done.inactive,
        "orphans": done.orphans,
        "problems": done.problems,
        "ignored": done.ignored,
    }


def _entry(one: Entry) -> dict[str, str]:
    return {"id": one.id, "kind": one.kind, "title": one.title, "level": one.level, "path": one.path}


def _show(done: Imported) -> None:
    found = done.comparison
    kinds = {"rule": _("ルール"), "correlation": _("相関"), "filter": _("例外")}
    for title, entries in (
        (_("新しいルール"), [(one, one.path) for one in found.new]),
        (_("変わったルール"), [(one.after, ", ".join(one.keys)) for one in found.changed]),
        (_("なくなったルール"), [(one, one.path) for one in found.withdrawn]),
    ):
        rows = [(one.level, kinds[one.kind], one.title, text) for one, text in entries]
        click.echo(_("{title}: {count} 件").format(title=title, count=f"{len(rows):,}"))
        if rows:
            emit_table([_("重大度"), _("種類"), _("ルール"), _("ファイル・違い")], rows[:SHOWN])
        if len(rows) > SHOWN:
            click.echo(_("ほか {count} 件(--json ですべて)").format(count=f"{len(rows) - SHOWN:,}"))
    click.echo(_("変わらないルール: {count} 件").format(count=f"{found.unchanged:,}"))
    reasons = Counter(one.reason for one in done.inactive)
    if reasons:
        click.echo(_("動かないルール: {count} 件").format(count=f"{len(done.inactive):,}"))
        emit_table(
            [_("件数"), _("動かない理由")], [(f"{n:,}", why) for why, n in reasons.most_common(SHOWN)], right=[0]
        )
    for problem in (*done.orphans, *done.problems):
        click.echo(str(problem), err=True)
    if done.applied:
        text = _("{count} ルールを取り込みました({name})。動いているサイトは数秒で使い始めます。")
    else:
        text = _("取り込んでいません(--dry-run)。{count} ルールあります({name})。")
    click.echo(text.format(count=f"{done.rules:,}", name=done.name))
