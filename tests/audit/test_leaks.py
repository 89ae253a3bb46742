"""Planted leaks are all caught, and clean builds raise no alarm."""

from __future__ import annotations

from zlib import crc32

import numpy as np
import planted_leaks as planted
import pytest
import random_archives as archives

from escalation import schema
from escalation.audit import audit
from escalation.audit.cases import Cases
from escalation.audit.news import other_names
from escalation.audit.run import checks
from escalation.audit.shuffle import label_shuffle
from escalation.audit.time_checks import check_relabelling
from escalation.errors import GateError, InputError
from escalation.events.archive import EventArchive
from escalation.experiment import Experiment
from escalation.features import ACROSS, FEATURES
from escalation.features.base import one_unit

LAG = 2
BASE = ("events", "killed", "severity")
TARGETS = (
    {"name": "any", "horizon": 3, "where": {"rung": 4}},
    {"name": "exceed", "horizon": 3, "windows": 5, "quantile": 0.6, "least_mean": 0.1},
    {"name": "climb", "horizon": 3, "window": 5},
    {"name": "onset", "horizon": 3, "where": {"rung": 5}},
    {"name": "deaths", "horizon": 3, "least": 2},
)


def experiment(*, features=("window_sums",), target=TARGETS[0], models=("climatology",), **panel):
    parameters = {"window_sums": {"windows": [1, 3, 7, 28]}}
    return Experiment(
        experiment={"name": "small"},
        data={"lag": LAG},
        panel={
            "units": ["site", "all"], "enters": {"rung": 3},
            "pairs": [("militia", "us_coalition")],
            **panel,
        },
        features={name: parameters.get(name, {}) for name in features},
        targets=[target],
        models={name: {} for name in models},
    )  # fmt: skip


def quick_audit(seed=0, *, archive=None, seeds=1, cuts=3, **options):
    """The checks of a quick audit, one by one."""
    archive = archive or archives.archive(seed, count=110, lag=LAG)
    small = experiment(**options)
    return checks(archive, small, small.labels[0], cuts=cuts, seeds=seeds)


def first_findings(**options):
    """Findings of the first check that has any."""
    return next((check.findings for check in quick_audit(**options) if check.findings), ())


def columns_in(findings):
    """Columns that the findings name."""
    return {finding.what for finding in findings}


@pytest.mark.slow
def test_every_planted_leak_is_caught(monkeypatch):
    caught = {}
    for family in planted.FAMILIES:
        with monkeypatch.context() as patch:
            patch.setitem(FEATURES, "custom", family)
            findings = caught[family.__name__] = first_findings(features=("window_sums", "custom"))
            assert columns_in(findings) <= set(
                family(one_unit({name: [0.0, 0.0] for name in BASE}))
            )
    with monkeypatch.context() as patch:
        patch.setitem(ACROSS, "custom", planted.neighbours_ahead)
        caught["neighbours_ahead"] = first_findings(features=("window_sums", "custom"))
    for stage in planted.STAGES:
        with monkeypatch.context() as patch:
            stage(patch)
            caught[stage.__name__] = first_findings()
    missed = [name for name, findings in caught.items() if not findings]
    print(f"caught {len(caught) - len(missed)} of {len(caught)} planted leaks")
    assert len(caught) >= 20
    assert missed == []


@pytest.mark.slow
def test_clean_seeds_raise_no_alarm():
    """An archive for each target; all families at once."""
    alarms, shuffles, seeds = {}, 0, len(TARGETS)
    for seed in range(seeds):
        target = TARGETS[seed]
        results = list(quick_audit(seed, features=(*FEATURES, *ACROSS), target=target, cuts=2))
        shuffles += sum(row.compared > 0 for row in results if row.check == "label shuffle")
        findings = [finding for row in results for finding in row.findings]
        alarms |= {seed: findings} if findings else {}
    print(f"{len(alarms)} alarms on {seeds} clean seeds")
    assert alarms == {}
    assert shuffles >= seeds - 1, "expected nearly every archive to have enough to learn from"


def test_a_split_that_leaks_shows_skill_on_shuffled_outcomes(monkeypatch):
    archive, small = archives.archive(1, count=110, lag=LAG), experiment()
    honest = label_shuffle(Cases(archive, small, small.labels[0]), seeds=3)
    assert (honest.compared, honest.findings) == (3, ())
    for stage in (planted.row_wise_split, planted.no_embargo):
        with monkeypatch.context() as patch:
            stage(patch)
            leaking = label_shuffle(Cases(archive, small, small.labels[0]), seeds=3)
        assert "skill of memory" in columns_in(leaking.findings), stage.__name__


def test_relabelling_catches_a_family_that_reads_names(monkeypatch):
    def alphabetical(panel):
        codes = np.array([[crc32(unit.encode()) % 97] for unit in panel.units])
        return planted.column("unit_code", np.broadcast_to(codes, panel.shape))

    monkeypatch.setitem(FEATURES, "custom", alphabetical)
    archive, small = archives.archive(1), experiment(features=("window_sums", "custom"))
    (finding,) = check_relabelling(Cases(archive, small, small.labels[0])).findings
    assert finding.what == "unit_code"
    assert "when only names changed" in finding.says


def test_relabelling_is_skipped_if_no_unit_has_a_name():
    archive, small = archives.archive(1), experiment(units=["all"])
    result = check_relabelling(Cases(archive, small, small.labels[0]))
    assert (result.compared, result.findings) == (0, ())
    assert "no unit has a name" in result.note


def test_names_that_the_experiment_mentions_stay(monkeypatch):
    small = experiment(enters={"rung": 3, "site": ["Taji"]})
    rename = other_names(archives.archive(1), small)
    assert set(rename) == {schema.SITE}
    assert "Taji" not in rename[schema.SITE]
    assert "Balad" in rename[schema.SITE]


def test_a_place_called_like_its_province_raises_no_alarm():
    archive, small = archives.archive(1), experiment(units=["admin1"])
    namesakes = EventArchive.of(
        archive.versions.assign(admin1=archive.versions[schema.SITE]),
        covered_to=archive.covered_to,
        known_basis=archive.known_basis,
    )
    result = check_relabelling(Cases(namesakes, small, small.labels[0]))
    assert (result.compared, result.findings) == (1, ())


def test_a_backtest_is_skipped_on_too_little_history():
    archive = archives.archive(1, lag=LAG).until(archives.FIRST + 8)
    results = {result.check: result for result in quick_audit(archive=archive)}
    assert results["backtest"].note.startswith("skipped: too few")
    assert results["truncation"].compared > 0


def test_an_experiment_without_a_unit_is_refused():
    small = experiment(enters={"site": "nowhere"})
    with pytest.raises(InputError, match="E-RANGE"):
        audit(archives.archive(1), small)


def test_a_report_has_each_check_and_each_leak_once(monkeypatch):
    monkeypatch.setitem(FEATURES, "custom", planted.tomorrow)
    small = experiment(features=("window_sums", "custom"))
    report = audit(archives.archive(1, count=110, lag=LAG), small, cuts=2, seeds=1)
    names = [check.check for check in report.checks]
    assert len(names) == len(set(names)) == 9
    assert not report.clean
    for check in report.checks:
        assert len(columns_in(check.findings)) == len(check.findings)
    with pytest.raises(GateError, match=r"E-LEAK.*events_tomorrow at .* moved when") as refused:
        report.require_clean()
    assert refused.value.status == 4
