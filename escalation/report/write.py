"""From a data to a file: every text escaped, the same bytes for the same data."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined

from escalation import schema
from escalation._util.files import replacing
from escalation._util.text import percent, toll
from escalation.experiment import label_words
from escalation.models.excitation.followed import moves_caption
from escalation.report import words
from escalation.report.page_data import ReportData
from escalation.report.questions import answers, other_labels, supposed_lines, turns
from escalation.report.record import provenance_rows, record, reliability_curve
from escalation.report.sections import ladder, move_lines, ranked_lines, unit_sections, where
from escalation.scoring.usual import record_in_words, span

LARGEST = 2_000_000
"""Bytes that a page stays below."""
CHARTS = (60, 30, 15, 8, 4)
"""Units that get a chart: fewer where the page would be too large."""
OPEN = 4
"""Units whose chart is open from the start."""


def page(data: ReportData, *, charts: int = CHARTS[0]) -> str:
    """The page as text.

    Parameters
    ----------
    data : ReportData
    charts : int
        Units that get a chart of their own, the likeliest first; every unit is in the list.
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
    }
    return environment.get_template("page.html.j2").render(_content(data, charts))


def _content(data: ReportData, charts: int) -> dict[str, Any]:
    first = data.scores[0]
    listed = ranked_lines(data)
    return {
        "title": f"Watch list of {words.long_day(data.day)}",
        "question": label_words(data.experiment, data.target),
        "first": first,
        "in_sample": data.in_sample,
        "ranked": listed,
        "answers": answers(data),
        "others": other_labels(data),
        "supposed": supposed_lines(data),
        "supposed_events": data.supposed[0].provenance["supposed"] if data.supposed else [],
        "windows": sorted(set(data.moves["within"])) if len(data.moves) else [],
        "turns": turns(data),
        "rising": [line for line in listed if line.up],
        "record_words": record_in_words(data.scores),
        "since": {line.score.changed_since for line in listed if line.change},
        "map": where(data),
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
    """Write the page, whole or not at all; the number of its bytes.

    Parameters
    ----------
    data : ReportData
    path : Path
    """
    made = b""
    for charts in CHARTS:
        made = page(data, charts=charts).encode()
        if len(made) < LARGEST:
            break
    with replacing(path) as part:
        part.write_bytes(made)
    return len(made)
