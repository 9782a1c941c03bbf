"""The gate, which asks little beforehand, answers as the plan does, which asks everything of every value."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

from secops.siem.detect.bound import KEYWORDS, Bound
from secops.siem.detect.cells import Cells, Fixed
from secops.siem.detect.checks import Text, check_of
from secops.siem.detect.conditions import weight
from secops.siem.detect.gate import Gate
from secops.siem.detect.judge import Judge
from secops.siem.detect.plan import Budget, Plan, item
from secops.siem.detect.predicates import Predicates
from secops.siem.detect.specs import glob_spec, regex_spec

COLUMNS = ("a", "b", "c")
# Long literals, which make a witness: short ones are asked of every value beforehand.
A, B, C = "alphabet", "bravo-bravo", "charlie"
SPECS = [
    ("any",),
    ("eq", A + B),
    ("eqc", (A + B).upper()),
    ("contains", A),
    ("contains", B + C),
    ("containsc", B.upper()),
    ("starts", A + B),
    ("startsc", A.upper()),
    ("ends", C),
    ("ends", "y.exe"),
    ("endsc", C.upper()),
    ("num", "80"),
    ("num", "8"),
    ("gt", "10"),
    ("lte", "80"),
    ("cidr", "10.0.0.0/8"),
    ("part", "hour", "gte", "12"),
    glob_spec([A, None, C], cased=False),
    glob_spec([None, A, "", C, None], cased=False),
    regex_spec("(bravo-)+bravoc", "i"),
]
TEXTS = st.sampled_from([
    "", A + B, (A + B).upper(), A + B + C, A + ".exe", B + B + C.upper(), A + "-" + C, "80", "8", "9.5", "10.1.2.3",
    "2026-01-05T13:00:00Z", "x",
])  # fmt: skip
VALUES = st.none() | TEXTS | st.lists(TEXTS, min_size=1, max_size=3).map(tuple)
FIELDS = st.sampled_from([("a",), ("b",), ("c",), ("a", "b"), KEYWORDS])
REFERENCES = st.builds(
    lambda mode, cased: Bound(("a",), ("ref", "b", mode, cased), ("b",)),
    st.sampled_from(["eq", "contains", "starts", "ends"]),
    st.sampled_from(["", "c"]),
)
BOUNDS = st.builds(Bound, FIELDS, st.sampled_from(SPECS)) | REFERENCES
LEAVES = st.lists(BOUNDS, min_size=1, max_size=5)


@st.composite
def conditions(draw):
    """A tree over its own leaves."""
    bounds = draw(LEAVES)
    leaf = st.integers(0, len(bounds) - 1)
    tree = st.recursive(
        leaf,
        lambda inner: st.one_of(
            st.tuples(st.just("not"), inner),
            st.lists(inner, min_size=1, max_size=3).map(lambda parts: ("and", *parts)),
            st.lists(inner, min_size=1, max_size=3).map(lambda parts: ("or", *parts)),
        ),
        max_leaves=6,
    )
    return draw(tree), bounds


def cells_of(rows, fixed, names) -> Cells:
    """Events; in the columns of ``fixed`` all rows have the value of the first, if it has one."""

    def look(name):
        column = [row[COLUMNS.index(name)] for row in rows]
        if name in fixed:
            return None if column[0] is None else Fixed(column[0])
        return column if any(value is not None for value in column) else None

    return Cells(len(rows), look, frozenset(COLUMNS), names)


def by_row(groups, count):
    found = dict.fromkeys(range(count), ())
    for results, rows in groups:
        for row in range(count) if rows is None else rows:
            assert found[row] == ()
            found[row] = results
    return found


@settings(max_examples=300)
@given(
    st.lists(conditions(), min_size=1, max_size=6),
    st.lists(st.tuples(VALUES, VALUES, VALUES), min_size=1, max_size=6),
    st.sets(st.sampled_from(COLUMNS)),
    st.booleans(),
    st.booleans(),
)
def test_it_finds_what_a_plan_finds_the_second_time_as_well(made, rows, fixed, spoken, suppressing):
    predicates = Predicates(())
    items = []
    for number, (tree, bounds) in enumerate(made):
        result = -1 - number if suppressing and number == 0 else number
        items.append(item(result, tree, [predicates.number(bound) for bound in bounds], predicates))
    names = COLUMNS if spoken else ()
    plan, gate = Plan(items, predicates, Budget(1 << 20)), Gate(items, predicates, Budget(1 << 20))
    wanted = by_row(plan.results(cells_of(rows, fixed, names)), len(rows))
    for _time in range(2):
        cells = cells_of(rows, fixed, names)
        assert by_row(gate.results(cells), len(rows)) == wanted
    gate.forget()
    assert by_row(gate.results(cells_of(rows, fixed, names)), len(rows)) == wanted
    for number, (_tree, bounds) in enumerate(made):
        for row in range(len(rows)):
            event = cells_of(rows, fixed, names).rows([row])
            truth = gate.truth(items[number].predicates, event)
            alone = [item(leaf, 0, [items[number].predicates[leaf]], predicates) for leaf in range(len(bounds))]
            holds = by_row(Plan(alone, predicates, Budget(1 << 20)).results(event), 1)[0]
            assert [truth[leaf] for leaf in range(len(bounds))] == [leaf in holds for leaf in range(len(bounds))]


@given(st.sampled_from(SPECS), TEXTS | st.text(max_size=12))
def test_one_check_says_what_a_judge_says(spec, value):
    assert check_of([spec])(Text(value)) == bool(Judge({0: spec})(value))


@given(
    st.lists(st.sampled_from([spec for spec in SPECS if spec[0] == "contains" or spec[0] == "ends"]), min_size=1), TEXTS
)
def test_alternatives_of_one_kind_hold_where_one_of_them_does(specs, value):
    alike = [spec for spec in specs if spec[0] == specs[0][0]]
    assert check_of(alike)(Text(value)) == any(check_of([spec])(Text(value)) for spec in alike)


def test_answers_that_are_remembered_are_counted_and_dropped():
    predicates, budget = Predicates(()), Budget(1 << 20)
    rare = predicates.number(Bound(("a",), ("contains", "rare words")))
    other = predicates.number(Bound(("b",), ("ends", "seldom.exe")))
    gate = Gate([item(0, ("and", 0, 1), [rare, other], predicates)], predicates, budget)
    rows = [("some rare words", f"{number % 2}seldom.exe", None) for number in range(100)]
    assert gate.results(cells_of(rows, (), ())) == [((0,), None)]
    used = budget.used
    assert used > 0
    gate.results(cells_of(rows, (), ()))
    assert budget.used == used  # nothing new was learned
    gate.forget()
    gate.results(cells_of(rows, (), ()))
    assert budget.used > used


def test_what_is_everywhere_is_no_witness():
    everywhere, rare = ("starts", "c:\\windows\\system32\\ntdll.dll+"), ("eq", "0x1440")
    assert weight(everywhere) > weight(rare)
    assert weight(("ends", "\\svchost.exe")) > weight(("ends", "\\procdump.exe"))
    predicates = Predicates(())
    numbers = [predicates.number(Bound((name,), spec)) for name, spec in (("a", everywhere), ("b", rare))]
    assert item(0, ("and", 0, 1), numbers, predicates).witness == (numbers[1],)
