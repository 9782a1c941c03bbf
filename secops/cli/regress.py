"""``secops rules regress``: recorded events that must make their rules fire."""

from __future__ import annotations

import sys
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING

import click

from secops.cli.common import emit_json, emit_table, json_option, progress_bar
from secops.errors import UsageError
from secops.locale import _

if TYPE_CHECKING:
    from collections.abc import Sequence

    from secops.errors import Problem
    from secops.wiring.regress import Result


@click.command()
@click.argument("folder", type=click.Path(exists=True, file_okay=False, path_type=Path))
@click.option(
    "-r",
    "--rules",
    "rules",
    multiple=True,
    type=click.Path(exists=True, path_type=Path),
    help="Sigma ルールのフォルダ(省略すると FOLDER の隣の rules*)",
)
@click.option(
    "--through",
    type=click.Choice(["hunt", "site"]),
    default="hunt",
    show_default=True,
    help="hunt: 調査と同じ経路、site: 一時的なサイトで収集から検知まで",
)
@click.option("--all", "show_all", is_flag=True, help="合格した例も示す")
@json_option
def regress(folder: Path, rules: tuple[Path, ...], through: str, show_all: bool, as_json: bool) -> None:
    """SigmaHQ の regression_data(FOLDER)の記録にルールを当て、期待どおりの件数を検知したかを示す。"""
    from secops.cli.rules import load_rules
    from secops.wiring.regress import cases_below, through_hunt, through_site

    places = rules or tuple(path for path in sorted(folder.resolve().parent.glob("rules*")) if path.is_dir())
    if not places:
        raise UsageError(_("ルールのフォルダを -r で指定してください。"))
    cases, problems = cases_below(folder)
    if not cases:
        raise UsageError(_("{folder} に info.yml のある例がありません。").format(folder=folder))
    detector, _samples = load_rules(places, None)
    with progress_bar(_("記録を試しています"), len(cases)) as seen:
        if through == "site":
            results = through_site(cases, detector, places, seen)
        else:
            results = through_hunt(cases, detector, seen)
    if as_json:
        emit_json({"results": [_plain(one) for one in results], "problems": problems})
    else:
        _show(results, problems, show_all=show_all)
    sys.exit(0 if all(one.verdict == "ok" for one in results) and not problems else 1)


def _plain(one: Result) -> dict[str, object]:
    return {
        "rule": one.case.rule_id,
        "title": one.case.title,
        "path": str(one.case.path),
        "expected": one.case.expected,
        "found": one.found,
        "verdict": one.verdict,
        "reason": one.reason,
    }


def _show(results: Sequence[Result], problems: Sequence[Problem], *, show_all: bool) -> None:
    words = {
        "ok": _("合格"),
        "differs": _("件数が違う"),
        "missed": _("検知なし"),
        "unsupported": _("対象外"),
        "unreadable": _("読めない"),
    }
    shown = [one for one in results if show_all or one.verdict != "ok"]
    if shown:
        emit_table(
            [_("結果"), _("期待"), _("検知"), _("ルール"), _("ファイル"), _("理由")],
            [
                (
                    words[one.verdict],
                    _("1 以上") if one.case.expected is None else one.case.expected,
                    one.found,
                    one.case.title,
                    one.case.path.name,
                    one.reason,
                )
                for one in shown
            ],
            right=[1, 2],
        )
    for problem in problems:
        click.echo(str(problem), err=True)
    counts = Counter(one.verdict for one in results)
    parts = ", ".join(f"{words[verdict]} {count}" for verdict, count in counts.items())
    click.echo(_("{count} 件の記録を試しました: {parts}").format(count=len(results), parts=parts))
