"""Real events, all SigmaHQ rules for Windows: the hunt and the reference evaluator give the same answer.

Every rule is asked about events that hold a text it looks for (so its prefilter lets them through), and about every
kind of event on which any rule fires. The reference reads the raw records: no normalizer, no engine.
"""

from __future__ import annotations

import json
import os
import re
import zipfile
from collections import Counter, defaultdict
from itertools import product
from pathlib import Path
from typing import Any

import pytest
import yaml
from ahocorasick_rs import AhoCorasick

from secops.siem.hunt import Rulebook, hunt
from tests.siem.detect import reference

SHARED = Path(os.environ.get("SECOPS_SHARED", Path(__file__).parents[4] / "shared" / "data"))
LOGSOURCES = Path(__file__).parents[3] / "rules" / "logsources.yml"
Doc = dict[str, Any]
NAMES = {
    "EventID": "event.code",
    "Channel": "winlog.channel",
    "SourceName": "winlog.provider_name",
    "Hostname": "winlog.computer_name",
    "Message": "message",
    "Keywords": "winlog.keywords",
    "Severity": "log.level",
    "Task": "winlog.task_id",
    "Category": "winlog.task",
    "Opcode": "winlog.opcode",
    "OpcodeValue": "winlog.opcode_id",
    "ExecutionProcessID": "winlog.process.pid",
    "UserID": "winlog.user.identifier",
}
PER_RULE = 2  # events with a text of the rule


@pytest.fixture(scope="module")
def events() -> list[tuple[str, Doc]]:
    """Lines and what they say, one of each kind: two are alike that differ in digits only."""
    archives = sorted((SHARED / "otrf").rglob("*.zip"))
    if not archives:
        pytest.skip("the shared OTRF recordings are not here")
    kinds: dict[int, bytes] = {}
    digits = bytes.maketrans(b"0123456789abcdef", b"0" * 16)
    for path in archives:
        with zipfile.ZipFile(path) as file:
            for name in file.namelist():
                if Path(name).name.startswith("._"):
                    continue
                for line in file.read(name).splitlines():
                    kinds.setdefault(hash(line.translate(digits)), line)
    return [(text, json.loads(text)) for text in (line.decode() for line in kinds.values())]


@pytest.fixture(scope="module")
def files() -> list[tuple[str, str]]:
    found = sorted((SHARED / "sigmahq" / "rules" / "windows").rglob("*.yml"))
    if not found:
        pytest.skip("the shared SigmaHQ rules are not here")
    return [(str(path), path.read_text(encoding="utf-8")) for path in found]


class Sources:
    """The logsource map, read again: which columns a field of a rule means for an event, if any."""

    def __init__(self) -> None:
        document = yaml.load(LOGSOURCES.read_text(encoding="utf-8"), yaml.CSafeLoader)
        self.common = document["products"]["windows"]["fields"]
        self.entries: dict[Any, list[Doc]] = defaultdict(list)
        for entry in document["logsources"]:
            parts = [entry.get(part) or "" for part in ("product", "category", "service")]
            for key in product(*(part if isinstance(part, list) else [part] for part in parts)):
                self.entries[key].append(entry)

    def of(self, rule: Doc) -> list[Doc]:
        source = rule["logsource"]
        return self.entries[tuple(source.get(part) or "" for part in ("product", "category", "service"))]

    def matches(self, rule: Doc, columns: Doc) -> bool:
        return any(
            reference.selection(entry.get("where", {}), columns)
            and reference.matches(rule, Named(columns, {**self.common, **entry.get("fields", {})}))
            for entry in self.of(rule)
        )


class Named(Doc):
    """An event by the names that rules use."""

    def __init__(self, columns: Doc, fields: Doc) -> None:
        super().__init__(columns)
        self.fields = fields

    def get(self, name, default=None):
        wanted = self.fields.get(name, f"winlog.event_data.{name}")
        for column in [wanted] if isinstance(wanted, str) else wanted:
            if super().get(column) is not None:
                return self[column]
        return super().get(name, default)


def columns_of(event: Doc) -> Doc:
    return {
        "event.module": "windows",
        **{NAMES.get(name, f"winlog.event_data.{name}"): value for name, value in event.items()},
    }


def literals(rule: Doc) -> set[str]:
    """The longest plain text of each selection of a rule."""
    found = set()
    for body in rule["detection"].values():
        texts: list[str] = []
        pending = [body]
        while pending:
            part = pending.pop()
            if isinstance(part, dict):
                pending.extend(part.values())
            elif isinstance(part, list):
                pending.extend(part)
            elif isinstance(part, str):
                texts.extend(re.split(r"[*?\\\"]+", part))
        if isinstance(body, dict | list) and (best := max(texts, key=len, default="")) and len(best) > 2:
            found.add(best.lower())
    return found


def test_the_hunt_agrees_with_the_reference_on_recorded_events(events, files, tmp_path):
    book = Rulebook(files, LOGSOURCES.read_text(encoding="utf-8"), None)
    detector = book.detector()
    rules = [yaml.load(text, yaml.CSafeLoader) for _path, text in files]
    by_path = {path: rule for (path, _text), rule in zip(files, rules, strict=True)}
    sources = Sources()
    active = {number: by_path[rule.path] for number, rule in enumerate(detector.rules) if rule.active}

    place = {text: number for number, (text, _event) in enumerate(events)}
    fired = hunted(book, detector, [text for text, _event in events], tmp_path, place)
    columns = [columns_of(event) for _text, event in events]

    fits = Fits(sources, active, columns)
    asked = set(fired)
    shown = set[int]()
    for rule, row in sorted(fired):
        if rule not in shown:
            shown.add(rule)
            asked |= {(other, row) for other in active if fits(other, row)}
    holding, pairs = with_text_of(active, events, fits)
    asked |= pairs
    wrong = []
    for rule, row in sorted(asked):
        expected = sources.matches(active[rule], columns[row])
        if expected != ((rule, row) in fired):
            wrong.append((expected, detector.rules[rule].path, events[row][0][:3000]))
    assert wrong == []
    assert len(holding) > 900  # rules that were asked about an event with a text of theirs
    assert len({rule for rule, _row in fired}) > 100


class Fits:
    """Whether a rule's logsource is that of an event; asked once for all events of a channel and number."""

    def __init__(self, sources: Sources, active: dict[int, Doc], columns: list[Doc]) -> None:
        self.sources, self.active, self.columns = sources, active, columns
        self.known: dict[tuple[Any, ...], bool] = {}

    def __call__(self, rule: int, row: int) -> bool:
        event = self.columns[row]
        source = self.active[rule]["logsource"]
        kind = (
            *source.values(),
            event.get("winlog.channel"),
            event.get("event.code"),
            event.get("winlog.provider_name"),
        )
        if kind not in self.known:
            entries = self.sources.of(self.active[rule])
            self.known[kind] = any(reference.selection(entry.get("where", {}), event) for entry in entries)
        return self.known[kind]


def hunted(book, detector, lines, folder, place):
    """(rule, row) of all hits."""
    path = folder / "events.jsonl"
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    found = set()
    for outcome in hunt([path], detector, book, processes=1):
        found |= {(hit.rule, place[hit.original]) for hit in outcome.hits}
    return found


def with_text_of(active, events, fits):
    """Rules with events of their logsource that hold one of their texts: the rules, and the pairs."""
    wanted = defaultdict(set)
    for rule, document in active.items():
        for literal in literals(document):
            wanted[literal].add(rule)
    texts = list(wanted)
    automaton = AhoCorasick(texts)
    taken: Counter[int] = Counter()
    pairs = set()
    for row, (text, _event) in enumerate(events):
        found = automaton.find_matches_as_indexes(text.lower(), overlapping=True)
        for index in {index for index, _start, _end in found}:
            for rule in [rule for rule in wanted[texts[index]] if fits(rule, row)]:
                taken[rule] += 1
                pairs.add((rule, row))
                if taken[rule] >= PER_RULE:
                    for others in wanted.values():
                        others.discard(rule)
    return set(taken), pairs
