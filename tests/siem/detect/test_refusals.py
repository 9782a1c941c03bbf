"""What is refused in a rule, in our own words, with the line and what to do instead; and how large a rule may be."""

from __future__ import annotations

import itertools
import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from secops.siem.detect import load_detector
from secops.siem.detect.modifiers import ALL, KEYWORDS, following, in_order, objection
from tests.siem.detect.cases import ANYTHING, frame, rule_file


def value_for(chain):
    """A value that may stand under a legal chain."""
    used = set(chain)
    if "exists" in used:
        return True
    if used & {"lt", "lte", "gt", "gte", "minute", "hour", "day", "week", "month", "year"}:
        return 1
    if "cidr" in used:
        return "10.0.0.0/8"
    return "OtherField" if "fieldref" in used else "value"


def rule_of(chain, value, field="Image"):
    return rule_file(0, {"selection": {"|".join([field, *chain]): value}, "condition": "selection"})


def engine_of(chain, **more):
    return load_detector([rule_of(chain, value_for(chain))], ANYTHING, **more)


PAIRS = [*itertools.product(sorted(ALL), repeat=2), *((one,) for one in sorted(ALL))]


def test_every_pair_of_modifiers_runs_or_is_refused_with_the_legal_ones():
    legal = 0
    for chain in PAIRS:
        engine = engine_of(chain)
        why = objection(chain, keyword=False)
        assert engine.rules[0].active == (not why), (chain, engine.rules[0].reason)
        legal += not why
        if why:
            first_wrong = next(place for place in range(len(chain)) if chain[place] not in following(chain[:place]))
            possible = following(chain[:first_wrong])
            assert why in engine.rules[0].reason
            assert all(modifier in why for modifier in possible) or "何も続けられません" in why
            [problem] = engine.problems
            assert problem.where == "rules/0.yml:1"
    assert 150 < legal < len(PAIRS) - 500, "both kinds are there"


@settings(max_examples=300, deadline=None)
@given(st.data())
def test_every_legal_chain_runs_whatever_its_length(data):
    chain: tuple[str, ...] = ()
    for _step in range(data.draw(st.integers(1, 6))):
        possible = sorted(following(chain))
        if not possible:
            break
        chain = (*chain, data.draw(st.sampled_from(possible)))
    assert not objection(chain, keyword=False)
    engine = engine_of(chain)
    assert engine.rules[0].active, (chain, engine.rules[0].reason)


@pytest.mark.parametrize(
    ("key", "said"),
    [
        ("A|re|contains", "再"),
        ("A|re|contains", "all, dotall, expand, i, ignorecase, m, multiline, neq, s"),
        ("A|cidr|startswith", "all, expand, neq"),
        ("A|gt|contains", "all, neq"),
        ("A|exists|all", "何も続けられません"),
        ("A|startswith|endswith", "contains だけ"),
        ("A|contains|base64", "より前"),
        ("A|base64|windash", "符号化より前"),
        ("A|contains|contains", "1 回"),
        ("A|i", "re"),
        ("A|Contains", "「contains」"),
        ("A|", "修飾子「」"),
        ("|startswith", "キーワード"),
        ("|exists", "キーワード"),
    ],
)
def test_what_is_said(key, said):
    value = True if "exists" in key else 5 if "gt" in key else "x"
    engine = load_detector([rule_file(0, {"s": {key: value}, "condition": "s"})], ANYTHING)
    assert not engine.rules[0].active
    if said != "再":
        assert said in engine.rules[0].reason


def test_order_does_not_change_what_a_chain_means(fires):
    events = [{"A": "x BASE"}, {"A": "x base"}]
    for key in ("A|contains|cased|all", "A|cased|contains|all", "A|all|cased|contains", "A|all|contains|cased"):
        assert fires({key: ["BASE", "x"]}, *events) == [0], key
    encoded = [{"A": "eQBlAHMA"}, {"A": "eqblahma"}]  # yes, in UTF-16LE
    for key in ("A|cased|wide|base64", "A|wide|base64|cased", "A|wide|cased|base64", "A|utf16le|base64|cased"):
        assert fires({key: "yes"}, *encoded) == [0], key
    assert fires({"A|all|re": ["a", "b"]}, {"A": "ab"}, {"A": "a"}) == [0]
    assert in_order(("expand", "contains", "cased", "all")) == ("contains", "cased", "all")


def test_keywords_take_what_makes_sense_without_a_field():
    for modifier in sorted(KEYWORDS & following((), keyword=True)):
        engine = load_detector([rule_file(0, {"k": {f"|{modifier}": ["value"]}, "condition": "k"})], ANYTHING)
        assert engine.rules[0].active, (modifier, engine.rules[0].reason)


@pytest.mark.parametrize(
    ("key", "value", "said"),
    [
        ("A|exists", "yes", "true か false"),
        ("A|gt", "5", "数"),
        ("A|hour", True, "数"),
        ("A|contains", 4104, "引用符"),
        ("A|contains", None, "null"),
        ("A|re", 5, "引用符"),
        ("A|base64", "a*", "ワイルドカード"),
        ("A|fieldref", "B*", "ワイルドカード"),
        ("A", {"B": 1}, "組"),
        ("A", [["x"]], "一覧"),
    ],
)
def test_values_of_the_wrong_kind(key, value, said):
    engine = load_detector([rule_file(0, {"s": {key: value}, "condition": "s"})], ANYTHING)
    assert not engine.rules[0].active
    assert said in engine.rules[0].reason


def test_the_line_of_a_mistake_deep_in_a_list():
    text = """title: Line
logsource: {product: any}
level: tall
detection:
  selection:
    - Image: x
    - CommandLine:
        - fine
        - fine
      CommandLine|windash:
        - -a
        - "-a -b -c -d -e -f -g -h"
  other:
    - CommandLine|re|endswith: x
  condition: selection
"""
    engine = load_detector([("r.yml", text)], ANYTHING)
    assert [problem.where for problem in engine.problems] == ["r.yml:12", "r.yml:14", "r.yml:3"]


def test_a_regular_expression_that_re2_refuses_has_its_line_and_says_what_to_do():
    text = HEAD + "\n    A|re:\n      - fine\n      - 'x(?=y)'\n  condition: s\n"
    engine = load_detector([("r.yml", text)], ANYTHING)
    [problem] = engine.problems
    assert problem.where == "r.yml:7"
    assert "先読み" in problem.what


@pytest.mark.parametrize(
    ("pattern", "text", "other"),
    [
        ("power(?i)shell", "powerSHELL", "POWERshell"),
        (r"\.exe\z", "a.exe", "a.exe.txt"),
        (r"\p{Greek}{3}", "αβγ", "abc"),
        (r"\pN+x", "12x", "x"),
        (r"[[:upper:]]{4}", "ABCD", "abcd"),
        (r"\Qa.b\E", "xa.bx", "axb"),
        (r"(?<name>abc)d", "abcd", "abd"),
        (r"\x{1F600}", "😀", "x"),
        ("(?U)ab+", "abbb", "a"),
    ],
)
def test_what_re2_takes_is_taken_whatever_python_thinks_of_it(fires, pattern, text, other):
    assert fires({"A|re": pattern}, {"A": text}, {"A": other}) == [0]
    assert fires({"A|re": ["never", pattern]}, {"A": text}, {"A": other}) == [0]


def test_an_old_timeframe_is_no_selection(fires):
    detection = {"one": {"A": "x"}, "timeframe": "5m", "condition": "all of them"}
    assert fires(detection, {"A": "x"}, {"A": "y"}) == [0]


def test_dashes_are_bounded():
    good = load_detector([rule_of(("windash", "contains"), "-a -b -c -d -e")], ANYTHING)
    assert good.rules[0].active
    begin = time.perf_counter()
    bad = load_detector([rule_of(("windash", "contains"), " ".join(f"-{one}" for one in "abcdefghijklmnop"))], ANYTHING)
    assert time.perf_counter() - begin < 5
    assert "windash" in bad.rules[0].reason
    many = load_detector([rule_of(("windash",), [f"-{n} -b -c" for n in range(1000)])], ANYTHING)
    assert "多すぎ" in many.rules[0].reason


def test_a_rule_with_10000_values_works():
    values = [f"value-{number:05}" for number in range(10_000)]
    engine = load_detector(
        [rule_of(("contains",), values), rule_file(1, {"s": {"A": values}, "condition": "s"})], ANYTHING
    )
    assert [rule.active for rule in engine.rules] == [True, True]
    found = engine.match(frame({"Image": "x VALUE-09999 y", "A": "value-00000"}, {"Image": "value-1", "A": "value-1"}))
    assert [(match.rule, list(match.rows)) for match in found] == [(0, [0]), (1, [0])]
    over = load_detector([rule_of((), [f"v{number}" for number in range(20_001)])], ANYTHING)
    assert "20,000" in over.rules[0].reason


BOMB = "title: B\nlogsource: {product: any}\ndetection:\n  a: &a [x, x, x, x, x, x, x, x, x, x]\n" + "".join(
    f"  {name}: &{name} [*{last}, *{last}, *{last}, *{last}, *{last}, *{last}, *{last}, *{last}, *{last}, *{last}]\n"
    for last, name in itertools.pairwise("abcdefghij")
)
ENDLESS = "title: E\nlogsource: {product: any}\ndetection:\n  s: &s [x, *s]\n  condition: s\n"
DEEP = "title: D\nlogsource: {product: any}\ndetection:\n  s: " + "[" * 500 + "x" + "]" * 500 + "\n  condition: s\n"
DEEPER = "title: D\ndetection: " + "[" * 100_000


def test_files_that_unfold_without_end_are_refused_and_the_others_run():
    begin = time.perf_counter()
    good = rule_of((), "x")
    files = [
        ("bomb.yml", BOMB + "  condition: j\n"),
        ("endless.yml", ENDLESS),
        ("deep.yml", DEEP),
        ("r.yml", DEEPER),
        good,
    ]
    engine = load_detector(files, ANYTHING)
    assert [rule.active for rule in engine.rules] == [False, False, False, False, True]
    assert {problem.where.split(":")[0] for problem in engine.problems} == {
        "bomb.yml",
        "endless.yml",
        "deep.yml",
        "r.yml",
    }
    assert time.perf_counter() - begin < 20


HEAD = "title: x\nlogsource: {product: any}\ndetection:\n  s: "
BROKEN = {
    "yaml": "title: x\n  bad: [\n",
    "list": "- a\n- b\n",
    "no_detection": "title: x\nlogsource: {product: any}\n",
    "no_condition": HEAD + "{A: x}\n",
    "no_logsource": "title: x\ndetection:\n  s: {A: x}\n  condition: s\n",
    "unknown_name": HEAD + "{A: x}\n  condition: t\n",
    "bracket": HEAD + "{A: x}\n  condition: (s\n",
    "modifier": HEAD + "{A|nosuch: x}\n  condition: s\n",
    "chain": HEAD + "{A|re|contains: x}\n  condition: s\n",
    "regex": HEAD + "{A|re: '('}\n  condition: s\n",
    "re2": HEAD + "{A|re: '(?<=a)b'}\n  condition: s\n",
    "cidr": HEAD + "{A|cidr: 10.0.0.300/8}\n  condition: s\n",
    "placeholder": HEAD + "{A|expand: '%admins%'}\n  condition: s\n",
    "dashes": HEAD + "{A|windash: '-a -b -c -d -e -f -g'}\n  condition: s\n",
    "number": HEAD + "{A|gt: many}\n  condition: s\n",
    "empty": "title: x\nlogsource: {product: any}\ndetection: {}\n",
    "text": "just text\n",
    "control": "title: \x00\n",
    "detection_text": "title: x\nlogsource: {product: any}\ndetection: nothing\n",
    "condition_number": HEAD + "{A: x}\n  condition: 5\n",
}


def test_broken_rules_among_thousands_are_each_reported_with_file_line_and_reason():
    good = [rule_file(number, {"s": {"A": f"v{number}"}, "condition": "s"}) for number in range(2000)]
    files = list(good)
    for place, (name, text) in enumerate(BROKEN.items()):
        files.insert(place * 97, (f"broken/{name}.yml", text))
    engine = load_detector(files, ANYTHING)
    active = [rule for rule in engine.rules if rule.active]
    assert len(active) == len(good)
    reported = {problem.where.rsplit(":", 1)[0]: problem for problem in engine.problems}
    for rule in engine.rules:
        if not rule.active:
            assert rule.reason, rule.path
            assert rule.path in reported, rule.path
            assert reported[rule.path].where.rsplit(":", 1)[1].isdigit()
    assert {rule.path for rule in engine.rules if not rule.active} == {f"broken/{name}.yml" for name in BROKEN}
    [match] = engine.match(frame({"A": "v1999"}))
    assert engine.rules[match.rule].path == "rules/1999.yml"
