"""What a newcomer sees: the demo ward as `make run` starts it, with a real browser on the real console."""

from __future__ import annotations

import json
import re
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.e2e.here import run_here

CHROMIUM = Path("/usr/bin/chromium")
QUIET = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]


def free_port() -> int:
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        return int(found.getsockname()[1])


class Ward:
    """The demo ward in a folder, started and stopped as a person would."""

    def __init__(self, folder: Path, port: int) -> None:
        self.folder, self.port = folder, port
        self.process: subprocess.Popen[str] | None = None

    def secops(self, *arguments: str) -> Any:
        done = run_here([*arguments, "--json"])  # asked again and again: the start of a process would be most of it
        assert done.returncode in {0, 1}, done.stderr
        return json.loads(done.stdout)

    def start(self) -> str:
        """Run it, and return what it prints until it is ready."""
        argv = [sys.executable, "-m", "secops.cli", "demo", str(self.folder), "--run", "--port", str(self.port)]
        self.process = subprocess.Popen(argv, stdout=subprocess.PIPE, text=True)
        assert self.process.stdout is not None
        said = ""
        for line in self.process.stdout:
            said += line
            if "toban" in line and "最初に" in line:
                return said
        pytest.fail(f"ended: {said}")

    def interrupt(self) -> int:
        """Ctrl-C."""
        assert self.process is not None
        self.process.send_signal(signal.SIGINT)
        code = self.process.wait(60)
        assert self.process.stdout is not None
        self.process.stdout.close()
        return code


@pytest.fixture(scope="module")
def ward(tmp_path_factory) -> Iterator[Ward]:
    ward = Ward(tmp_path_factory.mktemp("demo") / "ward", free_port())
    yield ward
    if ward.process is not None and ward.process.poll() is None:
        ward.process.kill()
        ward.process.wait()


def wait_for(holds, seconds: float = 90) -> None:
    deadline = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < deadline
        time.sleep(1)


def test_the_ward_runs_is_looked_at_and_goes_on_where_it_was(ward: Ward):
    said = ward.start()
    assert f"http://127.0.0.1:{ward.port}/" in said
    password = re.search(r"toban / (\S+)", said)
    assert password is not None
    site = ("--site", str(ward.folder))

    wait_for(lambda: all(story["detected"] for story in ward.secops("demo", str(ward.folder), "--report")["stories"]))
    report = ward.secops("demo", str(ward.folder), "--report")
    assert len(report["stories"]) >= 5
    assert report["false_alerts"] == 0
    assert all(story["rules"] and story["delay_s"] is not None for story in report["stories"])

    status = ward.secops("status", *site)
    assert set(status["parts"].values()) == {"running"}
    for source in status["sources"]:
        known = source["stored"] + source["rejected"] + sum(source["dropped"].values()) + source["waiting"]
        assert source["received"] == known, source
        assert source["rejected"] == 0

    paged = ward.secops("notify", "list", *site)
    assert paged["counts"]["given_up"] == 0
    assert [one["kind"] for one in paged["outbox"] if one["kind"] != "page"] == [], "no trouble with the program"
    wait_for((ward.folder / "notify.jsonl").exists, 30)

    if CHROMIUM.exists():
        close_the_top_alert(ward, password[1])
        closed = ward.secops("alerts", "list", "--state", "closed", *site)["alerts"]
        assert [one["verdict"] for one in closed] == ["benign_true_positive"]

    assert ward.interrupt() == 0
    before = ward.secops("status", *site)
    ward.start()
    wait_for(lambda: ward.secops("alerts", "list", *site)["total"] > 0, 30)
    assert ward.interrupt() == 0
    after = ward.secops("status", *site)
    counts = {source["id"]: source["received"] for source in after["sources"]}
    assert all(counts[source["id"]] >= source["received"] for source in before["sources"])
    history = {source["id"]: source["received"] for source in before["sources"] if source["id"].endswith("-files")}
    assert {name: counts[name] for name in history} == history, "what was read once is not read again"


def close_the_top_alert(ward: Ward, password: str) -> None:
    """The main job in a real browser: log in, open the top alert, read why it fired, close it."""
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=str(CHROMIUM), args=QUIET)
        page = browser.new_page()
        page.goto(f"http://127.0.0.1:{ward.port}/")
        page.get_by_label("利用者名").fill("toban")
        page.get_by_label("パスワード").fill(password)
        page.get_by_role("button", name="ログイン").click()
        page.locator("table a, .row a").first.click()
        page.wait_for_url("**/alerts/*")
        assert page.get_by_role("heading", name="検知理由").is_visible()
        assert page.locator("mark").count() > 0
        assert page.get_by_role("heading", name="対応手順").is_visible()
        page.get_by_text("対応を完了する").first.click()
        page.get_by_label(re.compile("業務上の正当な操作")).first.check()
        page.get_by_label(re.compile("理由")).first.fill("作業届 12 号で確認")
        page.get_by_role("button", name="対応を完了する").last.click()
        page.wait_for_load_state()
        assert page.get_by_text("対応完了").first.is_visible()
        browser.close()
