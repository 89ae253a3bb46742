"""Model cards of registered models: purpose, measured performance, limits and misuse.

The form is that of Hugging Face and skops; the questions are those of Annex IV of the EU AI Act
that apply. All figures come from the run in the store, so a copy can be checked against it.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any

from jinja2 import Environment, StrictUndefined, Template
from mlflow import MlflowClient
from mlflow.entities import Run
from mlflow.entities.model_registry import ModelVersion

from escalation.errors import GateError, printable
from escalation.experiment import target_label, target_of
from escalation.metrics.summary import FEWEST_POSITIVES
from escalation.models import MODELS
from escalation.tracking.gate import CHAMPION
from escalation.tracking.loading import existing_store, registered_names, version_of
from escalation.tracking.promotion import BEFORE_TAG, DAY_TAG, REASON_TAG
from escalation.tracking.registered import HASH_TAG
from escalation.tracking.registry import FAMILY_TAG, TARGET_TAG
from escalation.tracking.run_names import PARENT_TAG, QUESTION_TAG
from escalation.tracking.store import storage

CARD_FILE = "card.md"
_MEASURES = {
    "brier": "Brier score (lower is better)",
    "log_score": "log score (lower is better)",
    "skill_vs_ewma_nb": "share of the Brier score of `ewma_nb` that it saves",
    "skill_vs_climatology": "share of the Brier score of `climatology` that it saves",
    "calibration/miscalibration": "miscalibration, part of the Brier score",
    "calibration/discrimination": "discrimination, part of the Brier score",
    "ranking/average_precision": "average precision",
    "ranking/auc": "area under the ROC curve",
}
"""Metrics of a run that a card shows, with their descriptions."""
_SETTINGS = ("data.first_day", "data.last_day", "data.lag", "panel.units", "backtest.first_origin",
             "backtest.every", "backtest.refit_every", "experiment.seed")  # fmt: skip
_COUNTS = {"rows": "forecasts", "positives": "positives", "dates": "dates", "units": "units"}
_RECORDED = "The source recorded the day on which each version became known."
_NOT_RECORDED = (
    "The source did not record when events became known: past forecasts may use later information."
)


@cache
def _template() -> Template:
    text = Path(__file__).with_name("card.md.j2").read_text(encoding="utf-8")
    environment = Environment(
        undefined=StrictUndefined, autoescape=False, keep_trailing_newline=True
    )
    return environment.from_string(text)


def model_card(reference: str, *, uri: str) -> str:
    """The card of a registered model, or the cards of all labels of an experiment.

    Parameters
    ----------
    reference : str
        ``NAME``, ``NAME.LABEL``, or either with ``@ALIAS``; the champion by default.
    uri : str
        The store.

    Returns
    -------
    str
        Markdown with a YAML header.

    Raises
    ------
    ModelError
        ``E-MODEL-MISSING`` if there is no such model.
    """
    name, _, alias = reference.partition("@")
    alias = alias or CHAMPION
    client = existing_store(uri)
    registered = registered_names(uri, name)
    labels = [other for other in registered if other.startswith(f"{name}.")]
    models = [name] if name in registered or not labels else labels
    versions = [version_of(client, model, alias) for model in models]
    return "\n".join(_card_of(client, version, alias=alias) for version in versions)


def _card_of(client: MlflowClient, version: ModelVersion, *, alias: str) -> str:
    """The card of a version, from its runs."""
    with storage():
        child = client.get_run(str(version.run_id))
        parent = client.get_run(child.data.tags[PARENT_TAG])
    return _template().render(**_contents(version, child, parent), alias=alias)


def log_card(client: MlflowClient, name: str, version: str, alias: str) -> None:
    """Store the card of a version with its run.

    Parameters
    ----------
    client : MlflowClient
    name, version, alias : str
    """
    registered = client.get_model_version(name, version)
    text = _card_of(client, registered, alias=alias)
    client.log_text(str(registered.run_id), text, CARD_FILE)


def check_card(text: str, reference: str, *, uri: str) -> None:
    """Compare a card with the run: every line with a figure must be there, unchanged.

    Lines without figures may be changed, and others added.

    Parameters
    ----------
    text : str
    reference : str
        ``NAME[@ALIAS]``.
    uri : str
        The store.

    Raises
    ------
    GateError
        ``E-CARD`` with the first line that is missing.
    """
    card_lines = {line.strip() for line in text.splitlines()}
    missing = [
        line.strip()
        for line in model_card(reference, uri=uri).splitlines()
        if any(letter.isdigit() for letter in line) and line.strip() not in card_lines
    ]
    if missing:
        raise GateError(
            "E-CARD",
            f"{len(missing)} lines with figures of the run are missing or changed, such as: "
            f"{missing[0]}",
            fix="write the card again with --out FILE, and fill in what only people know",
        )


def _contents(version: ModelVersion, child: Run, parent: Run) -> dict[str, Any]:
    """The variables of the template, all of them text but ``settings`` and ``scores``."""
    measured, tags, params = child.data.metrics, parent.data.tags, parent.data.params
    target = target_of(json.loads(version.tags[TARGET_TAG]))
    family = version.tags[FAMILY_TAG]
    texts = {
        "name": version.name,
        "version": version.version,
        "run": child.info.run_id,
        "label": target_label(target),
        "question": tags[QUESTION_TAG].rstrip("."),
        "family": family,
        "family_summary": _first_sentence(family),
        "hash": version.tags[HASH_TAG],
        "source": params.get("data.source", "-"),
        "data": tags["data"],
        "trained_to": tags["trained_to"],
        "known_dates": tags["known_dates"],
        "known_gap": _RECORDED if tags["known_dates"] == "observed" else _NOT_RECORDED,
        "code": tags["code"],
        "commit": tags["mlflow.source.git.commit"],
        "null_share": f"{parent.data.metrics.get('counts/null_share', float('nan')):.1%}",
        "verdict": _verdict(measured, family),
        "limit": _limit(measured.get("counts/positives", 0)),
        "change": _change(version.tags),
    } | {name: f"{int(measured.get(f'counts/{count}', 0)):,}" for name, count in _COUNTS.items()}
    settings = [
        (key, printable(params[key]).replace("|", "\\|")) for key in _SETTINGS if key in params
    ]
    shown = {name: printable(text, longest=500) for name, text in texts.items()}
    return {**shown, "settings": settings, "scores": _scores(measured)}


def _scores(measured: Mapping[str, float]) -> list[tuple[str, ...]]:
    """Name, description, value and the ends of the interval; the ends are empty if unknown.

    Examples
    --------
    >>> _scores({"brier": 0.05, "brier_lower": 0.04, "brier_upper": 0.06})
    [('brier', 'Brier score (lower is better)', '0.0500', '0.0400', '0.0600')]
    """
    scores = []
    for name, description in _MEASURES.items():
        value, low, high = (measured.get(f"{name}{end}") for end in ("", "_lower", "_upper"))
        # An interval of no width is that of a baseline compared with itself.
        if value is not None and (low is None or low != high):
            numbers = ("" if number is None else f"{number:.4f}" for number in (value, low, high))
            scores.append((name, description, *numbers))
    return scores


def _first_sentence(family: str) -> str:
    text = (MODELS[family].__doc__ or "").split("\n\n")[0] if family in MODELS else ""
    return " ".join(text.split())


def _verdict(measured: Mapping[str, float], family: str) -> str:
    low, high = (measured.get(f"skill_vs_ewma_nb_{end}") for end in ("lower", "upper"))
    if family == "ewma_nb":
        return "This is the baseline `ewma_nb` itself: no other model is significantly better."
    if low is None or high is None or measured.get("counts/positives", 0) < FEWEST_POSITIVES:
        return "Too few positives for any ranking."
    if low > 0:
        return "It is significantly better than `ewma_nb`."
    if high < 0:
        return "It is worse than `ewma_nb`."
    return "It does not differ significantly from `ewma_nb`."


def _limit(positives: float) -> str:
    if positives < FEWEST_POSITIVES:
        return f"Only {positives:.0f} resolved positives: its probabilities are not verified here."
    return f"Its record rests on {positives:.0f} positives, in the units and months of the data."


def _change(tags: Mapping[str, str]) -> str:
    """When and why this version became the champion."""
    if REASON_TAG not in tags:
        return "No promotion has been recorded for this version."
    return f"Champion since {tags[DAY_TAG]}, instead of v{tags[BEFORE_TAG]}: {tags[REASON_TAG]}"
