"""``secops rules``: check rules, list them, run their samples."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

from secops.cli.common import emit_json, emit_table, json_option, optional_site_option, pipeline_option
from secops.cli.coverage import coverage
from secops.cli.filters import filters
from secops.cli.impact import impact
from secops.cli.import_rules import import_
from secops.cli.regress import regress
from secops.errors import UsageError
from secops.locale import _

if TYPE_CHECKING:
    from secops.errors import Problem
    from secops.siem.detect import SigmaDetector
    from secops.siem.ports import Rule

_paths = click.argument("paths", nargs=-1, type=click.Path(path_type=Path))


@click.group()
def rules() -> None:
    """検知ルール(Sigma)の点検・一覧・試験。フォルダを指定しなければサイトのルール、サイトもなければ付属のルールが対象。"""


@rules.command()
@_paths
@pipeline_option
@optional_site_option
@json_option
def check(paths: tuple[Path, ...], pipelines: tuple[Path, ...], site: Path | None, as_json: bool) -> None:
    """書き誤りと、動かないルールを、ファイルと行で示す。"""
    from secops.cli.filters import ended
    from secops.errors import Problem
    from secops.siem.detect.samples import check_own

    detector, samples = load_rules(paths, site, pipelines)
    own = [rule for rule in detector.rules if _is_own(rule.path)]
    problems = [*detector.problems, *check_own(own, samples)]
    problems += ended(detector.filters)
    told = {problem.where.rsplit(":", 1)[0] for problem in detector.problems}
    problems += [Problem(rule.path, rule.reason) for rule in detector.rules if rule.reason and rule.path not in told]
    _report(problems, _("{count} ルールを点検しました。").format(count=len(detector.rules)), as_json=as_json)


@rules.command()
@_paths
@optional_site_option
@json_option
def test(paths: tuple[Path, ...], site: Path | None, as_json: bool) -> None:
    """例(<ルール名>.samples.yml)を実際の検知にかけ、思ったとおりにならないものを示す。"""
    from secops.siem.samples import run_samples

    detector, samples = load_rules(paths, site)
    count, problems = run_samples(detector, samples)
    text = _("{rules} ルールの例 {count} 件を試しました。").format(rules=len(samples), count=count)
    _report(problems, text, as_json=as_json)


def _state(rule: Rule) -> str:
    if not rule.active:
        return _("無効")
    return _("有効") if rule.alerts else _("相関のみ")


@rules.command("list")
@_paths
@click.option("--inactive", is_flag=True, help="動かないルールだけを、理由とともに")
@optional_site_option
@json_option
def list_(paths: tuple[Path, ...], inactive: bool, site: Path | None, as_json: bool) -> None:
    """ルールの一覧。"""
    detector, _samples = load_rules(paths, site)
    shown = [rule for rule in detector.rules if not (inactive and rule.active)]
    if as_json:
        emit_json([
            {
                "id": rule.id,
                "title": rule.title,
                "title_ja": rule.title_ja,
                "level": rule.level,
                "active": rule.active,
                "kind": rule.kind,
                "alerts": rule.alerts,
                "reason": rule.reason,
                "path": rule.path,
                "clauses": rule.clauses,
                "tags": rule.tags,
                "logsource": rule.logsource,
                "filters": [one.id for one in detector.filters if rule.id in one.rules],
            }
            for rule in shown
        ])  # fmt: skip
        return
    emit_table(
        [_("重大度"), _("状態"), _("ルール"), _("動かない理由"), _("ファイル")],
        [(rule.level.label, _state(rule), rule.title_ja, rule.reason, rule.path) for rule in shown],
    )


def load_rules(
    paths: tuple[Path, ...], site: Path | None, pipelines: tuple[Path, ...] = ()
) -> tuple[SigmaDetector, dict[str, str]]:
    """The detector of the named rules, else of the site's, else of the builtin ones; and their sample files by path.

    With a site, its placeholders and pipelines hold for named rules as well; ``pipelines`` come on top.
    """
    from secops.cli.hunt import cache_folder
    from secops.siem.detect import load_detector
    from secops.wiring.rules import BUILTIN, read_pipeline_files, read_rule_files

    missing = [str(path) for path in paths if not path.exists()]
    if missing:
        raise UsageError(_("ありません: {paths}").format(paths=", ".join(missing)))
    placeholders: dict[str, list[str]] = {}
    piped = read_pipeline_files(pipelines)
    if site:
        from secops.wiring import open_site

        with open_site(site) as opened:
            if not paths and not pipelines:
                return opened.detector, _samples(opened.rule_files())
            files = read_rule_files(paths) if paths else opened.rule_files()
            placeholders = opened.settings.rules.placeholders
            piped = [*opened.pipeline_files(), *piped]
    else:
        files = read_rule_files(paths or (BUILTIN,))
    logsources = (BUILTIN / "logsources.yml").read_text(encoding="utf-8")
    detector = load_detector(files, logsources, cache_folder(), placeholders=placeholders, pipelines=piped)
    return detector, _samples(files)


rules.add_command(filters)
rules.add_command(impact)
rules.add_command(import_)
rules.add_command(coverage)
rules.add_command(regress)


def _samples(files: list[tuple[str, str]]) -> dict[str, str]:
    from secops.siem.detect.samples import samples_path

    beside = {samples_path(path) for path, _text in files}
    return {path: Path(path).read_text(encoding="utf-8", errors="replace") for path in beside if Path(path).is_file()}


def _is_own(path: str) -> bool:
    from secops.wiring.rules import BUILTIN

    return Path(path).resolve().is_relative_to(BUILTIN.resolve())


def _report(problems: list[Problem], done: str, *, as_json: bool) -> None:
    if as_json:
        emit_json([{"where": problem.where, "what": problem.what} for problem in problems])
    else:
        for problem in problems:
            click.echo(str(problem))
        click.echo(done + " " + _("誤り: {count} 件").format(count=len(problems)), err=True)
    sys.exit(1 if problems else 0)
