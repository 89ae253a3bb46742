"""Rendering a page: every text is escaped, and the same data give the same bytes."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined

from escalation import schema
from escalation._util.files import replacing
from escalation._util.text import percent, toll
from escalation.experiment import label_question
from escalation.models.excitation.followed import moves_caption
from escalation.report import words
from escalation.report.page_data import ReportData
from escalation.report.questions import answers, other_labels, supposed_lines, turns
from escalation.report.record import (
    provenance_rows,
    record,
    reliability_curve,
    skill_position,
)
from escalation.report.sections import ladder, move_lines, ranked_lines, unit_map, unit_sections
from escalation.scoring.usual import record_in_words, span

LARGEST = 2_000_000
"""A page stays below this many bytes, if it can."""
CHARTS = (60, 30, 15, 8, 4)
"""Numbers of units with a chart; the next one is tried if the page is too large."""
OPEN = 4
"""Number of charts that are open at first."""


def page(data: ReportData, *, charts: int = CHARTS[0]) -> str:
    """The page as HTML.

    Parameters
    ----------
    data : ReportData
    charts : int
        Number of units with a chart, highest probability first; the list includes every unit.
    """
    environment = Environment(
        loader=PackageLoader("escalation.report", "."),
        autoescape=True,
        trim_blocks=True,
        lstrip_blocks=True,
        undefined=StrictUndefined,
    )
    environment.filters |= {
        "percent": percent,
        "plain": words.plain,
        "titled": words.titled,
        "long_day": words.long_day,
        "toll": toll,
        "span": lambda score: span(score.lower, score.upper),
        "skill_position": skill_position,
    }
    return environment.get_template("page.html.j2").render(_content(data, charts))


def _content(data: ReportData, charts: int) -> dict[str, Any]:
    lines = ranked_lines(data)
    return {
        "title": f"Watch list of {words.long_day(data.day)}",
        "question": label_question(data.experiment, data.target),
        "first": data.scores[0],
        "in_sample": data.in_sample,
        "ranked": lines,
        **answers(data),
        "others": other_labels(data),
        "supposed": supposed_lines(data),
        "supposed_events": data.supposed[0].provenance["supposed"] if data.supposed else [],
        "windows": sorted(set(data.moves["within"])) if len(data.moves) else [],
        "turns": turns(data),
        "rising": [line for line in lines if line.up],
        "record_words": record_in_words(data.scores),
        "since": {line.score.changed_since for line in lines if line.change},
        "map": unit_map(data),
        "moves": move_lines(data),
        "moves_caption": moves_caption(data.moves) if len(data.moves) else "",
        "units": unit_sections(data, most=charts),
        "open": OPEN,
        "ladder": ladder(),
        "record": record(data),
        "reliability": reliability_curve(data),
        "caveats": words.caveats(data),
        "provenance": provenance_rows(data),
        "highest_rung": schema.HIGHEST_RUNG,
    }


def write_report(data: ReportData, path: Path) -> int:
    """Write the page atomically, and return its size in bytes.

    Parameters
    ----------
    data : ReportData
    path : Path
    """
    html = b""
    for charts in CHARTS:
        html = page(data, charts=charts).encode()
        if len(html) < LARGEST:
            break
    with replacing(path) as part:
        part.write_bytes(html)
    return len(html)
