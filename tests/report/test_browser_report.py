"""The page in a real browser: offline, without errors, no wider than the window."""

from __future__ import annotations

import base64
import json
import shutil
import threading
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer

import pytest
from pages import pages

from escalation.report import write_report

BROWSER, DRIVER = shutil.which("chromium"), shutil.which("chromedriver")
FLAGS = (
    "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
    "--disable-background-networking", "--disable-component-update", "--disable-sync",
)  # fmt: skip
START = ("chrome:", "chrome-untrusted:")
pytestmark = pytest.mark.browser


@pytest.fixture(scope="module")
def browser(tmp_path_factory):
    webdriver = pytest.importorskip("selenium.webdriver", reason="selenium is not installed")
    if not (BROWSER and DRIVER):
        pytest.skip("no chromium with chromedriver")
    options = webdriver.ChromeOptions()
    options.binary_location = BROWSER
    for flag in (*FLAGS, f"--user-data-dir={tmp_path_factory.mktemp('profile')}"):
        options.add_argument(flag)
    options.set_capability("goog:loggingPrefs", {"browser": "ALL", "performance": "ALL"})
    service = webdriver.ChromeService(DRIVER)
    driver = webdriver.Chrome(options=options, service=service)
    yield driver
    driver.quit()


@pytest.fixture(scope="module")
def folder(crisis, tmp_path_factory):
    path = tmp_path_factory.mktemp("page")
    write_report(pages(crisis), path / "report.html")
    return path


@pytest.fixture(scope="module")
def server(folder):
    """The page over HTTP, and every requested path."""
    paths = []

    class Handler(SimpleHTTPRequestHandler):
        def log_message(self, *_arguments):
            paths.append(self.path)

    served = ThreadingHTTPServer(("127.0.0.1", 0), partial(Handler, directory=str(folder)))
    threading.Thread(target=served.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{served.server_port}", paths
    served.shutdown()
    served.server_close()


def sized(browser, width, height=900):
    browser.execute_cdp_cmd(
        "Emulation.setDeviceMetricsOverride",
        {"width": width, "height": height, "deviceScaleFactor": 1, "mobile": width < 500},
    )


def requests(browser):
    """URLs requested by pages since the last call, without the browser's start page."""
    log = (json.loads(entry["message"])["message"] for entry in browser.get_log("performance"))
    sent = [m["params"] for m in log if m["method"] == "Network.requestWillBeSent"]
    urls = [r["request"]["url"] for r in sent if not r["documentURL"].startswith(START)]
    return [url for url in urls if not url.startswith("data:")]


def test_the_page_loads_nothing_else_and_logs_no_error(browser, server):
    address, paths = server
    browser.get("chrome://newtab")  # on a busy machine it is still loading when a test begins
    browser.get_log("performance")
    browser.get(f"{address}/report.html")
    entries = "return performance.getEntriesByType('resource').map((one) => one.name)"
    assert [url for url in browser.execute_script(entries) if not url.startswith("data:")] == []
    assert requests(browser) == [f"{address}/report.html"]
    assert paths == ["/report.html"]
    assert browser.get_log("browser") == []
    assert browser.execute_script("return document.compatMode") == "CSS1Compat"


def test_it_opens_from_a_disk(browser, folder):
    browser.get((folder / "report.html").as_uri())
    assert browser.title.startswith("Watch list of")
    assert requests(browser) == [(folder / "report.html").as_uri()]
    assert browser.get_log("browser") == []


@pytest.mark.parametrize("width", [1280, 390])
def test_it_is_no_wider_than_its_window_and_large_enough_to_read(browser, folder, width):
    sized(browser, width)
    browser.get((folder / "report.html").as_uri())
    wide, window = browser.execute_script(
        "document.querySelectorAll('details').forEach((one) => { one.open = true; });"
        "return [document.documentElement.scrollWidth, window.innerWidth]"
    )
    assert wide <= window == width
    spilled = browser.execute_script(
        "return [...document.querySelectorAll('p, li, td, th, dd, h1, h2, h3, summary')]"
        ".filter((one) => one.getBoundingClientRect().right > window.innerWidth + 1)"
        ".map((one) => one.textContent.slice(0, 40))"
    )
    assert spilled == []
    smallest = browser.execute_script(
        "return Math.min(...[...document.querySelectorAll('p, li, td, th, dd, summary')]"
        ".map((one) => parseFloat(getComputedStyle(one).fontSize)))"
    )
    assert smallest >= 12
    picture = base64.b64decode(
        browser.execute_cdp_cmd("Page.captureScreenshot", {"format": "png"})["data"]
    )
    assert picture[:4] == b"\x89PNG" and len(picture) > 10_000


def contrast(first, second):
    def light(colour):
        parts = [int(n) / 255 for n in colour[colour.index("(") + 1 : -1].split(",")[:3]]
        linear = [p / 12.92 if p <= 0.03928 else ((p + 0.055) / 1.055) ** 2.4 for p in parts]
        return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]

    high, low = sorted((light(first), light(second)), reverse=True)
    return (high + 0.05) / (low + 0.05)


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_text_has_contrast_in_light_and_dark(browser, folder, scheme):
    browser.execute_cdp_cmd(
        "Emulation.setEmulatedMedia",
        {"features": [{"name": "prefers-color-scheme", "value": scheme}]},
    )
    browser.get((folder / "report.html").as_uri())
    paper, *inks = browser.execute_script(
        "const of = (what, name) => getComputedStyle(document.querySelector(what))[name];"
        "return [of('body', 'backgroundColor'), of('body', 'color'), of('.soft', 'color'),"
        " of('a', 'color')]"
    )
    assert (contrast(paper, "rgb(255, 255, 255)") < 2) == (scheme == "light")
    assert all(contrast(paper, ink) >= 4.5 for ink in inks)


def test_a_link_from_the_list_opens_a_unit_that_was_closed(browser, folder):
    browser.get((folder / "report.html").as_uri())
    closed = "return document.querySelectorAll('details:not([open])').length"
    before = browser.execute_script(closed)
    last = "[...document.querySelectorAll('.ranked a')].at(-1).click(); return location.hash"
    assert browser.execute_script(last).startswith("#unit-")
    assert browser.execute_script(closed) == before - 1


def printed(browser, *, tries=10):
    """The page as PDF, with retries: on a busy machine, printing sometimes fails."""
    from selenium.common.exceptions import WebDriverException

    try:
        done = browser.execute_cdp_cmd("Page.printToPDF", {"printBackground": False})
    except WebDriverException as error:
        if tries == 1 or "Printing failed" not in str(error):
            raise
        return printed(browser, tries=tries - 1)
    return base64.b64decode(done["data"])


def test_on_paper_every_unit_is_shown(browser, folder):
    browser.get((folder / "report.html").as_uri())
    assert printed(browser)[:5] == b"%PDF-"
    assert (
        browser.execute_script("return document.querySelectorAll('details:not([open])').length")
        == 0
    )
