"""Query text from a field and a value: what a click on a value adds to a search."""

from __future__ import annotations

import re

from secops.query.parse import MAX_LENGTH

LONGEST = 300  # characters of a value; longer ones are searched by a part of them, which a person chooses

_PLAIN_FIELD = re.compile(r"[@A-Za-z_][\w.@-]*", re.ASCII)


def term(field: str, value: object) -> str:
    """``field:"value"``, or "" where the parser could not read such a term back (odd field names, long values)."""
    if isinstance(value, bool):
        text = "true" if value else "false"
    elif isinstance(value, str | int):
        text = str(value)
    else:
        return ""
    if not _PLAIN_FIELD.fullmatch(field) or not 0 < len(text) <= LONGEST or not text.isprintable():
        return ""
    quoted = re.sub(r'(["\\])', r"\\\1", text)
    return f'{field}:"{quoted}"'


def narrowed(query: str, *terms: str) -> str:
    """A query with more conditions; "" where it would become longer than a query may be."""
    query = query.strip()
    if re.search(r"\bOR\b|\|\|", query):
        query = f"({query})"
    text = " ".join(filter(None, [query, *terms]))
    return text if len(text) <= MAX_LENGTH else ""


def either(*terms: str) -> str:
    """A condition that holds where one of these does."""
    given = [one for one in terms if one]
    return " OR ".join(given)
