"""How long it takes until the program answers."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from statistics import median

from tests.bench.measure import SHARED, Row, secops


def rows(folder: Path) -> Iterator[Row]:
    seconds = median(secops("--help").seconds for _ in range(5))
    yield Row("secops --help", f"{seconds:.2f} s", "", "< 0.3 s")
    rules = SHARED / "sigmahq"
    if not rules.exists():
        return
    site = folder / "start-site"
    secops("init", site, "--id", "bench")
    settings = site / "secops.toml"
    text = settings.read_text(encoding="utf-8").replace("folders = []", f'folders = ["{rules / "rules"}"]')
    settings.write_text(text, encoding="utf-8")
    cold = secops("rules", "list", "--site", site, "--json").seconds
    warm = median(secops("rules", "list", "--site", site, "--json").seconds for _ in range(3))
    yield Row("start with over 3,000 rules, first time", f"{cold:.2f} s")
    yield Row("start with over 3,000 rules, from the compiled cache", f"{warm:.2f} s", "", "< 2 s")
