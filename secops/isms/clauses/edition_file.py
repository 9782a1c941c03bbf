"""Writes an edition as the YAML that `editions` reads."""

from __future__ import annotations

from typing import Any

import yaml

from secops.isms.clauses.model import Change, Edition, GuidelineClause

OWN_WORDS = (
    "# 総務省のガイドラインの公式の文ではありません。番号と題名に、本プログラムの言葉で書いた要約を付けたものです。\n"
    "# confirm: true(要確認)は一般的な知識から書いたもので、原典と照らし合わせてから使ってください。\n"
    "# Not the official text: numbers and titles, with summaries in our own words.\n"
)
IMPORTED = (
    "# 区が持つ公式の文から取り込んだものです。著作権は総務省にあります。外に出すときは確かめてください。\n"
    "# Imported from an official text that the ward has.\n"
)


class _Flow(list[str]):
    """A list that is written on one line."""


class _Dumper(yaml.SafeDumper):
    """Puts lists of ids on one line and long texts in blocks."""

    def increase_indent(self, flow: bool = False, indentless: bool = False) -> None:
        """Indent lists below their key."""
        super().increase_indent(flow, False)


def _flow(dumper: yaml.SafeDumper, value: _Flow) -> yaml.Node:
    return dumper.represent_sequence("tag:yaml.org,2002:seq", value, flow_style=True)


def _text(dumper: yaml.SafeDumper, value: str) -> yaml.Node:
    style = "|" if "\n" in value else None
    return dumper.represent_scalar("tag:yaml.org,2002:str", value, style=style)


_Dumper.add_representer(_Flow, _flow)
_Dumper.add_representer(str, _text)


def write_edition(edition: Edition) -> str:
    """The file of an edition; reading it again gives the same edition."""
    head: dict[str, Any] = {"id": edition.id, "title": edition.title, "published": edition.published}
    if edition.previous:
        head["previous"] = edition.previous
    if edition.official:
        head["official"] = True
    if edition.preamble:
        head["preamble"] = edition.preamble
    head["clauses"] = [_clause(one) for one in edition.clauses]
    if edition.withdrawn:
        head["withdrawn"] = [{"id": one, "reason": reason} for one, reason in edition.withdrawn.items()]
    if edition.sources:
        head["sources"] = [
            {"title": one.title, "url": one.url, "read": one.read, "shows": one.shows} for one in edition.sources
        ]
    body = yaml.dump(head, Dumper=_Dumper, allow_unicode=True, sort_keys=False, width=10_000)
    return (IMPORTED if edition.official else OWN_WORDS) + body


def _clause(one: GuidelineClause) -> dict[str, Any]:
    said: dict[str, Any] = {"id": one.id, "number": one.number, "title": one.title}
    if one.summary:
        said["summary"] = one.summary
    if one.previous:
        said["previous"] = _Flow(one.previous)
    if one.change is not Change.SAME:
        said["change"] = one.change.value
    if one.note:
        said["note"] = one.note
    if one.confirm:
        said["confirm"] = True
    return said
