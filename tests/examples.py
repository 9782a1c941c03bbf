"""How many examples a property is tried on: few at each run, since runs are many; more where SECOPS_THOROUGH is set."""

from __future__ import annotations

import os


def examples(usual: int) -> int:
    """The number for this run."""
    return usual * 5 if os.environ.get("SECOPS_THOROUGH") else usual
