"""Rule files → what each document of them says, on all cores: nearly all of the time that compiling a rulebook takes.

One file has nothing to do with another, so shares of them are read side by side by forks of this process, where it may
be forked; the results come in the order of the files either way.
"""

from __future__ import annotations

import os
import sys
import threading
from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass, replace
from functools import partial
from multiprocessing import get_context

from secops.errors import Problem
from secops.siem.detect.logsources import Key
from secops.siem.detect.lower import Lowered, try_lower
from secops.siem.detect.pipelines import Pipelines
from secops.siem.detect.rulebook import Document, Lines, read_rules
from secops.siem.detect.vet import Placeholders

WORTHWHILE = 400  # files; fewer are read before a fork has begun
MOST = 4  # processes
NOTHING = Lowered([], ["or"])


@dataclass(frozen=True, slots=True)
class Reading:
    """A document and, of a rule that pySigma understands, its logsource and translation, or the ``failure``."""

    document: Document
    source: Key | None = None
    lowered: Lowered = NOTHING
    failure: Problem | None = None


def read_all(
    files: Sequence[tuple[str, str]], placeholders: Placeholders, pipelines: Pipelines, processes: int | None = None
) -> Iterator[Reading]:
    """All documents of rule files given as (path, text), in order.

    ``processes`` is how many share the work; left out, as many as there are cores, where this process may be forked.
    With a pipeline, correlations ask pySigma's rules later on, which stay where they were read.
    """
    if processes is None:
        processes = min(len(os.sched_getaffinity(0)), MOST) if len(files) >= WORTHWHILE and _may_fork() else 1
    if processes == 1 or pipelines.pipeline is not None:
        yield from _read(files, placeholders, pipelines)
        return
    size = -(-len(files) // processes)
    shares = [files[start : start + size] for start in range(0, len(files), size)]
    read = partial(_read_apart, placeholders=placeholders, pipelines=pipelines)
    with ProcessPoolExecutor(len(shares), get_context("fork")) as pool:
        others = [pool.submit(read, share) for share in shares[1:]]
        yield from _read(shares[0], placeholders, pipelines)
        for number, (share, other) in enumerate(zip(shares[1:], others, strict=True), 1):
            try:
                found = other.result()
            except BrokenProcessPool:  # it was killed, perhaps for want of memory: what it had is read here
                found = list(_read(share, placeholders, pipelines))
            for one in found:
                yield replace(one, document=replace(one.document, file=one.document.file + number * size))


def _may_fork() -> bool:
    """Whether nothing runs that would not survive a fork: other threads, and those of polars."""
    return hasattr(os, "fork") and threading.active_count() == 1 and "polars" not in sys.modules


def _read_apart(files: Sequence[tuple[str, str]], placeholders: Placeholders, pipelines: Pipelines) -> list[Reading]:
    """In a fork: pySigma's own objects, large and of no more use, do not go back."""
    return [replace(one, document=replace(one.document, sigma=None)) for one in _read(files, placeholders, pipelines)]


def _read(files: Sequence[tuple[str, str]], placeholders: Placeholders, pipelines: Pipelines) -> Iterator[Reading]:
    for document in read_rules(files, placeholders):
        if document.sigma is None:
            yield Reading(document)
            continue
        failure: Exception | None = pipelines.apply(document.sigma)
        source = document.sigma.logsource
        key = (source.product or "", source.category or "", source.service or "")
        lowered = NOTHING
        if failure is None:
            lowered, failure = try_lower(document.sigma.detection)
        problem = None
        if failure is not None:
            path, text = files[document.file]
            problem = Problem(f"{path}:{Lines(text, document.number).of_error(failure)}", str(failure))
        yield Reading(document, key, lowered, problem)
