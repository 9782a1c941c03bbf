"""OSCAL 1.2 as JSON: documents and guideline editions as catalogs, what is in force as a profile, links as a mapping.

Each file says by ``uuid`` what it is: the same document in the same version always has the same one. Files refer to
each other by the names that the guide asks for (``taisaku.catalog.json``, ``mic-2025-03.catalog.json``).
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import Any
from uuid import NAMESPACE_URL, uuid5

from secops.isms.clauses.model import Document, Edition
from secops.report.oscal_tree import NAMESPACE, Forest, Node, Role, forest_of_document, forest_of_edition
from secops.schema.dates import JST

VERSION = "1.2.3"
# What a link of ours says, in the words of set theory (NIST IR 8477): all that the guideline asks, or some of it.
_RELATIONSHIPS = {"implements": "superset-of", "partly": "intersects-with"}
Json = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Issue:
    """Which version of a document goes out: its name in OSCAL, when it was last changed, when it was published."""

    version: str
    changed: datetime
    published: datetime | None = None


def issue_of(document: Document, now: datetime) -> Issue:
    """The version that a document's history tells; a draft without one is as of now."""
    if not document.history:
        return Issue(f"draft-{document.digest[:12] or '0'}", now)
    day = max(event.day for event in document.history)
    return Issue(day.isoformat(), _midnight(day), _midnight(day))


def catalog_file(id: str) -> str:
    """The name of the file that holds a catalog."""
    return f"{id}.catalog.json"


def document_catalog(document: Document, now: datetime) -> Json:
    """A document of the ward as a catalog."""
    issue = issue_of(document, now)
    key = f"{document.id}:{issue.version}:{document.digest}"
    forest = forest_of_document(document)
    metadata = _metadata(document.title, issue)
    if document.owner:
        party = _uuid(f"party:{document.owner}")
        metadata["roles"] = [{"id": "owner", "title": "所管課"}]
        metadata["parties"] = [{"uuid": party, "type": "organization", "name": document.owner}]
        metadata["responsible-parties"] = [{"role-id": "owner", "party-uuids": [party]}]
    metadata["props"] = _own_props([("document-kind", document.kind.value), ("sha256", document.digest)])
    return {"catalog": _catalog(key, metadata, forest)}


def edition_catalog(edition: Edition, now: datetime) -> Json:
    """An edition of the national guideline as a catalog."""
    key = f"{edition.id}:{edition.digest}"
    issue = Issue(edition.published, now)
    metadata = _metadata(edition.title, issue)
    metadata["props"] = _own_props([("official-text", "yes" if edition.official else "no"), ("sha256", edition.digest)])
    if not edition.official:
        metadata["remarks"] = "題名と要旨は secops が書き起こしたもので、国の公式の文言ではない。"
    return {"catalog": _catalog(key, metadata, forest_of_edition(edition))}


def document_profile(document: Document, now: datetime) -> Json:
    """The controls of a document that are in force: all but those whose article only says 削除."""
    issue = issue_of(document, now)
    forest = forest_of_document(document)
    chosen = [key for key in forest.controls if not forest.nodes[key].withdrawn]
    said = {
        "uuid": _uuid(f"profile:{document.id}:{issue.version}:{document.digest}"),
        "metadata": _metadata(f"{document.title} 適用中の条項", issue),
        "imports": [{"href": catalog_file(document.id), "include-controls": [{"with-ids": chosen}]}],
        "merge": {"as-is": True},
    }
    return {"profile": said}


def document_mapping(document: Document, editions: Mapping[str, Edition], now: datetime) -> Json:
    """The links of a document to guideline clauses, a mapping for each edition that they name.

    Editions that are not known, and clauses that an edition does not have, are left out: `unmappable` lists them.
    """
    issue = issue_of(document, now)
    key = f"mapping:{document.id}:{issue.version}:{document.digest}"
    forest = forest_of_document(document)
    links: dict[str, list[tuple[str, str, str]]] = defaultdict(list)
    known = {clause: edition.id for edition in editions.values() for clause in edition.by_id}
    for node in forest.nodes.values():
        for guideline, kind in node.links:
            if guideline in known:
                links[known[guideline]].append((node.id, guideline, kind))
    mappings = [_mapping(f"{key}:{one}", document, forest, editions[one], links[one]) for one in sorted(links)]
    provenance = {
        "method": "human",
        "matching-rationale": "semantic",
        "status": "not-complete" if any("target-gap-summary" in one for one in mappings) else "complete",
        "mapping-description": f"{document.title}の各条項が実施する、国のガイドラインの条項",
    }
    said = {
        "uuid": _uuid(key),
        "metadata": _metadata(f"{document.title} ガイドラインとの対応", issue),
        "provenance": provenance,
        "mappings": mappings,
    }
    return {"mapping-collection": said}


def unmappable(document: Document, editions: Mapping[str, Edition]) -> list[tuple[str, str]]:
    """Clauses of a document with links that lead nowhere: the edition or the clause in it is not known."""
    known = {clause for edition in editions.values() for clause in edition.by_id}
    return [
        (clause.id, link.guideline)
        for clause in document.clauses
        for link in clause.links
        if link.guideline not in known
    ]


def _mapping(
    key: str, document: Document, ours: Forest, edition: Edition, links: Sequence[tuple[str, str, str]]
) -> Json:
    theirs = forest_of_edition(edition)
    maps = []
    reached: set[str] = set()
    for clause, guideline, kind in links:
        targets = _items(theirs, guideline)
        reached.update(theirs.control_of(one["id-ref"]) for one in targets)
        maps.append(
            {
                "uuid": _uuid(f"{key}:{clause}:{guideline}"),
                "relationship": _RELATIONSHIPS[kind],
                "sources": _items(ours, clause),
                "targets": targets,
            }
        )
    said: Json = {
        "uuid": _uuid(key),
        "source-resource": {"type": "catalog", "href": catalog_file(document.id)},
        "target-resource": {"type": "catalog", "href": catalog_file(edition.id)},
        "maps": maps,
    }
    if missing := [one for one in theirs.controls if one not in reached]:
        gap = {"uuid": _uuid(f"{key}:gap"), "unmapped-controls": [{"with-ids": missing}]}
        said["target-gap-summary"] = gap
    return said


def _items(forest: Forest, key: str) -> list[Json]:
    """A clause as mappings name it; a chapter is named by all its controls."""
    if forest.roles[key] is Role.GROUP:
        return [{"type": "control", "id-ref": one} for one in forest.below(key)]
    kind = "control" if forest.roles[key] is Role.CONTROL else "statement"
    return [{"type": kind, "id-ref": key}]


def _catalog(key: str, metadata: Json, forest: Forest) -> Json:
    resources = _resources(key, forest)
    said: Json = {"uuid": _uuid(f"catalog:{key}"), "metadata": metadata}
    said |= _members(forest, forest.children.get("", ()), resources)
    if resources:
        said["back-matter"] = {"resources": [one for _edition, one in sorted(resources.items())]}
    return said


def _members(forest: Forest, keys: Sequence[str], resources: Mapping[str, Json]) -> Json:
    groups = [_group(forest, forest.nodes[one], resources) for one in keys if forest.roles[one] is Role.GROUP]
    controls = [_control(forest, forest.nodes[one], resources) for one in keys if forest.roles[one] is Role.CONTROL]
    return {name: made for name, made in (("controls", controls), ("groups", groups)) if made}


def _group(forest: Forest, node: Node, resources: Mapping[str, Json]) -> Json:
    said = _named(forest, node, resources)
    if node.text:
        said["parts"] = [{"id": f"{node.id}_ovw", "name": "overview", "prose": node.text}]
    members = _members(forest, forest.children[node.id], resources)
    if len(members) == 2:  # a group holds groups or controls, never both
        beside = {"id": f"{node.id}_beside", "title": said["title"], "controls": members["controls"]}
        members = {"groups": [beside, *members["groups"]]}
    return said | members


def _control(forest: Forest, node: Node, resources: Mapping[str, Json]) -> Json:
    said = _named(forest, node, resources)
    if node.withdrawn:
        said["props"].append({"name": "status", "value": "withdrawn"})
    statement: Json = {"id": f"{node.id}_smt", "name": "statement", "prose": node.text or node.title or node.label}
    if items := [_part(forest, forest.nodes[one], resources) for one in forest.children.get(node.id, ())]:
        statement["parts"] = items
        if not node.text:
            del statement["prose"]
    said["parts"] = [statement]
    return said


def _part(forest: Forest, node: Node, resources: Mapping[str, Json]) -> Json:
    named = _named(forest, node, resources)
    said: Json = {
        "id": node.id,
        "name": "item",
        **({"title": node.title} if node.title else {}),
        "props": named["props"],
    }
    if node.text:
        said["prose"] = node.text
    if items := [_part(forest, forest.nodes[one], resources) for one in forest.children.get(node.id, ())]:
        said["parts"] = items
    if "links" in named:
        said["links"] = named["links"]
    if not said["props"]:
        del said["props"]
    return said


def _named(forest: Forest, node: Node, resources: Mapping[str, Json]) -> Json:
    """What groups and controls have in common."""
    props = [{"name": "label", "value": node.label}] if node.label else []
    props.append({"name": "sort-id", "value": f"{forest.order[node.id]:05}"})
    said: Json = {
        "id": node.id,
        "title": " ".join((node.title or node.label or node.id).split()),
        "props": [*props, *_own_props(node.props)],
    }
    links = [
        {"href": f"#{resources[edition]['uuid']}", "rel": rel, "resource-fragment": clause}
        for clause, rel in node.links
        if (edition := _edition(clause)) in resources
    ]
    return said | ({"links": links} if links else {})


def _resources(key: str, forest: Forest) -> dict[str, Json]:
    """The catalogs that links lead to, by edition."""
    editions = {_edition(clause) for node in forest.nodes.values() for clause, _rel in node.links}
    return {
        one: {
            "uuid": _uuid(f"resource:{key}:{one}"),
            "title": one,
            "rlinks": [{"href": catalog_file(one), "media-type": "application/json"}],
        }
        for one in editions
    }


def _edition(clause: str) -> str:
    """``mic-2025-03`` of ``mic-2025-03-6.1-6``."""
    return "-".join(clause.split("-")[:3])


def _own_props(pairs: Sequence[tuple[str, str]]) -> list[Json]:
    return [{"name": name, "ns": NAMESPACE, "value": " ".join(value.split())} for name, value in pairs if value.strip()]


def _metadata(title: str, issue: Issue) -> Json:
    said: Json = {"title": " ".join(title.split())}
    if issue.published is not None:
        said["published"] = _moment(issue.published)
    said |= {"last-modified": _moment(issue.changed), "version": issue.version, "oscal-version": VERSION}
    return said


def _midnight(day: date) -> datetime:
    return datetime(day.year, day.month, day.day, tzinfo=JST)


def _moment(moment: datetime) -> str:
    return moment.astimezone(UTC).isoformat(timespec="seconds").replace("+00:00", "Z")


def _uuid(key: str) -> str:
    return str(uuid5(NAMESPACE_URL, f"{NAMESPACE}:{key}"))
