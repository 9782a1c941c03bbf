"""``secops rules coverage``: which rules work, why the others do not, and what of ATT&CK that covers."""

from __future__ import annotations

import sys
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING

import click

from secops.cli.common import emit_json, emit_table, json_option, optional_site_option
from secops.errors import UsageError
from secops.locale import _

if TYPE_CHECKING:
    from collections.abc import Sequence

    from secops.siem.detect import SigmaDetector
    from secops.siem.detect.coverage import RuleCoverage
    from secops.wiring.coverage import Covered

SHOWN = 200  # rules in the table; --json has all of them


@click.command()
@click.argument("paths", nargs=-1, type=click.Path(path_type=Path))
@click.option("--since", default="30d", show_default=True, help="届いたログと検知を調べる期間の始まり")
@click.option(
    "--status",
    "wanted",
    type=click.Choice(["active", "no_source", "silent", "no_field", "unsupported", "broken", "disabled"]),
    default=None,
    help="この状態のルールだけを示す",
)
@click.option("--level", default="informational", show_default=True, help="この重大度以上だけを示す")
@click.option("--tag", default=None, help="このタグのルールだけを示す(attack.t1059 なら下位の手法も)")
@click.option(
    "--attack",
    type=click.Path(dir_okay=False, path_type=Path),
    help="ATT&CK の図を書き出すファイル(.svg、.html、.json は ATT&CK Navigator のレイヤー)",
)
@optional_site_option
@json_option
def coverage(
    paths: tuple[Path, ...],
    since: str,
    wanted: str | None,
    level: str,
    tag: str | None,
    attack: Path | None,
    site: Path | None,
    as_json: bool,
) -> None:
    """ルールごとに、働いているか、働かないならなぜかを示す。サイトがあれば届いているログと照らし合わせる。"""
    from secops.cli.rules import load_rules
    from secops.schema.dates import parse_moment
    from secops.schema.severity import Severity
    from secops.siem.detect.coverage import as_plain, counts
    from secops.wiring import open_site
    from secops.wiring.clock import now
    from secops.wiring.coverage import covered, of_detector

    if attack and attack.suffix not in {".svg", ".html", ".json"}:
        raise UsageError(_("--attack は .svg、.html、.json のどれかで終わる名前にしてください。"))
    try:
        moment, lowest = parse_moment(since, now()), Severity.parse(level)
    except (ValueError, OverflowError) as error:
        raise UsageError(f"--since / --level: {error}") from None
    if site and not paths:
        with open_site(site) as opened:
            detector, found = opened.detector, covered(opened, moment)
    else:
        detector, _samples = load_rules(paths, site)
        found = of_detector(detector, None, Counter())
    if attack:
        _write(attack, found)
    chosen = [
        one
        for one in found.rules
        if (wanted is None or one.status.value == wanted)
        and detector.rules[one.rule].level >= lowest
        and (tag is None or any(f"{have}.".startswith(f"{tag.lower()}.") for have in detector.rules[one.rule].tags))
    ]
    if as_json:
        numbers = {status.value: count for status, count in counts(found.rules).items()}
        emit_json({"counts": numbers, "rules": as_plain(detector, chosen)})
        return
    _show(detector, found.rules, chosen)


def _write(path: Path, found: Covered) -> None:
    from secops.report.attack_map import page, svg, title_of
    from secops.siem.detect.attack import navigator
    from secops.siem.detect.coverage import counts
    from secops.wiring.clock import now

    if path.suffix == ".json":
        import json

        path.write_text(json.dumps(navigator(found.attack, title_of(found.attack)), ensure_ascii=False, indent=1))
    elif path.suffix == ".svg":
        path.write_text(svg(found.attack), encoding="utf-8")
    else:
        labelled = [(label_of(status.value), count) for status, count in counts(found.rules).items() if count]
        path.write_text(page(found.attack, now(), labelled), encoding="utf-8")
    click.echo(_("{path} に書き出しました。").format(path=path), err=True)


def label_of(status: str) -> str:
    """The word for a status."""
    from secops.siem.detect.coverage import STATUS_LABELS, Status

    return _(STATUS_LABELS[Status(status)])


def _show(detector: SigmaDetector, every: Sequence[RuleCoverage], chosen: Sequence[RuleCoverage]) -> None:
    from secops.siem.detect.coverage import counts

    emit_table(
        [_("状態"), _("ルール")],
        [(label_of(status.value), f"{count:,}") for status, count in counts(every).items()],
        right=[1],
    )
    rows = [one for one in chosen if one.status.value != "active"]
    reasons = Counter((one.status.value, one.reason) for one in rows)
    if not sys.stdout.isatty() or len(rows) <= SHOWN:
        emit_table(
            [_("状態"), _("重大度"), _("ルール"), _("理由"), _("ファイル")],
            [
                (
                    label_of(one.status.value),
                    detector.rules[one.rule].level.label,
                    detector.rules[one.rule].title_ja,
                    one.reason,
                    detector.rules[one.rule].path,
                )
                for one in rows
            ],
        )
        return
    emit_table(
        [_("状態"), _("ルール"), _("理由")],
        [(label_of(status), f"{count:,}", reason) for (status, reason), count in reasons.most_common()],
        right=[1],
    )
    click.echo(_("1 件ずつ見るには --status か --level で絞るか、--json を使ってください。"))
