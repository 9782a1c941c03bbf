"""Guideline editions: what a file must say, and that all mistakes of all files are found at once."""

from __future__ import annotations

from pathlib import Path

import pytest

from secops.errors import PolicyError
from secops.isms.clauses.edition_file import write_edition
from secops.isms.clauses.editions import read_editions
from secops.isms.clauses.model import Change
from tests.isms.clauses.guideline import FIRST, SECOND, SPLIT, read


def mistakes(*texts: str) -> list[str]:
    with pytest.raises(PolicyError) as caught:
        read_editions([(f"{at}.yml", text) for at, text in enumerate(texts)])
    return [str(one) for one in caught.value.problems]


def test_clauses_know_their_place_and_what_stands_above_them():
    edition = read(FIRST).latest
    assert [one.parent for one in edition.clauses] == ["", "mic-2020-01-1", "", "mic-2020-01-2"]
    assert edition.by_id["mic-2020-01-2.1"].where == "0.yml:12"
    assert [one.id for one in edition.leaves] == ["mic-2020-01-1-1", "mic-2020-01-2.1"]


def test_an_edition_is_written_and_read_again_unchanged():
    before = read(FIRST, SECOND)
    after = read(*(write_edition(one) for one in before.all))
    assert [one.digest for one in after.all] == [one.digest for one in before.all]
    assert after.latest.withdrawn == before.latest.withdrawn


def test_an_unknown_key_a_wrong_id_and_a_wrong_edition_are_all_named_with_their_line():
    text = FIRST.replace("number: '1'", "numbre: '1'").replace("mic-2020-01-2.1", "2.1")
    found = mistakes(text, "id: mic-2021-01\ntitle: x\npublished: 2021\nclauses: []\n")
    assert [one.split(" ")[0] for one in found] == ["0.yml:5", "0.yml:6", "0.yml:12", "1.yml:3", "1.yml:4"]


def test_clauses_of_another_edition_twice_or_without_the_one_above_are_refused():
    text = FIRST + (
        "  - {id: mic-2019-01-3, number: '3', title: 別の版}\n"
        "  - {id: mic-2020-01-1, number: '1', title: 二度目}\n"
        "  - {id: mic-2020-01-5.1, number: '5.1', title: 上がない}\n"
    )
    found = mistakes(text)
    assert ["この版の番号ではありません" in found[0], "にもあります" in found[1], "その上の" in found[2]] == [True] * 3


def test_what_is_said_of_a_change_must_fit_the_map():
    text = SECOND.replace("change: new", "change: new\n    previous: [mic-2020-01-1]")
    assert any("新設(new)なのに" in one for one in mistakes(FIRST, text))
    assert any("note に" in one for one in mistakes(FIRST, SECOND.replace("note: 数が増えた", "")))
    assert any("change を new に" in one for one in mistakes(FIRST, SECOND.replace("previous: [mic-2020-01-1-1]", "")))
    assert any("前の版(previous)がない" in one for one in mistakes(SECOND.replace("previous: mic-2020-01\n", "")))


def test_a_map_that_points_at_nothing_or_leaves_a_clause_out_is_refused():
    assert any(
        "前の版にない条項" in one for one in mistakes(FIRST, SECOND.replace("mic-2020-01-1-1]", "mic-2020-01-9]"))
    )
    left_out = mistakes(FIRST, SECOND[: SECOND.index("withdrawn")])
    assert len(left_out) == 1
    assert "mic-2020-01-2.1 小節" in left_out[0]


def test_gaps_around_an_official_text_are_notices():
    editions = read(
        FIRST, SECOND[: SECOND.index("withdrawn")].replace("title: 第二版", "title: 第二版\nofficial: true")
    )
    assert [one.where for one in editions.notices] == ["1.yml:1"]


def test_an_edition_needs_the_one_before_and_time_runs_forward():
    assert any("のファイルがありません" in one for one in mistakes(SECOND))
    late = FIRST.replace("published: 2020-01", "published: 2022-01")
    assert any("より前ではありません" in one for one in mistakes(late, SECOND))
    assert any("にもあります" in one for one in mistakes(FIRST, FIRST))


def test_no_file_at_all_is_said():
    assert mistakes() == ["policies/guidelines: ガイドラインの版のファイル(.yml)がありません。"]


def test_split_clauses_keep_what_changed():
    latest = read(FIRST, SECOND, SPLIT).latest
    assert [one.change for one in latest.clauses] == [Change.SAME, Change.CHANGED, Change.CHANGED, Change.MOVED]


def test_sources_name_a_page_a_day_and_what_it_shows():
    source = "sources:\n  - {title: 目次, url: 'https://example.jp/a', read: '2026-11-27', shows: 章の番号}\n"
    made = read(f"{FIRST}{source}").latest
    (one,) = made.sources
    assert (one.title, one.url, one.read, one.shows) == ("目次", "https://example.jp/a", "2026-11-27", "章の番号")
    assert read(write_edition(made)).latest.sources == made.sources
    assert "url" in mistakes(f"{FIRST}{source.replace('https', 'ftp')}")[0]


def test_what_ships_says_where_it_was_read_and_leaves_the_rest_to_be_confirmed():
    """Nothing is taken for read that was not: below chapters of the newest edition 要確認 stays."""
    folder = Path(__file__).parents[3] / "policies" / "guidelines"
    editions = read_editions([(str(path), path.read_text("utf-8")) for path in sorted(folder.glob("*.yml"))])
    for one in editions.all:
        settled = [clause for clause in one.clauses if not clause.confirm]
        assert not settled or one.sources, one.id
    assert sum(clause.confirm for clause in editions.latest.clauses) == 126
