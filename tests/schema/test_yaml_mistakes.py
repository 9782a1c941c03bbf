"""What is said about a file that is no YAML: the line and column of the mistake, and what to do, in Japanese."""

from __future__ import annotations

import re

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from secops.schema.yaml_mistakes import yaml_problem
from secops.siem.detect.rulebook import read_rules
from secops.siem.detect.yamls import RuleLoader

RULE = """title: A
logsource: {product: windows}
detection:
  sel:
    Image|endswith: '\\a.exe'
    User: x
  condition: sel
level: high
"""


def said(text: str) -> tuple[int, int, str]:
    with pytest.raises((yaml.YAMLError, ValueError)) as caught:
        list(yaml.load_all(text, RuleLoader))
    problem = yaml_problem("a.yml", text, caught.value)
    found = re.fullmatch(r"YAML として読めません\((\d+) 文字目\): (.*)", problem.what)
    assert found
    path, _colon, line = problem.where.rpartition(":")
    assert path == "a.yml"
    return int(line), int(found[1]), found[2]


@pytest.mark.parametrize(
    ("change", "line", "column", "words"),
    [
        (("    User", "\tUser"), 6, 1, "タブ"),
        (("    User", "  \tUser"), 6, 3, "タブ"),
        (("detection:", "detection"), 3, 1, "コロン(半角の : と空白)がありません"),
        (("level: high", "level high"), 8, 1, "コロン(半角の : と空白)がありません"),
        (("title: A", "title:A"), 1, 7, "後に空白がありません"),
        (("title: A", "title： A"), 1, 6, "全角のコロン"),
        (("title: A", "title: A: B"), 1, 9, "ここにコロン : は書けません"),
        (("a.exe'", "a.exe"), 5, 21, "引用符がここで始まり"),
        (("title: A", 'title: "A'), 1, 8, "引用符がここで始まり"),
        (("title: A", "title: 'A' B"), 1, 12, "余分な文字"),
        (("User: x", 'User: "C:\\Users"'), 6, 16, "一重引用符"),
        (("logsource", " logsource"), 2, 2, "字下げが深すぎます"),
        (("    User", "   User"), 6, 4, "字下げが前後の行と合いません"),
        (("  condition", " condition"), 7, 2, "字下げが前後の行と合いません"),
        (("windows}", "windows"), 2, 12, "波かっこがここで始まり"),
        (("level: high", "tags: [a, b\nlevel: high"), 8, 7, "角かっこがここで始まり"),
        (("User: x", "User: *admin*"), 6, 11, "記号「*」で始まっています"),
        (("User: x", "User: %TEMP%"), 6, 11, "記号「%」で始まっています"),
        (("User: x", "User: @a"), 6, 11, "記号「@」で始まっています"),
        (("User: x", "User: !a b"), 6, 11, "! で始まる値"),
        (("level: high", "title: B"), 8, 1, "「title」が 2 回"),
        (("User: x", "User: x\x07"), 6, 12, "制御文字"),
    ],
)
def test_usual_mistakes_in_a_rule(change: tuple[str, str], line: int, column: int, words: str):
    text = RULE.replace(*change, 1)
    assert text != RULE
    where = said(text)
    assert where[:2] == (line, column)
    assert words in where[2]


def test_what_nobody_foresaw_has_the_parser_s_own_words():
    _line, _column, what = said("x: |a\n")
    assert "前後の行のコロン・引用符・字下げを確かめてください" in what
    assert "元の説明: did not find expected comment or line break" in what


def test_the_broken_rule_says_so_and_the_others_are_read():
    broken, whole = read_rules([("a.yml", RULE.replace("    User", "\tUser")), ("b.yml", RULE)])
    assert broken.problems[0].where == "a.yml:6"
    assert broken.reason == broken.problems[0].what
    assert "タブ" in broken.reason
    assert whole.sigma is not None


@pytest.mark.parametrize(
    ("gone", "key"),
    [("title: A\n", "title"), ("logsource: {product: windows}\n", "logsource"), ("detection:", "detection")],
)
def test_what_a_rule_lacks_is_named(gone: str, key: str):
    (rule,) = read_rules([("a.yml", RULE.replace(gone, "" if gone.endswith("\n") else "detections:"))])
    assert any(problem.what == f"{key} がありません。書いてください。" for problem in rule.problems), rule.problems


@given(st.text(st.sampled_from("ab:-[]{}'\"#*&!|>%@`\\,?\t\n \x07：\ud800"), max_size=30), st.integers(0, len(RULE)))
def test_any_rubbish_has_a_place_within_the_file(rubbish: str, at: int):
    text = RULE[:at] + rubbish + RULE[at:]
    for document in read_rules([("a.yml", text)]):
        for problem in document.problems:
            assert 1 <= int(problem.where.rpartition(":")[2]) <= text.count("\n") + 1
            assert any("ぁ" <= letter <= "ん" for letter in problem.what), problem
