"""A paper as a neutral value: what stands on it, in which order, and nothing of how a format writes it.

A paper is built once and written by `docx`, `pdf` and `html`; so all of them say the same. A number that comes from the
data is a `Figure`: it carries the name under which the linter finds the value again.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date

from secops.isms.audit.paper_style import PaperKind, PaperStyle


@dataclass(frozen=True, slots=True)
class Figure:
    """A number of the data: ``key`` names it (`secops.isms.audit.figures`), ``text`` is what is printed."""

    key: str
    text: str


@dataclass(frozen=True, slots=True)
class Strong:
    """Words set in the face of headings."""

    text: str


Inline = str | Figure | Strong
Text = str | tuple[Inline, ...]
_SHORT = 1_200  # letters, of which some two thirds of a page are made


@dataclass(frozen=True, slots=True)
class Heading:
    """A heading; its number comes from the scheme. ``numbered`` false: an annex (別紙), or the head of a slide."""

    level: int
    text: str
    numbered: bool = True


@dataclass(frozen=True, slots=True)
class Para:
    """A paragraph.

    ``kind``: body, plain (no indent), lead, right, centre, sender, note, title, quote (words of others), mid (「記」),
    close (「以上」, on the page of what it closes).
    """

    text: Text
    kind: str = "body"


@dataclass(frozen=True, slots=True)
class Items:
    """A list; ``numbered`` counts 1, 2, 3, else a dot stands before each."""

    items: tuple[Text, ...]
    numbered: bool = False


@dataclass(frozen=True, slots=True)
class Table:
    """A table; its head is repeated on each page. ``widths`` are shares, ``align`` a letter a column (l, c, r).

    ``whole``: rows are not torn between pages. ``quote``: cells are words of others, whose style is their own.
    """

    head: tuple[str, ...]
    rows: tuple[tuple[Text, ...], ...]
    widths: tuple[float, ...]
    align: str = ""
    caption: str = ""
    whole: bool = True
    small: bool = False
    quote: bool = False

    def letter(self, column: int) -> str:
        """How a column is aligned."""
        return self.align[column] if column < len(self.align) else "l"


@dataclass(frozen=True, slots=True)
class Fields:
    """Label and value, one row each, the label shaded: a form, a finding, the head of a sheet."""

    rows: tuple[tuple[str, Text], ...]
    label: float = 0.22
    whole: bool = False
    quote: bool = False
    title: str = ""

    @property
    def together(self) -> bool:
        """Whether it stands on one page: it must, or it is so short that it can."""
        return self.whole or sum(len(plain(value)) + 40 for _label, value in self.rows) < _SHORT


@dataclass(frozen=True, slots=True)
class Notice:
    """A boxed remark, such as the disclaimer of a grade."""

    text: str


@dataclass(frozen=True, slots=True)
class Chart:
    """A picture: ``svg`` is its drawing, ``alt`` says in words what it shows. ``width`` is a share of the text."""

    svg: str
    caption: str
    alt: str
    width: float = 1.0


@dataclass(frozen=True, slots=True)
class Break:
    """A new page begins."""


@dataclass(frozen=True, slots=True)
class Space:
    """Empty lines."""

    lines: float = 1


@dataclass(frozen=True, slots=True)
class Landscape:
    """Pages in landscape."""

    blocks: tuple[Block, ...]


@dataclass(frozen=True, slots=True)
class LetterHead:
    """Head of a letter: number and date on the right, addressees, sender, title in the middle."""

    to: tuple[str, ...]
    sender: tuple[str, ...]
    title: str
    number: str = ""
    day: str = ""


Block = Heading | Para | Items | Table | Fields | Notice | Chart | Break | Space | Landscape | LetterHead


@dataclass(frozen=True, slots=True)
class Cover:
    """Title page: title, what it is of, month, who made it (a post)."""

    title: str
    subtitle: str
    when: str
    author: str
    to: str = ""


@dataclass(frozen=True, slots=True)
class Order:
    """What is asked of the press. Document number, day of decision and retention come from the ward's own system.

    ``draft``: 「案」 stands on every page.
    """

    kind: PaperKind
    style: PaperStyle
    made_on: date
    department: str = ""
    draft: bool = True
    number: str = ""
    decided: str = ""
    retention: str = ""

    @property
    def polite(self) -> bool:
        """Whether the body is in です・ます."""
        from secops.isms.audit.paper_style import LETTERS

        return self.style.polite or self.kind in LETTERS

    @property
    def office(self) -> tuple[tuple[str, str], ...]:
        """The fields of the ward's document system on a cover, empty until they are given."""
        return ("文書番号", self.number), ("決裁日", self.decided), ("保存年限", self.retention)


@dataclass(frozen=True)
class Paper:
    """A paper. ``cover`` is None for letters and forms, ``toc`` says whether a table of contents follows it.

    ``figures`` are all numbers of the data by name, ``meta`` what the file itself says of its making.
    """

    order: Order
    title: str
    blocks: tuple[Block, ...]
    cover: Cover | None = None
    toc: bool = False
    landscape: bool = False
    figures: Mapping[str, str] = field(default_factory=dict)
    meta: Mapping[str, str] = field(default_factory=dict)

    @property
    def heading_depth(self) -> int:
        """How deep the table of contents goes."""
        return 2


def plain(text: Text) -> str:
    """A text without its marks."""
    if isinstance(text, str):
        return text
    return "".join(one if isinstance(one, str) else one.text for one in text)


def inlines(text: Text) -> Sequence[Inline]:
    """A text as its parts."""
    return (text,) if isinstance(text, str) else text
