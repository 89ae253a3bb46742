"""A page for every label and every model: who it is for, its formula, its record."""

from __future__ import annotations

import tomllib
from pathlib import Path

from escalation.models import MODELS
from escalation.targets import TARGETS
from tools import results

WORDS = Path(__file__).parents[1] / "who_for.toml"
MADE_BY = (
    "From `experiments/results/skill.csv`, written by `make skill`: weekly forecasts on four sets "
    "of real events."
)


def texts() -> dict[str, str]:
    """What other pages include."""
    return {"skill.md": results.skill_text(), "tree.md": _tree()}


def _tree() -> str:
    """The package layout, from CONTRIBUTING.md."""
    text = (results.ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")
    return text.partition("## Layout")[2].partition("\n`make docs`")[0].replace("\n## ", "\n### ")


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
        "prior": "See [its own card](/howto/prior.md): it has seen these data.",
    }
    return {
        f"models/{name}.md": _page(
            f"The model `{name}`", said[name], MODELS[name], results.model_record(name),
            nothing.get(name, "`make skill` does not run it."),
        )
        for name in MODELS
    }  # fmt: skip


def _page(title: str, who: str, kind: type, record: list[str], none: str) -> str:
    shown = [MADE_BY, "", *record] if record and not _same(kind) else [none]
    what = [".. autoclass:: " + f"{kind.__module__}.{kind.__name__}", "   :noindex:"]
    parts = [
        f"# {title}", "## Who it is for", who, "## What it is",
        "\n".join(["```{eval-rst}", *what, "```"]), "## Its record", "\n".join(shown),
    ]  # fmt: skip
    return "\n\n".join(parts) + "\n"


def _same(kind: type) -> bool:
    """The baseline, which is not held against itself."""
    return kind is MODELS["ewma_nb"]
