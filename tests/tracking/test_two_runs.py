"""Two runs compared on common rows, with an interval; the result is stored in both."""

import pytest

from escalation import tracking
from escalation.errors import GateError, UsageError


@pytest.fixture(scope="module")
def two(empty_store, tmp_path_factory, log, trained):
    """A store with two trainings: the second halves every error of ``logistic``."""
    folder = tmp_path_factory.mktemp("two")
    (folder / "mlflow.db").write_bytes(empty_store.read_bytes())
    uri = f"sqlite:///{folder}/mlflow.db"
    first = log(uri)
    better = trained.forecasts.copy()
    rows = (better["model"] == "logistic") & better["outcome"].notna()
    better.loc[rows, "probability"] = better.loc[rows, ["probability", "outcome"]].mean(axis=1)
    return uri, first, log(uri, forecasts=better)


@pytest.fixture(scope="module")
def comparison(two):
    return tracking.compare_runs(tracking_uri=two[0])


def test_halved_errors_give_a_skill_of_three_quarters_and_equal_models_are_the_same(comparison):
    table = comparison.table.set_index("model")
    row = table.loc["logistic"]
    assert row["skill"] == pytest.approx(0.75) and row["verdict"] == "better"
    assert row["skill_lower"] == pytest.approx(0.75) == row["skill_upper"]
    assert row["brier_after"] == pytest.approx(row["brier_before"] / 4)
    assert (table.drop("logistic")["verdict"] == "the same").all()
    assert set(table.index) == {"climatology", "ewma_nb", "last_value", "logistic"}


def test_the_counts_equal_those_of_the_training(comparison, trained):
    first = trained.summary.iloc[0]
    assert (comparison.table["rows"] == first["rows"]).all()
    assert (comparison.table["positives"] == first["positives"]).all()


def test_the_result_is_stored_in_both_runs(two, comparison):
    uri, first, second = two
    client = tracking.open_store(uri)
    for run_id, other in ((first.run_id, second.run_id), (second.run_id, first.run_id)):
        tags = client.get_run(run_id).data.tags
        note = tags["mlflow.note.content"]
        assert note.startswith("Outcome 1 when") and note.count("Compared with other runs") == 1
        assert "| logistic |" in note.split("Compared with other runs")[1]
        assert f"compared.{other[:8]}" in tags
        (page,) = client.list_artifacts(run_id, "comparisons")
        assert page.path == f"comparisons/with_{other[:8]}.html"


def test_pairs_are_counted_once_in_either_order_and_by_any_name(two, comparison):
    uri, first, second = two
    back = tracking.compare_runs(second.run_id[:8], first.run_id, tracking_uri=uri)
    assert (comparison.seen, back.seen) == (1, 1)
    assert back.table.set_index("model").loc["logistic", "verdict"] == "worse"
    assert back.differences.empty and "settings are equal" in str(back)


def test_the_run_of_a_model_stands_for_that_model_only(two):
    uri, _, second = two
    client = tracking.open_store(uri)
    runs = client.search_runs([second.experiment_id], "attributes.run_name = 'logistic'")
    newest, oldest = (run.info.run_id for run in runs)
    table = tracking.compare_runs(oldest, newest, tracking_uri=uri).table
    assert table["model"].tolist() == ["logistic"]


@pytest.mark.parametrize(
    ("before", "after", "words"),
    [
        ("nosuch", "latest", "no such run"),
        ("logistic", "latest", "2 runs have this"),
        ("latest", "latest", "same training twice"),
    ],
)
def test_an_unknown_or_ambiguous_run_is_refused(two, before, after, words):
    with pytest.raises(UsageError, match=f"E-RUN.*{words}"):
        tracking.compare_runs(before, after, tracking_uri=two[0])


def test_a_run_of_another_label_is_refused(two):
    from escalation.tracking.run_names import TRAINING_TAG

    uri, first, _ = two
    client = tracking.open_store(uri)
    other = client.create_run(
        first.experiment_id, tags={"target": "up_30d", TRAINING_TAG: "other"}, run_name="other"
    )
    client.set_terminated(other.info.run_id)
    with pytest.raises(GateError, match="E-NOT-COMPARABLE.*any_7d and up_30d"):
        tracking.compare_runs(first.run_id, "other", tracking_uri=uri)


def test_differences_are_named_by_the_keys_of_the_file():
    from types import SimpleNamespace

    from escalation.experiment import Experiment
    from escalation.tracking.flat_params import flat_params
    from escalation.tracking.two_runs import _differences

    def run(**window_sums):
        experiment = Experiment(
            experiment={"name": "x"},
            targets=[{"name": "any"}],
            features={"window_sums": window_sums},
        )
        return SimpleNamespace(data=SimpleNamespace(params=flat_params(experiment), tags={}))

    table = _differences(run(), run(windows=[3, 14]))
    assert table["key"].tolist() == ["features.window_sums.windows"]
    assert table["after"].tolist() == ["[3, 14]"]
