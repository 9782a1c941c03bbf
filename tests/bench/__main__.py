"""`make bench`: the table of figures. Every ratio is against a yardstick measured in the same run on the same files.

python -m tests.bench [NAME…]     names: start hunt otrf search latency console crowd elastic audit evidence papers
                                        policy word
"""

from __future__ import annotations

import sys
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

from tests.bench import (
    audit,
    console,
    crowd,
    elastic,
    evidence,
    hunt,
    latency,
    otrf,
    papers,
    policy,
    search,
    start,
    word,
)
from tests.bench.measure import Row

PARTS: dict[str, Callable[[Path], Iterator[Row]]] = {
    "start": start.rows,
    "hunt": hunt.rows,
    "otrf": otrf.rows,
    "search": search.rows,
    "latency": latency.rows,
    "console": console.rows,
    "crowd": crowd.rows,
    "elastic": elastic.rows,
    "audit": audit.rows,
    "evidence": evidence.rows,
    "papers": papers.rows,
    "policy": policy.rows,
    "word": word.rows,
}


def main() -> None:
    chosen = sys.argv[1:] or list(PARTS)
    print(f"{'what':<58}{'measured':>16}{'ratio':>10}  target")
    with tempfile.TemporaryDirectory(prefix="secops-bench-") as folder:
        for name in chosen:
            for row in PARTS[name](Path(folder)):
                print(f"{row.name:<58}{row.value:>16}{row.ratio:>10}  {row.target}", flush=True)


main()
