"""A predicate: what a spec asks of the columns it is bound to."""

from __future__ import annotations

from typing import NamedTuple

from secops.siem.detect.cells import Columns
from secops.siem.detect.specs import Spec

KEYWORDS: Columns = ()  # no field: the text of the whole event


class Bound(NamedTuple):
    """A predicate bound to the columns it is about."""

    columns: Columns
    spec: Spec
    other: Columns = ()
