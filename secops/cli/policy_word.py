"""``secops policy import`` and ``export``: documents of the ward from and to Word, and to OSCAL."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from secops.cli.common import emit_json, emit_table, json_option, optional_site_option
from secops.locale import _

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from secops.isms.clauses.model import Document
    from secops.isms.clauses.word_model import Remark
    from secops.isms.clauses.word_review import Doubt, Match, Reading

_SHOWN = 40  # lines of a list before it is cut, with the number of those left out
_WIDE = 60  # characters of a text in a table
_KINDS = ("basic_policy", "control_standard", "procedure", "plan", "register", "other")


def register(group: click.Group) -> None:
    """Add the commands."""
    group.add_command(import_)
    group.add_command(export)


@click.command("import")
@click.argument("file", type=click.Path(path_type=Path))
@click.option("--id", "id", help="文書の番号(小文字の英数字、例: taisaku)。--into があれば、その文書のもの")
@click.option("--title", default="", help="文書の題名(省略すると Word ファイルの題名)")
@click.option("--kind", type=click.Choice(_KINDS), default="control_standard", show_default=True, help="文書の種類")
@click.option(
    "--into",
    type=click.Path(path_type=Path),
    help="すでにある文書(Markdown)。条項の番号(ID)、ガイドラインとの対応、所管、次回見直しを引き継ぐ",
)
@click.option("-o", "out", type=click.Path(path_type=Path), help="Markdown を書くファイル(省略すると点検だけ)")
@click.option("--force", is_flag=True, help="-o のファイルがあれば置き換える")
@click.option("--all", "everything", is_flag=True, help="一覧を途中で切らずに、すべて示す")
@json_option
def import_(
    file: Path,
    id: str | None,
    title: str,
    kind: str,
    into: Path | None,
    out: Path | None,
    force: bool,
    everything: bool,
    as_json: bool,
) -> None:
    """Word ファイル(.docx)の規程を読み、章・節・条・項・号の木にする。読み取れたことと、人の確認が要る箇所を示す。"""
    from secops.errors import UsageError
    from secops.isms.clauses.markdown import write_document
    from secops.isms.clauses.model import DocumentKind
    from secops.isms.clauses.word_in import import_word
    from secops.wiring.word import open_document, open_word

    existing = open_document(into) if into else None
    name = id or (existing.id if existing else "")
    if existing is not None and name != existing.id:
        what = _("--id「{id}」は、--into の文書の番号「{known}」と違います。--id を省いてください。")
        raise UsageError(what.format(id=name, known=existing.id))
    _check_id(name)
    if out is not None and out.exists() and not force:
        raise UsageError(_("{path} はすでにあります。置き換えるときは --force を付けてください。").format(path=out))
    reading = import_word(open_word(file), id=name, title=title, kind=DocumentKind(kind), into=existing, path=str(file))
    if out is not None:
        out.write_text(write_document(reading.document), encoding="utf-8", newline="\n")
    if as_json:
        emit_json(_said(reading, out))
    else:
        _show(reading, None if everything else _SHOWN)
        if out is not None:
            click.echo(_("{path} に書きました。").format(path=out))
    raise SystemExit(1 if reading.doubts else 0)


def _check_id(name: str) -> None:
    from secops.errors import UsageError
    from secops.isms.clauses.head import check_id

    if not name:
        raise UsageError(_("文書の番号を --id で指定してください(例: --id taisaku)。"))
    try:
        check_id(name)
    except ValueError as error:
        raise UsageError(_("番号「{id}」は使えません: {why}").format(id=name, why=error)) from None


def _said(reading: Reading, out: Path | None) -> dict[str, Any]:
    document = reading.document
    return {
        "id": document.id,
        "title": document.title,
        "numbering": document.numbering,
        "counts": reading.counts,
        "clauses": [
            {
                "id": one.id,
                "number": document.number(one.id),
                "paragraph": reading.places.get(one.id),
                "depth": one.depth,
                "label": one.label,
                "title": one.title,
                "text": one.text,
            }
            for one in document.clauses
        ],
        "history": document.history,
        "preamble": document.preamble,
        "doubts": reading.doubts,
        "kept": [_kept_said(one) for one in reading.kept],
        "matches": reading.matches,
        "written": None if out is None else str(out),
    }


def _kept_said(one: Remark | Doubt) -> dict[str, Any]:
    from secops.isms.clauses.word_model import Remark

    if isinstance(one, Remark):
        return {"number": one.number, "kind": one.kind.value, "text": one.text}
    return {"number": one.number, "kind": "continued", "text": one.text, "why": one.why}


def _show(reading: Reading, limit: int | None) -> None:
    """The review, for a person."""
    from secops.isms.clauses.model import NUMBERING_LABELS

    document = reading.document
    click.echo(f"{document.title} ({document.id})")
    counts = "、".join(f"{label} {count}" for label, count in reading.counts.items())
    style = _(NUMBERING_LABELS[document.numbering])
    click.echo(
        _("番号の付け方: {style}。条項 {count} 件({counts})").format(
            style=style, count=len(document.clauses), counts=counts
        )
    )
    if document.history:
        days = "、".join(f"{one.day} {one.what}" for one in document.history)
        click.echo(_("沿革: {days}").format(days=days))
    click.echo("")
    _show_tree(reading, limit)
    _show_matches(reading.matches, limit)
    _table(
        _("確認が必要な箇所"),
        [_("段落"), _("内容"), _("扱い")],
        [(one.number or "", _cut(one.text), one.why) for one in reading.doubts],
        limit,
    )
    _table(
        _("条項とせずに残したもの・読まなかったもの"),
        [_("段落"), _("種類"), _("内容")],
        [
            (said["number"] or "", _kind_of(one), _cut(str(said["text"])))
            for one in reading.kept
            if (said := _kept_said(one))
        ],
        limit,
    )
    if not reading.doubts:
        click.echo(_("確認が必要な箇所はありません。"))


def _kind_of(one: Remark | Doubt) -> str:
    from secops.isms.clauses.word_model import BESIDE_LABELS, Remark

    return _(BESIDE_LABELS[one.kind]) if isinstance(one, Remark) else one.why


def _show_tree(reading: Reading, limit: int | None) -> None:
    document = reading.document
    lines = [
        f"{'  ' * (one.depth - 1)}{one.label} {one.title or _first_line(one.text)}".rstrip()
        for one in document.clauses
        if one.depth <= 2 or one.title
    ]
    for line in lines[:limit]:
        click.echo(line)
    _left_out(lines, limit)
    click.echo("")


def _show_matches(matches: Sequence[Match], limit: int | None) -> None:
    from secops.isms.clauses.word_review import HOW_LABELS, How

    if not matches:
        return
    counts = Counter(one.how for one in matches)
    said = "、".join(f"{_(HOW_LABELS[how])} {counts[how]}" for how in How if counts[how])
    click.echo(_("今の文書との対応: {said}").format(said=said))
    _table(
        "",
        [_("ID"), _("前"), _("後"), _("見出し"), _("照合"), _("類似度")],
        [
            (one.id, one.old, one.new, _cut(one.title), _(HOW_LABELS[one.how]), one.score or "")
            for one in matches
            if one.how is not How.SAME
        ],
        limit,
    )


def _table(title: str, heads: Sequence[str], rows: Sequence[Sequence[object]], limit: int | None) -> None:
    if not rows:
        return
    if title:
        click.echo(f"{title}: {len(rows)}")
    emit_table(heads, rows[:limit])
    _left_out(rows, limit)
    click.echo("")


def _left_out(rows: Sequence[object], limit: int | None) -> None:
    if limit is not None and len(rows) > limit:
        click.echo(_("ほか {count} 件(すべて見るときは --all)").format(count=len(rows) - limit))


def _first_line(text: str) -> str:
    return _cut(text.partition("\n")[0])


def _cut(text: str) -> str:
    text = " ".join(text.split())
    return text if len(text) <= _WIDE else text[:_WIDE] + "…"


@click.command()
@click.argument("name", metavar="DOC")
@optional_site_option
@click.option("-o", "out", type=click.Path(path_type=Path), help="書き出すファイル(Word では必須)")
@click.option(
    "--oscal",
    type=click.Choice(["catalog", "profile", "mapping"]),
    help="OSCAL(JSON)で書き出す: 条項の一覧、適用中の条項、ガイドラインとの対応",
)
@click.option(
    "--version", "number", type=click.IntRange(min=1), help="この版(省略時は施行中の版。なければ改正案か文書)"
)
@click.option("--draft", "drafted", is_flag=True, help="改正案(なければ最新の版か文書)")
def export(
    name: str, site: Path | None, out: Path | None, oscal: str | None, number: int | None, drafted: bool
) -> None:
    """文書を、規程の体裁の Word ファイル(.docx)または OSCAL で書き出す。

    DOC は文書の番号(taisaku など)か Markdown ファイル。
    --oscal catalog では、ガイドラインの版(mic-2025-03 など)も書き出せる。
    """
    from secops.errors import UsageError
    from secops.report.policy_docx import write_policy_docx

    if number is not None and drafted:
        raise UsageError(_("--version と --draft は、どちらか一つにしてください。"))
    if oscal is not None:
        _export_oscal(name, site, out, oscal, lambda: _chosen(name, site, number, drafted=drafted))
        return
    if out is None or out.suffix.lower() != ".docx":
        raise UsageError(_("書き出す Word ファイルを -o 文書.docx のように指定してください。"))
    document = _chosen(name, site, number, drafted=drafted)
    out.write_bytes(write_policy_docx(document))
    click.echo(_("{title} を {path} に書きました。").format(title=document.title, path=out))


def _chosen(name: str, site: Path | None, number: int | None, *, drafted: bool) -> Document:
    from secops.cli.policy_documents import chosen_document
    from secops.wiring.word import open_document

    if name.endswith(".md"):
        return open_document(Path(name))
    return chosen_document(name, site, number, drafted=drafted)


def _export_oscal(name: str, site: Path | None, out: Path | None, form: str, chosen: Callable[[], Document]) -> None:
    from secops.errors import NotFoundError
    from secops.report import oscal
    from secops.wiring.clock import now
    from secops.wiring.guidelines import open_editions

    editions = open_editions(site).by_id
    lost: list[tuple[str, str]] = []
    if form == "catalog" and name in editions:
        said = oscal.edition_catalog(editions[name], now())
    elif form == "catalog":
        said = oscal.document_catalog(chosen(), now())
    elif form == "profile":
        said = oscal.document_profile(chosen(), now())
    else:
        document = chosen()
        said = oscal.document_mapping(document, editions, now())
        lost = oscal.unmappable(document, editions)
        if not said["mapping-collection"]["mappings"]:
            what = _("「{name}」には、ガイドラインの条項への対応付けがありません。書き出すものがありません。")
            raise NotFoundError(what.format(name=name))
    if out is None:
        emit_json(said)
    else:
        out.write_text(json.dumps(said, ensure_ascii=False, indent=2) + "\n", encoding="utf-8", newline="\n")
        click.echo(_("{path} に書きました。").format(path=out), err=True)
    for clause, link in lost:
        text = _("{clause}: 対応先の {link} はどの版にもないため、含めていません。")
        click.echo(text.format(clause=clause, link=link), err=True)
    if lost:
        raise SystemExit(1)
