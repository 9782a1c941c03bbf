"""OSCAL files are valid by the official schema (as `oscal-bindings` carries it) and say the same every time."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from oscal_bindings import CatalogDocument, MappingCollectionDocument, ProfileDocument

from secops.isms.clauses.markdown import read_document
from secops.isms.clauses.model import (
    Clause,
    Document,
    DocumentKind,
    Edition,
    Event,
    GuidelineClause,
    Link,
    LinkKind,
    Numbering,
)
from secops.report.oscal import document_catalog, document_mapping, document_profile, edition_catalog, unmappable
from secops.wiring.guidelines import open_editions
from tests.isms.clauses import documents as any_documents

NOW = datetime(2026, 11, 27, 3, 0, tzinfo=UTC)
SAMPLES = sorted(Path("policies/sample").glob("*.md"))
SCHEMAS: dict[str, Any] = {
    "catalog": CatalogDocument,
    "profile": ProfileDocument,
    "mapping-collection": MappingCollectionDocument,
}
EDITION = Edition(
    "mic-2025-03",
    "ガイドライン",
    "2025-03",
    (
        GuidelineClause("mic-2025-03-6", "6", "技術的"),
        GuidelineClause("mic-2025-03-6.1", "6.1", "管理", "mic-2025-03-6"),
        GuidelineClause("mic-2025-03-6.1-6", "6.1 (6)", "ログの取得", "mic-2025-03-6.1", "ログを取る。"),
        GuidelineClause("mic-2025-03-6.2", "6.2", "アクセス制御", "mic-2025-03-6"),
        GuidelineClause("mic-2025-03-6.3", "6.3", "開発", "mic-2025-03-6"),
    ),
)
RULE = Document(
    "taisaku",
    "対策基準",
    DocumentKind.CONTROL_STANDARD,
    (
        Clause("taisaku-c1", "第1章", 1, title="総則"),
        Clause(
            "taisaku-a1",
            "第1条",
            2,
            "taisaku-c1",
            "ログ",
            "ログは、次による。",
            (Link("mic-2025-03-6.1-6"),),
            owner="情報政策課",
        ),
        Clause("taisaku-a1-2", "2", 3, "taisaku-a1", "", "保存する。", (Link("mic-2025-03-6.2", LinkKind.PARTLY),)),
        Clause("taisaku-a2", "第2条", 2, "taisaku-c1", "", "削除"),
        Clause("taisaku-f1", "附則", 1, text="公布の日から施行する。", links=(Link("mic-1999-01-1"),)),
    ),
    history=(Event(date(2002, 8, 1), "制定"), Event(date(2025, 4, 1), "改正")),
    owner="情報政策課",
    digest="ab" * 32,
)


def valid(said: dict[str, Any]) -> dict[str, Any]:
    """The file, after it was held against the schema as JSON carries it."""
    carried: dict[str, Any] = json.loads(json.dumps(said))
    (name,) = carried
    SCHEMAS[name].model_validate(carried)
    inner: dict[str, Any] = carried[name]
    return inner


def test_the_schema_refuses_what_is_not_oscal():
    said = document_catalog(RULE, NOW)
    said["catalog"]["groups"][0]["id"] = "1:2"
    with pytest.raises(ValueError, match="pattern"):
        valid(said)


@pytest.mark.parametrize("path", SAMPLES, ids=lambda path: path.stem)
def test_every_document_of_the_sample_is_valid_oscal(path):
    document = read_document(str(path), path.read_text(encoding="utf-8"))
    catalog = valid(document_catalog(document, NOW))
    assert set(controls(catalog)) >= set(
        valid(document_profile(document, NOW))["imports"][0]["include-controls"][0]["with-ids"]
    )
    if any(clause.links for clause in document.clauses):
        valid(document_mapping(document, open_editions().by_id, NOW))


@pytest.mark.parametrize("edition", open_editions().all, ids=lambda edition: edition.id)
def test_every_edition_of_the_guideline_is_valid_oscal(edition):
    said = valid(edition_catalog(edition, NOW))
    assert ids(said) == [clause.id for clause in edition.clauses]
    assert "公式の文言ではない" in said["metadata"]["remarks"]


@settings(max_examples=60, deadline=None)
@given(any_documents.documents, st.sampled_from(Numbering))
def test_any_document_is_valid_oscal_with_all_its_clauses(document, numbering):
    document = replace(document, numbering=numbering)
    said = valid(document_catalog(document, NOW))
    assert sorted(ids(said)) == sorted(clause.id for clause in document.clauses)
    valid(document_profile(document, NOW))


def test_chapters_are_groups_articles_controls_and_paragraphs_parts():
    said = valid(document_catalog(RULE, NOW))
    group = said["groups"][0]
    assert (group["id"], group["title"]) == ("taisaku-c1", "総則")
    article, gone = group["controls"]
    assert {"name": "label", "value": "第1条"} in article["props"]
    statement = article["parts"][0]
    assert (statement["name"], statement["prose"]) == ("statement", "ログは、次による。")
    assert [(part["id"], part["prose"]) for part in statement["parts"]] == [("taisaku-a1-2", "保存する。")]
    assert {"name": "status", "value": "withdrawn"} in gone["props"]
    assert [one["id"] for one in said["controls"]] == ["taisaku-f1"]
    link = article["links"][0]
    resource = next(one for one in said["back-matter"]["resources"] if link["href"] == f"#{one['uuid']}")
    assert (link["rel"], link["resource-fragment"]) == ("implements", "mic-2025-03-6.1-6")
    assert resource["rlinks"][0]["href"] == "mic-2025-03.catalog.json"
    assert said["metadata"]["version"] == "2025-04-01"
    assert said["metadata"]["published"] == "2025-03-31T15:00:00Z"  # midnight in Tokyo


def test_the_profile_leaves_out_what_only_says_deleted():
    said = valid(document_profile(RULE, NOW))
    chosen = said["imports"][0]["include-controls"][0]["with-ids"]
    assert chosen == ["taisaku-a1", "taisaku-f1"]
    assert said["imports"][0]["href"] == "taisaku.catalog.json"


def test_the_mapping_says_how_far_each_clause_goes_and_what_is_left():
    said = valid(document_mapping(RULE, {EDITION.id: EDITION}, NOW))
    (mapping,) = said["mappings"]
    assert [(one["relationship"], one["sources"], one["targets"]) for one in mapping["maps"]] == [
        (
            "superset-of",
            [{"type": "control", "id-ref": "taisaku-a1"}],
            [{"type": "statement", "id-ref": "mic-2025-03-6.1-6"}],
        ),
        (
            "intersects-with",
            [{"type": "statement", "id-ref": "taisaku-a1-2"}],
            [{"type": "control", "id-ref": "mic-2025-03-6.2"}],
        ),
    ]
    assert mapping["target-gap-summary"]["unmapped-controls"] == [{"with-ids": ["mic-2025-03-6.3"]}]
    assert said["provenance"]["status"] == "not-complete"
    assert unmappable(RULE, {EDITION.id: EDITION}) == [("taisaku-f1", "mic-1999-01-1")]


def test_a_chapter_is_mapped_by_all_its_controls():
    clauses = (replace(RULE.clauses[0], links=(Link("mic-2025-03-6"),)), *RULE.clauses[1:])
    said = valid(document_mapping(replace(RULE, clauses=clauses), {EDITION.id: EDITION}, NOW))
    whole = said["mappings"][0]["maps"][0]
    assert [one["id-ref"] for one in whole["sources"]] == ["taisaku-a1", "taisaku-a2"]
    assert len(whole["targets"]) == 3


def test_the_same_version_has_the_same_uuids_and_another_version_others():
    first, again = document_catalog(RULE, NOW), document_catalog(RULE, datetime(2027, 1, 1, tzinfo=UTC))
    assert first == again  # its history says when it was changed: not the day of the export
    changed = document_catalog(replace(RULE, digest="cd" * 32), NOW)
    assert first["catalog"]["uuid"] != changed["catalog"]["uuid"]


def controls(said: dict[str, Any]) -> list[str]:
    """The ids of all controls of a catalog or group."""
    found = [one["id"] for one in said.get("controls", [])]
    for group in said.get("groups", []):
        found += controls(group)
    return found


def ids(said: dict[str, Any]) -> list[str]:
    """The ids of all clauses of a catalog, in the order of the document."""
    made: list[tuple[str, str]] = []

    def walk(one: dict[str, Any]) -> None:
        if "id" in one and not one["id"].endswith(("_smt", "_ovw", "_beside")):
            made.append((next(prop["value"] for prop in one["props"] if prop["name"] == "sort-id"), one["id"]))
        for key in ("groups", "controls", "parts"):
            for part in one.get(key, []):
                walk(part)

    walk(said)
    return [id for _order, id in sorted(made)]
