"""The card of a registered model: what it is for, what it was measured to do, and what not to do.

In the form of Hugging Face and skops, with the questions of Annex IV of the EU AI Act that apply.
Every figure is taken from the run in the store, so that a copy can be checked against it.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
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
from escalation.tracking.run_names import ASKS_TAG, PARENT_TAG
from escalation.tracking.store import storage

CARD_FILE = "card.md"
CARD_FIGURES = {
    "brier": "Brier score (lower is better)",
    "log_score": "log score (lower is better)",
    "skill_vs_ewma_nb": "share of the Brier score of `ewma_nb` that it saves",
    "skill_vs_climatology": "share of the Brier score of `climatology` that it saves",
    "calibration/miscalibration": "miscalibration, part of the Brier score",
    "calibration/discrimination": "discrimination, part of the Brier score",
    "ranking/average_precision": "average precision",
    "ranking/auc": "area under the ROC curve",
}
"""Numbers of a run that a card shows, and what they are."""
_SETTINGS = ("data.first_day", "data.last_day", "data.lag", "panel.units", "backtest.first_origin",
             "backtest.every", "backtest.refit_every", "experiment.seed")  # fmt: skip
_COUNTS = {"rows": "forecasts", "positives": "positives", "dates": "dates", "units": "units"}
_KNOWN_GAP = {
    "observed": "The day on which each version became known was recorded by the source.",
    "": "When events became known was not recorded: past forecasts may know too much.",
}


@dataclass(frozen=True)
class CardFigure:
    """A number of the run as the card shows it; ends are empty where there is no interval."""

    name: str
    words: str
    value: str
    lower: str = ""
    upper: str = ""


@cache
def _template() -> Template:
    text = Path(__file__).with_name("card.md.j2").read_text(encoding="utf-8")
    made = Environment(undefined=StrictUndefined, autoescape=False, keep_trailing_newline=True)
    return made.from_string(text)


def model_card(reference: str, *, uri: str) -> str:
    """The card of the model behind ``NAME[@ALIAS]``, or those of all labels of an experiment.

    Parameters
    ----------
    reference : str
        ``NAME``, ``NAME.LABEL``, or either with ``@ALIAS``; the champion by default.
    uri : str
        The store.

    Returns
    -------
    str
        Markdown with a header in YAML.

    Raises
    ------
    ModelError
        ``E-MODEL-MISSING`` when there is no such model.
    """
    name, _, alias = reference.partition("@")
    alias = alias or CHAMPION
    client = existing_store(uri)
    registered = registered_names(uri, name)
    labels = [one for one in registered if one.startswith(f"{name}.") and name not in registered]
    versions = [version_of(client, one, alias) for one in labels or [name]]
    return "\n".join(_card_of(client, version, alias=alias) for version in versions)


def _card_of(client: MlflowClient, version: ModelVersion, *, alias: str) -> str:
    """The card of a version, from its runs."""
    with storage():
        child = client.get_run(str(version.run_id))
        parent = client.get_run(child.data.tags[PARENT_TAG])
    return _template().render(**_facts(version, child, parent), alias=alias)


def log_card(client: MlflowClient, name: str, version: str, alias: str) -> None:
    """Keep the card of a version with its run.

    Parameters
    ----------
    client : MlflowClient
    name, version, alias : str
    """
    made = client.get_model_version(name, version)
    client.log_text(str(made.run_id), _card_of(client, made, alias=alias), CARD_FILE)


def check_card(text: str, reference: str, *, uri: str) -> None:
    """Hold a card against the run: each of its lines with a figure must be there, unchanged.

    Lines without a figure may be changed, and others added.

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
        ``E-CARD`` naming the first line that is not there.
    """
    held = {line.strip() for line in text.splitlines()}
    missing = [
        line.strip()
        for line in model_card(reference, uri=uri).splitlines()
        if any(letter.isdigit() for letter in line) and line.strip() not in held
    ]
    if missing:
        raise GateError(
            "E-CARD",
            f"{len(missing)} lines with figures of the run are missing or changed, such as: "
            f"{missing[0]}",
            fix="write it anew with --out FILE, and fill in again what only people know",
        )


def _facts(version: ModelVersion, child: Run, parent: Run) -> dict[str, Any]:
    """What the template asks for, all of it text."""
    measured, tags = child.data.metrics, parent.data.tags
    target = target_of(json.loads(version.tags[TARGET_TAG]))
    positives = measured.get("counts/positives", 0)
    family = version.tags[FAMILY_TAG]
    facts = {
        "name": version.name,
        "version": version.version,
        "run": child.info.run_id,
        "label": target_label(target),
        "asks": tags[ASKS_TAG].rstrip("."),
        "family": family,
        "what": _first_sentence(family),
        "hash": version.tags[HASH_TAG],
        "source": parent.data.params.get("data.source", "-"),
        "data": tags["data"],
        "trained_to": tags["trained_to"],
        "known": tags["known_dates"],
        "known_gap": _KNOWN_GAP.get(tags["known_dates"], _KNOWN_GAP[""]),
        "code": tags["code"],
        "commit": tags["mlflow.source.git.commit"],
        "null_share": f"{parent.data.metrics.get('counts/null_share', float('nan')):.1%}",
        "verdict": _verdict(measured, family),
        "limit": _limit(positives),
        "change": _change(version.tags),
    }
    counts = {
        name: f"{int(measured.get(f'counts/{held}', 0)):,}"
        for name, held in (
            ("rows", "forecasts"),
            ("positives",) * 2,
            ("dates",) * 2,
            ("units",) * 2,
        )
    }
    settings = [(key, parent.data.params[key]) for key in _SETTINGS if key in parent.data.params]
    shown = {name: printable(value, longest=500) for name, value in {**facts, **counts}.items()}
    held = [(key, printable(value).replace("|", "\\|")) for key, value in settings]
    return {**shown, "settings": held, "scores": list(_card_figures(measured))}


def _card_figures(measured: Mapping[str, float]) -> list[CardFigure]:
    """The numbers of a run that a card shows, with the ends of their intervals.

    Examples
    --------
    >>> _card_figures({"brier": 0.05, "brier_lower": 0.04, "brier_upper": 0.06})[0].upper
    '0.0600'
    """
    return [
        CardFigure(name, words, *(f"{measured[n]:.4f}" for n in _ends(name) if n in measured))
        for name, words in CARD_FIGURES.items()
        if name in measured and not _against_itself(measured, name)
    ]


def _against_itself(measured: Mapping[str, float], name: str) -> bool:
    """A baseline's skill against itself has an interval without a width."""
    _, low, high = (measured.get(end) for end in _ends(name))
    return low is not None and low == high


def _ends(name: str) -> tuple[str, str, str]:
    return name, f"{name}_lower", f"{name}_upper"


def _first_sentence(family: str) -> str:
    text = (MODELS[family].__doc__ or "").split("\n\n")[0] if family in MODELS else ""
    return " ".join(text.split())


def _verdict(measured: Mapping[str, float], family: str) -> str:
    """What the interval of the skill over the baseline says."""
    low, high = (measured.get(f"skill_vs_ewma_nb_{end}") for end in ("lower", "upper"))
    if family == "ewma_nb":
        return "It is the baseline `ewma_nb` itself: nothing has been shown to beat it."
    if low is None or high is None or measured.get("counts/positives", 0) < FEWEST_POSITIVES:
        return "Too few positives for any ranking."
    if low > 0:
        return "It is shown to be better than `ewma_nb`."
    return "It is worse than `ewma_nb`." if high < 0 else "No difference to `ewma_nb` is shown."


def _limit(positives: float) -> str:
    if positives < FEWEST_POSITIVES:
        return f"Only {positives:.0f} resolved positives: its probabilities are not verified here."
    return f"Its record rests on {positives:.0f} positives, in the units and months of the data."


def _change(tags: Mapping[str, str]) -> str:
    """How this version came to be the champion."""
    if REASON_TAG not in tags:
        return "No promotion has been recorded for this version."
    return f"Champion since {tags[DAY_TAG]}, instead of v{tags[BEFORE_TAG]}: {tags[REASON_TAG]}"
