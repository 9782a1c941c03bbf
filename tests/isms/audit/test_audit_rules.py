"""`scoring.toml`: what is read, what is refused, and the digest that a result names."""

from __future__ import annotations

from decimal import Decimal

import pytest

from secops.errors import AuditError
from secops.isms.audit.model import Grade
from secops.isms.audit.rules import read_rules
from secops.wiring.audits import BUILTIN, open_rules

TEXT = (BUILTIN / "scoring.toml").read_text(encoding="utf-8")


def test_the_rules_that_come_with_the_program():
    rules = open_rules()
    assert (rules.met, rules.partial, rules.not_met) == (Decimal(1), Decimal("0.5"), Decimal(0))
    assert dict(rules.borders) == {
        Grade.A: Decimal(90),
        Grade.B: Decimal(75),
        Grade.C: Decimal(60),
        Grade.D: Decimal(0),
    }
    assert (rules.mandatory_cap, rules.major_cap) == (Grade.C, Grade.D)


def test_the_digest_is_of_the_values_not_of_the_text():
    same = TEXT.replace("partial = 0.5", "partial = 0.50  # 半分").replace("A = 90", "A = 90.0")
    other = TEXT.replace("partial = 0.5", "partial = 0.6")
    assert read_rules("x", same).digest == open_rules().digest
    assert read_rules("x", other).digest != open_rules().digest


def test_the_ward_s_own_file_is_used(tmp_path):
    (tmp_path / "audits").mkdir()
    (tmp_path / "audits" / "scoring.toml").write_text(TEXT.replace("A = 90", "A = 95"), encoding="utf-8")
    assert open_rules(tmp_path).borders[0] == (Grade.A, Decimal(95))


@pytest.mark.parametrize(
    ("old", "new", "place"),
    [
        ("partial = 0.5", "partial = 1.5", "scoring.toml: values.partial"),
        ("partial = 0.5", 'partial = "0.5"', "scoring.toml: values.partial"),
        ("partial = 0.5", "partial = nan", "scoring.toml: values.partial"),
        ("met = 1.0 ", "met = 0.4 ", "scoring.toml: values"),
        ("A = 90", "A = 70", "scoring.toml: grades"),
        ('"C"', '"E"', "scoring.toml: caps.mandatory_not_met"),
        ("needed = 0", "neded = 0", "scoring.toml: coverage.needed"),
        ("[values]", "[values", "scoring.toml"),
    ],
)
def test_mistakes_are_named_with_their_place(old, new, place):
    assert old in TEXT
    with pytest.raises(AuditError) as caught:
        read_rules("scoring.toml", TEXT.replace(old, new))
    assert caught.value.problems[0].where == place
