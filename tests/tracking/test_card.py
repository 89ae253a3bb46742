"""Model cards: every figure comes from the run, and copies are checked against it."""

import re

import pytest
import yaml
from mlflow import MlflowClient

from escalation import tracking
from escalation.errors import GateError, ModelError

SECTIONS = (
    "Purpose and intended use", "Who it must not be used on or against", "What it is",
    "Data and their gaps", "Metrics", "Limits", "Human oversight", "Changes",
)  # fmt: skip


@pytest.fixture(scope="module")
def card(stored):
    return tracking.model_card("small", uri=stored[0])


@pytest.fixture(scope="module")
def run(stored):
    client = MlflowClient(stored[0])
    return client.get_run(client.get_model_version_by_alias("small", "champion").run_id)


def test_a_card_answers_the_questions_that_apply(card):
    titles = re.findall(r"^## (.*)$", card, re.MULTILINE)
    assert all(any(title.startswith(words) for title in titles) for words in SECTIONS)
    assert "Protecting people" in card and "Not to choose, rank or justify a target" in card
    assert "At least one attack on an installation in 7 days" in card


def test_every_measure_equals_that_of_the_run(card, run):
    header = yaml.safe_load(card.split("---")[1])
    (result,) = header["model-index"][0]["results"]
    assert {"brier", "log_score", "skill_vs_climatology"} <= {
        metric["type"] for metric in result["metrics"]
    }
    for metric in result["metrics"]:
        assert metric["value"] == pytest.approx(run.data.metrics[metric["type"]], abs=5e-5)
        for end in {"lower", "upper"} & set(metric):
            assert metric[end] == pytest.approx(
                run.data.metrics[f"{metric['type']}_{end}"], abs=5e-5
            )
    assert f"{int(run.data.metrics['counts/positives'])} positive." in card


def test_a_card_is_logged_with_the_registered_model(card, run, stored, tmp_path):
    path = MlflowClient(stored[0]).download_artifacts(run.info.run_id, "card.md", str(tmp_path))
    with open(path, encoding="utf-8") as file:
        assert file.read() == card


def test_added_text_passes_the_check_and_a_changed_figure_does_not(card, stored):
    filled = card.replace("where a person affected can complain.", "complaints go to the desk.")
    tracking.check_card(filled + "\nAdded: 3 analysts.\n", "small", uri=stored[0])
    brier = re.search(r"Brier score .*\| (0\.\d+) \|", card)[1]
    with pytest.raises(GateError, match=r"E-CARD.*Brier score"):
        tracking.check_card(card.replace(f"| {brier} |", "| 0.0001 |"), "small", uri=stored[0])
    with pytest.raises(GateError, match="E-CARD"):
        tracking.check_card("", "small", uri=stored[0])


def test_a_missing_model_has_no_card(stored):
    with pytest.raises(ModelError, match="E-MODEL-MISSING"):
        tracking.model_card("none_such", uri=stored[0])
