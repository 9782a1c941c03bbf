"""A ward's own audit items from a table (CSV or Excel), found by its headings, as files of the catalogue.

Only number, question and clause are needed. What a table does not say is filled in with what is usual and marked
``confirm`` (要確認), so that nobody takes it for what the ward decided. Every mistake is named with its cell.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

import yaml

from secops.errors import AuditError, Problem
from secops.isms.audit.findings_import import Row
from secops.isms.audit.model import ANSWERER_LABELS, METHOD_LABELS, Answerer, Method
from secops.isms.edge import CLAUSE, NAME
from secops.locale import _
from secops.schema.text import fold

HEADINGS: Mapping[str, Sequence[str]] = {
    "id": ("番号", "項目番号", "No.", "No"),
    "chapter": ("章", "章番号"),
    "chapter_title": ("章の題名", "章名", "分類"),
    "title": ("監査項目", "点検項目", "確認事項", "項目"),
    "clauses": ("条項", "ガイドライン"),
    "mandatory": ("必須", "必須項目"),
    "weight": ("重み",),
    "stage": ("段階",),
    "answers": ("回答者",),
    "look": ("見るもの", "着眼点"),
    "evidence": ("証拠の例", "確認資料", "証跡の例"),
    **{method.value: (label,) for method, label in METHOD_LABELS.items()},
}
_REQUIRED = ("id", "title", "clauses")
_YES = {"○", "〇", "◯", "必須", "有", "1", "yes", "true"}
_NO = {"", "-", "×", "任意", "無", "0", "no", "false"}
_ANSWERERS = {fold(label): one for one, label in ANSWERER_LABELS.items()} | {one.value: one for one in Answerer}


def catalogue_files(rows: Iterable[Row], where: str) -> dict[str, str]:
    """File name → text, one file for each chapter in the order of the table.

    Raises:
        AuditError: no head, or with every wrong cell.
    """
    wrong: list[Problem] = []
    chapters: dict[str, dict[str, Any]] = {}
    seen: dict[str, str] = {}
    columns: dict[str, int] | None = None
    for row in rows:
        if columns is None:
            columns = _head(row.cells)
            continue
        said = {name: row.cells[at].strip() if at < len(row.cells) else "" for name, at in columns.items()}
        if not any(said.values()):
            continue
        mistakes = list(_mistakes(row.where, said, seen))
        wrong += mistakes
        seen.setdefault(_id(said["id"]), row.where)
        if not mistakes:
            number = fold(said.get("chapter", "")) or _chapter(said["clauses"])
            title = said.get("chapter_title") or _("{n} 章").format(n=number)
            chapters.setdefault(number, {"chapter": number, "title": title, "items": []})["items"].append(_item(said))
    if columns is None:
        needed = "、".join(HEADINGS[name][0] for name in _REQUIRED)
        wrong.append(Problem(where, _("見出しの行がありません。{needed} の列が要ります。").format(needed=needed)))
    if not wrong and not chapters:
        wrong.append(Problem(where, _("監査項目がありません。")))
    if wrong:
        raise AuditError(wrong)
    return {
        f"{place:02}-{re.sub('[^a-z0-9]+', '-', number) or 'x'}.yml": yaml.safe_dump(
            chapter, allow_unicode=True, sort_keys=False, width=110
        )
        for place, (number, chapter) in enumerate(chapters.items(), 1)
    }


def _head(cells: Sequence[str]) -> dict[str, int] | None:
    heads = [fold(cell).strip() for cell in cells]
    found: dict[str, int] = {}
    for name, known in HEADINGS.items():
        at = next((heads.index(fold(one)) for one in known if fold(one) in heads), None)
        if at is not None and at not in found.values():
            found[name] = at
    return found if all(name in found for name in _REQUIRED) else None


def _mistakes(where: str, said: Mapping[str, str], seen: Mapping[str, str]) -> Iterator[Problem]:
    def at(name: str) -> str:
        return f"{where} {HEADINGS[name][0]}"

    for name in _REQUIRED:
        if not said[name]:
            yield Problem(at(name), _("空です。値を入れてください。"))
    if said["id"] and not NAME.fullmatch(_id(said["id"])):
        yield Problem(at("id"), _("「{found}」は番号として使えません。").format(found=said["id"]))
    elif said["id"] and _id(said["id"]) in seen:
        what = _("番号「{id}」は {where} にもあります。")
        yield Problem(at("id"), what.format(id=said["id"], where=seen[_id(said["id"])]))
    for one in _clauses(said["clauses"]):
        if not CLAUSE.fullmatch(one):
            what = _("「{found}」は条項の番号ではありません(例: mic-2025-03-6.1-6)。")
            yield Problem(at("clauses"), what.format(found=one))
    if fold(said.get("mandatory", "")) not in _YES | _NO:
        what = _("「{found}」は使えません。使えるもの: {known}")
        yield Problem(at("mandatory"), what.format(found=said["mandatory"], known="○ 必須 任意"))
    for name in ("weight", "stage"):
        if said.get(name) and fold(said[name]) not in {"1", "2", "3"}:
            what = _("「{found}」は使えません。使えるもの: {known}")
            yield Problem(at(name), what.format(found=said[name], known="1 2 3"))
    if said.get("answers") and fold(said["answers"]) not in _ANSWERERS:
        what = _("「{found}」は使えません。使えるもの: {known}")
        yield Problem(at("answers"), what.format(found=said["answers"], known=" ".join(ANSWERER_LABELS.values())))


def _id(text: str) -> str:
    """A number as an id: ``5.1-3`` → ``w5.1-3``."""
    made = re.sub(r"[^a-z0-9]*-[^a-z0-9]*", "-", re.sub(r"[^a-z0-9.]+", "-", fold(text)).strip("-."))
    return made if made[:1].isalpha() else f"w{made}"


def _clauses(text: str) -> list[str]:
    return list(dict.fromkeys(fold(text).replace(",", " ").replace("、", " ").split()))


def _chapter(clauses: str) -> str:
    """The chapter that the first clause lies in: ``mic-2025-03-6.1-6`` → ``6``."""
    found = re.match(r"[a-z0-9]+-\d{4}-\d\d-(\d+)", _clauses(clauses)[0])
    return found[1] if found else "1"


def _item(said: Mapping[str, str]) -> dict[str, Any]:
    check = {method.value: said[method.value] for method in Method if said.get(method.value)}
    evidence = [one.strip() for one in re.split(r"[、\n;]", said.get("evidence", "")) if one.strip()]
    guessed = not (check and evidence and said.get("look") and said.get("mandatory"))
    made: dict[str, Any] = {
        "id": _id(said["id"]),
        "title": " ".join(said["title"].split()),
        "mandatory": fold(said.get("mandatory", "")) in _YES,
        "clauses": _clauses(said["clauses"]),
        "look": " ".join(said.get("look", "").split()) or " ".join(said["title"].split()),
        "check": {name: " ".join(text.split()) for name, text in check.items()} or {"examine": "記録を読む"},
        "evidence": list(dict.fromkeys(evidence)) or ["記録"],
        "weight": int(fold(said.get("weight", "")) or 1),
        "answers": _ANSWERERS[fold(said["answers"])].value if said.get("answers") else "department",
        "stage": int(fold(said.get("stage", "")) or 1),
    }
    return {**made, "confirm": True} if guessed else made
