"""Samples beside our own rules: events on which a rule must fire, and others on which it must stay silent."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import polars as pl
import yaml

from secops.errors import Problem
from secops.locale import _
from secops.schema import ecs
from secops.schema.names import FORMATS
from secops.schema.yaml_mistakes import yaml_problem
from secops.siem.detect.rulebook import SAMPLES_SUFFIX, Lines
from secops.siem.detect.series import Timed, series_of, wrong_series
from secops.siem.detect.yamls import check_depth
from secops.siem.ports import Rule

_LISTS = ("fires", "silent")
_KEYS = {"event", "raw", "format", "zone", "header", "encoding", "with", "note", "rule"}


@dataclass(frozen=True, slots=True)
class Sample:
    """One sample: a flat ``event``, or a ``raw`` record in a log ``format``; ``extra`` columns are added to it.

    That of a correlation is a ``series`` of them. ``rule`` is the name or id of whose sample it is, where a file holds
    several rules.
    """

    line: int
    fires: bool
    event: Mapping[str, Any] = field(default_factory=dict)
    raw: str = ""
    format: str = ""
    zone: str | None = None
    header: str | None = None
    encoding: str = "utf-8"
    extra: Mapping[str, Any] = field(default_factory=dict)
    series: tuple[Timed, ...] = ()
    rule: str = ""

    def is_of(self, rule: Rule) -> bool:
        """Whether it says something of a rule of its file."""
        mine = rule.kind == "correlation" if self.series else rule.kind == "event"
        return mine and self.rule in {"", rule.id, rule.name}


def samples_path(rule_path: str) -> str:
    """Where the samples of a rule file stand."""
    return rule_path.removesuffix(".yaml").removesuffix(".yml") + SAMPLES_SUFFIX


def read_samples(path: str, text: str) -> tuple[list[Sample], list[Problem]]:
    """All samples of a file, and every mistake in it."""
    try:
        check_depth(text)
        document = yaml.load(text, yaml.CSafeLoader)
        lines = Lines(text)
        lines.of("fires")
    except (yaml.YAMLError, ValueError, RecursionError) as error:
        return [], [yaml_problem(path, text, error)]
    if not isinstance(document, dict) or not set(_LISTS).issuperset(document):
        return [], [Problem(f"{path}:1", _("fires と silent の 2 つの一覧を書いてください。"))]
    samples: list[Sample] = []
    problems: list[Problem] = []
    for name in _LISTS:
        items = document.get(name)
        if not isinstance(items, list) or not items:
            problems.append(
                Problem(f"{path}:{lines.of(name)}", _("{name} の例を 1 つ以上書いてください。").format(name=name))
            )
            continue
        for number, item in enumerate(items):
            line = lines.item(name, number)
            wrong = _wrong(item)
            if wrong:
                problems.append(Problem(f"{path}:{line}", wrong))
            else:
                samples.append(_sample(item, line, fires=name == "fires"))
    return samples, problems


def _wrong(item: Any) -> str:
    """What is wrong with a sample, of one event or of a series; empty where nothing is."""
    if isinstance(item, dict) and "events" in item:
        extra = sorted(set(item).difference({"events", "note", "rule"}))
        if extra:
            return _("events の例に「{key}」は書けません。書けるのは note と rule です。").format(key=extra[0])
        return wrong_series(item["events"], _wrong_event)
    return _wrong_event(item)


def _wrong_event(item: Any) -> str:
    if not isinstance(item, dict) or not _KEYS.issuperset(item):
        return _("例に書けるのは {keys} だけです。").format(keys=", ".join(sorted(_KEYS)))
    if ("event" in item) == ("raw" in item):
        return _("例には event か raw のどちらか 1 つを書いてください。")
    if "raw" in item and not (isinstance(item["raw"], str) and isinstance(item.get("format"), str)):
        return _("raw には format(ログ形式の名前)も書いてください。")
    if "raw" in item and item["format"] not in FORMATS:
        text = _("format の「{found}」はありません(使えるもの: {known})。")
        return text.format(found=item["format"], known=", ".join(FORMATS))
    encoding = item.get("encoding", "utf-8")
    try:
        item.get("raw", "").encode(encoding)
    except (LookupError, TypeError, UnicodeEncodeError):
        return _("raw を文字コード「{encoding}」で表せません。").format(encoding=encoding)
    if not all(isinstance(item.get(key, {}), dict) for key in ("event", "with")):
        return _("event と with は「列名: 値」の組で書いてください。")
    return ""


def _sample(item: Mapping[str, Any], line: int, *, fires: bool) -> Sample:
    return Sample(
        line=line,
        fires=fires,
        event=item.get("event", {}),
        raw=item.get("raw", ""),
        format=item.get("format", ""),
        zone=item.get("zone"),
        header=item.get("header"),
        encoding=item.get("encoding", "utf-8"),
        extra=item.get("with", {}),
        series=series_of(item.get("events", ()), lambda one: _sample(one, line, fires=fires)),
        rule=item.get("rule", ""),
    )


def with_columns(frame: pl.DataFrame, values: Mapping[str, Any]) -> pl.DataFrame:
    """The frame with constant columns of the right type added (or replaced)."""
    columns = [
        pl.Series(name, [_fitting(name, value)] * frame.height, dtype=_kind(name, value))
        for name, value in values.items()
    ]
    return frame.with_columns(columns)


def _kind(name: str, value: Any) -> pl.DataType:
    kind = ecs.dtype(name)
    if isinstance(kind, pl.Datetime):
        return pl.String()  # a moment is written as text; rules see moments as text as well
    return pl.List(pl.String()) if isinstance(value, list) and not isinstance(kind, pl.List) else kind


def _fitting(name: str, value: Any) -> Any:
    kind = _kind(name, value)
    if isinstance(kind, pl.List):
        return [str(part) for part in (value if isinstance(value, list) else [value])]
    if kind == pl.String and value is not None:
        return str(value).lower() if isinstance(value, bool) else str(value)
    return value


def check_own(rules: Sequence[Any], texts: Mapping[str, str]) -> list[Problem]:
    """What our own rules must have beside Sigma: Japanese words, clauses, next steps, and samples that can be read."""
    problems = []
    for rule in rules:
        lines = Lines(rule.text) if rule.text else None
        wanted = (
            ("title_ja", rule.title_ja and rule.title_ja != rule.title),
            ("description_ja", rule.description_ja),
            ("clauses", rule.clauses),
            ("next_steps", rule.next_steps),
        )
        for key, there in wanted:
            if not there:
                line = lines.of("secops", key) if lines else 1
                problems.append(
                    Problem(f"{rule.path}:{line}", _("secops.{key} がありません。書いてください。").format(key=key))
                )
        path = samples_path(rule.path)
        if path not in texts:
            problems.append(Problem(f"{rule.path}:1", _("例のファイル {path} がありません。").format(path=path)))
        else:
            problems += read_samples(path, texts[path])[1]
    return problems
