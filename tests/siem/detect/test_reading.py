"""Rules read on several cores are the rules read on one, with all that is wrong with them."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

RULE = """title: T{n}
id: 00000000-0000-4000-8000-{id:012}
logsource: {{product: windows, category: process_creation}}
detection:
  selection: {{CommandLine|contains: ' /word{n}'}}
  condition: {condition}
"""
COMPILE = """
import sys
from pathlib import Path
from secops.siem.detect.compile import compile_rules
from secops.siem.detect.compiled import write_cache
from secops.siem.detect.read_logsources import read_logsources
from secops.wiring.rules import BUILTIN, read_rule_files

folder = Path(sys.argv[1])
files = read_rule_files([folder / "rules", BUILTIN])
where = read_logsources((BUILTIN / "logsources.yml").read_text(encoding="utf-8"))
for processes in (1, 2, 3, len(files)):
    compiled = compile_rules(files, where, processes=processes)
    write_cache(folder / f"{processes}.json", compiled, where)
print(sum(bool(rule.problems) for rule in compiled.rules), sum(bool(rule.reason) for rule in compiled.rules))
"""


def test_the_number_of_processes_changes_nothing(tmp_path: Path):
    rules = tmp_path / "rules"
    rules.mkdir()
    for n in range(12):
        condition = "selection and missing" if n == 7 else "selection"
        twin = 3 if n == 9 else n  # in another share than the first
        (rules / f"r{n:02}.yml").write_text(RULE.format(n=n, id=twin, condition=condition), encoding="utf-8")
    (rules / "s-broken.yml").write_text("title: [", encoding="utf-8")
    (rules / "t-no-rule.yml").write_text("just words\n", encoding="utf-8")
    # A process of its own: this one has threads, which a fork does not take along.
    done = subprocess.run(
        [sys.executable, "-c", COMPILE, str(tmp_path)], capture_output=True, text=True, check=False, timeout=120
    )
    assert done.returncode == 0, done.stderr
    problems, inactive = map(int, done.stdout.split())
    assert problems >= 4
    assert inactive >= 4
    written = {path.read_bytes() for path in tmp_path.glob("*.json")}
    assert len(list(tmp_path.glob("*.json"))) == 4
    assert len(written) == 1
