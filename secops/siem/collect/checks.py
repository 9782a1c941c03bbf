"""`secops collect check`: would this source work? Looks at the place and at the first records, changes nothing."""

from __future__ import annotations

import glob
import os
import socket
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from secops.errors import NotFoundError, Problem
from secops.locale import _
from secops.settings import SYSLOG_KINDS, Settings, SourceSettings
from secops.siem.collect.apart import Apart
from secops.siem.collect.containers import cannot_follow, container, container_at
from secops.siem.collect.lines import byte_order_mark, byte_order_of
from secops.siem.collect.recognise import SAMPLE, Guess, decode, recognise
from secops.siem.collect.status import read_status
from secops.siem.collect.syslog import bind_text
from secops.siem.collect.whole import Chunk, Member, Wanted

LONGEST = 300  # characters of the sample that are shown
GENERAL = frozenset({"text", "csv", "json"})  # recognised where nothing more special fits: no contradiction


@dataclass(frozen=True, slots=True)
class SourceCheck:
    """What was found at one source; ``sample`` is its first record as text."""

    id: str
    kind: str
    place: str
    zone: str
    files: int = 0
    format: str = ""
    encoding: str = ""
    reason: str = ""
    sample: str = ""
    problems: tuple[Problem, ...] = ()


def check_sources(settings: Settings, site: Path, wanted: Sequence[str] = ()) -> list[SourceCheck]:
    """Check the sources named (all, if none is).

    Raises:
        NotFoundError: a name that is not in the settings.
    """
    if unknown := [name for name in wanted if settings.source(name) is None]:
        text = _("「{names}」という収集元はありません(使えるもの: {known})。")
        known = ", ".join(one.id for one in settings.sources)
        raise NotFoundError(text.format(names=", ".join(unknown), known=known))
    status = read_status(site)
    return [check_source(one, site, status) for one in settings.sources if not wanted or one.id in wanted]


def check_source(source: SourceSettings, site: Path, status: Mapping[str, Any]) -> SourceCheck:
    """Check one source; ``status`` is what `read_status` says, to tell our own port from another program's."""
    if source.kind in SYSLOG_KINDS:
        found = SourceCheck(source.id, source.kind, source.listen, source.zone, format=source.format)
        return replace(found, encoding=source.encoding, problems=_port(source, status))
    path = str(site / source.path)
    found = SourceCheck(source.id, source.kind, path, source.zone)
    return _folder(source, found) if source.kind == "folder" else _files(source, found)


def _files(source: SourceSettings, found: SourceCheck) -> SourceCheck:
    paths = [Path(name) for name in glob.glob(found.place, recursive=True)]  # noqa: PTH207 - the glob may be absolute
    files = sorted((path for path in paths if path.is_file()), key=lambda path: path.stat().st_mtime)
    if not files:
        text = _("ファイルがありません。パスを確認してください。現れたら自動で読み始めます。")
        return replace(found, problems=(Problem(found.place, text),))
    plain, problems = _followable(files)
    return _contents(source, replace(found, files=len(plain), problems=tuple(problems)), plain)


def _followable(files: list[Path]) -> tuple[list[Path], list[Problem]]:
    """The files that a tail can follow, and what is wrong with the others."""
    plain: list[Path] = []
    problems: list[Problem] = []
    names = [str(path) for path in files]
    for path in files:
        kind = None
        with suppress(OSError):  # said with the contents
            kind = container_at(str(path))
        if kind is None:
            plain.append(path)
        elif problem := cannot_follow(str(path), kind, names):
            problems.append(problem)
    return plain, problems


def _folder(source: SourceSettings, found: SourceCheck) -> SourceCheck:
    folder = Path(found.place)
    if not folder.is_dir() or not os.access(folder, os.R_OK | os.X_OK):
        text = _("フォルダがないか、開けません。作るか、読み取りを許可してください。直れば自動で始めます。")
        return replace(found, problems=(Problem(found.place, text),))
    files = sorted((path for path in folder.rglob("*") if path.is_file()), key=lambda path: path.stat().st_mtime)
    return _contents(source, replace(found, files=len(files)), files)


def _contents(source: SourceSettings, found: SourceCheck, files: list[Path]) -> SourceCheck:
    """Every file must be readable; the newest with content is the sample."""
    problems: list[Problem] = []
    for path in reversed(files):
        try:
            with path.open("rb") as file:
                start = file.read(SAMPLE)
            if start and not found.sample:
                found = _sample(source, found, path, start)
        except OSError as error:
            text = _("読めません({error})。secops を動かす利用者に読み取りを許可してください。")
            problems.append(Problem(str(path), text.format(error=error.strerror or error)))
    return replace(found, problems=(*found.problems, *problems))


def _sample(source: SourceSettings, found: SourceCheck, path: Path, start: bytes) -> SourceCheck:
    chosen = source.encoding if "encoding" in source.model_fields_set else None
    wanted = Wanted("file", None if source.format == "auto" else source.format, chosen, source.zone or None)
    guess: Guess | None = None
    problems: list[Problem] = []
    sample = ""
    with Apart() as reader:
        for item in reader.read(path, wanted):
            if isinstance(item, Member):
                guess = item.guess
            elif isinstance(item, Problem):
                problems.append(item)
            elif isinstance(item, Chunk):
                sample = item.records[0].decode(item.origin.encoding, "replace")[:LONGEST]
                break
    if guess is None:
        return replace(found, problems=(*found.problems, *problems))
    problems += _contradictions(source, path, start, guess)
    return replace(
        found,
        format=guess.format,
        encoding=guess.encoding,
        reason=guess.reason,
        sample=sample,
        problems=(*found.problems, *problems),
    )


def _contradictions(source: SourceSettings, path: Path, start: bytes, used: Guess) -> list[Problem]:
    """Where the settings say one thing and the content another."""
    problems: list[Problem] = []
    seen = recognise(start, path.name)
    if container(start):
        return problems
    if source.format != "auto" and seen.sure and seen.format != source.format and seen.format not in GENERAL:
        text = _("設定の形式は {wanted} ですが、内容は {seen} に見えます({reason})。format を確認してください。")
        what = text.format(wanted=source.format, seen=seen.format, reason=seen.reason)
        problems.append(Problem(str(path), what))
    chosen = byte_order_of(source.encoding)
    differs = "encoding" in source.model_fields_set and not byte_order_mark(start) and seen.encoding != chosen
    if differs and "\ufffd" in decode(start, used.encoding):
        text = _(
            "設定の文字コード {wanted} では読めない文字があります({seen} に見えます)。encoding を確認してください。"
        )
        problems.append(Problem(str(path), text.format(wanted=source.encoding, seen=seen.encoding)))
    return problems


def _port(source: SourceSettings, status: Mapping[str, Any]) -> tuple[Problem, ...]:
    """The port must be free, or ours: then the running collector has no problem with it."""
    host, _colon, port = source.listen.rpartition(":")
    host = host.strip("[]")
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    is_udp = source.kind == "syslog-udp"
    try:
        with socket.socket(family, socket.SOCK_DGRAM if is_udp else socket.SOCK_STREAM) as probe:
            if not is_udp:
                probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)  # as the collector does
            probe.bind((host, int(port)))
    except OSError as error:
        ours = status.get("sources", {}).get(source.id)
        if status.get("running") and ours is not None and not ours.get("problems"):
            return ()
        return (Problem(source.listen, bind_text(error)),)
    return ()
