"""A ward's own Word template, filled in: Jinja in a jail that has values and nothing else.

A template sees plain texts, numbers, lists and maps (`context`), never an object of the program. There are no globals,
no calls, no attributes but keys of the maps and the counters of a loop; what a template tries beyond that is refused
with its place. An unknown name is an error, never an empty space on an official paper.
"""

from __future__ import annotations

import io
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from docxtpl import DocxTemplate
from jinja2 import StrictUndefined, TemplateError
from jinja2.exceptions import SecurityError, TemplateSyntaxError, UndefinedError
from jinja2.runtime import LoopContext, Undefined
from jinja2.sandbox import ImmutableSandboxedEnvironment

from secops.errors import AuditError, Problem
from secops.isms.audit.draft import Line
from secops.isms.audit.paper_style import DISCLAIMER, DISCLAIMER_POLITE
from secops.isms.audit.round import ACTION_STATES, CONDUCT_LABELS, FINDING_LABELS, FINDING_STATES, Finding
from secops.locale import _
from secops.report.papers import word_parts as parts
from secops.report.papers.desk import Desk, day, wide
from secops.report.papers.model import Paper
from secops.report.papers.read_word import read_word
from secops.report.text import plain as unseen
from secops.schema.dates import wareki

_FILTERS = (
    "default",
    "d",
    "join",
    "length",
    "count",
    "replace",
    "trim",
    "round",
    "int",
    "first",
    "last",
    "sort",
    "list",
)
_TESTS = ("defined", "undefined", "none", "string", "number", "even", "odd", "equalto", "eq", "in", "ne", "==", "!=")
_TAG = re.compile(r"\{[{%].*?[%}]\}", re.DOTALL)
_READS = re.compile(r"\{%[a-z]*\s*-?\s*(include|import|extends|from)\b")
_NAME = re.compile(r"'([^']+)'")


def _printable(value: Any) -> Any:
    """Only texts and numbers stand on paper; a whole list is a mistake."""
    if isinstance(value, list | dict):
        raise TemplateError(_("一覧はそのまま印字できません。for で繰り返し、項目を選んでください。"))
    return value


class _Jail(ImmutableSandboxedEnvironment):
    """Keys of maps, items of lists, counters of loops; no call, no method, no power."""

    intercepted_binops = frozenset({"*", "**", "%", "//"})

    def __init__(self) -> None:
        super().__init__(undefined=StrictUndefined, autoescape=True, finalize=_printable)
        self.globals.clear()
        self.filters = {name: self.filters[name] for name in _FILTERS}
        self.tests = {name: self.tests[name] for name in _TESTS}

    def getattr(self, obj: Any, attribute: str) -> Any:
        """A key of a map, or a counter of a loop."""
        if isinstance(obj, Mapping):
            return obj[attribute] if attribute in obj else self.undefined(obj=obj, name=attribute)
        if isinstance(obj, LoopContext) and not attribute.startswith("_"):
            return getattr(obj, attribute)
        if isinstance(obj, Undefined):
            return self.undefined(obj=obj, name=attribute)
        raise SecurityError(f"access to attribute '{attribute}'")

    def getitem(self, obj: Any, argument: Any) -> Any:
        """The same, and items of lists."""
        if isinstance(obj, Mapping) or isinstance(argument, str):
            return self.getattr(obj, str(argument))
        if isinstance(obj, list | str) and isinstance(argument, int | slice):
            return super().getitem(obj, argument)
        raise SecurityError(f"access to attribute '{argument}'")

    def call(self, *_args: Any, **_kwargs: Any) -> Any:
        """Nothing is called."""
        raise SecurityError("call of 'a function'")

    def is_safe_callable(self, obj: Any) -> bool:
        """Nothing is called."""
        return False

    def call_binop(self, context: Any, operator: str, left: Any, right: Any) -> Any:
        """Small sums only: a text times a million is refused."""
        if isinstance(left, int | float) and isinstance(right, int | float) and operator in {"*", "%", "//"}:
            return super().call_binop(context, operator, left, right)
        raise SecurityError(f"operator '{operator}'")


@dataclass(frozen=True, slots=True)
class Filling:
    """What a template is filled in with: plain values alone, so that a child with limits can be given them.

    ``values`` are the names of the template, ``meta`` what the file says of itself; ``draft``: it must look like one.
    """

    values: dict[str, Any]
    meta: dict[str, str]
    draft: bool


def filling(desk: Desk, paper: Paper) -> Filling:
    """The values of a paper for a template of its kind."""
    meta = {**paper.meta, "title": paper.title, "template": "yes"}
    return Filling(context(desk, paper), meta, desk.order.draft)


def fill(name: str, template: bytes, given: Filling) -> bytes:
    """The template filled in with the values of a paper.

    Raises:
        AuditError: no Word file, a mistake in the template, or one that tries to leave the jail; with the place.
    """
    lines = read_word(name, template)  # sizes are checked, and places are known
    marked = [line for line in lines.lines if _TAG.search(line.text)]
    for line in marked:
        if found := _READS.search(line.text):
            what = _("ひな形からほかのファイルは読めません({found})。").format(found=found[1])
            raise AuditError([Problem(f"{name}: {line.place}", what)])
    document = DocxTemplate(io.BytesIO(template))
    stream = io.BytesIO()
    try:
        document.render(given.values, _Jail(), autoescape=True)
        parts_of = document.docx
        if parts_of is None:  # the library's own word for a template that was never opened
            raise AuditError([Problem(name, _("Word のファイル(.docx)として読めません。"))])
        _own(parts_of, given.meta)
        document.save(stream)
    except (TemplateError, SecurityError) as error:
        raise AuditError([_mistake(name, marked, error, given.values)]) from None
    except (OverflowError, TypeError, ValueError, KeyError, RecursionError) as error:
        what = _("ひな形を埋められません: {error}").format(error=error)
        raise AuditError([Problem(name, what)]) from None
    made = stream.getvalue()
    if given.draft:
        _marked_as_draft(name, made)
    return made


def _own(document: Any, meta: Mapping[str, str]) -> None:
    from secops.report.papers.word import add_own

    add_own(document, parts.own_part(meta, {}))


def _marked_as_draft(name: str, made: bytes) -> None:
    """A draft that does not look like one must not leave the house."""
    edges = [line.text for line in read_word(name, made).lines if line.place.startswith("word/header")]
    if not any("案" in text for text in edges):
        what = _("「案」の表示がありません。ひな形のヘッダーに {{{{ draft_mark }}}} を入れてください。").format()
        raise AuditError([Problem(name, what)])


def _mistake(name: str, marked: list[Line], error: Exception, values: Mapping[str, Any]) -> Problem:
    """Where the mistake is: the paragraph whose tags have the name that the error names."""
    said = str(error)
    names = _NAME.findall(said)
    place = next(
        (line.place for wanted in names for line in marked if any(wanted in tag for tag in _TAG.findall(line.text))),
        "",
    )
    if not place and isinstance(error, SecurityError):
        place = next((line.place for line in marked if any("(" in tag for tag in _TAG.findall(line.text))), "")
    place = place or _alone(marked, said, values)
    where = f"{name}: {place}" if place else name
    if isinstance(error, SecurityError):
        what = _(
            "ひな形から使えないもの({found})を使おうとしています。使えるのは、手引き(docs/ja/hokoku.md)の名前と、"
            "繰り返し・条件だけです。"
        )
        return Problem(where, what.format(found=said))
    if isinstance(error, UndefinedError):
        found = names[-1] if names else said
        return Problem(
            where,
            _("ひな形の名前「{found}」はありません。手引き(docs/ja/hokoku.md)の一覧から選んでください。").format(
                found=found
            ),
        )
    return Problem(where, _("ひな形の書き方の誤りです: {error}").format(error=said))


def _alone(marked: list[Line], said: str, values: Mapping[str, Any]) -> str:
    """The place of the tag that makes the same error by itself, else of the first block."""
    jail = _Jail()
    for line in marked:
        for tag in _TAG.findall(line.text):
            if tag.startswith("{{"):
                try:
                    jail.from_string(tag).render(values)
                except (TemplateError, SecurityError) as error:
                    if str(error) == said or isinstance(error, TemplateSyntaxError):
                        return line.place
    blocks = [line.place for line in marked if any(tag.startswith("{%") for tag in _TAG.findall(line.text))]
    return (blocks or [""])[0]


def context(desk: Desk, paper: Paper) -> dict[str, Any]:
    """What a template may name: texts, numbers, lists and maps alone (the list stands in docs/ja/hokoku.md)."""
    order, book, plan, style = desk.order, desk.book, desk.book.plan, desk.style
    values: dict[str, Any] = {
        "title": style.title(order.kind),
        "ward": book.ward,
        "year": desk.year(),
        "department": desk.name(order.department) if order.department else "",
        "made_on": wareki(order.made_on),
        "draft": order.draft,
        "draft_mark": "案" if order.draft else "",
        "document_number": order.number,
        "decided_on": order.decided,
        "retention": order.retention,
        "conduct": wide(CONDUCT_LABELS[plan.conduct]),
        "purpose": desk.purpose,
        "theme": plan.theme,
        "period": desk.span(*plan.period) if plan.period else "",
        "fieldwork": desk.span(plan.begins, plan.ends),
        "ciso": style.ciso,
        "lead": style.lead,
        "committee": style.committee,
        "manager": style.manager,
        "contact": style.contact,
        "auditors": [wide(one) for one in plan.auditors],
        "excluded": list(book.excluded),
        "disclaimer": DISCLAIMER_POLITE if order.polite else DISCLAIMER,
        "units": [
            {"department": desk.name(one.department), "system": book.systems.get(one.system, one.system)}
            for one in desk.units
        ],
        "figures": _nested(paper.figures),
        "findings": [_finding(desk, one) for one in desk.findings],
        "good_practices": [_finding(desk, one) for one in desk.good],
        "earlier": [_finding(desk, one) for one in desk.earlier],
        "departments": [_scored(desk, f"department.{code}.", {"name": desk.name(code)}) for code in desk.departments],
        "chapters": [
            _scored(desk, f"chapter.{number}.", {"number": number, "title": title})
            for number, title in book.catalogue.chapters.items()
            if desk.has(f"chapter.{number}.achievement")
        ],
    }
    return {key: _clean(value) for key, value in values.items()}


def _scored(desk: Desk, name: str, more: Mapping[str, str]) -> dict[str, str]:
    found = {key.removeprefix(name): value for key, value in desk.figures.items() if key.startswith(name)}
    return {"achievement": "―", "coverage": "―", "grade": "―", "findings": "0", **found, **more}


def _finding(desk: Desk, one: Finding) -> dict[str, Any]:
    return {
        "number": one.number,
        "kind": FINDING_LABELS[one.kind],
        "title": one.title,
        "department": desk.name(one.department),
        "system": desk.book.systems.get(one.system, one.system),
        "fact": one.fact,
        "criterion": one.criterion,
        "clauses": [desk.clause(clause) for clause in one.clauses],
        "cause": one.cause,
        "risk": one.risk,
        "recommendation": one.recommendation,
        "opinion": one.opinion,
        "evidence": desk.evidence(one.evidence).split("\n"),
        "state": FINDING_STATES[one.state],
        "repeats": one.repeats,
        "actions": [
            {
                "measure": action.measure,
                "person": action.person,
                "due": day(action.due),
                "interim": action.interim,
                "state": ACTION_STATES[action.state],
                "checked": action.checked,
            }
            for action in one.actions
        ],
    }


def _nested(figures: Mapping[str, str]) -> dict[str, Any]:
    """``findings.total`` as ``figures.findings.total``; a number that has further ones below it is its ``value``."""
    made: dict[str, Any] = {}
    for key, value in figures.items():
        *above, last = key.split(".")
        place = made
        for part in above:
            found = place.setdefault(part, {})
            if not isinstance(found, dict):
                found = place[part] = {"value": found}
            place = found
        if isinstance(place.get(last), dict):
            place[last]["value"] = value
        else:
            place[last] = value
    return made


def _clean(value: Any) -> Any:
    """Texts without characters that XML or the eye cannot have."""
    change: Callable[[Any], Any] = _clean
    if isinstance(value, str):
        return unseen(value)
    if isinstance(value, list):
        return [change(one) for one in value]
    if isinstance(value, dict):
        return {key: change(one) for key, one in value.items()}
    return value
