"""Every clause id that a shipped rule or audit item names exists in the edition it names."""

from __future__ import annotations

import re

from secops.isms.clauses.ids import edition_of
from secops.wiring.audits import open_catalogue
from secops.wiring.guidelines import open_editions
from secops.wiring.rules import BUILTIN, read_rule_files

EDITIONS = open_editions()


def test_every_clause_of_the_catalogue_exists():
    named = {(item.id, clause) for item in open_catalogue().items for clause in item.clauses}
    assert {one for one in named if EDITIONS.clause(one[1]) is None} == set()
    assert {edition_of(clause) for _item, clause in named} == {EDITIONS.latest.id}


def test_every_clause_of_the_rules_exists():
    named = {(path, one) for path, text in read_rule_files([BUILTIN]) for one in re.findall(r"- (mic-\S+)", text)}
    assert len(named) > 50
    assert {one for one in named if EDITIONS.clause(one[1]) is None} == set()


def test_every_section_of_the_guideline_has_an_audit_item():
    asked = {clause for item in open_catalogue().items for clause in item.clauses}
    sections = {one.id for one in EDITIONS.latest.clauses if one.id.count("-") == 3 and "." in one.id}
    assert {one for one in sections if not any(clause.startswith(one) for clause in asked)} == set()
