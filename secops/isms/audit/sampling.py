"""Samples for workpapers: the same population, size and seed give the same sample, today and in ten years.

Each member gets the SHA-256 of ``seed LF member`` (UTF-8); the members with the smallest hashes are the sample. Anyone
can do that again with ``sha256sum``, no version of any random generator has a say, and neither has the order in which
the population was listed. A larger sample with the same seed contains the smaller one: it may be extended.
"""

from __future__ import annotations

import hashlib
import secrets
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass

from secops.errors import UsageError
from secops.locale import _

METHOD = "sha256-rank-1"


@dataclass(frozen=True, slots=True)
class Sample:
    """What was drawn, and all it takes to draw it again; ``population`` is the digest of the sorted members."""

    method: str
    population: str
    population_size: int
    size: int
    seed: str
    members: tuple[str, ...]


def new_seed() -> str:
    """A seed that nobody chose."""
    return secrets.token_hex(8)


def draw(population: Iterable[str], size: int, seed: str) -> Sample:
    """Draw ``size`` members; from a smaller population all of them.

    Raises:
        UsageError: no seed, a size below 1, an empty population, an empty or doubled member, or one of several lines.
    """
    members = list(population)
    if not seed.strip() or not seed.isprintable():
        raise UsageError(_("乱数の種(シード)を空でない一行で指定してください。"))
    if size < 1:
        raise UsageError(_("抽出する件数は 1 以上にしてください: {size}").format(size=size))
    if not members:
        raise UsageError(_("母集団が空です。"))
    if any(not one.strip() or "\n" in one for one in members):
        raise UsageError(_("母集団に空のもの、又は改行を含むものがあります。"))
    if twice := sorted(one for one, count in Counter(members).items() if count > 1):
        raise UsageError(_("母集団に同じものが二度あります: {twice}").format(twice=", ".join(twice[:5])))
    chosen = sorted(members, key=lambda one: hashlib.sha256(f"{seed}\n{one}".encode()).digest())[:size]
    listed = hashlib.sha256("".join(f"{one}\n" for one in sorted(members)).encode()).hexdigest()
    return Sample(METHOD, listed, len(members), len(chosen), seed, tuple(sorted(chosen)))


def is_true(sample: Sample, population: Iterable[str]) -> bool:
    """Whether the recorded sample is what the population gives with its seed."""
    return sample == draw(population, sample.size, sample.seed)
