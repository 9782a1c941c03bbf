"""Regular expressions past pySigma, which would compile them with Python's ``re`` and refuse what RE2 takes.

`vet` puts a token in the place of each pattern; when the rule is parsed, `restore` puts the patterns back.
"""

from __future__ import annotations

from collections.abc import Mapping

from sigma.rule import SigmaDetection, SigmaDetections
from sigma.types import SigmaRegularExpression


class AsWritten(SigmaRegularExpression):
    """A pattern that nobody has tried yet; RE2 does when the rule is translated."""

    def compile(self) -> None:
        """Nothing: what Python thinks of it does not matter."""


def restore(detections: SigmaDetections, patterns: Mapping[str, str]) -> None:
    """Put patterns in the place of their tokens."""
    if not patterns:
        return
    pending = list(detections.detections.values())
    while pending:
        for item in pending.pop().detection_items:
            if isinstance(item, SigmaDetection):
                pending.append(item)
                continue
            item.value = [
                AsWritten(patterns[str(value.regexp)], value.flags)
                if isinstance(value, SigmaRegularExpression) and str(value.regexp) in patterns
                else value
                for value in item.value
            ]
