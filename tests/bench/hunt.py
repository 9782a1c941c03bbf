"""`secops hunt` without a site: cold and warm, few and many rules, distinct values, EVTX, and where the time goes."""

from __future__ import annotations

import json
import random
import shutil
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from statistics import median

from evtx import PyEvtxParser

from secops.siem.normalize.windows_tables import FLAT_SYSTEM
from tests.bench.measure import SHARED, Row, Run, secops
from tests.bench.otrf import RULES, parse_only, unpacked
from tests.evtx_writer import Event, evtx

COPIES = 20
RUN = 42  # records of a small EVTX file
_TIMES = ("@timestamp", "EventTime", "TimeCreated")


def rows(folder: Path) -> Iterator[Row]:
    if not RULES.exists():
        yield Row("hunt", "skipped", "", f"{RULES} is missing")
        return
    env = {"XDG_CACHE_HOME": str(folder / "cache")}
    hits = folder / "hits.jsonl"

    def hunt(paths: Path, rules: Path) -> Run:
        return secops("hunt", paths, "-r", rules, "-o", hits, env=env)

    files = sorted(unpacked(folder).iterdir())
    parse, lines, size = parse_only(files)
    yield Row(f"orjson.loads of {lines:,} lines, {size / 1e6:.0f} MB", f"{parse:.2f} s", "1.0×")
    yield from _start(folder, hunt)
    hunt(files[0], RULES)  # fills the cache of compiled rules
    runs = [hunt(unpacked(folder), RULES) for _ in range(3)]
    seconds = median(run.seconds for run in runs)
    peak = max(run.peak_mib for run in runs)
    found = sum(1 for _ in hits.open("rb"))
    name = f"hunt, {len(list(RULES.rglob('*.yml'))):,} rules, {found:,} hits (median of 3)"
    yield Row(name, f"{seconds:.2f} s", f"{seconds / parse:.1f}×", "≤ 4×, aim 1.5×")
    yield Row("  events/s, MB/s", f"{lines / seconds:,.0f}/s", f"{size / seconds / 1e6:.0f} MB/s")
    yield Row("  peak memory over all processes", f"{peak:.0f} MiB", "", "≤ 1024 MiB")
    few = _few_rules(folder, 100)
    hunt(files[0], few)
    less = median(hunt(unpacked(folder), few).seconds for _ in range(3))
    yield Row("hunt, 100 rules; all rules ÷ 100 rules", f"{less:.2f} s", f"{seconds / less:.2f}×", "≤ 1.5×, aim 1.1×")
    yield from _distinct(folder, hunt)
    yield from _evtx(folder, hunt, files)
    yield from stages(files)


def _start(folder: Path, hunt: Callable[[Path, Path], Run]) -> Iterator[Row]:
    """One event: what is left is the start of the program and of the rules."""
    one = folder / "one"
    one.mkdir()
    (one / "event.json").write_text('{"EventID":1,"Channel":"Security"}\n', encoding="utf-8")
    every = SHARED / "sigmahq"
    cold = hunt(one, every).seconds
    warm = median(hunt(one, every).seconds for _ in range(5))
    count = len(list(every.rglob("rules*/**/*.yml")))
    yield Row(f"start and compile {count:,} rules, no cache", f"{cold:.2f} s", "", "≤ 4 s")
    yield Row("start with all of them from the cache", f"{warm:.2f} s", "", "≤ 0.5 s")


def _few_rules(folder: Path, count: int) -> Path:
    """Every n-th rule, so that all log sources stay in proportion."""
    chosen = folder / "few"
    chosen.mkdir()
    paths = sorted(RULES.rglob("*.yml"))
    for path in paths[:: len(paths) // count][:count]:
        shutil.copy(path, chosen)
    return chosen


def _distinct(folder: Path, hunt: Callable[[Path, Path], Run]) -> Iterator[Row]:
    """100,000 process starts: the same twenty over and over, and no two texts alike."""
    source = random.Random(7)
    spent = {}
    for name in ("alike", "distinct"):
        path = folder / f"{name}.json"
        with path.open("w", encoding="utf-8") as file:
            for number in range(100_000):
                word = f"{source.getrandbits(160):040x}" if name == "distinct" else f"{number % 20:040x}"
                event = {
                    "EventID": 1,
                    "Channel": "Microsoft-Windows-Sysmon/Operational",
                    "Image": f"C:\\Windows\\System32\\{word}.exe",
                    "CommandLine": f"powershell -enc {word} -file C:\\Users\\{word}\\x.ps1",
                    "ParentImage": f"C:\\Program Files\\{word}\\app.exe",
                    "ParentCommandLine": f"app.exe /c {word}",
                    "User": f"WARD\\{word[:12]}",
                    "Hashes": f"SHA1={word.upper()}",
                }
                file.write(json.dumps(event) + "\n")
        spent[name] = median(hunt(path, RULES).seconds for _ in range(3))
        yield Row(f"hunt, 100,000 process starts, values {name}", f"{spent[name]:.2f} s")
    yield Row("  distinct ÷ alike", "", f"{spent['distinct'] / spent['alike']:.1f}×", "≤ 5×")


def _evtx(folder: Path, hunt: Callable[[Path, Path], Run], recordings: list[Path]) -> Iterator[Row]:
    """Two sets of small EVTX files, each once and twenty times over: the yardstick is reading every record of them."""
    samples = [path.read_bytes() for path in sorted(SHARED.glob("sigmahq/regression_data/**/*.evtx"))]
    yield from _evtx_set(folder, hunt, "nearly every record a hit", samples * 6)
    yield from _evtx_set(folder, hunt, "OTRF events, 42 a file", list(_as_evtx(recordings)))


def _evtx_set(folder: Path, hunt: Callable[[Path, Path], Run], label: str, files: list[bytes]) -> Iterator[Row]:
    if not files:
        return
    for copies, target in ((1, "≤ 8×"), (COPIES, "≤ 2.5×, aim 1.2×")):
        place = folder / "evtx"
        place.mkdir()
        for copy in range(copies):
            for number, data in enumerate(files):
                (place / f"{copy:02}-{number:04}.evtx").write_bytes(data)
        spent, used = [], []
        for _ in range(3):
            started, before, count = time.perf_counter(), time.process_time(), 0
            for path in place.iterdir():
                count += sum(1 for _ in PyEvtxParser(str(path)).records_json())
            spent.append(time.perf_counter() - started)
            used.append(time.process_time() - before)
        parse, parse_cpu = median(spent), median(used)
        runs = [hunt(place, RULES) for _ in range(3)]
        seconds, cpu = median(run.seconds for run in runs), median(run.cpu for run in runs)
        name = f"EVTX parse only, {label}: {len(files) * copies:,} files, {count:,} records"
        yield Row(name, f"{parse:.2f} s", "1.0×")
        yield Row("  hunt", f"{seconds:.2f} s", f"{seconds / parse:.1f}×", target)
        yield Row("  processor time of all its processes, and ÷ parsing's", f"{cpu:.2f} s", f"{cpu / parse_cpu:.1f}×")
        shutil.rmtree(place)


def _as_evtx(recordings: list[Path]) -> Iterator[bytes]:
    """Windows events in EVTX files of a few dozen, as many as an evidence folder has: every ninth run of 42 records."""
    for path in recordings:
        lines = path.read_bytes().splitlines()
        for start in range(0, len(lines) - RUN, 9 * RUN):
            yield evtx(filter(None, map(_event, lines[start : start + RUN])))


def _event(line: bytes) -> Event | None:
    """A flat event as an EVTX record has it: without the text that Windows renders only when it shows it."""
    found = json.loads(line)
    fields = {name: str(found[name]) for name in found.keys() - FLAT_SYSTEM.keys() - {"Channel", "EventID"}}
    moment = datetime.fromisoformat(next(found[name] for name in _TIMES if name in found))
    if sum(map(len, fields.values())) > 30_000 or not found.get("Channel"):
        return None
    return Event(
        found["Channel"],
        int(found["EventID"]),
        str(found.get("Hostname", "")),
        moment if moment.tzinfo else moment.replace(tzinfo=UTC),
        str(found.get("SourceName", "")),
        {name: fields[name] for name in found if name in fields},
        int(found.get("ExecutionProcessID", 0)),
    )


def stages(files: list[Path]) -> Iterator[Row]:
    """CPU time of one process by stage, first and second time over the same files (memos empty and filled)."""
    from secops.siem.collect.slices import read_slice, slices
    from secops.siem.collect.whole import Chunk, Wanted
    from secops.siem.detect import load_detector
    from secops.siem.normalize.windows_parts import parts_of
    from secops.wiring.rules import BUILTIN, read_rule_files

    texts = read_rule_files([RULES])
    detector = load_detector(texts, (BUILTIN / "logsources.yml").read_text(encoding="utf-8"))
    for label in ("memos empty", "memos filled"):
        spent = dict.fromkeys(("read", "parse and shape", "search keywords", "match values and judge rows"), 0.0)
        clock = time.process_time

        def lap(name: str, since: float, spent: dict[str, float] = spent) -> float:
            now = time.process_time()
            spent[name] += now - since
            return now

        for path in files:
            for one in slices(path):
                at = clock()
                for chunk in [item for item in read_slice(one, Wanted()) if isinstance(item, Chunk)]:
                    at = lap("read", at)
                    parts, _wrong = parts_of(chunk.records, detector.reads_of, chunk.origin)
                    at = lap("parse and shape", at)
                    apart = detector.likely(chunk.records, parts, "windows")
                    at = lap("search keywords", at)
                    detector.match(None, parts, apart)
                    at = lap("match values and judge rows", at)
        total = sum(spent.values())
        yield Row(f"where the time goes, one process, {label}", f"{total:.2f} s")
        for name, seconds in spent.items():
            yield Row(f"  {name}", f"{seconds:.2f} s", f"{seconds / total:.0%}")
