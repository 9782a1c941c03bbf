"""Reads ``reports.toml``: how the papers of the audit look and speak, and the ward's own words in them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from enum import StrEnum
from typing import Annotated, Literal

from pydantic import Field

from secops.isms.edge import Line, Strict, read_toml, whole


class PaperKind(StrEnum):
    """The papers that a round of the audit yields."""

    PLAN = "plan"
    NOTICE = "notice"
    FORM = "form"
    WORKPAPER = "workpaper"
    REPORT = "report"
    SUMMARY = "summary"
    BRIEFING = "briefing"
    IMPROVEMENT = "improvement"
    FOLLOWUP = "followup"


PAPER_LABELS = {
    PaperKind.PLAN: "監査計画書",
    PaperKind.NOTICE: "監査実施通知書",
    PaperKind.FORM: "自己点検票",
    PaperKind.WORKPAPER: "監査調書",
    PaperKind.REPORT: "監査報告書",
    PaperKind.SUMMARY: "公表用概要",
    PaperKind.BRIEFING: "講評資料",
    PaperKind.IMPROVEMENT: "改善計画書",
    PaperKind.FOLLOWUP: "フォローアップ報告書",
}
LETTERS = frozenset({PaperKind.NOTICE, PaperKind.IMPROVEMENT})  # always in です・ます
DISCLAIMER = "監査項目に対する達成状況の目安であり、安全性を保証するものではない"
DISCLAIMER_POLITE = "監査項目に対する達成状況の目安であり、安全性を保証するものではありません"


class Scheme(StrEnum):
    """How headings are numbered."""

    REPORT = "report"  # 第1 → 1 → (1) → ア → (ア)
    NUMBERS = "numbers"  # 1 → (1) → ① → ア → (ア)
    DASHES = "dashes"  # 1 → 1―1 → 1―1―1 → (1) → ア


@dataclass(frozen=True, slots=True)
class OpenData:
    """How the yearly summary is published: licence, publisher, the least count that is shown, BOM for Excel."""

    licence: str = "CC BY 4.0"
    licence_url: str = "https://creativecommons.org/licenses/by/4.0/deed.ja"
    publisher: str = ""
    contact: str = ""
    least_count: int = 3
    bom: bool = True


@dataclass(frozen=True, slots=True)
class PaperStyle:
    """How papers look and speak. ``titles`` are by kind, ``terms`` word → meaning (用語)."""

    scheme: Scheme = Scheme.REPORT
    polite: bool = False
    comma: str = "、"
    grades: bool = True
    serif: str = "ＭＳ 明朝"
    sans: str = "ＭＳ ゴシック"
    size: float = 10.5
    ciso: str = "最高情報セキュリティ責任者"
    lead: str = "情報セキュリティ監査統括責任者"
    committee: str = "情報セキュリティ委員会"
    auditors: str = "情報セキュリティ監査人"
    manager: str = "情報セキュリティ管理者"
    inspection: str = "自己点検"
    contact: str = ""
    publish: str = ""
    titles: Mapping[PaperKind, str] = field(default_factory=dict)
    standards: tuple[str, ...] = ()
    terms: Mapping[str, str] = field(default_factory=dict)
    opendata: OpenData = OpenData()

    def title(self, kind: PaperKind) -> str:
        """The title of a paper, in the ward's words where it has own ones."""
        label = PAPER_LABELS[kind]
        whole = label if label.startswith(("監査", "自己点検")) else f"監査{label}"
        return self.titles.get(kind) or f"情報セキュリティ{whole}"


_Font = Annotated[str, Field(min_length=1, max_length=60, pattern=r"^[^<>&\"']+$")]


class _Style(Strict):
    numbering: Literal["report", "numbers", "dashes"] = "report"
    speech: Literal["plain", "polite"] = "plain"
    comma: Literal["、", "，"] = "、"
    grades: bool = True
    body_font: _Font = "ＭＳ 明朝"
    heading_font: _Font = "ＭＳ ゴシック"
    size: Annotated[Decimal, Field(ge=9, le=14), whole] = Decimal("10.5")


class _Words(Strict):
    ciso: Line = "最高情報セキュリティ責任者"
    lead: Line = "情報セキュリティ監査統括責任者"
    committee: Line = "情報セキュリティ委員会"
    auditors: Line = "情報セキュリティ監査人"
    manager: Line = "情報セキュリティ管理者"
    inspection: Line = "自己点検"
    contact: str = ""
    publish: str = ""


class _OpenData(Strict):
    licence: Line = "CC BY 4.0"
    licence_url: str = "https://creativecommons.org/licenses/by/4.0/deed.ja"
    publisher: str = ""
    contact: str = ""
    least_count: Annotated[int, Field(ge=1, le=100)] = 3
    bom: bool = True


_Kind = Literal["plan", "notice", "form", "workpaper", "report", "summary", "briefing", "improvement", "followup"]


class _File(Strict):
    style: _Style = _Style()
    words: _Words = _Words()
    titles: dict[_Kind, Line] = Field(default_factory=dict)
    standards: list[Line] = Field(default_factory=list)
    terms: dict[Line, Line] = Field(default_factory=dict)
    opendata: _OpenData = _OpenData()


def read_style(path: str, text: str) -> PaperStyle:
    """The settings in a file's text; what it leaves out has its default.

    Raises:
        AuditError: with every mistake of the file.
    """
    read = read_toml(_File, path, text)
    style, words = read.style, read.words
    return PaperStyle(
        scheme=Scheme(style.numbering),
        polite=style.speech == "polite",
        comma=style.comma,
        grades=style.grades,
        serif=style.body_font,
        sans=style.heading_font,
        size=float(style.size),
        titles={PaperKind(kind): title for kind, title in read.titles.items()},
        standards=tuple(read.standards),
        terms=dict(read.terms),
        opendata=OpenData(**read.opendata.model_dump()),
        **words.model_dump(),
    )
