"""A docx as a package of parts, opened with limits: whatever the file claims, no more than so much is unpacked.

Nothing outside of the file is ever opened, macros and embedded objects are not read, and XML with a document type (the
way to expanding entities and foreign files) is refused: Word never writes one.
"""

from __future__ import annotations

import io
import posixpath
import zipfile
import zlib
from dataclasses import dataclass
from typing import Any
from urllib.parse import unquote

from lxml import etree

from secops.errors import PolicyError, Problem
from secops.isms.clauses.word_model import Beside, Remark
from secops.locale import _

MAX_FILE = 64 << 20  # bytes of a docx, pictures and all
_OLE = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"
_STRICT = b"http://purl.oclc.org/ooxml/"  # the namespaces of "Strict Open XML", which Word can write as well
_STRICT_NAMES = {
    b"http://purl.oclc.org/ooxml/wordprocessingml/main": b"http://schemas.openxmlformats.org/wordprocessingml/2006/main",
    b"http://purl.oclc.org/ooxml/officeDocument/relationships": (
        b"http://schemas.openxmlformats.org/officeDocument/2006/relationships"
    ),
    b"http://purl.oclc.org/ooxml/officeDocument/math": b"http://schemas.openxmlformats.org/officeDocument/2006/math",
    b"http://purl.oclc.org/ooxml/drawingml/wordprocessingDrawing": (
        b"http://schemas.openxmlformats.org/drawingml/2006/wordprocessingDrawing"
    ),
}
_RELATION = "{http://schemas.openxmlformats.org/package/2006/relationships}Relationship"


@dataclass(frozen=True, slots=True)
class Limits:
    """What a docx may hold before it is taken for a bomb."""

    entries: int = 5_000
    total: int = 256 << 20  # bytes of all parts, unpacked
    part: int = 64 << 20  # bytes of one XML part that is read
    ratio: int = 200  # bytes out for one byte in, of the whole file
    free: int = 16 << 20  # bytes out before the ratio is looked at


@dataclass(frozen=True, slots=True)
class Relation:
    """A part that the document refers to: ``kind`` is the last word of its type (``footnotes``, ``image``)."""

    kind: str
    target: str
    outside: bool = False


class Package:
    """The parts of a docx.

    Raises:
        PolicyError: it is no docx, is encrypted, damaged, or beyond the limits.
    """

    def __init__(self, path: str, data: bytes, limits: Limits | None = None) -> None:
        self.path = path
        self._limits = limits or Limits()
        _refuse_others(path, data)
        try:
            self._zip = zipfile.ZipFile(io.BytesIO(data))
            infos = self._zip.infolist()
        except (zipfile.BadZipFile, ValueError, OSError, EOFError, NotImplementedError) as error:
            raise _failed(
                path, _("壊れています({error})。Word で開いて保存し直してください。").format(error=error)
            ) from None
        self._check(infos, len(data))
        self._names = {one.filename.lstrip("/").replace("\\", "/"): one for one in infos}
        self.main = self._main()
        self.relations = self.relations_of(self.main)

    def xml(self, name: str) -> Any | None:
        """The root element of a part, None where there is no such part."""
        info = self._names.get(name)
        if info is None:
            return None
        data = self._read(info)
        if _STRICT in data:
            for strict, usual in _STRICT_NAMES.items():
                data = data.replace(strict, usual)
        parser = etree.XMLParser(resolve_entities=False, load_dtd=False, no_network=True, huge_tree=False)
        try:
            root = etree.fromstring(data, parser)
        except etree.XMLSyntaxError as error:
            raise self._broken(name, error) from None
        if root.getroottree().docinfo.doctype:
            what = _("{part} に文書型宣言(DOCTYPE)があります。Word が書かないもので、安全のため読みません。")
            raise _failed(self.path, what.format(part=name))
        return root

    def part(self, kind: str) -> Any | None:
        """The root of the first part of this kind that the document refers to."""
        found = next((one for one in self.relations.values() if one.kind == kind and not one.outside), None)
        return None if found is None else self.xml(found.target)

    def relations_of(self, name: str) -> dict[str, Relation]:
        """The relations of a part by their ids."""
        folder, base = posixpath.split(name)
        root = self.xml(posixpath.join(folder, "_rels", f"{base}.rels"))
        found = {}
        for one in () if root is None else root.iter(_RELATION):
            target = unquote(one.get("Target", ""))
            outside = one.get("TargetMode") == "External"
            if not outside:
                target = posixpath.normpath(posixpath.join("/", folder, target)).lstrip("/")
            found[one.get("Id", "")] = Relation(one.get("Type", "").rsplit("/", 1)[-1], target, outside)
        return found

    def remarks(self) -> list[Remark]:
        """What the package holds that is not read."""
        found = []
        if any(name.lower().endswith("vbaproject.bin") for name in self._names):
            found.append(Remark(Beside.MACRO, 0, "vbaProject.bin"))
        embedded = [name for name in sorted(self._names) if "/embeddings/" in name or "/activeX/" in name]
        found += [Remark(Beside.OBJECT, 0, posixpath.basename(name)) for name in embedded]
        settings = next((one.target for one in self.relations.values() if one.kind == "settings"), "")
        for relation in [*self.relations.values(), *self.relations_of(settings).values()]:
            if relation.outside and relation.kind != "hyperlink":
                found.append(Remark(Beside.OUTSIDE, 0, f"{relation.kind}: {relation.target}"))
            elif relation.kind == "aFChunk":
                found.append(Remark(Beside.OBJECT, 0, relation.target))
        return found

    def _main(self) -> str:
        found = next((one for one in self.relations_of("").values() if one.kind == "officeDocument"), None)
        if found is None or found.target not in self._names or not found.target.endswith(".xml"):
            what = _("Word の文書ではありません(本文がない ZIP です)。.docx のファイルを指定してください。")
            raise _failed(self.path, what)
        return found.target

    def _check(self, infos: list[zipfile.ZipInfo], size: int) -> None:
        limits = self._limits
        total = sum(one.file_size for one in infos)
        names = [one.filename for one in infos]
        what = ""
        if len(infos) > limits.entries:
            what = _("中のファイルが多すぎます({found} 個、上限 {limit} 個)。")
            what = what.format(found=len(infos), limit=limits.entries)
        elif total > limits.total or (total > limits.free and total > size * limits.ratio):
            what = _(
                "展開後の大きさが上限を超えます({found} MB、元の {ratio} 倍)。圧縮爆弾のおそれがあるため、開きません。"
            )
            what = what.format(found=total >> 20, ratio=total // max(size, 1))
        elif any(one.flag_bits & 1 for one in infos):
            what = _("中のファイルが暗号化されています。パスワードを外して保存し直してください。")
        elif len(set(names)) != len(names):
            what = _("同じ名前のファイルが中に二つあります。Word で開いて保存し直してください。")
        if what:
            raise _failed(self.path, what)

    def _read(self, info: zipfile.ZipInfo) -> bytes:
        """A part; never more than the limit is unpacked, whatever size its entry claims."""
        try:
            with self._zip.open(info) as stream:
                data = stream.read(self._limits.part + 1)
        except (zipfile.BadZipFile, zlib.error, OSError, EOFError, NotImplementedError, RuntimeError) as error:
            raise self._broken(info.filename, error) from None
        if len(data) > self._limits.part:
            what = _("{part} が大きすぎます(上限 {limit} MB)。圧縮爆弾のおそれがあるため、開きません。")
            raise _failed(self.path, what.format(part=info.filename, limit=self._limits.part >> 20))
        return data

    def _broken(self, name: str, error: Exception) -> PolicyError:
        what = _("{part} が壊れています({error})。Word で開いて保存し直してください。")
        return _failed(self.path, what.format(part=name, error=error))


def _failed(path: str, what: str) -> PolicyError:
    return PolicyError([Problem(path, what)])


def _refuse_others(path: str, data: bytes) -> None:
    """Say what a file is that is no docx."""
    if data.startswith(_OLE):
        if "EncryptedPackage".encode("utf-16-le") in data:
            what = _("パスワードで暗号化されています。Word で開き、パスワードを外して保存し直してください。")
        else:
            what = _("古い形式(.doc)です。Word で開き、「Word 文書(.docx)」として保存し直してください。")
    elif data.startswith(b"{\\rtf"):
        what = _("リッチテキスト(.rtf)です。Word で開き、「Word 文書(.docx)」として保存し直してください。")
    elif data.startswith(b"%PDF"):
        what = _("PDF です。元の Word ファイル(.docx)を指定してください。")
    elif len(data) > MAX_FILE:
        what = _("ファイルが大きすぎます({found} MB、上限 {limit} MB)。").format(
            found=len(data) >> 20, limit=MAX_FILE >> 20
        )
    elif not data.startswith(b"PK"):
        what = _("Word の文書(.docx)ではありません。")
    else:
        return
    raise _failed(path, what)
