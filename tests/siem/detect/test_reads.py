"""Of an event only what rules about its event id ask for is read, and whatever is left out changes no answer."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from secops.siem.detect import load_detector
from secops.siem.detect.bound import Bound
from secops.siem.detect.explain import tree_holds
from secops.siem.detect.judge import Judge
from secops.siem.detect.reads import CODE, Reads, codes_of
from secops.wiring.rules import BUILTIN

BOUNDS = [
    Bound((CODE,), ("eq", "1")),
    Bound((CODE,), ("num", "2")),
    Bound((CODE,), ("num", "3.0")),
    Bound((CODE,), ("gt", "3")),
    Bound((CODE,), ("starts", "1")),
    Bound(("winlog.event_data.Image",), ("eq", "1")),
    Bound(("winlog.event_id", CODE), ("eq", "2")),
]
TREES = st.recursive(
    st.integers(0, len(BOUNDS) - 1),
    lambda inner: st.one_of(
        st.tuples(st.just("not"), inner).map(list),
        st.tuples(st.sampled_from(["and", "or"]), inner, inner).map(list),
    ),
    max_leaves=8,
)


@given(TREES, st.sampled_from(["0", "1", "2", "3", "4", "11"]), st.lists(st.booleans(), min_size=7, max_size=7))
def test_a_condition_holds_for_its_event_ids_alone(tree, code, others):
    codes = codes_of(tree, BOUNDS)
    truth = [
        bool(Judge({0: bound.spec})(code)) if bound.columns == (CODE,) else other
        for bound, other in zip(BOUNDS, others, strict=True)
    ]
    if codes is not None and code not in codes:
        assert not tree_holds(tree, truth)


def test_what_is_read_goes_by_the_event_id():
    reads = Reads([(frozenset({"1"}), ["a"]), (frozenset({"1", "2"}), ["b"]), (None, ["c"]), (frozenset(), ["d"])])
    assert reads.of("1") == {"a", "b", "c"}
    assert reads.of("2") == {"b", "c"}
    assert reads.of("3") == {"c"}
    assert reads.of("01") == reads.of("1.0") == reads.of("") == reads.all == {"a", "b", "c"}


RULE = """
title: {id}
id: {id}
logsource: {{product: windows, service: security}}
detection:
  selection: {selection}
  condition: selection
"""


def test_a_detector_asks_for_what_rules_of_an_event_id_read():
    selections = {"a": "{EventID: 4688, CommandLine: x}", "b": "{EventID: [1, 4688], PrivilegeList: x}"}
    files = [(f"{id}.yml", RULE.format(id=id, selection=one)) for id, one in selections.items()]
    detector = load_detector(files, (BUILTIN / "logsources.yml").read_text(encoding="utf-8"))

    def asked(names):
        return {name.rpartition(".")[2] for name in names if name.startswith("winlog.event_data.")}

    assert asked(detector.reads_of("Security", "4688")) == {"CommandLine", "PrivilegeList"}
    assert asked(detector.reads_of("Security", "1")) == {"PrivilegeList"}
    assert asked(detector.reads_of("Security", "2")) == set()
    assert asked(detector.reads_of("System", "1")) == set()
    assert asked(detector.shows_of("Security", "2")) == {"CommandLine", "PrivilegeList"}
