"""How a ward's 新旧対照表 looks: its sides, words and page; defaults here, changed in ``policies/comparison.toml``."""

from __future__ import annotations

from dataclasses import dataclass, fields, replace
from typing import Annotated, Any, Literal

from pydantic import Field

from secops.errors import AuditError, PolicyError
from secops.isms.edge import Line, Strict, read_toml

Heads = tuple[str, str]


@dataclass(frozen=True, slots=True)
class ComparisonStyle:
    """A ward's habit.

    ``new_side``: where the new text stands. ``draft`` and ``approved`` are the heads of the columns, the new text's
    first. ``markers``: ``new_word`` and ``removed_word`` stand where a clause has no other side, else nothing.
    ``omitted``: untouched neighbours are named. ``remarks``: a third column says what happened. ``lead``: the table
    itself amends, so it has a lead sentence and a note (新旧対照表方式); in both ``{new}`` and ``{old}`` are the heads.
    ``reason``: where the sheet of reasons goes. ``tables``: changed cells of tables have thick borders as well.
    """

    page: Literal["landscape", "portrait"] = "landscape"
    new_side: Literal["left", "right"] = "left"
    draft: Heads = ("改正案", "現行")
    approved: Heads = ("改正後", "改正前")
    markers: bool = True
    new_word: str = "（新設）"
    removed_word: str = "（削る）"
    omitted: bool = True
    omitted_word: str = "（略）"
    remarks: bool = False
    lead: bool = False
    lead_text: str = "次の表の{old}の欄に掲げる規定を同表の{new}の欄に掲げる規定に、下線で示すように改正する。"
    note_text: str = "備考　改正部分は、下線の部分である。"
    reason: Literal["before", "after"] = "before"
    tables: Literal["underline", "thick"] = "underline"
    commencement: str = "この{what}は、{day}から施行する。"
    font: str = "ＭＳ 明朝"
    heading_font: str = "ＭＳ ゴシック"
    size: float = 10.5


_Pair = Annotated[list[Line], Field(min_length=2, max_length=2)]


class _File(Strict):
    page: Literal["landscape", "portrait"] | None = None
    new_side: Literal["left", "right"] | None = None
    draft: _Pair | None = None
    approved: _Pair | None = None
    markers: bool | None = None
    new_word: Line | None = None
    removed_word: Line | None = None
    omitted: bool | None = None
    omitted_word: Line | None = None
    remarks: bool | None = None
    lead: bool | None = None
    lead_text: Line | None = None
    note_text: Line | None = None
    reason: Literal["before", "after"] | None = None
    tables: Literal["underline", "thick"] | None = None
    commencement: Line | None = None
    font: Line | None = None
    heading_font: Line | None = None
    size: Annotated[float, Field(ge=6, le=24)] | None = None


def read_style(path: str, text: str) -> ComparisonStyle:
    """The style a TOML file asks for; what it does not name is as usual.

    Raises:
        PolicyError: with every mistake of the file.
    """
    try:
        told = read_toml(_File, path, text)
    except AuditError as error:
        raise PolicyError(error.problems) from None
    values = {one.name: getattr(told, one.name) for one in fields(ComparisonStyle)}
    given: dict[str, Any] = {
        name: tuple(value) if isinstance(value, list) else value for name, value in values.items() if value is not None
    }
    return replace(ComparisonStyle(), **given)
