"""Rule texts and a logsource map → the compiled rulebook: the slow part, done once per rulebook."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

from secops.errors import Problem
from secops.locale import _
from secops.siem.detect.compile_correlations import compile_correlations
from secops.siem.detect.compile_filters import Book, compile_filters
from secops.siem.detect.compiled import Asked, Compiled, CompiledRule
from secops.siem.detect.conditions import compile_tree, witness
from secops.siem.detect.correlation_fields import FieldMapper
from secops.siem.detect.encodings import register
from secops.siem.detect.logsources import Key, LogsourceMap
from secops.siem.detect.lower import Lowered
from secops.siem.detect.pipelines import read_pipelines
from secops.siem.detect.placeholders import read_placeholders
from secops.siem.detect.predicates import Predicates
from secops.siem.detect.reading import NOTHING, Reading, read_all
from secops.siem.detect.rulebook import Document, Lines
from secops.siem.detect.specs import Spec


def compile_rules(
    files: Sequence[tuple[str, str]],
    where: LogsourceMap,
    placeholders: Mapping[str, Sequence[str]] | None = None,
    pipelines: Sequence[tuple[str, str]] = (),
    *,
    processes: int | None = None,
) -> Compiled:
    """Parse and translate all rules; a rule that cannot run keeps its place, with the reason.

    ``processes`` share the reading (see `read_all`); the result is the same whatever their number.

    Raises:
        RuleError: a pipeline has mistakes.
    """
    register()
    piped = read_pipelines(pipelines)
    of_site, problems = read_placeholders(files, placeholders or {})
    known = piped.with_site(of_site)
    work = _Compiling(files, where)
    rules: list[CompiledRule] = []
    filters: list[Document] = []  # what these two bear on is known when all rules are
    correlations: list[tuple[int, Document]] = []
    named: dict[str, list[int]] = {}
    mapper = FieldMapper(piped)
    for reading in read_all(files, known, piped, processes):
        document = reading.document
        if document.filter is not None:
            filters.append(document)
            continue
        if document.correlation is not None:
            correlations.append((len(rules), document))
        for name in dict.fromkeys((document.meta.id, document.meta.id.lower(), document.name)):
            if name and (name == document.name or name not in named):
                named.setdefault(name, []).append(len(rules))
        rules.append(work.rule(reading))
        if document.sigma is not None and piped.pipeline is not None:
            mapper.rules[len(rules) - 1] = document.sigma
    correlated = compile_correlations(correlations, named, rules, files, where, mapper)
    book = Book(rules, where, known, piped)
    compiled = compile_filters(filters, book, files, work.specs)
    specs = list(work.specs)
    predicates = Predicates(specs)
    rules = [replace(rule, asked=_asked(rule, where, predicates)) for rule in rules]
    return Compiled(rules, specs, compiled, problems, correlated, predicates.bounds)


def _asked(rule: CompiledRule, where: LogsourceMap, predicates: Predicates) -> list[Asked]:
    """What a rule asks in each of its logsource entries: worked out here, so that no start of the program has to."""
    found: list[Asked] = []
    for entry in rule.entries:
        numbers = predicates.of_leaves(rule.leaves, entry, where.entries[entry])
        needed = witness(compile_tree(rule.tree, numbers), predicates.weigh)
        found.append((numbers, None if needed is None else sorted(needed)))
    return found


class _Compiling:
    def __init__(self, files: Sequence[tuple[str, str]], where: LogsourceMap) -> None:
        self.files = files
        self.where = where
        self.specs: dict[Spec, int] = {}
        self.seen: dict[str, tuple[str, int]] = {}
        self.entries_of: dict[Key, list[int]] = {}

    def rule(self, reading: Reading) -> CompiledRule:
        document, lowered = reading.document, reading.lowered
        path, text = self.files[document.file]
        problems = list(document.problems)
        reason = document.reason
        entries: list[int] = []
        here = (path, document.number)
        first = self.seen.setdefault(document.meta.id, here)
        if (reading.source is not None or document.correlation is not None) and first != here:
            lowered = NOTHING
            reason = _("同じ id のルールがあります({path})。").format(path=first[0])
            problems.append(Problem(f"{path}:{Lines(text, document.number).of('id')}", reason))
        elif reading.source is not None:
            entries, reason = self._logsource(reading.source)
            if reading.failure is not None:
                reason = reading.failure.what
                problems.append(reading.failure)
        if not reason:
            entries, reason = self._fields(entries, lowered)
        leaves = [
            (leaf.selection, leaf.field, leaf.operator, leaf.pattern, self.specs.setdefault(leaf.spec, len(self.specs)))
            for leaf in ([] if reason else lowered.leaves)
        ]
        return CompiledRule(
            document.meta, document.file, () if reason else entries, leaves, lowered.tree, reason, problems
        )

    def _logsource(self, key: Key) -> tuple[list[int], str]:
        if key not in self.entries_of:
            self.entries_of[key] = self.where.find(key)
        found = self.entries_of[key]
        mapped = [index for index in found if not self.where.entries[index].unmapped]
        if mapped:
            return mapped, ""
        why = self.where.entries[found[0]].unmapped if found else _("logsources.yml にありません")
        names = " / ".join(part for part in key if part)
        return [], _("ログの種類「{names}」を割り当てられません: {why}").format(names=names, why=why)

    def _fields(self, entries: Sequence[int], lowered: Lowered) -> tuple[list[int], str]:
        """The entries that know all fields of the rule; a reason where none does."""
        names = {leaf.field for leaf in lowered.leaves if leaf.field}
        names |= {leaf.spec[1] for leaf in lowered.leaves if leaf.spec[0] == "ref"}
        missing: list[str] = []
        usable = []
        for index in entries:
            unknown = sorted(name for name in names if not self.where.entries[index].columns(name))
            missing += unknown
            if not unknown:
                usable.append(index)
        if usable or not entries:
            return usable, ""
        return [], _("項目を割り当てられません: {names}").format(names=", ".join(dict.fromkeys(missing)))
