"""A draft that somebody edited in Word becomes the paper that is released: without 「案」 and without names in it."""

from __future__ import annotations

import io
from collections.abc import Iterator
from typing import Any

from docx import Document
from lxml import etree

from secops.errors import AuditError, Problem
from secops.locale import _
from secops.report.papers.model import Order
from secops.report.papers.read_word import read_word
from secops.report.papers.word_parts import W

_T = f"{{{W}}}"
_AROUND = dict.fromkeys(map(ord, " 　【】[]()（）"))


def settle(name: str, data: bytes, order: Order, year: int) -> bytes:
    """The edited file as it is released; what it says must be this kind of paper, department and year.

    Raises:
        AuditError: it is another paper, or none of ours.
    """
    draft = read_word(name, data)
    wanted = {"kind": order.kind.value, "department": order.department, "year": str(year)}
    found = {key: draft.meta.get(key, "") for key in wanted}
    if "kind" not in draft.meta:
        what = _(
            "この文書は secops audit report で作ったものではないか、作成の情報が失われています。"
            "作り直して編集してください。"
        )
        raise AuditError([Problem(name, what)])
    if found != wanted:
        what = _("この文書は {found} です。指定されたのは {wanted} です。")
        said = (" ".join(filter(None, one.values())) for one in (found, wanted))
        raise AuditError([Problem(name, what.format(found=next(said), wanted=next(said)))])
    document = Document(io.BytesIO(data))
    if outside := sorted(set(_outside(document))):
        what = _("外部のファイルへの参照があります({targets})。文書の中に埋め込むか、消してください。")
        raise AuditError([Problem(name, what.format(targets="、".join(outside)[:300]))])
    _without_mark(document)
    _filled(document, order)
    core = document.core_properties
    core.author = core.last_modified_by = core.comments = ""
    stream = io.BytesIO()
    document.save(stream)
    made = stream.getvalue()
    if any(line.place.startswith("word/header") and "案" in line.text for line in read_word(name, made).lines):
        what = _("ヘッダーに「案」が残っています。「案」だけの段落にするか、消してください。")
        raise AuditError([Problem(name, what)])
    return made


def _outside(document: Any) -> Iterator[str]:
    """Pictures, templates and the like that lie elsewhere: what is issued must not change, and fetches nothing."""
    for part in (document.part.package, *document.part.package.iter_parts()):
        for one in part.rels.values():
            if one.is_external and not one.reltype.endswith("/hyperlink"):
                yield str(one.target_ref)


def _without_mark(document: Any) -> None:
    """Empty the paragraphs of the headers that say 「案」 and nothing else."""
    for part in document.part.package.iter_parts():
        if not str(part.partname).startswith("/word/header"):
            continue
        own = hasattr(part, "element")
        tree = part.element if own else etree.fromstring(part.blob)
        for paragraph in tree.iter(f"{_T}p"):
            texts = list(paragraph.iter(f"{_T}t"))
            if "".join(one.text or "" for one in texts).translate(_AROUND) == "案":
                for run in list(paragraph.iter(f"{_T}r")):
                    run.getparent().remove(run)
        if not own:
            part._blob = etree.tostring(tree, xml_declaration=True, encoding="UTF-8", standalone=True)


def _filled(document: Any, order: Order) -> None:
    """The fields of the ward's document system, where they were given."""
    values = {"文書番号": order.number, "決裁日": order.decided, "保存年限": order.retention}
    for table in document.tables[:1]:
        for row in table.rows:
            cells = row.cells
            if len(cells) == 2 and values.get(cells[0].text.strip()):
                _put(cells[1].paragraphs[0], values[cells[0].text.strip()])
    blanks = {"第号": order.number, "年月日": order.decided}
    for paragraph in document.paragraphs[:4]:
        bare = "".join(paragraph.text.split()).replace("　", "")
        if blanks.get(bare):
            _put(paragraph, blanks[bare])


def _put(paragraph: Any, text: str) -> None:
    for run in paragraph.runs[1:]:
        run._element.getparent().remove(run._element)
    if paragraph.runs:
        paragraph.runs[0].text = text
    else:
        paragraph.add_run(text)
