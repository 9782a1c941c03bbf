"""Many values at once are judged as each alone; long and hostile ones cost no more than they may."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from secops.siem.detect import checks
from secops.siem.detect import judge as module
from secops.siem.detect.judge import Judge
from secops.siem.detect.specs import all_required, fold, glob_spec, regex_spec

SPECS = dict(
    enumerate([
        glob_spec([None, "cmd", None], cased=False),
        glob_spec([None, "cmd", None], cased=True),
        glob_spec(["cmd", None], cased=False),
        glob_spec([None, ".exe"], cased=False),
        glob_spec([None, "a", None], cased=False),
        glob_spec(["cmd.exe"], cased=False),
        glob_spec([None, "c", "", "d", None], cased=False),
        glob_spec([None, "日本", None], cased=False),
        ("num", "80"),
        ("gt", "10"),
        ("any",),
        ("cidr", "10.0.0.0/8"),
        regex_spec("po+wer", "i"),
        glob_spec([None, "c", None, "d", None], cased=False),
        glob_spec(["c", None, "d"], cased=False),
        glob_spec(["cmd", None, "cmd", None], cased=True),
        glob_spec([None, "d", None, "d"], cased=False),
    ])
)  # fmt: skip
PIECES = st.sampled_from(
    ["cmd", "CMD", ".exe", "a", "", "80", "80.0", "10.1.2.3", "日本", "É", "pooower", "\0", "ÿ", "d"]
)
VALUES = st.lists(st.lists(PIECES, max_size=3).map("".join), min_size=1, max_size=8)


@given(VALUES)
def test_many_are_judged_as_one(values):
    together = Judge(SPECS)
    assert together.many(values) == [Judge(SPECS)(value) for value in values]


LINES = st.lists(
    st.sampled_from(["cmd", "CMD.exe", "pooower", "c-d", "É日本", "\r", "", "x.exe"]), min_size=2, max_size=6
)
LINED = {number: spec for number, spec in SPECS.items() if number not in {4, 6, 7, 13, 14, 16}} | {
    20: glob_spec([None, "É日本", None], cased=False)
}


@given(st.lists(LINES.map("\n".join), min_size=1, max_size=5))
def test_line_by_line_is_as_the_whole(values):
    by_line = Judge(LINED)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(module, "_LINED", 40)
        by_line("")  # builds it
        patch.setattr(module, "_LINED", 12)
        found = by_line.many(values)
    assert by_line._by_line
    assert found == [Judge(LINED)(value) for value in values]


def test_patterns_share_an_allowance_and_what_goes_beyond_is_counted(monkeypatch):
    monkeypatch.setattr(checks, "ALLOWANCE", 1 << 20)
    wanted = {number: regex_spec(f"(a|b|ab)*[x][{number // 10}][{number % 10}]", "") for number in range(100)}
    judge = Judge(wanted)
    hostile = "ab" * (150 << 10)  # 300 kB
    assert judge(hostile) == ()
    assert judge.overruns == 1
    # The ends are still looked at by every pattern.
    assert judge("ax99" + hostile) == (99,)
    assert judge(hostile + "ax99") == (99,)
    assert judge("ax99") == (99,)
    assert judge.overruns == 3


SHAPES = st.lists(st.sampled_from(["a", "b", "A", "ab", "ß", None]), min_size=2, max_size=6)


@given(SHAPES, st.booleans(), st.lists(st.sampled_from("aAbBß \n"), max_size=8).map("".join))
def test_texts_one_behind_the_other_are_found_as_the_pattern_would(shape, cased, value):
    spec = glob_spec(shape, cased=cased)
    pattern = "".join(".*" if part is None else re.escape(part if cased else fold(part)) for part in shape)
    wanted = re.fullmatch(f"(?s:{pattern})", value if cased else fold(value)) is not None
    assert Judge({7: spec})(value) == ((7,) if wanted else ())


@pytest.mark.parametrize(
    ("pattern", "texts"),
    [
        ("cmd.{0,5}(?:/c|/r).+powershell.+noexit", ("cmd", "powershell", "noexit")),
        ("net\\s+user\\s+", ("net", "user")),
        ("a|b", ()),
        ("(?i)Set.*(?:x|y)?&&", ("set", "&&")),
        ("(one)?two(three)", ("two", "three")),
        ("\\n\\n-f", ("\n\n-f",)),
    ],
)
def test_all_that_a_pattern_cannot_do_without(pattern, texts):
    assert all_required(pattern) == texts


@given(st.lists(st.sampled_from(["net", "user", " ", "NET", "cmd", "x"]), max_size=6).map("".join))
def test_a_pattern_is_asked_only_where_all_it_needs_occurs_and_the_answer_stays(value):
    spec = regex_spec("net\\s+(?:user|cmd)\\s*x", "i")
    wanted = re.search(r"(?i)net\s+(?:user|cmd)\s*x", value) is not None
    assert Judge({7: spec})(value) == ((7,) if wanted else ())
