"""README, Makefile and `.ci/run` say the same: two commands set a newcomer up, and CI runs one of them."""

from __future__ import annotations

import re
from pathlib import Path

ROOT = Path(__file__).parent.parent
README = (ROOT / "README.md").read_text(encoding="utf-8")
MAKEFILE = (ROOT / "Makefile").read_text(encoding="utf-8")
CI = (ROOT / ".ci/run").read_text(encoding="utf-8")


def targets() -> dict[str, list[str]]:
    return {
        name: needs.split("##")[0].split() for name, needs in re.findall(r"^([a-z]+):(.*)$", MAKEFILE, re.MULTILINE)
    }


def test_readme_has_exactly_the_two_set_up_commands():
    block = re.search(r"```sh\n(.*?)```", README, re.DOTALL)
    assert block is not None
    commands = [line.split("#")[0].strip() for line in block[1].splitlines() if line.strip()]
    assert commands == ["make run", "make test"]


def test_every_make_command_in_the_readme_exists():
    assert set(re.findall(r"`make ([a-z]+)`", README)) <= set(targets())


def test_test_is_lint_and_all_tests():
    assert targets()["test"] == ["lint", "unit"]
    lint = MAKEFILE.split("\nlint:")[1].split("\n\n")[0]
    assert all(tool in lint for tool in ("ruff check", "ruff format --check", "mypy", "lint-imports"))


def test_ci_calls_make_test_and_nothing_else_that_tests():
    lines = [line for line in CI.splitlines() if line.startswith("make ")]
    assert lines == ["make browser", "make test"]


def test_run_and_test_install_from_the_lock_files():
    assert "--require-hashes -r requirements.lock" in MAKEFILE
    assert "--require-hashes -r requirements-dev.lock" in MAKEFILE
    for name in ("requirements.lock", "requirements-dev.lock"):
        text = (ROOT / name).read_text(encoding="utf-8")
        packages = re.findall(r"^[a-z0-9][a-z0-9.-]*==", text, re.MULTILINE)
        assert packages
        assert text.count("--hash=sha256:") >= len(packages)


def test_top_level_is_what_the_documents_say():
    for name in ("secops", "rules", "policies", "audits", "tests", "docs", "pyproject.toml", "CHANGELOG.md"):
        assert (ROOT / name).exists(), name


def test_direct_dependencies_have_a_reason_in_the_architecture():
    import tomllib

    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    names = [re.split(r"[\[<>=]", text)[0] for text in project["dependencies"]]
    text = (ROOT / "docs/ARCHITECTURE.md").read_text(encoding="utf-8")
    assert [name for name in names if f"| {name} |" not in text] == []


def test_what_is_not_checked_says_why_in_its_line():
    silent = re.compile(r"#\s*(?:noqa|type:\s*ignore)\b(?::[\sA-Z0-9,]+|\[[a-z, -]+\])?[\s-]*(?:$|#\s*(?:noqa|type:))")
    found = [
        f"{path.relative_to(ROOT)}:{number}"
        for folder in ("secops", "tests", "docs")
        for path in (ROOT / folder).rglob("*.py")
        for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1)
        if silent.search(line)
    ]
    assert found == []
