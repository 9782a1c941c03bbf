"""222,231 real Windows events with all SigmaHQ Windows rules into a site."""

from __future__ import annotations

import json
import time
import zipfile
from collections.abc import Iterator
from pathlib import Path

import orjson

from tests.bench import stages
from tests.bench.measure import SHARED, Row, secops

RULES = SHARED / "sigmahq" / "rules" / "windows"


def unpacked(folder: Path) -> Path:
    """The OTRF recordings as JSON lines; a recording that stands in two folders is taken twice, as published."""
    target = folder / "otrf"
    if not target.exists():
        target.mkdir()
        for number, archive in enumerate(sorted(SHARED.glob("otrf/**/*.zip"))):
            with zipfile.ZipFile(archive) as file:
                for name in (one for one in file.namelist() if not Path(one).name.startswith("._")):
                    (target / f"{number:02}-{Path(name).name}").write_bytes(file.read(name))
    return target


def parse_only(files: list[Path]) -> tuple[float, int, int]:
    """Seconds of `orjson.loads` over every line, lines, bytes."""
    seconds, lines, size = 0.0, 0, 0
    for path in files:
        rows = path.read_bytes().splitlines()
        started = time.perf_counter()
        for row in rows:
            orjson.loads(row)
        seconds += time.perf_counter() - started
        lines += len(rows)
        size += path.stat().st_size
    return seconds, lines, size


def rows(folder: Path) -> Iterator[Row]:
    if not RULES.exists():
        yield Row("otrf", "skipped", "", f"{RULES} is missing")
        return
    files = sorted(unpacked(folder).iterdir())
    parse, lines, size = parse_only(files)
    yield Row(f"orjson.loads of {lines:,} lines, {size / 1e6:.0f} MB", f"{parse:.2f} s", "1.0×")

    site = folder / "otrf-site"
    secops("init", site, "--id", "bench")
    settings = site / "secops.toml"
    text = settings.read_text(encoding="utf-8").replace("folders = []", f'folders = ["{RULES}"]')
    settings.write_text(text, encoding="utf-8")
    secops("rules", "list", "--site", site, "--json")  # fills the compiled cache, as a running site has it
    run = secops("ingest", *files, "--zone", "lgwan", "--site", site)
    yield Row("into a site: journal, detect, store", f"{run.seconds:.2f} s", f"{run.seconds / parse:.1f}×", "≤ 10×")
    yield Row("  peak memory over all processes", f"{run.peak_mib:.0f} MiB", "", "≤ 2048 MiB")
    secops("journal", "seal", "--site", site)
    secops("store", "compact", "--site", site)
    status = json.loads(secops("status", "--site", site, "--json").output)
    kept = status["disk"]["journal"] + status["disk"]["lake"]
    yield Row("  journal and lake after compaction, of raw", f"{kept / 1e6:.1f} MB", f"{kept / size:.3f}", "≤ 0.10")
    yield from stages.rows(folder, site, files)
