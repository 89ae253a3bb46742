"""A page for every label and every model: who it is for, its formula, its record."""

from __future__ import annotations

import tomllib
from pathlib import Path

from tools import results

from escalation.models import MODELS
from escalation.targets import TARGETS

WORDS = Path(__file__).parents[1] / "who_for.toml"
MADE_BY = "From `experiments/results/skill.csv`, written by `make skill`: weekly forecasts on four sets of real events."  # noqa: E501


def words(kind: str) -> dict[str, str]:
    """Who each label or model is for."""
    table: dict[str, dict[str, str]] = tomllib.loads(WORDS.read_text(encoding="utf-8"))
    return table[kind]


def label_pages() -> dict[str, str]:
    """The page of each label."""
    said = words("labels")
    return {
        f"labels/{name}.md": _page(
            f"The label `{name}`", said[name], TARGETS[name], results.label_record(name),
            "No record on other conflicts yet: `make skill` does not run this label.",
        )
        for name in TARGETS
    }  # fmt: skip


def model_pages() -> dict[str, str]:
    """The page of each model."""
    said = words("models")
    nothing = {
        "ewma_nb": "It is the baseline: the records of all others are measured against it.",
        "prior": "See [its own card](/howto/prior.md): it has seen these data, so it has no row there.",
    }
    return {
        f"models/{name}.md": _page(
            f"The model `{name}`", said[name], MODELS[name], results.model_record(name),
            nothing.get(name, "`make skill` does not run it."),
        )
        for name in MODELS
    }  # fmt: skip


def _page(title: str, who: str, kind: type, record: list[str], none: str) -> str:
    own = record and "The baseline" not in none and "It is the baseline" not in none
    lines = [f"# {title}", "", "## Who it is for", "", who, "", "## What it is", "",
             "```{eval-rst}", f".. autoclass:: {kind.__module__}.{kind.__name__}", "   :noindex:", "```", "",
             "## Its record", ""]  # fmt: skip
    lines += [MADE_BY, "", *record, ""] if own else [none, ""]
    return "\n".join(lines)
