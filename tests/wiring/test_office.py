"""PDF by LibreOffice: a child with limits, that fails in words."""

from __future__ import annotations

import io
import shutil
import time
from pathlib import Path

import pypdfium2
import pytest
from docx import Document

from secops.errors import AuditError
from secops.wiring.office import convert, find_office


def program(folder: Path, script: str) -> str:
    path = folder / "soffice"
    path.write_text(f"#!/bin/sh\n{script}\n", encoding="utf-8")
    path.chmod(0o755)
    return str(path)


@pytest.mark.skipif(not shutil.which("soffice"), reason="needs LibreOffice: apt-get install libreoffice-writer")
def test_a_word_file_becomes_a_pdf_with_its_words():
    document = Document()
    document.add_paragraph("監査報告書 2026")
    stream = io.BytesIO()
    document.save(stream)
    office = find_office()
    assert office is not None
    pages = pypdfium2.PdfDocument(office(stream.getvalue()))
    assert "2026" in pages[0].get_textpage().get_text_range()


def test_without_the_program_there_is_nothing_to_call(tmp_path, monkeypatch):
    monkeypatch.setenv("PATH", str(tmp_path))
    assert find_office() is None
    program(tmp_path, "exit 0")
    assert find_office() is not None


def test_a_program_that_makes_nothing_or_something_else_is_said_so(tmp_path):
    for script in ("exit 0", "exit 77", "echo no pdf > paper.pdf", "cp paper.docx paper.pdf; exit 3"):
        with pytest.raises(AuditError, match="LibreOffice で PDF にできませんでした"):
            convert(program(tmp_path, script), b"%PDF-x")
    with pytest.raises(AuditError, match="起動できません"):
        convert(str(tmp_path / "nothing"), b"x")


def test_a_program_that_hangs_is_ended_with_its_children(tmp_path):
    mark = tmp_path / "alive"
    script = f"(sleep 3; touch {mark}) & sleep 60"
    with pytest.raises(AuditError, match=r"0\.5 秒で終わらないため"):
        convert(program(tmp_path, script), b"x", seconds=0.5)
    time.sleep(3.5)
    assert not mark.exists()


def test_it_gets_little_of_our_environment_and_a_home_of_its_own(tmp_path, monkeypatch):
    monkeypatch.setenv("SECOPS_SECRET", "x")
    seen = tmp_path / "seen"
    with pytest.raises(AuditError):
        convert(program(tmp_path, f"env > {seen}; ulimit -a >> {seen}"), b"x")
    text = seen.read_text(encoding="utf-8")
    assert "SECOPS_SECRET" not in text
    assert "HOME=/tmp/secops-pdf-" in text or "secops-pdf-" in text
    assert "http_proxy=http://127.0.0.1:9" in text
