"""The yearly summary as open data: what is published, what its columns mean, what is withheld and why. Pure.

Nothing in it is of a department or a system, and nothing says where a gap is still open. A small count is withheld, and
with it every sum from which it could be worked out.
"""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date

from secops.isms.audit.figures import figures
from secops.isms.audit.model import VERDICT_MARKS, Verdict
from secops.isms.audit.paper_style import DISCLAIMER, OpenData
from secops.isms.audit.round import CONDUCT_LABELS, FINDING_LABELS, Book, FindingKind

HIDDEN = "秘匿"
Row = tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Column:
    """A column of a published table: its name, its kind, what it means."""

    name: str
    kind: str
    meaning: str


@dataclass(frozen=True, slots=True)
class Dataset:
    """A table to be published."""

    name: str
    title: str
    columns: tuple[Column, ...]
    rows: tuple[Row, ...]


@dataclass(frozen=True, slots=True)
class Withheld:
    """What is not published, and why."""

    what: str
    why: str


_SUMMARY = (
    Column("年度", "数値", "対象の年度(西暦)"),
    Column("分類", "文字列", "指標の分類"),
    Column("指標", "文字列", "指標の名前"),
    Column("値", "数値", "値。秘匿した場合は空"),
    Column("単位", "文字列", "値の単位"),
    Column("注記", "文字列", "秘匿した場合は「秘匿」"),
)
_YEARS = (
    Column("年度", "数値", "対象の年度(西暦)"),
    Column("達成率", "数値", f"全体の達成率(%)。{DISCLAIMER}。"),
    Column("網羅率", "数値", "対象となる監査項目のうち監査人が判定した割合(重み付き、%)"),
)
_CHECKED = (Verdict.MET, Verdict.PARTIAL, Verdict.NOT_MET, Verdict.NOT_APPLICABLE, Verdict.NOT_VERIFIED)
ALWAYS = (
    Withheld("部署ごとの結果", "未是正の課題がある部署が分かり、攻撃の手掛かりになるため。"),
    Withheld("情報システムごとの結果とシステムの名称・構成", "攻撃の手掛かりになるため。"),
    Withheld("章・監査項目ごとの達成率", "対策の弱い分野が分かり、攻撃の手掛かりになるため。"),
    Withheld("指摘事項の内容、証拠及び改善の状況の詳細", "未是正の課題が分かり、攻撃の手掛かりになるため。"),
    Withheld("未是正の重大な不適合の有無", "攻撃の手掛かりになるため。"),
    Withheld("監査人及び担当者の氏名", "個人情報であるため。"),
)


@dataclass(frozen=True)
class Publication:
    """Everything that is published of a year."""

    year: int
    title: str
    datasets: tuple[Dataset, ...]
    withheld: tuple[Withheld, ...]
    metadata: Mapping[str, object]
    bom: bool

    def files(self) -> dict[str, bytes]:
        """File name → content."""
        made = {one.name: self._csv([column.name for column in one.columns], one.rows) for one in self.datasets}
        made["withheld.csv"] = self._csv(["公表しないもの", "理由"], [(one.what, one.why) for one in self.withheld])
        made["catalogue.csv"] = self._csv(["項目", "内容"], _flat(self.metadata))
        made["catalogue.json"] = (json.dumps(self.metadata, ensure_ascii=False, indent=2) + "\n").encode()
        return made

    def _csv(self, head: Sequence[str], rows: Iterable[Row]) -> bytes:
        stream = io.StringIO()
        writer = csv.writer(stream, lineterminator="\r\n")
        writer.writerow(head)
        writer.writerows([_neutral(cell) for cell in row] for row in rows)
        return stream.getvalue().encode("utf-8-sig" if self.bom else "utf-8")


def _neutral(cell: str) -> str:
    """A cell that no spreadsheet takes for a formula; a negative number stays one."""
    if cell[:1] in {"=", "+", "@", "\t", "\r"} or (cell[:1] == "-" and not cell[1:2].isdigit()):
        return "'" + cell
    return cell


def publish(book: Book, settings: OpenData, made_on: date) -> Publication:
    """What is published of a round."""
    numbers = figures(book)
    rows, hidden = _summary(book, numbers, settings.least_count)
    title = f"{book.ward} 情報セキュリティ監査の結果の概要"
    summary = Dataset(f"audit-summary-{book.year}.csv", f"{title}({book.year}年度)", _SUMMARY, tuple(rows))
    years = Dataset("audit-years.csv", f"{title}(年度ごとの推移)", _YEARS, tuple(_years(book, numbers)))
    withheld = (*ALWAYS, *hidden)
    datasets = (summary, years)
    metadata = _metadata(book, settings, made_on, title, datasets, withheld)
    return Publication(book.year, title, datasets, withheld, metadata, settings.bom)


def _summary(book: Book, numbers: Mapping[str, str], least: int) -> tuple[list[Row], list[Withheld]]:
    year = str(book.year)
    plan = book.plan
    rows: list[Row] = [(year, "監査の概要", "監査の区分", CONDUCT_LABELS[plan.conduct], "", "")]
    for label, moment in (("開始日", plan.begins), ("終了日", plan.ends)):
        rows.append((year, "監査の概要", label, moment.isoformat() if moment else "", "日付", ""))
    for key, label, unit in (
        ("departments", "対象部署数", "部署"),
        ("systems", "対象システム数", "システム"),
        ("items", "監査項目数", "件"),
        ("sheets.asked", "自己点検の対象", "件"),
        ("sheets.confirmed", "自己点検の確認済み", "件"),
    ):
        rows.append((year, "監査の概要", label, numbers[key], unit, ""))
    rows.append((year, "結果", "達成率", _rate(numbers["achievement"]), "%", DISCLAIMER))
    rows.append((year, "結果", "網羅率", _rate(numbers["coverage"]), "%", ""))
    verdicts = [(f"判定 {VERDICT_MARKS[one]}", int(numbers[f"verdict.{one.value}"])) for one in _CHECKED]
    kinds = [(FINDING_LABELS[one], int(numbers[f"findings.{one.value}"])) for one in FindingKind]
    hidden: list[Withheld] = []
    for group, parts, total in (
        ("監査項目の判定", verdicts, ("判定の合計", int(numbers["verdict.total"]))),
        ("指摘事項等", kinds, ("指摘事項等の合計", sum(count for _label, count in kinds))),
    ):
        small = [label for label, count in parts if 0 < count < least]
        for label, count in [*parts, total]:
            secret = label in small or (bool(small) and label == total[0])
            rows.append((year, group, label, "" if secret else str(count), "件", HIDDEN if secret else ""))
        if small:
            why = f"{least}件未満の件数であるため(合計も、差から分かるため秘匿)。"
            hidden.append(Withheld(f"{group}のうち {'、'.join([*small, total[0]])}", why))
    return rows, hidden


def _years(book: Book, numbers: Mapping[str, str]) -> Iterable[Row]:
    past = sorted((one for one in book.history if not one.department), key=lambda one: one.year)
    for one in past:
        yield str(one.year), _shown(one.achievement), _shown(one.coverage)
    yield str(book.year), _rate(numbers["achievement"]), _rate(numbers["coverage"])


def _shown(value: float | None) -> str:
    return "" if value is None else f"{value:.1f}"


def _rate(text: str) -> str:
    return text if text[:1].isdigit() else ""


def _metadata(
    book: Book,
    settings: OpenData,
    made_on: date,
    title: str,
    datasets: Sequence[Dataset],
    withheld: Sequence[Withheld],
) -> dict[str, object]:
    """What a catalogue of open data asks of a data set."""
    return {
        "title": title,
        "description": "情報セキュリティ監査の結果を、年度ごとにまとめたもの。部署・システムごとの結果は含まない。",
        "publisher": settings.publisher or book.ward,
        "contact": settings.contact,
        "licence": settings.licence,
        "licence_url": settings.licence_url,
        "period": {"from": f"{book.year}-04-01", "to": f"{book.year + 1}-03-31"},
        "frequency": "年1回",
        "language": "ja",
        "issued": made_on.isoformat(),
        "note": DISCLAIMER,
        "files": [
            {
                "name": one.name,
                "title": one.title,
                "format": "CSV",
                "encoding": "UTF-8(BOM付き)" if settings.bom else "UTF-8",
                "rows": len(one.rows),
                "columns": [{"name": col.name, "type": col.kind, "meaning": col.meaning} for col in one.columns],
            }
            for one in datasets
        ],
        "withheld": [{"what": one.what, "why": one.why} for one in withheld],
    }


def _flat(value: object, name: str = "") -> list[Row]:
    """Metadata as two columns: ``files[1].columns[2].name`` and what it says."""
    if isinstance(value, Mapping):
        return [row for key, part in value.items() for row in _flat(part, f"{name}.{key}".lstrip("."))]
    if isinstance(value, list):
        return [row for at, part in enumerate(value, 1) for row in _flat(part, f"{name}[{at}]")]
    return [(name, str(value))]
