"""An audit of several labels, one of which can't be learned."""

import pytest
import random_archives as archives

from escalation.audit import run
from escalation.audit.findings import CheckResult
from escalation.backtest.shortage import Shortage
from escalation.experiment import Experiment, target_label

LEARNED, NEVER = ({"name": "any", "horizon": 3, "where": {}, "called": name}
                 for name in ("learned", "never"))  # fmt: skip


def audit_of(monkeypatch, *targets):
    def checks(archive, experiment, target, **_):
        if target.called == "never":
            raise Shortage(target_label(target), "no positive")
        yield CheckResult(target.called, 1)

    monkeypatch.setattr(run, "checks", checks)
    small = Experiment(experiment={"name": "small"}, targets=list(targets))
    return run.audit(archives.archive(0, count=9, lag=0), small)


def test_the_other_labels_are_audited_and_the_failure_is_a_warning(monkeypatch):
    with pytest.warns(UserWarning, match="never_3d"):
        report = audit_of(monkeypatch, NEVER, LEARNED)
    assert [check.check for check in report.checks] == ["learned"]


def test_an_audit_without_a_learnable_label_is_refused(monkeypatch):
    with pytest.raises(Shortage, match="E-INSUFFICIENT"):
        audit_of(monkeypatch, NEVER)
