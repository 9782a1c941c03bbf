"""Samples of rules, run through the real normalizer and detector."""

from __future__ import annotations

from collections.abc import Mapping

import polars as pl

from secops.errors import Problem
from secops.locale import _
from secops.siem.detect import SigmaDetector
from secops.siem.detect.samples import Sample, read_samples, samples_path, with_columns
from secops.siem.detect.series import series_fires
from secops.siem.normalize.reading import frames_of
from secops.siem.ports import Origin


def run_samples(detector: SigmaDetector, texts: Mapping[str, str]) -> tuple[int, list[Problem]]:
    """Run the samples of all rules that have some; returns how many ran, and what went wrong.

    ``texts`` are sample files by path. A sample of a rule that cannot run fails.
    """
    count = 0
    problems: list[Problem] = []
    for index, rule in enumerate(detector.rules):
        path = samples_path(rule.path)
        if path not in texts:
            continue
        samples, wrong = read_samples(path, texts[path])
        problems += wrong
        if not rule.active:
            problems.append(
                Problem(rule.path, _("ルールが動かないため試験できません: {reason}").format(reason=rule.reason))
            )
            continue
        mine = [sample for sample in samples if sample.is_of(rule)]
        if rule.kind == "correlation" and not mine:
            problems.append(Problem(f"{path}:1", _("相関ルールの例は events で書いてください。")))
        for sample in mine:
            count += 1
            if sample.series:
                fired = series_fires(detector, rule, sample.series, lambda one: _frame(one, detector.reads))
            else:
                fired = any(match.rule == index for match in detector.match(_frame(sample, detector.reads)))
            if fired != sample.fires:
                what = (
                    _("検知するはずの例で検知しませんでした。")
                    if sample.fires
                    else _("検知しないはずの例で検知しました。")
                )
                problems.append(Problem(f"{path}:{sample.line}", what))
    return count, problems


def _frame(sample: Sample, columns: frozenset[str]) -> pl.DataFrame:
    """The frame of one sample of a rule: a raw record goes through the real normalizer, an event stands as it is."""
    if sample.event:
        frame = pl.DataFrame({"event.kind": ["event"]})
        return with_columns(frame, {**sample.event, **sample.extra})
    origin = Origin("file", sample.format, sample.encoding, header=sample.header, zone=sample.zone)
    record = sample.raw.rstrip("\n").encode(sample.encoding)
    frames = frames_of([record], sample.format, columns, ecs=True, origin=origin)
    zone = {"labels.zone": sample.zone} if sample.zone else {}
    return with_columns(frames[0], {**zone, **sample.extra})
