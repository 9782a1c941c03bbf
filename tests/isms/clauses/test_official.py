"""An official text is taken apart by its numbering, nothing is lost, and it fits the map of the shipped edition."""

from __future__ import annotations

import io
import re

import docx
import pytest
from hypothesis import given
from hypothesis import strategies as st

from secops.errors import PolicyError
from secops.isms.clauses.adopt import Unlike, adopt, compared_with
from secops.isms.clauses.edition_file import write_edition
from secops.isms.clauses.editions import read_editions
from secops.isms.clauses.ids import tail_of as id_tail
from secops.isms.clauses.model import Change
from secops.isms.clauses.official import Doubt, Piece, printed, recognise, tail_of
from secops.isms.clauses.pieces import read_pieces
from secops.wiring.guidelines import open_editions
from tests.isms.clauses.official_text import TEXT, TITLES, pieces

SHIPPED = open_editions()


def found(text: str = TEXT, titles=TITLES):
    return recognise(pieces(text), titles)


WIDE = str.maketrans("0123456789().", "".join(map(chr, [*range(0xFF10, 0xFF1A), 0xFF08, 0xFF09, 0xFF0E])))


@pytest.mark.parametrize("text", [TEXT, TEXT.translate(WIDE)], ids=["narrow", "wide"])
def test_clauses_are_recognised_by_number_whatever_the_width(text):
    tails = [node.tail for node in found(text).nodes]
    assert tails == [
        *("1", "1-1", "1-1-1", "1-1-2", "1-2", "1-2-1"),
        *("6", "6.1", "6.1-1", "6.1-2", "6.1-5", "6.2", "6.2-1"),
    ]
    by_tail = {node.tail: node for node in found().nodes}
    assert by_tail["1-1"].title == "最高情報セキュリティ責任者(CISO)"
    assert by_tail["1-1-1"].lines == ["副区長を充てる。"]
    assert by_tail["1-2-1"].lines[-1] == "3 年間保存する記録は、別に定める。"


def test_what_is_no_clause_stays_as_text_of_the_clause_above_and_is_listed():
    told = {(one.doubt, one.text): one.kept for one in found().unplaced}
    assert told[Doubt.NUMBER, "(9) どこからも続かない番号"] == "6.1 (5)"
    assert told[Doubt.DEEPER, "(ア) 任期は二年とする。"] == "1 (1) ②"
    assert told[Doubt.BEFORE, "1 目的"] == ""
    assert "1 目的" in found().preamble


def test_a_second_run_through_the_chapters_adds_text_and_no_clauses():
    by_tail = {node.tail: node for node in found().nodes}
    assert "役割を説明する。" in by_tail["1"].lines
    assert by_tail["1-1"].lines[-2:] == ["最終の責任を持つ。", "(3) 解説だけの項"]
    assert "1-3" not in by_tail


def test_without_a_shipped_edition_the_numbers_alone_decide():
    tails = [node.tail for node in recognise(pieces("1 総則\n(1) 目的\n(2) 範囲\n2 運用\n2.1 監視\n"), {}).nodes]
    assert tails == ["1", "1-1", "1-2", "2", "2.1"]


@given(st.lists(st.sampled_from([*TEXT.splitlines(), "(7) x", "9.9 y", "①", "…", "", " "]), max_size=40))
def test_no_line_is_lost_in_any_order(lines):
    read = recognise([Piece(at, line) for at, line in enumerate(lines)], TITLES)
    kept = read.preamble + "\n".join(node.title + "\n" + "\n".join(node.lines) for node in read.nodes)
    kept += "\n".join(one.text for one in read.unplaced)
    for line in lines:
        words = re.sub(r"^[\W\d第章編①-⑳]+", "", line).strip()
        assert words in kept


@pytest.mark.parametrize("tail", ["6", "6.1", "6.1-6", "3-1-2"])
def test_a_printed_number_is_read_back(tail):
    assert tail_of(printed(tail)) == tail


def shipped_text(edition) -> str:
    lines = []
    for one in edition.clauses:
        number = one.number.rsplit(" ", 1)[-1]
        lines += [f"{number} {one.title}", f"{one.title}の公式の文。"]
    return "\n".join(lines)


@pytest.mark.parametrize("edition", SHIPPED.all, ids=lambda one: one.published)
def test_a_text_with_numbers_and_titles_of_a_shipped_edition_is_that_edition(edition):
    titles = {id_tail(one.id): one.title for one in edition.clauses}
    read = recognise(pieces(shipped_text(edition)), titles)
    adopted = adopt(read, edition.id, edition.published, "", edition)
    assert adopted.deviations == ()
    assert [one.id for one in adopted.edition.clauses] == [one.id for one in edition.clauses]
    assert [one.previous for one in adopted.edition.clauses] == [one.previous for one in edition.clauses]
    assert adopted.edition.official


def test_a_finer_text_goes_where_the_clause_above_it_goes():
    base = SHIPPED.get("2025-03")
    text = shipped_text(base).replace("(6) ログの取得等", "(6) ログの取得等\n①必要なログを取る。\n②保存する。")
    read = recognise(pieces(text), {id_tail(one.id): one.title for one in base.clauses})
    adopted = adopt(read, base.id, base.published, "", base)
    assert adopted.edition.by_id["mic-2025-03-6.1-6-2"].previous == ("mic-2024-10-6.1-6",)
    editions = read_editions(
        [(one.id, write_edition(one)) for one in SHIPPED.all if one.id != base.id]
        + [("own.yml", write_edition(adopted.edition))]
    )
    assert editions.notices == ()


def test_differences_from_the_shipped_edition_are_listed():
    base = SHIPPED.get("2025-03")
    text = shipped_text(base).replace("(7) 障害記録\n", "(7) まったく別の題\n")
    text = text.replace(
        "(22) ソーシャルメディアサービスの利用", "(22) ソーシャルメディアサービスの利用\n(23) 新しい項目"
    )
    text = text.replace("7.6 懲戒処分等", "懲戒処分等")
    adopted = adopt(
        recognise(pieces(text), {id_tail(one.id): one.title for one in base.clauses}),
        *(base.id, base.published, "", base),
    )
    told = {(one.kind, one.number) for one in adopted.deviations}
    assert (Unlike.TITLE, "6.1 (7)") in told
    assert (Unlike.EXTRA, "6.1 (23)") in told
    assert (Unlike.MISSING, "7.6") in told
    assert adopted.edition.by_id["mic-2025-03-6.1-23"].change is Change.NEW


def test_a_later_edition_is_mapped_to_the_newest_shipped_one():
    base = compared_with(SHIPPED, "mic-2027-03", "2027-03")
    assert base is SHIPPED.latest
    text = (
        shipped_text(base)
        .replace("(17) 無許可ソフトウェアの導入等の禁止", "(17) 前にない題")
        .replace("(22) ソーシャルメディアサービスの利用", "(22) 無許可ソフトウェアの導入等の禁止")
    )
    read = recognise(pieces(text), {id_tail(one.id): one.title for one in base.clauses})
    edition = adopt(read, "mic-2027-03", "2027-03", "令和9年3月版", base).edition
    assert edition.previous == "mic-2025-03"
    assert edition.by_id["mic-2027-03-6.1-22"].previous == ("mic-2025-03-6.1-17",)
    assert edition.by_id["mic-2027-03-6.1-22"].change is Change.MOVED
    assert "mic-2025-03-6.1-22" in edition.withdrawn
    read_editions([(one.id, write_edition(one)) for one in (*SHIPPED.all, edition)])


def test_text_is_read_in_utf_8_and_in_cp932_alike():
    assert read_pieces("a.txt", TEXT.encode()).pieces == read_pieces("a.txt", TEXT.encode("cp932")).pieces


def test_a_csv_is_read_by_the_names_of_its_columns_or_by_its_rows():
    named = "番号,題名,本文\n1,組織体制,\n1 (1),責任者,副区長を充てる。\n9.9,宙に浮いた項,\n".encode("cp932")
    read = recognise(read_pieces("a.csv", named).pieces, {})
    assert [node.tail for node in read.nodes] == ["1", "1-1"]
    assert read.nodes[1].lines == ["副区長を充てる。", "9.9 宙に浮いた項"]
    bare = "1,組織体制\n(1),責任者\n".encode()
    assert [node.tail for node in recognise(read_pieces("a.csv", bare).pieces, {}).nodes] == ["1", "1-1"]


def test_a_word_file_is_read_with_its_tables_as_text():
    document = docx.Document()
    for line in ("1. 組織体制", "(1)責任者"):
        document.add_paragraph(line)
    document.add_table(1, 2).rows[0].cells[0].text = "(2) 表の中"
    document.add_paragraph("(2) 副責任者")
    file = io.BytesIO()
    document.save(file)
    read = recognise(read_pieces("a.docx", file.getvalue()).pieces, {})
    assert [node.tail for node in read.nodes] == ["1", "1-1", "1-2"]
    assert [one.doubt for one in read.unplaced] == [Doubt.PLAIN]


@pytest.mark.parametrize("data", [b"%PDF-1.7", bytes.fromhex("d0cf11e0a1b11ae100"), b"\x81\xff\x00", b"PK\x03\x04xx"])
def test_what_is_no_text_is_refused_with_the_reason(data):
    with pytest.raises(PolicyError):
        read_pieces("a.txt", data)


@pytest.mark.parametrize("line", ["." * 200_000 + "x", "(1) " + "あ" * 200_000, "\t" * 200_000, "1" * 200_000])
def test_a_hostile_line_is_read_like_any_other(line):
    read = recognise(pieces(f"1. 組織体制\n(1) 責任者\n{line}\n(2) 副責任者\n"), TITLES)
    assert [node.tail for node in read.nodes][:2] == ["1", "1-1"]
