"""The description of a file that ``init`` prints: lines of a heading and a text."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

from escalation._util.text import listed
from escalation.backtest.facts import ENOUGH, Facts
from escalation.backtest.inspect_file import Inspection
from escalation.backtest.propose import Proposal
from escalation.events.reading.tables import is_table
from escalation.events.type_words import nonviolent_reason

_TYPES_SHOWN = 12
_SEPARATORS = {"\t": "tab", ",": "comma", ";": "semicolon", "|": "bar"}


def description_lines(inspection: Inspection, proposal: Proposal) -> list[tuple[str, str]]:
    """What to know about a file before training on it."""
    return [*_about_file(inspection), *_about_events(inspection.facts), *_about_labels(proposal)]


def _about_file(inspection: Inspection) -> list[tuple[str, str]]:
    file, report = inspection.file, inspection.report
    if file is None or report is None:
        return [("archive", "events that were ingested before")]
    layout = file.layout
    variant = "" if layout.source.columns == file.source.columns else ", aggregated by week"
    rows = f"{report.records}: {report.accepted} accepted, {report.quarantined} quarantined"
    lines = [
        ("format", f"{report.source}{variant}, {len(layout.columns)} columns"),
        ("read as", _reading(inspection.reading, file.path, layout.delimiter)),
        ("rows", f"{rows}, {report.duplicates} repeated"),
    ]
    if layout.unknown:
        lines.append(("left out", f"columns {listed(layout.unknown, 6)}"))
    return lines


def _reading(reading: Mapping[str, Any], path: Path, delimiter: str) -> str:
    if is_table(path):
        settings = ["a table of typed columns"]
    else:
        separator = _SEPARATORS.get(delimiter, repr(delimiter))
        settings = [f"separator {separator}", f"encoding {reading['encoding'] or 'utf-8'}"]
    settings.append(f"dates {reading['date_format'] or 'in the usual form'}")
    if reading["zone"]:
        settings.append(f"zone {reading['zone']}")
    return ", ".join(settings)


def _about_events(facts: Facts) -> list[tuple[str, str]]:
    week = ", each dated on the last day of a week" if facts.weekly else ""
    units = ", ".join(
        f"{units.count} {kind} ({units.enough} with at least {ENOUGH} events)"
        for kind, units in facts.units.items()
    )
    types = [f"{name!r} ({count}): {_rung(name, facts)}" for name, count in facts.types.items()]
    if len(types) > _TYPES_SHOWN:
        types = [*types[:_TYPES_SHOWN], f"and {len(types) - _TYPES_SHOWN} more"]
    return [
        ("span", f"{facts.first_day} to {facts.last_day}, {facts.events} events{week}"),
        ("units", units or "none: only `all`"),
        ("known dates", f"{facts.known_basis}; suggested lag: {facts.lag} days"),
        ("sides", _sides(facts)),
        *(("event types", line) for line in types),
    ]


def _sides(facts: Facts) -> str:
    roles = []
    for role, counts in (("actors", facts.actors), ("targets", facts.targets)):
        if counts:
            sides = listed([f"{side} ({count})" for side, count in counts.items()], 6)
            roles.append(f"{len(counts)} {role}: {sides}")
    return "; ".join(roles) or "none in the file"


def _rung(name: str, facts: Facts) -> str:
    if name not in facts.unrated_types:
        low, high = facts.severity_range[name]
        return f"rung {low}" if low == high else f"rung {low} to {high}"
    rungs = facts.unrated_types[name]
    if rungs is None:
        return "not on the ladder: rung 3, 4 or 5 by casualties"
    reason = nonviolent_reason(name)
    return f"rung {rungs[0]} {reason}: no violence; not on the ladder, see [severity]"


def _about_labels(proposal: Proposal) -> list[tuple[str, str]]:
    learnable = [
        ("label", f"{label}: {outcomes.positives} yes, {outcomes.negatives} no to learn from")
        for label, outcomes in proposal.labels.items()
    ]
    left_out = [("left out", f"{label}: {reason}") for label, reason in proposal.skipped.items()]
    return [*learnable, *left_out]


def as_record(inspection: Inspection, proposal: Proposal, target: Path) -> dict[str, Any]:
    """The description as JSON for scripts."""
    file, report = inspection.file, inspection.report
    reading = dict(inspection.reading)
    record = {
        "experiment": str(target),
        "format": reading.pop("source"),
        "separator": None if file is None else file.layout.delimiter,
    }
    reading.pop("separator", None)
    counts = ("records", "accepted", "quarantined", "duplicates", "reasons", "unknown")
    return {
        **record,
        **reading,
        **({} if report is None else {name: getattr(report, name) for name in counts}),
        **inspection.facts.as_dict(),
        "labels": {label: asdict(outcomes) for label, outcomes in proposal.labels.items()},
        "left_out": dict(proposal.skipped),
    }
