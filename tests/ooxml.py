"""What every Office file of ours must hold: parts, types, relationships, identifiers, order of properties."""

from __future__ import annotations

import io
import posixpath
import zipfile
from collections.abc import Iterator
from typing import Any

from lxml import etree

TYPES = "{http://schemas.openxmlformats.org/package/2006/content-types}"
RELS = "{http://schemas.openxmlformats.org/package/2006/relationships}"
R = "{http://schemas.openxmlformats.org/officeDocument/2006/relationships}"
W = "{http://schemas.openxmlformats.org/wordprocessingml/2006/main}"
S = "{http://schemas.openxmlformats.org/spreadsheetml/2006/main}"
# The schema of WordprocessingML is a sequence: Word refuses or drops what stands elsewhere.
_ORDER = {
    "pPr": (
        "pStyle keepNext keepLines pageBreakBefore framePr widowControl numPr suppressLineNumbers pBdr shd tabs "
        "suppressAutoHyphens kinsoku wordWrap overflowPunct topLinePunct autoSpaceDE autoSpaceDN bidi adjustRightInd "
        "snapToGrid spacing ind contextualSpacing mirrorIndents suppressOverlap jc textDirection textAlignment "
        "textboxTightWrap outlineLvl divId cnfStyle rPr sectPr pPrChange"
    ),
    "rPr": (
        "rStyle rFonts b bCs i iCs caps smallCaps strike dstrike outline shadow emboss imprint noProof snapToGrid "
        "vanish webHidden color spacing w kern position sz szCs highlight u effect bdr shd fitText vertAlign rtl cs em "
        "lang eastAsianLayout specVanish oMath"
    ),
    "tcPr": ("cnfStyle tcW gridSpan hMerge vMerge tcBorders shd noWrap tcMar textDirection tcFitText vAlign hideMark"),
    "tblPr": (
        "tblStyle tblpPr tblOverlap bidiVisual tblStyleRowBandSize tblStyleColBandSize tblW jc tblCellSpacing tblInd "
        "tblBorders shd tblLayout tblCellMar tblLook tblCaption tblDescription"
    ),
    "sectPr": (
        "footnotePr endnotePr type pgSz pgMar paperSrc pgBorders lnNumType pgNumType "
        "cols formProt vAlign noEndnote titlePg textDirection bidi rtlGutter docGrid"
    ),
}

ORDER = {name: tuple(text.split()) for name, text in _ORDER.items()}


def problems(data: bytes) -> list[str]:
    """What is wrong with a .docx or .xlsx; empty where nothing is."""
    with zipfile.ZipFile(io.BytesIO(data)) as file:
        names = file.namelist()
        found = [f"{name} stands twice" for name in set(names) if names.count(name) > 1]
        if (bad := file.testzip()) is not None:
            found.append(f"{bad} is damaged")
        trees = {name: _tree(file.read(name), name, found) for name in names if name.endswith((".xml", ".rels"))}
    found += _types(names, trees)
    found += _relationships(names, trees)
    if document := trees.get("word/document.xml"):
        found += _word(document[0], trees)
    return found


def _tree(data: bytes, name: str, found: list[str]) -> tuple[Any]:
    try:
        return (etree.fromstring(data, etree.XMLParser(resolve_entities=False)),)
    except etree.XMLSyntaxError as error:
        found.append(f"{name}: {error}")
        return (etree.Element("none"),)


def _types(names: list[str], trees: dict[str, tuple[Any]]) -> Iterator[str]:
    if names[0] != "[Content_Types].xml" and "[Content_Types].xml" not in names:
        yield "no [Content_Types].xml"
        return
    root = trees["[Content_Types].xml"][0]
    defaults = {one.get("Extension", "").lower() for one in root.iter(f"{TYPES}Default")}
    parts = [one.get("PartName", "") for one in root.iter(f"{TYPES}Override")]
    for name in names:
        if (
            name != "[Content_Types].xml"
            and f"/{name}" not in parts
            and name.rpartition(".")[2].lower() not in defaults
        ):
            yield f"{name} has no content type"
    yield from (f"{part} is typed and not there" for part in parts if part.lstrip("/") not in names)
    yield from (f"{part} is typed twice" for part in set(parts) if parts.count(part) > 1)


def _relationships(names: list[str], trees: dict[str, tuple[Any]]) -> Iterator[str]:
    known: dict[str, set[str]] = {}
    for name, (root,) in trees.items():
        if not name.endswith(".rels"):
            continue
        folder, _slash, base = name.rpartition("_rels/")
        source = folder + base.removesuffix(".rels")
        ids = [one.get("Id", "") for one in root.iter(f"{RELS}Relationship")]
        known[source] = set(ids)
        yield from (f"{name}: {one} stands twice" for one in known[source] if ids.count(one) > 1)
        for one in root.iter(f"{RELS}Relationship"):
            target = one.get("Target", "")
            if one.get("TargetMode") == "External":
                continue
            path = target.lstrip("/") if target.startswith("/") else posixpath.normpath(folder + target)
            if path not in names:
                yield f"{name}: {target} is not there"
    for name, (root,) in trees.items():
        for one in root.iter():
            for key, value in one.attrib.items():
                if str(key).startswith(R) and value not in known.get(name, set()):
                    yield f"{name}: {value} leads nowhere"


def _word(document: Any, trees: dict[str, tuple[Any]]) -> Iterator[str]:
    """References within a Word file."""
    styles = trees["word/styles.xml"][0] if "word/styles.xml" in trees else etree.Element("none")
    names = [one.get(f"{W}styleId") for one in styles.iter(f"{W}style")]
    yield from (f"style {one} stands twice" for one in set(names) if names.count(one) > 1)
    numbers = set()
    if "word/numbering.xml" in trees:
        numbers = {one.get(f"{W}numId") for one in trees["word/numbering.xml"][0].iter(f"{W}num")}
    marks = [one.get(f"{W}id") for one in document.iter(f"{W}bookmarkStart")]
    ends = [one.get(f"{W}id") for one in document.iter(f"{W}bookmarkEnd")]
    if sorted(map(str, marks)) != sorted(map(str, ends)) or len(set(marks)) != len(marks):
        yield "bookmarks do not pair"
    anchors = {one.get(f"{W}name") for one in document.iter(f"{W}bookmarkStart")}
    for name, (root,) in trees.items():
        if not name.startswith("word/"):
            continue
        for tag in ("pStyle", "rStyle", "tblStyle", "basedOn", "next", "link"):
            for one in root.iter(f"{W}{tag}"):
                if one.get(f"{W}val") not in names:
                    yield f"{name}: style {one.get(f'{W}val')} is not there"
        for one in root.iter(f"{W}hyperlink"):
            if one.get(f"{W}anchor") and one.get(f"{W}anchor") not in anchors:
                yield f"{name}: bookmark {one.get(f'{W}anchor')} is not there"
        for tag, order in ORDER.items():
            for one in root.iter(f"{W}{tag}"):
                yield from _ordered(one, order, name)
        depth = [one.get(f"{W}fldCharType") for one in root.iter(f"{W}fldChar")]
        if depth.count("begin") != depth.count("end") or depth.count("separate") > depth.count("begin"):
            yield f"{name}: fields do not pair"
    yield from (
        f"list {one.get(f'{W}val')} is not there"
        for one in document.iter(f"{W}numId")
        if one.get(f"{W}val") not in numbers | {"0"}
    )
    for cell in document.iter(f"{W}tc"):
        if not len(cell) or cell[-1].tag != f"{W}p":
            yield "a cell does not end with a paragraph"
    for table in document.iter(f"{W}tbl"):
        columns = len(table.findall(f"{W}tblGrid/{W}gridCol"))
        for row in table.findall(f"{W}tr"):
            if (wide := sum(_span(cell) for cell in row.findall(f"{W}tc"))) != columns:
                yield f"a row has {wide} cells for {columns} columns"


def _span(cell: Any) -> int:
    found = cell.find(f"{W}tcPr/{W}gridSpan")
    return 1 if found is None else int(found.get(f"{W}val"))


def _ordered(element: Any, order: tuple[str, ...], name: str) -> Iterator[str]:
    tags = [str(one.tag).rpartition("}")[2] for one in element if str(one.tag).startswith(W)]
    known = [order.index(tag) for tag in tags if tag in order]
    if known != sorted(known):
        yield f"{name}: {'>'.join(tags)} in {str(element.tag).rpartition('}')[2]} is out of order"
    single = [tag for tag in tags if tag not in {"headerReference", "footerReference"}]
    if len(single) != len(set(single)):
        yield f"{name}: something stands twice in {str(element.tag).rpartition('}')[2]}: {tags}"
