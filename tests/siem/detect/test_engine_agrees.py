"""The engine and the reference evaluator give the same answer, whatever the rule and the events."""

from __future__ import annotations

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from secops.siem.detect.load import load_detector
from secops.siem.ports import Part
from tests.examples import examples
from tests.siem.detect import reference
from tests.siem.detect.cases import ANYTHING, frame, rule_file

FIELDS = ("Image", "CommandLine", "User Name", "Port", "SourceIp", "Time")
WORDS = st.sampled_from([
    "cmd", "CMD.exe", "power", "shell", "\\", "\\\\", " ", "-enc", "/c", "a", "A", "aa", "ab", "é", "É", "ß", "SS", "İ",
    "ｅ",
    "Ｅ", "K", "1", "80", "443", "true", ".", "\n", "\0", "“", "𝒳", "日本", "[", "(", "+",
    "aGVs", "YQBi", "–", "―", " -a", "a\0b\0", "\0a\0b", "\ufeffa\0", "//5hAA==",
])  # fmt: skip
SHORT = st.lists(WORDS, max_size=4).map("".join)
LONG = st.tuples(SHORT, st.sampled_from(["x", "日", "ab "]), SHORT).map(
    lambda parts: parts[1].join([parts[0], *"-" * 4200, parts[2]])
)
TEXT = st.one_of(*[SHORT] * 15, LONG)  # some longer than what is remembered of a value (8 kB)
PATTERN = st.lists(st.one_of(WORDS, st.sampled_from(["*", "?", "\\*", "\\?", "\\\\*"])), max_size=4).map("".join)
NUMBERS = st.sampled_from([0, 1, 80, 443, -5, 8080, 2**60])
MOMENTS = st.sampled_from(
    ["2026-01-01T00:30:15Z", "2025-12-29 23:59:59", "2026-07-14", "2026-11-23T22:25:00.123456Z", "noon"]
)
ADDRESSES = st.sampled_from(
    ["10.1.2.3", "192.168.0.1", "::ffff:10.1.2.3", "::FFFF:a01:203", "fe80::1", "2001:db8::1", "10.1.2", "localhost"]
)
VALUES = st.one_of(
    st.none(), TEXT, NUMBERS.map(str), MOMENTS, ADDRESSES, st.booleans(), NUMBERS, st.lists(TEXT, max_size=3)
)
EVENTS = st.lists(st.dictionaries(st.sampled_from(FIELDS), VALUES), min_size=1, max_size=6)
FIELD = st.sampled_from(FIELDS)


def listed(strategy):
    return st.one_of(strategy, st.lists(strategy, min_size=1, max_size=3))


def pair(field, *modifiers_and_value):
    *modifiers, value = modifiers_and_value
    return st.tuples(field, *modifiers, value).map(lambda parts: ("|".join(filter(None, parts[:-1])), parts[-1]))


NETWORKS = st.sampled_from([
    "10.0.0.0/8", "192.168.0.0/16", "fe80::/10", "10.1.2.3/32", "10.1.2.3", "10.9.9.9/8", "2001:db8::ff/32", "::/0",
    "0.0.0.0/0", "::ffff:10.0.0.0/104",
])  # fmt: skip
ANCHOR = st.sampled_from(["", "contains", "startswith", "endswith"])
ALL = st.sampled_from(["", "all"])
PLAIN = st.text(alphabet="abcXYZ -/1\\.é日𝒳", min_size=1, max_size=6)
ENCODER = st.sampled_from(["", "wide", "utf16le", "utf16be", "utf16"])
ITEM = st.one_of(
    pair(FIELD, ANCHOR, ALL, listed(PATTERN)),
    pair(FIELD, ANCHOR, st.sampled_from(["cased", "neq"]), listed(PATTERN)),
    pair(
        FIELD,
        st.just("windash"),
        ANCHOR,
        ALL,
        listed(st.sampled_from(["-enc", " /c a", "a-b", "cmd -a", "/-a", "-a*"])),
    ),
    pair(FIELD, st.just("windash"), ENCODER, st.just("base64offset"), st.just("contains"), listed(st.just(" -a"))),
    pair(
        FIELD,
        ENCODER,
        st.just("base64offset"),
        st.just("contains"),
        st.sampled_from(["", "cased", "all"]),
        listed(PLAIN),
    ),
    pair(FIELD, ENCODER, st.just("base64"), ANCHOR, listed(PLAIN)),
    pair(FIELD, ENCODER.filter(bool), ANCHOR, ALL, listed(st.one_of(PLAIN, st.sampled_from(["a*b", "a?", "a"])))),
    pair(FIELD, st.just("exists"), st.booleans()),
    pair(FIELD, st.sampled_from(["", "neq"]), listed(st.one_of(st.none(), NUMBERS, st.booleans()))),
    pair(FIELD, st.sampled_from(["lt", "lte", "gt", "gte"]), NUMBERS),
    pair(FIELD, st.just("cidr"), listed(NETWORKS)),
    pair(
        FIELD,
        st.just("re"),
        st.sampled_from(["", "i", "m", "s", "i|s"]),
        listed(
            st.sampled_from(
                ["cmd", "^a", "po.er", "(cmd|shell)+", "a{2}", "x?ab", "[a-z]{3,}\\.exe", "日本", "(?:power)?shell"]
            )
        ),
    ),
    pair(FIELD, st.just("fieldref"), ANCHOR, st.sampled_from(["", "neq", "all"]), listed(FIELD)),
    pair(FIELD, st.just("cased"), st.just("fieldref"), ANCHOR, FIELD),
    pair(
        FIELD,
        st.sampled_from(["minute", "hour", "day", "week", "month", "year"]),
        st.sampled_from(["", "gt", "lte"]),
        st.sampled_from([0, 1, 12, 22, 23, 52, 2026]),
    ),
)
MAP = st.lists(ITEM, min_size=1, max_size=3).map(dict)
KEYWORDS = st.one_of(
    st.lists(st.one_of(PATTERN.filter(lambda text: text.strip("*")), NUMBERS), min_size=1, max_size=3),
    st.lists(PATTERN, min_size=1, max_size=2).map(lambda values: {"|all": values}),
    pair(st.just(""), st.sampled_from(["contains|all", "cased|all", "windash|all"]), listed(SHORT.filter(bool))).map(
        lambda part: {part[0] if part[0].startswith("|") else f"|{part[0]}": part[1]}
    ),
)
SELECTION = st.one_of(MAP, st.lists(MAP, min_size=1, max_size=2), KEYWORDS)
CONDITIONS = st.sampled_from([
    "sel_a", "not sel_a", "sel_a and sel_b", "sel_a or not sel_b", "1 of sel_*", "all of them", "any of them",
    "sel_a and not (sel_b or other)", "not 1 of sel_*", "(sel_a or sel_b) and not other", "all of sel_* or not other",
])  # fmt: skip
DETECTION = st.fixed_dictionaries({"sel_a": SELECTION, "sel_b": SELECTION, "other": SELECTION, "condition": CONDITIONS})


@settings(max_examples=examples(150), deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.lists(DETECTION, min_size=1, max_size=4), EVENTS)
def test_engine_agrees_with_the_reference(detections, events):
    events = [{name: typed(events, name, value) for name, value in event.items()} for event in events]
    engine = load_detector([rule_file(n, detection) for n, detection in enumerate(detections)], ANYTHING)
    table, part = frame(*events), as_part(events)
    found = {match.rule: list(match.rows) for match in engine.match(table)}
    again = {match.rule: list(match.rows) for match in engine.match(table)}
    assert found == again
    other = load_detector([rule_file(n, detection) for n, detection in enumerate(detections)], ANYTHING)
    assert {match.rule: list(match.rows) for match in other.match(None, [part])} == found
    for number, detection in enumerate(detections):
        assert engine.rules[number].active, engine.rules[number].reason
        expected = [row for row, event in enumerate(events) if reference.matches({"detection": detection}, event)]
        assert found.get(number, []) == expected


def as_part(events):
    """The events as columns of Python values, as a hunt makes them."""
    names = dict.fromkeys(name for event in events for name in event)
    columns = {name: [event.get(name) for event in events] for name in names}
    return Part(range(len(events)), columns, {"event.kind": "event"}, complete=True)


def typed(events, name, value):
    """A column has one type: with mixed values it is text, as a normalizer would make it."""
    kinds = {type(event[name]) for event in events if event.get(name) is not None}
    if value is None or len(kinds) <= 1:
        return None if value == [] else value
    if list in kinds:
        return (
            value
            if value is None
            else ([plain(part) for part in value] if isinstance(value, list) else [plain(value)]) or None
        )
    return plain(value)


def plain(value):
    return str(value).lower() if isinstance(value, bool) else str(value)
