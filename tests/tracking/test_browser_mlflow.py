"""The pages of MLflow in a real browser: they show what a data scientist needs."""

import shutil
import time

import pytest
from patience import PATIENCE
from servers import serving

pytestmark = [pytest.mark.browser, pytest.mark.slow]
FLAGS = (
    "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
    "--disable-background-networking", "--disable-component-update", "--disable-sync",
    "--window-size=1500,1000",
)  # fmt: skip


@pytest.fixture(scope="module")
def browser(tmp_path_factory):
    """A headless browser with an empty profile; skips if there is none."""
    webdriver = pytest.importorskip("selenium.webdriver")
    from selenium.webdriver.chrome.service import Service

    binary, driver = shutil.which("chromium"), shutil.which("chromedriver")
    if not (binary and driver):
        pytest.skip("no chromium with its chromedriver on the path")
    options = webdriver.ChromeOptions()
    options.binary_location = binary
    for flag in (*FLAGS, f"--user-data-dir={tmp_path_factory.mktemp('profile')}"):
        options.add_argument(flag)
    opened = webdriver.Chrome(service=Service(driver), options=options)
    yield opened
    opened.quit()


@pytest.fixture(scope="module")
def site(tmp_path_factory, empty_store, trained, log):
    """A page over a store with two trainings: its address, and the runs of the first one."""
    from escalation import tracking

    folder = tmp_path_factory.mktemp("site")
    (folder / "mlflow.db").write_bytes(empty_store.read_bytes())
    uri = f"sqlite:///{folder}/mlflow.db"
    logged, _ = log(uri), log(uri)
    runs = tracking.open_store(uri).search_runs([logged.experiment_id])
    child = next(
        run.info.run_id
        for run in runs
        if run.data.tags.get("mlflow.parentRunId") == logged.run_id
        and run.data.tags["model"] == trained.best
    )
    command = ("mlflow", "ui", "--backend-store-uri", uri, "--workers", "1", "--host", "127.0.0.1")
    with serving(*command, folder=folder) as address:
        yield address, logged, child, trained


def text_of(browser, address, *words):
    """The text of a page once it contains all words."""
    browser.get("about:blank")
    browser.get(address)
    deadline, text = time.monotonic() + PATIENCE, ""
    while time.monotonic() < deadline:
        text = browser.find_element("tag name", "body").text
        if all(word in text for word in words):
            return text
        time.sleep(0.3)
    missing = [word for word in words if word not in text]
    raise AssertionError(f"{address} lacks {missing}: {text}")


def test_the_link_of_train_opens_on_the_deciding_scores(browser, site):
    from escalation import tracking

    address, logged, _, trained = site
    page = tracking.link(address, logged.experiment_id)
    brier = str(trained.summary.set_index("model").loc[trained.best, "brier"])[:8]
    text = text_of(browser, page, "brier", "skill_pct", "Outcome 1 when", brier)
    assert f"{trained.best}, any_7d" in text


def test_every_model_is_ranked_by_its_numbers_on_the_data_set(browser, site):
    address, logged, _, trained = site
    page = f"{address}/#/experiments/{logged.experiment_id}/models?workflowType=machine_learning"
    brier = str(trained.summary["brier"].max())[:8]
    browser.set_window_size(2600, 1000)  # columns beyond the edge are not in the page
    named = [f"{trained.label} {model}" for model in trained.models]
    text_of(browser, page, "Dataset:", "brier", brier, *named)
    browser.set_window_size(1500, 1000)


def test_a_parent_shows_its_children_description_tags_and_data(browser, site):
    address, logged, _, trained = site
    page = f"{address}/#/experiments/{logged.experiment_id}/runs/{logged.run_id}"
    text_of(
        browser, page, "Outcome 1 when", "Best: ", "horizon", "iraq_crisis", "targets.0.name",
        *trained.models,
    )  # fmt: skip


def test_metrics_of_a_child_are_grouped_in_panels(browser, site):
    address, logged, child, _ = site
    page = f"{address}/#/experiments/{logged.experiment_id}/runs/{child}/model-metrics"
    panels = {"alerts_a_week": 4, "calibration": 6, "over_origins": 2, "ranking": 2}
    text_of(browser, page, *(f"{name}\n({charts})" for name, charts in panels.items()))


def shown(browser):
    """Widths of the pictures on a page, as drawn by the browser."""
    return browser.execute_script(
        "return Array.from(document.images).filter(i => i.complete).map(i => i.naturalWidth)"
    )


@pytest.mark.parametrize("name", ["skill", "where"])  # drawn by one part each
def test_figures_are_drawn(browser, site, name):
    address, logged, _, _ = site
    run = f"{address}/#/experiments/{logged.experiment_id}/runs/{logged.run_id}"
    text_of(browser, f"{run}/artifacts/figures/{name}.png", f"{name}.png")
    deadline = time.monotonic() + PATIENCE
    while not any(width >= 500 for width in shown(browser)):
        assert time.monotonic() < deadline, shown(browser)
        time.sleep(0.3)


def test_the_comparison_is_shown_as_a_table(browser, site):
    address, logged, _, trained = site
    run = f"{address}/#/experiments/{logged.experiment_id}/runs/{logged.run_id}"
    text_of(
        browser, f"{run}/artifacts/comparison.json", "View as table", "skill vs ewma_nb",
        *trained.models,
    )  # fmt: skip


def test_the_registered_model_and_its_versions_are_described(browser, site):
    address, _, _, trained = site
    text_of(browser, f"{address}/#/models/small", "Version 1", "champion", "challenger")
    text_of(
        browser, f"{address}/#/models/small/versions/1", trained.best, "Outcome 1 when",
        "escalation.hash", "trained on data up to 2020-12-31", "Schema",
    )  # fmt: skip
