"""Chance that repeats: the same seed and place always fall the same way."""

from __future__ import annotations

import random


def dice(*parts: object) -> random.Random:
    """A generator of its own for each use, so that a change in one place moves nothing elsewhere."""
    return random.Random(":".join(map(str, parts)))  # noqa: S311 - a simulation, not a secret
