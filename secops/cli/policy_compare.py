"""``secops policy diff``: two versions of a document, on the screen and as 新旧対照表."""

from __future__ import annotations

import sys
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from secops.cli.common import emit_json, json_option, optional_site_option
from secops.locale import _

if TYPE_CHECKING:
    from secops.isms.policy.comparison import Comparison, Row, Side
    from secops.isms.policy.marks import Marked
    from secops.report.comparison import Sheet
    from secops.wiring.comparison import Text

SUFFIXES = (".docx", ".html")


def register(group: click.Group) -> None:
    """Add the command."""
    group.add_command(diff)


@click.command()
@click.argument("old")
@click.argument("new")
@optional_site_option
@click.option(
    "-o", "--output", type=click.Path(dir_okay=False, path_type=Path), help="新旧対照表の書き出し先(.docx か .html)"
)
@click.option("--approved", is_flag=True, help="見出しを改正後・改正前にする(公布済みの版では自動)")
@click.option("--effective", type=click.DateTime(["%Y-%m-%d"]), help="施行日(公布済みの版では、その版の施行日)")
@click.option("--reason", "reason_file", type=click.Path(path_type=Path), help="改正理由のテキスト(UTF-8)")
@json_option
def diff(
    old: str,
    new: str,
    site: Path | None,
    output: Path | None,
    approved: bool,
    effective: datetime | None,
    reason_file: Path | None,
    as_json: bool,
) -> None:
    """二つの文書を条ごとに比べる。OLD と NEW は .md のファイルか、版(taisaku@3、taisaku@draft、taisaku)。"""
    from secops.isms.policy.comparison import compare
    from secops.report.comparison import Sheet
    from secops.wiring.comparison import open_texts

    before, after = open_texts((old, new), site)
    compared = compare(before.document, after.document)
    _warn(before, after)
    decision = after.version.decision if after.version else None
    day = effective.date() if effective else decision.effective_on if decision else None
    reason = _reason(reason_file) if reason_file else decision.reason if decision else ""
    sheet = Sheet(compared, approved=approved or after.version is not None, effective=day, reason=reason)
    if output is not None:
        _write(sheet, output, site)
    if as_json:
        emit_json(_said(compared))
    elif output is None:
        _show(compared)
    else:
        text = _("{path} に書き出しました(変わった条項 {count} 件)。")
        click.echo(text.format(path=output, count=len(compared.touched)))


def _warn(before: Text, after: Text) -> None:
    """Two documents that share no ids cannot be compared clause by clause: say so, or all looks new."""
    one, other = before.document, after.document
    shared = len(one.by_id.keys() & other.by_id.keys())
    if shared * 2 < min(len(one.clauses), len(other.clauses)):
        text = _(
            "注意: 条文の id が {shared} 件しか一致しません。同じ文書の二つの版でないと、条ごとには比べられません。"
        )
        click.echo(text.format(shared=shared), err=True)


def _reason(path: Path) -> str:
    from secops.errors import NotFoundError, UsageError

    if not path.is_file():
        raise NotFoundError(_("ファイルがありません: {paths}").format(paths=path))
    try:
        return path.read_bytes().decode("utf-8-sig")
    except UnicodeDecodeError:
        raise UsageError(
            _("{path} は UTF-8 ではありません。UTF-8 で保存し直してください。").format(path=path)
        ) from None


def _write(sheet: Sheet, output: Path, site: Path | None) -> None:
    from secops.errors import UsageError
    from secops.wiring.comparison import open_style

    style = open_style(site)
    if output.suffix == ".docx":
        from secops.report.comparison_docx import write_docx

        output.write_bytes(write_docx(sheet, style))
    elif output.suffix == ".html":
        from secops.report.comparison_html import write_html

        output.write_text(write_html(sheet, style), encoding="utf-8")
    else:
        what = _("書き出せる形式は {known} です(指定: {found})。")
        raise UsageError(what.format(known=", ".join(SUFFIXES), found=output.name))


def _said(compared: Comparison) -> dict[str, Any]:
    return {
        "old": {"id": compared.old.id, "title": compared.old.title, "digest": compared.old.digest},
        "new": {"id": compared.new.id, "title": compared.new.title, "digest": compared.new.digest},
        "counts": {kind.value: count for kind, count in compared.counts.items()},
        "clauses": [
            {"clause": one.id, "kinds": [kind.value for kind in one.kinds], "old": one.old, "new": one.new}
            for one in compared.touched
        ],
    }


def _show(compared: Comparison) -> None:
    from secops.isms.policy.comparison import KIND_LABELS

    if not compared.touched:
        click.echo(_("二つの文書の本文に違いはありません。"))
        return
    for row in compared.touched:
        side = row.new or row.old
        assert side is not None
        kinds = "、".join(_(KIND_LABELS[kind]) for kind in row.kinds)
        click.secho(f"■ {_heading(row, side)} [{kinds}]", bold=True)
        for mark, one in (("-", row.old), ("+", row.new)):
            if one is not None:
                _side(row, mark, one)
    counts = [f"{_(KIND_LABELS[kind])} {count}" for kind, count in compared.counts.items() if count]
    click.echo(_("変わった条項 {count} 件: {counts}").format(count=len(compared.touched), counts="、".join(counts)))


def _heading(row: Row, side: Side) -> str:
    from secops.isms.policy.comparison import PREAMBLE, TITLE
    from secops.isms.policy.marks import plain

    if row.id in {TITLE, PREAMBLE}:
        return _("題名") if row.id == TITLE else _("前文")
    return " ".join(filter(None, [side.number, plain(side.title)]))


def _side(row: Row, mark: str, side: Side) -> None:
    parts = [("label", side.label), ("title", side.title), ("text", side.text if row.shows_text else ())]
    line = " ".join(filter(None, (_marked(one) for _name, one in parts)))
    for text in line.split("\n"):
        click.echo(f"  {mark} {text}")


def _marked(parts: Marked) -> str:
    """Changed strings underlined on a terminal, in 〔〕 elsewhere."""
    terminal = sys.stdout.isatty()
    return "".join(
        one.text
        if not one.changed
        else "\n".join(click.style(text, underline=True) if text else "" for text in one.text.split("\n"))
        if terminal
        else f"〔{one.text}〕"
        for one in parts
    )
