"""The way in: rule texts and a logsource map → the detector, from the cache of compiled rules where possible."""

from __future__ import annotations

import gc
from collections.abc import Mapping, Sequence
from pathlib import Path

from secops.siem.detect.compiled import Compiled, cache_key, read_cache, write_cache
from secops.siem.detect.logsources import LogsourceMap
from secops.siem.detect.match import SigmaDetector
from secops.siem.detect.selection import Selection


def load_detector(
    files: Sequence[tuple[str, str]],
    logsources: str,
    cache_dir: Path | None = None,
    disabled: Mapping[str, str] | None = None,
    *,
    placeholders: Mapping[str, Sequence[str]] | None = None,
    pipelines: Sequence[tuple[str, str]] = (),
    selection: Selection | None = None,
    memo_bytes: int = 256 << 20,
) -> SigmaDetector:
    """A detector for rule files given as (path, text).

    ``logsources`` is the text of the logsource map, ``cache_dir`` where compiled rules are kept (None: nowhere),
    ``disabled`` maps rule ids to the reason why they are switched off, ``memo_bytes`` bounds the memos.
    ``placeholders`` go before those of ``placeholders.yml`` among the files; ``pipelines`` are pySigma pipelines as
    (path, YAML). ``selection`` says which rules are to run at all.

    Raises:
        RuleError: the logsource map or a pipeline has mistakes. Mistakes in rules make those rules inactive.
    """
    enabled = gc.isenabled()
    gc.disable()  # a million objects that stay: going over them again and again is a third of the time
    try:
        compiled, where = _compiled(files, logsources, cache_dir, placeholders or {}, pipelines)
        if selection:
            compiled = selection.of(compiled)
        return SigmaDetector(compiled, files, where, disabled or {}, memo_bytes)
    finally:
        if enabled:
            gc.enable()


def _compiled(
    files: Sequence[tuple[str, str]],
    logsources: str,
    cache_dir: Path | None,
    placeholders: Mapping[str, Sequence[str]],
    pipelines: Sequence[tuple[str, str]],
) -> tuple[Compiled, LogsourceMap]:
    """The compiled rules, from the cache where it has them; a cache that cannot be read or written is done without."""
    name = f"rules-{cache_key(files, logsources, placeholders, pipelines)}.json"
    path = cache_dir / name if cache_dir else None
    if path and (cached := read_cache(path)) is not None:
        return cached
    from secops.siem.detect.compile import compile_rules  # pySigma takes 0.4 s to import; a cache hit needs none
    from secops.siem.detect.read_logsources import read_logsources

    where = read_logsources(logsources)
    compiled = compile_rules(files, where, placeholders, pipelines)
    if path:
        write_cache(path, compiled, where)
    return compiled, where
