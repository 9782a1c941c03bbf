"""reports.toml: what comes with the program is right, mistakes are said."""

from __future__ import annotations

import pytest

from secops.errors import AuditError
from secops.isms.audit.paper_style import PaperKind, PaperStyle, Scheme, read_style
from secops.wiring.audits import BUILTIN


def test_the_file_of_the_program_says_the_defaults():
    read = read_style("reports.toml", (BUILTIN / "reports.toml").read_text(encoding="utf-8"))
    assert read.terms
    assert read.titles == {}
    made = PaperStyle(terms=read.terms)
    assert read == made


def test_a_ward_sets_its_own():
    text = '[style]\nnumbering = "dashes"\nspeech = "polite"\nsize = 12\n[titles]\nreport = "内部監査実施報告書"\n'
    read = read_style("reports.toml", text)
    assert read.scheme is Scheme.DASHES
    assert read.polite
    assert read.size == 12
    assert read.title(PaperKind.REPORT) == "内部監査実施報告書"
    assert read.title(PaperKind.PLAN) == "情報セキュリティ監査計画書"


def test_every_mistake_is_said():
    with pytest.raises(AuditError) as error:
        read_style("reports.toml", '[style]\nnumbering = "roman"\nsize = 40\n[titles]\nreprot = "x"\n[colour]\na = 1\n')
    for what in ("style.numbering", "style.size", "reprot", "colour"):
        assert what in str(error.value)
    with pytest.raises(AuditError, match="heading_font"):
        read_style("reports.toml", "[style]\nheading_font = '\"/><w:evil'\n")
