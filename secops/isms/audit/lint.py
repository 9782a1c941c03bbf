"""The linter of papers: what would embarrass the ward is found before a paper is released. Pure.

Each fault says where it stands, what was found and what to do. The data that a paper is compared with is a `Facts`:
the numbers of its book, the ward's words, the names that must not be in it.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field

from secops.errors import Problem
from secops.isms.audit.assurance import folded, found_in
from secops.isms.audit.draft import Draft, Line, Spot, bare
from secops.isms.audit.paper_style import DISCLAIMER, DISCLAIMER_POLITE, LETTERS, PaperKind, PaperStyle
from secops.isms.audit.round import FINDING_LABELS, Book, Conduct, FindingKind, FindingState
from secops.isms.audit.workpaper import unfinished
from secops.locale import _

QUOTED = frozenset({"所管の見解", "基準", "回答", "点検項目", "監査項目", "監査要点", "監査手続", "問合せ"})
_NAMED = frozenset({PaperKind.FORM, PaperKind.WORKPAPER})  # where persons stand by their names
_GRADED = frozenset({PaperKind.REPORT, PaperKind.BRIEFING, PaperKind.IMPROVEMENT, PaperKind.FOLLOWUP})
_RESULTS = frozenset({PaperKind.REPORT, PaperKind.SUMMARY})
_EXPLAINED = frozenset({PaperKind.REPORT, PaperKind.SUMMARY, PaperKind.PLAN, PaperKind.FOLLOWUP})
_DESCRIBED = frozenset({"事実", "指摘事項", "検出事項", "改善提言"})
_COMMON = frozenset({"PDF", "SHA", "IT", "PC", "OK", "NO", "CSV", "URL", "CC", "BY", "AI"})
_POLITE = re.compile(
    r"(?:です|ます|ません|でした|ました|ましょう|でしょう|ください|下さい|まして|ませんでした|ございます)(?:か|ね|が|ので|から)?$"
)
_PLAIN = re.compile(r"[るただいむうくす]$")  # a verb or adjective; a noun before 。 has no style
_BRACKETS = re.compile(r"「[^「」]*」|『[^『』]*』|\"[^\"]*\"|（[^（）]*）|\([^()]*\)")
_GRADE = re.compile(
    r"(?:評価|ランク|評点|グレード)(?:は|が|:|=)?[「『]?[ABCD](?![A-Za-z0-9])|(?<![A-Za-z0-9])[ABCD](?:評価|ランク|判定)"
)
_ABBREVIATION = re.compile(r"(?<![A-Za-z0-9./_:-])[A-Z][A-Z0-9]+(?:-[A-Z0-9]+)*(?![A-Za-z0-9_])")
_ADDRESS = re.compile(
    r"(?<![\d.])(?:\d{1,3}\.){3}\d{1,3}(?![\d.])|(?<![0-9A-Fa-f:])(?:[0-9A-Fa-f]{2}[:-]){5}[0-9A-Fa-f]{2}"
)
_RATE = re.compile(r"(達成率|網羅率)(?:は|が|:)?(?:約)?(\d{1,3}(?:\.\d+)?)%")
_FINDING_NUMBER = re.compile(r"(\d{4}-\d{2,})")
_EMPTY = re.compile(r"^(?:[（(]?(?:なし|未記入|未定|不明)[)）]?|―|-|　|\s)*$")


@dataclass(frozen=True)
class Facts:
    """What a paper is compared with. Empty ``figures``: the numbers that the file itself carries are used.

    ``departments`` and ``systems`` are names that the public paper must not show, ``names`` those of the staff.
    """

    style: PaperStyle = field(default_factory=PaperStyle)
    kind: PaperKind | None = None
    conduct: Conduct = Conduct.INTERNAL
    figures: Mapping[str, str] = field(default_factory=dict)
    terms: Mapping[str, str] = field(default_factory=dict)
    departments: Mapping[str, str] = field(default_factory=dict)
    systems: tuple[str, ...] = ()
    names: tuple[str, ...] = ()
    findings: Mapping[str, tuple[bool, bool]] = field(default_factory=dict)

    @property
    def polite(self) -> bool:
        """The style that the body must have."""
        return self.style.polite or self.kind in LETTERS


@dataclass(frozen=True, slots=True)
class Fault:
    """Something to be put right: ``code`` names the check."""

    code: str
    where: str
    what: str

    @property
    def problem(self) -> Problem:
        """As an error of a file."""
        return Problem(self.where, self.what)


def facts_of(
    book: Book, style: PaperStyle, kind: PaperKind, figures: Mapping[str, str], names: Iterable[str] = ()
) -> Facts:
    """What a paper of this book is compared with."""
    return Facts(
        style=style,
        kind=kind,
        conduct=book.plan.conduct,
        figures=figures,
        terms=book.terms,
        departments={name: code for code, name in book.names.items()},
        systems=tuple(book.systems.values()),
        names=tuple(names),
        findings={one.number: (bool(one.clauses), bool(one.evidence)) for one in book.findings},
    )


def unready(book: Book, kind: PaperKind, department: str = "") -> list[Fault]:
    """What must be settled in the records before a report on results may be issued."""
    if kind not in _RESULTS:
        return []
    found = [
        Fault("fact_check", _("指摘 {number}").format(number=one.number), _("事実確認が済んでいません。"))
        for one in book.findings
        if one.state is FindingState.FACT_CHECK and department in {"", one.department}
    ]
    papers = [one for one in book.papers if department in {"", one.department}]
    return found + [
        Fault("paper", _("監査調書 {where}").format(where=one.where), one.what) for one in unfinished(papers)
    ]


def lint(draft: Draft, facts: Facts) -> list[Fault]:
    """All faults, in the order of the paper."""
    place = {line.place: at for at, line in enumerate(draft.lines)}
    checks: tuple[Callable[[Draft, Facts], Iterator[Fault]], ...] = (
        _assurance,
        _findings,
        _numbers,
        _speech,
        _grades,
        _terms,
        _persons,
        _public,
        _review,
    )
    found = [fault for check in checks for fault in check(draft, facts)]
    return sorted(dict.fromkeys(found), key=lambda fault: place.get(fault.where, len(place)))


def _shown(text: str) -> str:
    return text if len(text) <= 40 else text[:40] + "…"


def _quoted(line: Line) -> bool:
    return line.spot is Spot.QUOTE or line.label in QUOTED


def _assurance(draft: Draft, facts: Facts) -> Iterator[Fault]:
    if facts.conduct is Conduct.EXTERNAL_ASSURANCE or facts.kind is PaperKind.FORM:
        return
    for line in draft.lines:
        if line.spot is Spot.EDGE or _quoted(line):
            continue
        for name, words in found_in(line.text):
            text = _(
                "「{words}」は、保証と受け取られる表現です(「{name}」の類)。助言型・内部監査の報告では使えません。"
                "確認した事実、件数、改善を求める内容だけを書いてください。"
            )
            yield Fault("assurance", line.place, text.format(words=_shown(words), name=name))


# ------------------------------------------------------------------------------------------------------------ findings


def _findings(draft: Draft, facts: Facts) -> Iterator[Fault]:
    if facts.kind is not None and facts.kind not in _GRADED:
        return
    tables: dict[int, dict[int, list[Line]]] = {}
    for line in draft.lines:
        if line.table:
            tables.setdefault(line.table, {}).setdefault(line.row, []).append(line)
    for rows in tables.values():
        listed = any(sum(bool(line.label) for line in row) > 1 for row in rows.values())
        # A finding is a row of a list, or a whole form of labels and values.
        for lines in rows.values() if listed else [[line for row in rows.values() for line in row]]:
            fields = {line.label: line for line in lines if line.label and line.spot is Spot.CELL}
            title = next((line for line in lines if line.spot is Spot.HEAD and _FINDING_NUMBER.match(line.text)), None)
            number = fields.get("指摘番号") or fields.get("番号") or title
            if number is not None and _DESCRIBED & fields.keys():
                yield from _grounded(number, fields, facts)


def _grounded(number: Line, fields: Mapping[str, Line], facts: Facts) -> Iterator[Fault]:
    found = _FINDING_NUMBER.search(number.text)
    name = found[1] if found else number.text
    kind = fields["区分"].text if "区分" in fields else ""
    good = FINDING_LABELS[FindingKind.GOOD] in kind
    wanted = (("証拠", 1, _("証拠")), *(() if good else (("基準", 0, _("基準(条項)")),)))
    for label, at, word in wanted:
        line = fields.get(label)
        known = facts.findings.get(name)
        if line is None or _EMPTY.match(line.text) or (known is not None and not known[at]):
            text = _("指摘 {number} に{word}がありません。{word}を書くか、指摘を取り下げてください。")
            yield Fault("finding", line.place if line else number.place, text.format(number=name, word=word))


# ------------------------------------------------------------------------------------------------------------- numbers


def _numbers(draft: Draft, facts: Facts) -> Iterator[Fault]:
    stand = {mark: (line, text) for line in draft.lines for mark, text in line.marks}
    for mark, (key, made) in draft.marks.items():
        wanted = facts.figures.get(key, made) if facts.figures else made
        if mark not in stand:
            text = _(
                "データと結び付いた数字({key} = {value})の印が失われました。"
                "この文書を作り直し、文章だけを直してください。"
            )
            yield Fault("number", _("文書全体"), text.format(key=key, value=wanted))
            continue
        line, shown = stand[mark]
        if folded(shown).replace(",", "") != wanted:
            text = _(
                "数字「{shown}」がデータの値 {value}({key})と違います。"
                "{value} に直すか、元の記録を直して作り直してください。"
            )
            yield Fault("number", line.place, text.format(shown=shown, value=wanted, key=key))
    figures = facts.figures or dict(draft.marks.values())
    if figures:
        for line in draft.lines:
            if line.spot is not Spot.EDGE:
                yield from _spoken(line, figures, facts.departments)


def _spoken(line: Line, figures: Mapping[str, str], departments: Mapping[str, str]) -> Iterator[Fault]:
    """Numbers in a sentence that carry no mark: typed by hand, or in a file that has none."""
    text = folded(line.text).replace(",", "")
    about = [code for name, code in departments.items() if name and folded(name) in text]
    if about:
        return  # of a part of the round: its numbers stand in tables, with marks
    for word, value in _RATE.findall(text):
        ending = {"達成率": "achievement", "網羅率": "coverage"}[word]
        known = {shown for key, shown in figures.items() if key.rsplit(".", 1)[-1] == ending}
        if known and value not in known and f"{value}.0" not in known:
            what = _("{word} {value}% という値はデータにありません(全体は {whole}%)。")
            yield Fault("number", line.place, what.format(word=word, value=value, whole=figures.get(ending, "―")))
    for word, keys in _COUNTED.items():
        for value in re.findall(rf"{word}(?:は|が|の件数は|:|、|計|合計|のうち)?(\d+)件", text):
            known = {figures[key] for key in keys if key in figures}
            if known and value not in known:
                what = _("{word} {value} 件は、データの件数({known})と違います。")
                yield Fault("number", line.place, what.format(word=word, value=value, known=", ".join(sorted(known))))
    if match := re.search(r"(\d+)(?:部署|課)(?:及び\d+システム)?(?:を|が)?(?:監査の)?対象", text):
        wanted = figures.get("departments")
        if wanted and match[1] != wanted:
            what = _("対象の部署数 {value} は、データの部署数 {known} と違います。")
            yield Fault("number", line.place, what.format(value=match[1], known=wanted))


_COUNTED = {label: (f"findings.{kind.value}", f"earlier.{kind.value}") for kind, label in FINDING_LABELS.items()} | {
    "(?<!前年度までの)指摘事項": ("findings.total", "earlier.total", "findings.planned")
}


# -------------------------------------------------------------------------------------------------------------- speech


def _speech(draft: Draft, facts: Facts) -> Iterator[Fault]:
    for line in draft.lines:
        if line.spot not in {Spot.BODY, Spot.CELL} or _quoted(line):
            continue
        if line.spot is Spot.CELL and (facts.kind in LETTERS or facts.kind in _NAMED):
            continue  # a letter repeats what the report says; what an auditor noted stays as it was noted
        for sentence in _sentences(line.text):
            if facts.polite and _PLAIN.search(sentence) and not _POLITE.search(sentence):
                text = _("「{sentence}」は、である体です。この文書は、です・ます体で書いてください。")
            elif not facts.polite and _POLITE.search(sentence):
                text = _("「{sentence}」は、です・ます体です。この文書は、である体で書いてください。")
            else:
                continue
            yield Fault("speech", line.place, text.format(sentence=_shown(sentence)))


def _sentences(text: str) -> Iterator[str]:
    """Sentences without what stands in brackets; what does not end in 。 is no sentence."""
    bracketless = text
    while (shorter := _BRACKETS.sub("", bracketless)) != bracketless:
        bracketless = shorter
    for part in re.findall(r"[^。\n]+。", folded_lines(bracketless)):
        sentence = part.removesuffix("。").strip()
        if sentence:
            yield sentence


def folded_lines(text: str) -> str:
    """Folded, line by line."""
    return "\n".join(folded(line) for line in text.splitlines())


# -------------------------------------------------------------------------------------------------------------- grades


def _grades(draft: Draft, _facts: Facts) -> Iterator[Fault]:
    first = next(_graded(draft), None)
    if first is None:
        return
    wanted = {_commaless(DISCLAIMER), _commaless(DISCLAIMER_POLITE)}
    if any(one in _commaless(line.text) for line in draft.lines for one in wanted):
        return
    text = _("評価(A〜D)があるのに、断り書きがありません。「{disclaimer}」と本文に書くか、評価を消してください。")
    yield Fault("grade", first.place, text.format(disclaimer=DISCLAIMER))


def _commaless(text: str) -> str:
    """Folded, whatever comma the ward writes."""
    return folded(text).replace(",", "").replace("、", "")


def _graded(draft: Draft) -> Iterator[Line]:
    for line in draft.lines:
        if line.spot is Spot.CELL and bare(line.label) in {"評価", "ランク", "グレード"}:
            if folded(line.text) in {"A", "B", "C", "D"}:
                yield line
        elif line.spot in {Spot.BODY, Spot.CELL, Spot.HEADING} and _GRADE.search(folded(line.text)):
            yield line


# --------------------------------------------------------------------------------------------------------------- terms


def _terms(draft: Draft, facts: Facts) -> Iterator[Fault]:
    if facts.kind is not None and facts.kind not in _EXPLAINED:
        return
    known = {folded(word) for word in (*facts.style.terms, *facts.terms)}
    listed = {folded(line.text) for line in draft.lines if line.label == "用語"}
    whole = folded("".join(line.text for line in draft.lines))
    seen: set[str] = set()
    for line in draft.lines:
        if line.spot in {Spot.EDGE, Spot.QUOTE} or line.label == "用語":
            continue
        text = folded(line.text)
        words = [one for one in _ABBREVIATION.findall(text) if one not in _COMMON]
        words += [one for one in known if listed and not one.isascii() and one in text]
        for word in words:
            if word in seen or word in listed or _explained(word, whole) or (word in known and not listed):
                continue
            seen.add(word)
            what = _("用語「{word}」の説明がありません。用語の一覧に加えるか、初出の箇所で説明してください。")
            yield Fault("term", line.place, what.format(word=word))


def _explained(word: str, whole: str) -> bool:
    """Whether the paper itself says what a word means: 〜(CSIRT), CSIRT(〜), 以下「CSIRT」という。"""
    name = re.escape(word)
    return bool(re.search(rf"[ぁ-ヿ一-鿿]\({name}\)|{name}\([^)]*[ぁ-ヿ一-鿿]|以下「{name}」と", whole))


# ---------------------------------------------------------------------------------------------------- persons, public


def _persons(draft: Draft, facts: Facts) -> Iterator[Fault]:
    if facts.kind in _NAMED:
        return
    names = {folded(name): name for name in facts.names if len(folded(name)) >= 3}
    if not names:
        return
    pattern = re.compile("|".join(map(re.escape, sorted(names, key=len, reverse=True))))
    for line in draft.lines:
        for match in pattern.finditer(folded(line.text)):
            what = _("個人の氏名「{name}」があります。職名(例: 区民課長)に直してください。")
            yield Fault("person", line.place, what.format(name=names[match[0]]))
    for person in draft.persons:
        if found := pattern.search(folded(person)):
            what = _("文書のプロパティ(作成者)に個人の氏名「{name}」があります。消してください。")
            yield Fault("person", _("文書のプロパティ"), what.format(name=names[found[0]]))


def _public(draft: Draft, facts: Facts) -> Iterator[Fault]:
    """What may not be in the public paper: which department or system, addresses."""
    if facts.kind is not PaperKind.SUMMARY:
        return
    hidden = {folded(name): name for name in (*facts.departments, *facts.systems) if len(name) >= 3}
    for line in draft.lines:
        text = folded(line.text)
        for short, name in hidden.items():
            if short in text:
                what = _(
                    "公表する文書に「{name}」があります。部署・システムが分かる書き方は、公表用の文書ではできません。"
                )
                yield Fault("public", line.place, what.format(name=name))
        for address in _ADDRESS.findall(text):
            what = _("公表する文書にアドレス「{address}」があります。消してください。")
            yield Fault("public", line.place, what.format(address=address))


def _review(draft: Draft, _facts: Facts) -> Iterator[Fault]:
    for what in draft.review:
        yield Fault("review", _("文書全体"), what)
