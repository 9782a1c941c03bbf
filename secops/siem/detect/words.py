"""What pySigma says of a rule, which it says in English, in the reader's words."""

from __future__ import annotations

import re

from secops.locale import _

_LEVELS = "informational, low, medium, high, critical"
_STATES = "stable, test, experimental, deprecated, unsupported"
_CHOICE = re.compile(r"'(?P<found>.*)' is not a valid Sigma rule (?P<key>level|status)")
_DATE = re.compile(r"Rule (?P<key>date|modified) '(?P<found>.*)' is invalid")
_KIND = re.compile(r"Sigma (?:rule )?(?P<key>\w+)(?: fields)? must be a (?P<kind>list|string)")

_MISSING = re.compile(r"Sigma rule must have a (?P<what>title|log ?source|detection definitions)")
_KEYS = {"title": "title", "log": "logsource", "detection": "detection"}


def words(error: Exception) -> str:
    """What an error says, on one line."""
    text = " ".join(str(error).split()) or type(error).__name__
    if found := _CHOICE.fullmatch(text):
        known = _LEVELS if found["key"] == "level" else _STATES
        said = _("{key} の「{found}」は使えません(使えるもの: {known})。")
        return said.format(key=found["key"], found=found["found"], known=known)
    if found := _DATE.match(text):
        said = _("{key} の「{found}」は日付ではありません。2026-11-23 のように書いてください。")
        return said.format(key=found["key"], found=found["found"])
    if found := _KIND.fullmatch(text):
        said = _("{key} は一覧で書いてください。") if found["kind"] == "list" else _("{key} は文字列で書いてください。")
        return said.format(key=found["key"])
    if text == "Sigma rule identifier must be an UUID":
        return _("id は UUID で書いてください(例: 6d2f5d0e-9b1c-4b54-8a61-2f3a9d1c7e55)。")
    if text == "Sigma log source can't be empty":
        return _("logsource に product・category・service のどれかを書いてください。")
    if found := _MISSING.fullmatch(text):
        key = next(key for word, key in _KEYS.items() if word in found["what"].lower())
        return _("{key} がありません。書いてください。").format(key=key)
    return _("書き方に誤りがあります(元の説明: {original})").format(original=text) if text.isascii() else text
