"""Write a page for every label and model: who it is for, its formula, its record."""

from __future__ import annotations

import tomllib
from pathlib import Path

from escalation.models import MODELS
from escalation.targets import TARGETS
from tools import results

WORDS = Path(__file__).parents[1] / "who_for.toml"
MADE_BY = (
    "Measured by `make skill` (`experiments/results/skill.csv`): weekly forecasts on four sets of "
    "real events."
)


def texts() -> dict[str, str]:
    """Return the texts that other pages include."""
    return {"skill.md": results.skill_text(), "tree.md": _tree()}


def _tree() -> str:
    """The package layout, from CONTRIBUTING.md."""
    text = (results.ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")
    return text.partition("## Layout")[2].partition("\n`make docs`")[0].replace("\n## ", "\n### ")


def words(kind: str) -> dict[str, str]:
    """Return who each label or model is for."""
    table: dict[str, dict[str, str]] = tomllib.loads(WORDS.read_text(encoding="utf-8"))
    return table[kind]


def label_pages() -> dict[str, str]:
    """Return the page of each label."""
    readers = words("labels")
    return {
        f"labels/{name}.md": _page(
            f"The label `{name}`", readers[name], TARGETS[name], results.label_record(name),
            "No record yet: `make skill` does not run this label.",
        )
        for name in TARGETS
    }  # fmt: skip


def model_pages() -> dict[str, str]:
    """Return the page of each model."""
    readers = words("models")
    no_record = {
        "ewma_nb": "This is the baseline that all other models are measured against.",
        "prior": "It has seen these data, so it has [its own card](/howto/prior.md) instead.",
    }
    return {
        f"models/{name}.md": _page(
            f"The model `{name}`", readers[name], MODELS[name], results.model_record(name),
            no_record.get(name, "No record yet: `make skill` does not run this model."),
        )
        for name in MODELS
    }  # fmt: skip


def _page(title: str, who: str, kind: type, record: list[str], no_record: str) -> str:
    baseline = kind is MODELS["ewma_nb"]
    shown = [MADE_BY, "", *record] if record and not baseline else [no_record]
    autoclass = [f".. autoclass:: {kind.__module__}.{kind.__name__}", "   :noindex:"]
    sections = [
        f"# {title}", "## Who it is for", who, "## What it is",
        "\n".join(["```{eval-rst}", *autoclass, "```"]), "## Its record", "\n".join(shown),
    ]  # fmt: skip
    return "\n\n".join(sections) + "\n"
