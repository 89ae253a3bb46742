"""The commands of a first session: their output, messages and exit statuses."""

from __future__ import annotations

import json
import subprocess
import sys

import pandas as pd
import pytest
from command_line import QUICK, a_new_start, escalation, in_a_process

from escalation import schema
from escalation.errors import EscalationError

FEW = "\n[models]\nlogistic = {}\npool = {}\nblend = {}\n"
COUNT = 6
"""Those models and the baselines."""


@pytest.fixture(scope="module")
def work(tmp_path_factory):
    """A folder in which an experiment was trained once."""
    folder = tmp_path_factory.mktemp("work")
    (folder / "quick.toml").write_text(QUICK + FEW)
    result = in_a_process("train", "quick.toml", "--json", folder=folder)
    assert result.returncode == 0, result.stderr
    assert result.stderr == ""
    (folder / "trained.json").write_text(result.stdout)
    return folder


@pytest.fixture(scope="module")
def client(work):
    from escalation import tracking

    return tracking.open_store(f"sqlite:///{work}/mlflow.db")


def test_train_prints_what_it_registered(work):
    (label,) = json.loads((work / "trained.json").read_text())
    assert (label["model"], label["version"], label["alias"]) == ("quick", "1", "champion")
    assert len(label["summary"]) == COUNT


def test_the_store_holds_a_parent_with_a_child_per_model_and_figures(work, client):
    (label,) = json.loads((work / "trained.json").read_text())
    runs = client.search_runs([client.get_experiment_by_name("quick").experiment_id])
    children = [r for r in runs if r.data.tags.get("mlflow.parentRunId") == label["run_id"]]
    assert len(children) == COUNT
    assert {r.info.status for r in runs} == {"FINISHED"}
    for run in children:
        for name in ("brier", "log_score", "skill_vs_climatology", "skill_vs_ewma_nb"):
            assert {name, f"{name}_lower", f"{name}_upper"} <= set(run.data.metrics)
        assert client.list_artifacts(run.info.run_id, "figures")
    figures = {a.path for a in client.list_artifacts(label["run_id"], "figures")}
    assert {"figures/skill.png", "figures/risk_over_time.png"} <= figures
    assert client.get_run(label["run_id"]).inputs.dataset_inputs
    assert str(client.get_model_version_by_alias("quick", "champion").version) == "1"


def test_score_prints_a_row_per_unit_and_leaves_the_store_unchanged(work):
    result = escalation("score", "--model", "quick", "--json", folder=work)
    assert result.returncode == 0, result.stderr
    rows = json.loads(result.stdout)
    assert {"all", "taji", "green_zone"} < {row["unit"] for row in rows}
    for row in rows:
        assert 0 <= row["lower"] <= row["probability"] <= row["upper"] <= 1
        assert 0 < row["base_rate"] < 1
        assert row["provenance"]["model"] == "quick@champion v1"
    assert any(row["drivers"] for row in rows)
    assert escalation("score", "--model", "quick", "--json", folder=work).stdout == result.stdout


def test_a_second_training_is_a_challenger_with_the_same_forecasts(work, client):
    (first,) = json.loads((work / "trained.json").read_text())
    result = escalation("train", "quick.toml", "--json", folder=work)
    (earlier,) = json.loads(result.stdout)
    assert result.returncode == 0 and earlier["repeated"] and earlier["run_id"] == first["run_id"]
    result = escalation("train", "quick.toml", "--json", "--again", folder=work)
    (repeated,) = json.loads(result.stdout)
    assert (repeated["version"], repeated["alias"]) == ("2", "challenger")
    assert repeated["summary"] == first["summary"]
    assert str(client.get_model_version_by_alias("quick", "champion").version) == "1"
    comparison = json.loads(escalation("compare", "--json", folder=work).stdout)
    assert {row["verdict"] for row in comparison["table"]} == {"the same"} and comparison[
        "seen"
    ] == 1


def test_replay_uses_nothing_that_became_known_later(work, crisis_csv):
    arguments = ("replay", "quick.toml", "--as-of", "2020-03-10", "--explain", "1", "--json")
    replayed = escalation(*arguments, folder=work)
    assert replayed.returncode == 0, replayed.stderr
    raw = pd.read_csv(crisis_csv, dtype=str, keep_default_na=False)
    later = raw["reported_date"] > "2020-03-10"
    raw.loc[later, ["killed", "wounded"]] = "77"
    raw.loc[later, "site"] = "elsewhere"
    extra = raw[later].assign(event_id=lambda f: f["event_id"] + "-x", event_date="2020-03-09")
    pd.concat([raw, extra]).to_csv(work / "poisoned.csv", index=False)
    poisoned = escalation(*arguments, "--events", "poisoned.csv", folder=work)
    assert poisoned.stdout == replayed.stdout
    assert "taji" in {row["unit"] for row in json.loads(replayed.stdout)}


def test_backtest_writes_the_same_forecast_file_twice(work):
    """By a process with one thread, and by this one with as many as there are."""
    one_thread = dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS"), "1")
    result = in_a_process("backtest", "quick.toml", "--out", "a.parquet", folder=work, **one_thread)
    assert result.returncode == 0, result.stderr
    result = escalation("backtest", "quick.toml", "--out", "b.parquet", folder=work)
    assert result.returncode == 0, result.stderr
    assert (work / "a.parquet").read_bytes() == (work / "b.parquet").read_bytes()
    assert tuple(pd.read_parquet(work / "a.parquet").columns) == schema.FORECAST_COLUMNS


def test_features_lists_its_columns_and_writes_them(work):
    listed = escalation("features", "quick.toml", "--list", folder=work).stdout.split()
    result = escalation("features", "quick.toml", "--out", "x.parquet", folder=work)
    assert result.returncode == 0, result.stderr
    assert list(pd.read_parquet(work / "x.parquet").columns) == ["unit", "day", *listed]


@pytest.mark.parametrize(
    ("arguments", "status", "message"),
    [
        (("train", "nowhere.toml"), 2, "E-FILE"),
        (("backtest", "quick.toml", "--out", "x.xlsx"), 2, "E-FORMAT"),
        (("features", "quick.toml"), 2, "E-USAGE"),
        (("train", "quick.toml", "--events", "no.csv"), 3, "E-FILE"),
        (("train", "quick.toml", "--source", "tdy"), 2, "E-SOURCE"),
        (("score", "--model", "quick", "--as-of", "2031-01-01"), 3, "E-COVERAGE"),
        (("score", "--model", "quick", "--as-of", "yesterday"), 3, "E-DATE"),
        (("score", "--model", "quick", "--as-of", "2020-03-10"), 4, "E-IN-SAMPLE"),
        (("score", "--model", "nobody"), 5, "E-MODEL-MISSING"),
        (("replay", "quick.toml", "--as-of", "2019-10-05"), 4, "E-INSUFFICIENT"),
        (("score", "--bogus"), 2, "bogus"),
    ],
)
def test_a_refusal_is_one_line_with_its_exit_status(work, arguments, status, message):
    result = escalation(*arguments, folder=work)
    assert result.returncode == status, result.stderr
    assert message in result.stderr
    assert "Traceback" not in result.stderr
    assert result.stdout == ""


def test_a_traceback_only_with_debug(work):
    with pytest.raises(EscalationError, match="E-FILE"):
        escalation("--debug", "train", "nowhere.toml", folder=work)


HELP = """
import sys
from escalation.cli import main
sys.argv = ["escalation", "--help"]
try:
    main()
finally:
    heavy = {"numpy", "pandas", "pyarrow", "scipy", "sklearn", "numba", "matplotlib", "mlflow"}
    print("imported:", *sorted(heavy & set(sys.modules)))
"""


def test_help_names_every_command_and_imports_nothing_heavy():
    result = subprocess.run(
        [sys.executable, "-c", HELP], capture_output=True, text=True, check=True
    )
    assert all(
        name in result.stdout for name in ("train", "score", "replay", "backtest", "features")
    )
    assert result.stdout.splitlines()[-1] == "imported:"


MINE = """
def doubled(panel, *, channel: str = "events"):
    return {f"{channel}_doubled": panel[channel] * 2}
"""


@pytest.mark.slow
def test_a_model_with_a_custom_family_scores_only_if_its_plugin_is_named(tmp_path):
    (tmp_path / "mine.py").write_text(MINE)
    family = '[features."mine:doubled"]\n[models.ewma_nb]\n[models.logistic]\n[[targets]]'
    longer = '\n[[targets]]\nname = "any"\nhorizon = 14\n[backtest]'
    text = QUICK.replace("[[targets]]", family, 1).replace("[backtest]", longer)
    (tmp_path / "quick.toml").write_text(text)

    def run(*arguments):
        with a_new_start("mine"):
            store = ("--tracking-uri", "sqlite:///mlflow.db")
            return escalation(*arguments, *store, folder=tmp_path)

    result = run("train", "quick.toml", "--plugin", "mine.py", "--json")
    assert result.returncode == 0, result.stderr
    assert [label["model"] for label in json.loads(result.stdout)] == [
        "quick.any_7d",
        "quick.any_14d",
    ]
    # Two parents with four figures, and a child for each of four models with one.
    assert len(list(tmp_path.rglob("figures/*.png"))) == 2 * (4 + 4)
    score = ("score", "--model", "quick.any_7d", "--explain", "0", "--json", "--allow-in-sample")
    refused = run(*score)
    assert refused.returncode != 0
    assert "--plugin FILE" in refused.stderr
    scored = run(*score, "--plugin", "mine.py")
    assert scored.returncode == 0, scored.stderr
    assert len(json.loads(scored.stdout)) > 5
