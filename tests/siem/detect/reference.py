"""A second Sigma evaluator: one rule, one event, no automaton, nothing shared with the engine. Read it aloud.

What a rule's own text means is remembered (it is asked of thousands of events); nothing is of events.

An event is a dict of texts, numbers, booleans, None and lists of these. A rule is the parsed YAML document.
"""

from __future__ import annotations

import base64
import ipaddress
import re
from datetime import datetime
from functools import lru_cache


def matches(rule, event):
    """Whether the rule fires on the event (the logsource is not looked at)."""
    detection = rule["detection"]
    conditions = detection["condition"]
    named = {name: body for name, body in detection.items() if name != "condition"}
    return any(
        Condition(text, named, event).value() for text in (conditions if isinstance(conditions, list) else [conditions])
    )


class Condition:
    """``a and not (b or 1 of c_*)`` by recursive descent."""

    def __init__(self, text, named, event) -> None:
        self.tokens = re.findall(r"\(|\)|[^\s()]+", text)
        self.named, self.event = named, event

    def value(self):
        found = self.either()
        assert not self.tokens
        return found

    def either(self):
        found = self.both()
        while self.tokens and self.tokens[0].lower() == "or":
            self.tokens.pop(0)
            found = self.both() or found
        return found

    def both(self):
        found = self.negation()
        while self.tokens and self.tokens[0].lower() == "and":
            self.tokens.pop(0)
            found = self.negation() and found
        return found

    def negation(self):
        token = self.tokens.pop(0)
        if token == "not":
            return not self.negation()
        if token == "(":
            found = self.either()
            self.tokens.pop(0)
            return found
        if token in ("1", "any", "all") and self.tokens and self.tokens[0] == "of":
            self.tokens.pop(0)
            pattern = self.tokens.pop(0)
            names = [
                name
                for name in self.named
                if not name.startswith("_") and (pattern == "them" or re.fullmatch(pattern.replace("*", ".*"), name))
            ]
            return (all if token == "all" else any)([selection(self.named[name], self.event) for name in names])
        return selection(self.named[token], self.event)


def selection(body, event):
    """A map: all of it. A list of maps: one of them. Anything else: keywords."""
    if isinstance(body, dict):
        return all(item(key, value, event) for key, value in body.items())
    if isinstance(body, list) and any(isinstance(part, dict) for part in body):
        return any(selection(part, event) for part in body)
    return item("", body, event)


def item(key, value, event):
    """One field with its modifiers."""
    field, *modifiers = key.split("|")
    wanted = value if isinstance(value, list) else [value]
    has = texts(event, field)
    results = [one(modifiers, want, has, event, keyword=not field) for want in wanted]
    if not wanted:
        results = [not has]
    found = all(results) if "all" in modifiers else any(results)
    return not found if "neq" in modifiers else found


def texts(event, field):
    """The texts of a field's elements; of all fields for a keyword. Empty: the field is missing."""
    if not field:
        return [text for name in event for text in texts(event, name)]
    value = event.get(field)
    elements = value if isinstance(value, list) else [value]
    return [str(part).lower() if isinstance(part, bool) else str(part) for part in elements if part is not None]


def one(modifiers, want, has, event, *, keyword):
    """One wanted value against all elements: any may do."""
    if "exists" in modifiers:
        return bool(has) == want
    if want is None:
        return not has
    if "fieldref" in modifiers:
        return any(related(modifiers, left, right) for left in has for right in texts(event, want))
    return any(test(modifiers, want, text, keyword=keyword) for text in has)


def related(modifiers, left, right):
    if "cased" not in modifiers:
        left, right = left.casefold(), right.casefold()
    if "contains" in modifiers:
        return right in left
    if "startswith" in modifiers:
        return left.startswith(right)
    return left.endswith(right) if "endswith" in modifiers else left == right


def test(modifiers, want, text, *, keyword):
    for part in ("minute", "hour", "day", "week", "month", "year"):
        if part in modifiers:
            found = time_part(text, part)
            return found is not None and ordered(found, modifiers, want)
    if {"lt", "lte", "gt", "gte"} & set(modifiers):
        found = as_number(text)
        return found is not None and ordered(found, modifiers, want)
    if "cidr" in modifiers:
        return in_network(text, want)
    if "re" in modifiers:
        flags = sum(
            {flag for name, flag in (("i", re.IGNORECASE), ("m", re.MULTILINE), ("s", re.DOTALL)) if name in modifiers},
            start=re.RegexFlag(0),
        )
        return re.search(want, text, flags) is not None
    if isinstance(want, bool):
        want = str(want).lower()
    elif isinstance(want, int | float) and not keyword:
        return as_number(text) == want
    return any(like(pattern, modifiers, text, keyword=keyword) for pattern in spellings(str(want), tuple(modifiers)))


@lru_cache(maxsize=10_000)
def spellings(want, modifiers):
    """What windash and the encodings make of a value: literal characters and wildcard marks."""
    chars = unescape(want)
    variants = [chars]
    if "windash" in modifiers:
        variants = windash(chars)
    if encoder := next((name for name in UTF16 if name in modifiers), None):
        variants = [utf16(chars, encoder) for chars in variants]
    if "base64" in modifiers:
        variants = [list(base64.b64encode(octets(chars, modifiers)).decode()) for chars in variants]
    if "base64offset" in modifiers:
        variants = [list(text) for chars in variants for text in offsets(octets(chars, modifiers))]
    return [tuple(chars) for chars in variants]


UTF16 = {"wide": "utf-16-le", "utf16le": "utf-16-le", "utf16": "utf-16-le", "utf16be": "utf-16-be"}


def utf16(chars, encoder):
    """Each byte of UTF-16 as one character; a byte order mark is the character it stands for."""
    found = ["\ufeff"] if encoder == "utf16" else []
    for char in chars:
        found += [char] if char in (STAR, ONE) else [chr(byte) for byte in char.encode(UTF16[encoder])]
    return found


def octets(chars, modifiers):
    """What base64 is made of."""
    if not UTF16.keys() & set(modifiers):
        return "".join(chars).encode()
    return b"".join(b"\xff\xfe" if char == "\ufeff" else bytes([ord(char)]) for char in chars)


def offsets(data):
    """The part of the encoding that does not depend on what stands before and after, at each of three positions."""
    for shift in range(3):
        text = base64.b64encode(b"\0" * shift + data).decode()
        yield text[(0, 2, 3)[shift] : (None, -3, -2)[(len(data) + shift) % 3]]


STAR, ONE = object(), object()


def unescape(text):
    r"""``*`` and ``?`` are wildcards; ``\*``, ``\?`` and ``\\`` before one of these are literal; other ``\`` stay."""
    chars, at = [], 0
    while at < len(text):
        char, following = text[at], text[at + 1 : at + 2]
        if char == "\\" and following and following in "*?\\":
            chars.append(following)
            at += 2
            continue
        chars.append(STAR if char == "*" else ONE if char == "?" else char)
        at += 1
    return chars


def windash(chars):
    """A dash or slash at the beginning of a word may be any of five characters."""
    variants: list[list[object]] = [[]]
    for index, char in enumerate(chars):
        before = (
            index > 0 and isinstance(chars[index - 1], str) and (chars[index - 1].isalnum() or chars[index - 1] == "_")
        )
        after = index + 1 < len(chars) and isinstance(chars[index + 1], str)
        after = after and (chars[index + 1].isalnum() or chars[index + 1] == "_")
        choices = "-/–—―" if char in ("-", "/") and not before and after else [char]
        variants = [[*variant, choice] for variant in variants for choice in choices]
    return variants


def like(chars, modifiers, text, *, keyword):
    anchoring = {"contains", "startswith", "endswith"} & set(modifiers)
    before = "contains" in modifiers or "endswith" in modifiers or (keyword and not anchoring)
    behind = "contains" in modifiers or "startswith" in modifiers or (keyword and not anchoring)
    if STAR not in chars and ONE not in chars:
        plain, text = literal(chars, "cased" in modifiers), fold(text, modifiers)
        if before and behind:
            return plain in text
        return text.endswith(plain) if before else text.startswith(plain) if behind else text == plain
    pattern = [part if part in (STAR, ONE) else fold(part, modifiers) for part in chars]
    pattern = [STAR] * before + [one for part in pattern for one in (part if isinstance(part, str) else [part])]
    return glob(pattern + [STAR] * behind, fold(text, modifiers))


@lru_cache(maxsize=10_000)
def literal(chars, cased):
    """Characters without wildcards as one text."""
    return "".join(chars if cased else map(str.casefold, chars))


def glob(pattern, text):
    """Whether all of the text is what the pattern says; a star takes as little as it can, one more on each failure."""
    at = place = 0
    star = None
    while place < len(text):
        if at < len(pattern) and pattern[at] is STAR:
            star, at = (at, place), at + 1
        elif at < len(pattern) and (pattern[at] is ONE or pattern[at] == text[place]):
            at, place = at + 1, place + 1
        elif star is not None:
            star = star[0], star[1] + 1
            at, place = star[0] + 1, star[1]
        else:
            return False
    return all(part is STAR for part in pattern[at:])


def fold(text, modifiers):
    return text if "cased" in modifiers else text.casefold()


def as_number(text):
    return (float if "." in text else int)(text) if re.fullmatch(r"[+-]?[0-9]+(\.[0-9]+)?", text) else None


def ordered(found, modifiers, want):
    if "lt" in modifiers:
        return found < want
    if "lte" in modifiers:
        return found <= want
    if "gt" in modifiers:
        return found > want
    return found >= want if "gte" in modifiers else found == want


def time_part(text, part):
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        return None
    return moment.isocalendar().week if part == "week" else getattr(moment, part)


def in_network(text, want):
    try:
        address = ipaddress.ip_address(text)
    except ValueError:
        return False
    address = getattr(address, "ipv4_mapped", None) or address
    network = ipaddress.ip_network(want, strict=False)
    if network.version == 6 and network.prefixlen >= 96 and network.network_address.ipv4_mapped:
        network = ipaddress.ip_network(f"{network.network_address.ipv4_mapped}/{network.prefixlen - 96}")
    return address.version == network.version and address in network
