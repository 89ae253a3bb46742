"""An audit of several labels, one of which can't be learnt."""

import pytest
import random_archives as archives

from escalation.audit import run
from escalation.audit.findings import CheckResult
from escalation.backtest.shortage import Shortage
from escalation.experiment import Experiment, target_label

LEARNT, NEVER = ({"name": "any", "horizon": 3, "where": {}, "called": name}
                 for name in ("learnt", "never"))  # fmt: skip


def audited(monkeypatch, *targets):
    def checks(archive, experiment, target, **_):
        if target.called == "never":
            raise Shortage(target_label(target), "no positive")
        yield CheckResult(target.called, 1)

    monkeypatch.setattr(run, "checks", checks)
    small = Experiment(experiment={"name": "small"}, targets=list(targets))
    return run.audit(archives.archive(0, count=9, lag=0), small)


def test_the_other_labels_are_audited_and_the_one_is_told(monkeypatch):
    with pytest.warns(UserWarning, match="never_3d"):
        report = audited(monkeypatch, NEVER, LEARNT)
    assert [check.check for check in report.checks] == ["learnt"]


def test_an_audit_of_nothing_that_can_be_learnt_is_refused(monkeypatch):
    with pytest.raises(Shortage, match="E-INSUFFICIENT"):
        audited(monkeypatch, NEVER)
