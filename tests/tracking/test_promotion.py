"""Promotion in the store: for a significant lead or a reason, and only of what was compared."""

import multiprocessing
import shutil

import numpy as np
import pytest
from patience import PATIENCE

from escalation import tracking
from escalation.errors import EscalationError, GateError, ModelError, UsageError
from escalation.tracking import promotion
from escalation.tracking.loading import version_of


@pytest.fixture(scope="module")
def two(stored, log, trained, tmp_path_factory):
    """A store with a champion and a challenger that knows the outcomes."""
    better = trained.forecasts.copy()
    rows = (better["model"] == "logistic") & better["outcome"].notna()
    probability = better.loc[rows, "probability"]
    better.loc[rows, "probability"] = 0.4 * probability + 0.55 * better.loc[rows, "outcome"]
    path = tmp_path_factory.mktemp("two") / "mlflow.db"
    shutil.copy(stored[0].removeprefix("sqlite:///"), path)
    log(f"sqlite:///{path}", forecasts=better, best="logistic")
    return f"sqlite:///{path}"


@pytest.fixture
def uri(two, tmp_path):
    """A copy of it; artifacts stay where they are, and are only read."""
    shutil.copy(two.removeprefix("sqlite:///"), tmp_path / "mlflow.db")
    return f"sqlite:///{tmp_path}/mlflow.db"


def aliases(uri):
    versions = tracking.open_store(uri).get_registered_model("small").aliases
    return {name: str(version) for name, version in versions.items()}


def test_a_significant_lead_moves_the_alias_and_records_the_numbers(uri):
    assert aliases(uri) == {"champion": "1", "challenger": "2"}
    result = tracking.promote("small", uri=uri)
    assert (result.version, result.before) == ("2", "1")
    assert aliases(uri) == {"champion": "2"}
    version = tracking.open_store(uri).get_model_version("small", "2")
    assert version.tags["promotion.reason"] == result.reason
    assert version.tags["promotion.before"] == "1"
    assert version.description.startswith("Champion since")
    assert "skill over ewma_nb +" in result.reason


def test_a_lead_that_is_not_significant_is_refused_with_the_numbers(uri, monkeypatch):
    original = promotion.forecasts_of

    def blind(client, version):
        table = original(client, version)
        return table.assign(probability=np.where(table["probability"].isna(), np.nan, 0.2))

    monkeypatch.setattr(promotion, "forecasts_of", blind)
    with pytest.raises(GateError, match=r"E-NOT-EARNED.*skill over champion"):
        tracking.promote("small", uri=uri)
    assert aliases(uri) == {"champion": "1", "challenger": "2"}
    result = tracking.promote("small", uri=uri, force=True, reason="agreed on Monday")
    version = tracking.open_store(uri).get_model_version("small", result.version)
    assert version.tags["promotion.reason"] == "agreed on Monday"
    assert "agreed on Monday" in version.description
    assert "The comparison: skill over champion" in version.description


def test_no_description_calls_champion_what_a_broken_promotion_left_a_challenger(uri, monkeypatch):
    def broken(self, name, alias, version):
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr("mlflow.MlflowClient.set_registered_model_alias", broken)
        with pytest.raises(KeyboardInterrupt):
            tracking.promote("small", uri=uri)
    assert aliases(uri) == {"champion": "1", "challenger": "2"}
    assert (
        "Champion since" not in tracking.open_store(uri).get_model_version("small", "2").description
    )
    tracking.promote("small", uri=uri)
    text = tracking.open_store(uri).get_model_version("small", "2").description
    assert text.count("Champion since") == 1


def test_force_needs_a_reason(uri):
    with pytest.raises(UsageError, match="E-REASON"):
        tracking.promote("small", uri=uri, force=True, reason=" ")


def test_another_outcome_cannot_be_compared(uri):
    client = tracking.open_store(uri)
    client.set_model_version_tag("small", "1", "escalation.target", '{"name": "surge"}')
    with pytest.raises(GateError, match="E-NOT-COMPARABLE"):
        tracking.promote("small", uri=uri)
    assert tracking.promote("small", uri=uri, force=True, reason="new question").decision is None


def test_without_a_challenger_or_a_model_there_is_nothing_to_promote(uri):
    tracking.promote("small", uri=uri)
    with pytest.raises(ModelError, match="E-MODEL-MISSING.*only its champion v2"):
        tracking.promote("small", uri=uri)
    with pytest.raises(ModelError, match="E-MODEL-MISSING"):
        tracking.promote("nobody", uri=uri)


def test_the_error_for_a_missing_alias_names_the_existing_ones(uri):
    with pytest.raises(ModelError) as refused:
        version_of(tracking.open_store(uri), "small", "champoin")
    assert refused.value.fix == "name the model as small@challenger or small@champion"


def test_a_champion_that_moved_since_the_comparison_is_not_replaced(uri, monkeypatch):
    judged = promotion.judge

    def meanwhile(rows):
        tracking.open_store(uri).set_registered_model_alias("small", "champion", "2")
        return judged(rows)

    monkeypatch.setattr(promotion, "judge", meanwhile)
    with pytest.raises(GateError, match="E-CHAMPION-MOVED"):
        tracking.promote("small", uri=uri)
    version = tracking.open_store(uri).get_model_version("small", "2")
    assert "promotion.reason" not in version.tags


def attempt(uri, barrier, ended):
    """Promote once both have compared."""
    judged = promotion.judge

    def together(rows):
        decision = judged(rows)
        barrier.wait(PATIENCE)
        return decision

    promotion.judge = together
    try:
        tracking.promote("small", uri=uri)
        ended.put(0)
    except EscalationError as error:
        ended.put(error.status)
    except Exception:
        barrier.abort()  # nobody waits for what will not come
        ended.put(1)
        raise


@pytest.mark.slow
def test_of_two_simultaneous_promotions_one_wins(uri):
    tracking.open_store(uri)
    context = multiprocessing.get_context("fork")
    barrier, ended = context.Barrier(2), context.Queue()
    processes = [context.Process(target=attempt, args=(uri, barrier, ended)) for _ in range(2)]
    for process in processes:
        process.start()
    statuses = sorted(ended.get(timeout=PATIENCE) for _ in processes)
    for process in processes:
        process.join()
    assert statuses[0] == 0
    assert statuses[1] in {4, 7}
    assert aliases(uri) == {"champion": "2"}
