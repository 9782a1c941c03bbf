"""Any document of the ward, for property tests: hypothesis strategies."""

from __future__ import annotations

from hypothesis import strategies as st

from secops.isms.clauses.head import one_line
from secops.isms.clauses.markdown import tidy
from secops.isms.clauses.model import Clause, Document, DocumentKind, Event, Link, LinkKind, Numbering, Statutory

_LETTERS = st.characters(exclude_categories=("Cc", "Cs", "Zl", "Zp"))
_HARD = st.sampled_from(
    ["\\", "#", "{", "}", "{#", '"', "-", "---", " ", "\u3000", "|", "=", "第12条", "（1）", ": ", "'"]
)
words = st.lists(_HARD | st.text(_LETTERS, max_size=5), max_size=6).map(lambda parts: one_line("".join(parts)))
names = words.filter(bool)
ids = st.from_regex(r"[a-z][a-z0-9]{0,5}([._-][a-z0-9]{1,3}){0,2}", fullmatch=True)
texts = st.lists(
    words | st.just("") | st.just("# 見出しではない行") | st.just("\\# x") | st.just("\\"), max_size=5
).map(lambda lines: tidy("\n".join(lines)))
days = st.dates()
links = st.lists(
    st.builds(
        Link,
        st.builds("mic-2025-03-{}.{}-{}".format, *[st.integers(1, 9)] * 3) | st.just("mic-2018-09-6.1"),
        st.sampled_from(LinkKind),
    ),
    max_size=4,
    unique_by=lambda link: link.guideline,
).map(tuple)


@st.composite
def clauses(draw: st.DrawFn) -> tuple[Clause, ...]:
    """A tree of clauses with ids of their own."""
    made: list[Clause] = []
    above: list[str] = []
    for one in draw(st.lists(ids, min_size=1, max_size=8, unique=True)):
        depth = draw(st.integers(1, len(above) + 1))
        del above[depth - 1 :]
        parent = above[-1] if above else ""
        owner, review = draw(words), draw(st.none() | days)
        made.append(Clause(one, draw(words), depth, parent, draw(words), draw(texts), draw(links), owner, review))
        above.append(one)
    return tuple(made)


documents = st.builds(
    Document,
    id=ids,
    title=names,
    kind=st.sampled_from(DocumentKind),
    clauses=clauses(),
    numbering=st.sampled_from(Numbering),
    preamble=texts,
    owner=words,
    review=st.none() | days,
    public=st.booleans(),
    history=st.lists(st.builds(Event, days, names), max_size=3).map(tuple),
    statutory=st.lists(st.builds(Statutory, names, words, st.none() | days), max_size=2).map(tuple),
)
