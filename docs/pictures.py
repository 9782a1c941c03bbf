"""Takes the pictures of the guides from a running console: `make pictures`.

A demo ward is made in a temporary folder and run as `make run` does; when its alerts are there, Debian's chromium looks
at the pages. Everybody and every address in the pictures is made up. A picture that is too large is an error.
"""

from __future__ import annotations

import json
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from playwright.sync_api import Browser, Locator, Page, sync_playwright

CHROMIUM = Path("/usr/bin/chromium")
FLAGS = ["--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking"]
IMAGES = Path(__file__).parent / "ja" / "images"
MOST_BYTES = 150_000
WIDE, PHONE = (1240, 640), (375, 760)
NARROW = 1000  # wide enough for one column, and small
ENOUGH = 20
SHOWN = "マイナンバー利用事務系と外部との禁止された通信"


def secops(*words: str) -> subprocess.CompletedProcess[str]:
    """A command of the program."""
    return subprocess.run([sys.executable, "-m", "secops.cli", *words], capture_output=True, text=True, check=False)


@contextmanager
def ward(folder: Path) -> Iterator[str]:
    """A demo ward that runs; yields the console's address when the stories of its history have been noticed."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    argv = [sys.executable, "-m", "secops.cli", "demo", str(folder), "--run", "--port", str(port)]
    with subprocess.Popen(argv, stdout=subprocess.DEVNULL) as running:
        try:
            wait_for_alerts(folder)
            yield f"http://127.0.0.1:{port}"
        finally:
            running.send_signal(signal.SIGINT)
            running.wait(60)


def wait_for_alerts(folder: Path) -> None:
    """Until as many alerts are open as a first look should show.

    Raises:
        SystemExit: they did not come within two minutes.
    """
    for _turn in range(120):
        done = secops("alerts", "list", "--json", "--site", str(folder))
        if done.returncode == 0 and json.loads(done.stdout)["total"] > ENOUGH:
            return
        time.sleep(1)
    raise SystemExit("the demo ward raised no alerts")


def log_in(page: Page, address: str) -> None:
    """As the person on call."""
    from secops.demo.build import LOGINS

    page.goto(f"{address}/")
    page.get_by_label("利用者名").fill(LOGINS[0].name)
    page.get_by_label("パスワード").fill(LOGINS[0].password)
    page.get_by_role("button", name="ログイン").click()
    page.wait_for_url("**/alerts*")


def open_page(browser: Browser, address: str, size: tuple[int, int]) -> Page:
    """A page of its own, with somebody logged in."""
    page = browser.new_context(
        viewport={"width": size[0], "height": size[1]}, locale="ja-JP", color_scheme="light", reduced_motion="reduce"
    ).new_page()
    log_in(page, address)
    return page


def show(place: Locator) -> None:
    """Scroll so that something stands near the upper edge."""
    place.first.evaluate("one => scrollTo(0, scrollY + one.getBoundingClientRect().top - 60)")


def take(page: Page, name: str, target: Path) -> None:
    """One picture of what is in the window.

    Raises:
        SystemExit: it is larger than a document should carry.
    """
    page.wait_for_timeout(400)
    path = target / f"{name}.png"
    page.screenshot(path=path, animations="disabled")
    if path.stat().st_size > MOST_BYTES:
        raise SystemExit(f"{path.name}: {path.stat().st_size:,} bytes, at most {MOST_BYTES:,}")


def take_all(address: str, target: Path) -> None:
    """The pictures, in the order of the guide."""
    with sync_playwright() as play:
        browser = play.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        page = open_page(browser, address, WIDE)
        take(page, "queue", target)
        page.get_by_role("link", name=SHOWN).first.click()
        page.wait_for_url("**/alerts/*")
        alert = page.url
        page.set_viewport_size({"width": NARROW, "height": 700})
        take(page, "alert", target)
        show(page.get_by_role("heading", name="検知理由"))
        take(page, "reason", target)
        page.goto(alert)
        page.get_by_text("対応を完了する").first.click()
        show(page.get_by_text("完了の区分"))
        take(page, "close", target)
        page.set_viewport_size({"width": WIDE[0], "height": WIDE[1]})
        page.goto(f"{address}/events?q=labels.flow_verdict:(forbidden OR unregistered)&span=7d")
        take(page, "search", target)
        page.set_viewport_size({"width": NARROW, "height": 700})
        page.goto(f"{address}/sources")
        take(page, "sources", target)
        phone = open_page(browser, address, PHONE)
        phone.goto(alert)
        take(phone, "phone", target)
        browser.close()


def main() -> None:
    """Make all pictures, and put them in place when all are there."""
    with tempfile.TemporaryDirectory() as place:
        fresh = Path(place) / "images"
        fresh.mkdir()
        with ward(Path(place) / "ward") as address:
            take_all(address, fresh)
        IMAGES.mkdir(exist_ok=True)
        for old in IMAGES.glob("*.png"):
            old.unlink()
        for path in fresh.iterdir():
            shutil.copy(path, IMAGES / path.name)


if __name__ == "__main__":
    main()
