"""What `init` says of a file: lines of a heading and a text."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from escalation._util.text import listed
from escalation.backtest.facts import ENOUGH, Facts
from escalation.backtest.inspect_file import Inspection
from escalation.backtest.propose import Proposal
from escalation.events.detect import DetectedFile
from escalation.events.reading.tables import is_table
from escalation.events.type_words import nonviolent_reason

_SHOWN = 12


def described(seen: Inspection, proposal: Proposal) -> list[tuple[str, str]]:
    """Everything that a person wants to know of a file before training on it."""
    return [*_about_file(seen), *_about_events(seen.facts), *_about_labels(proposal)]


def _about_file(seen: Inspection) -> list[tuple[str, str]]:
    if seen.file is None or seen.report is None:
        return [("archive", "events that were ingested before")]
    report, layout = seen.report, seen.file.layout
    rows = f"{report.records}: {report.accepted} accepted, {report.quarantined} quarantined"
    lines = [
        ("format", f"{report.source}{_variant(seen.file)}, {len(layout.columns)} columns"),
        ("read as", _reading(seen)),
        ("rows", f"{rows}, {report.duplicates} repeated"),
    ]
    if layout.unknown:
        lines.append(("left out", f"columns {listed(layout.unknown, 6)}"))
    return lines


def _variant(file: DetectedFile) -> str:
    return "" if file.layout.source.columns == file.source.columns else ", aggregated by week"


def _reading(seen: Inspection) -> str:
    assert seen.file is not None
    names = {"\t": "tab", ",": "comma", ";": "semicolon", "|": "bar"}
    separator = names.get(seen.file.layout.delimiter, repr(seen.file.layout.delimiter))
    parts = [f"separator {separator}", f"encoding {seen.reading['encoding'] or 'utf-8'}"]
    if is_table(seen.file.path):
        parts = ["a table of typed columns"]
    parts.append(f"dates {seen.reading['date_format'] or 'as the format has them'}")
    if seen.reading["zone"]:
        parts.append(f"zone {seen.reading['zone']}")
    return ", ".join(parts)


def _about_events(facts: Facts) -> list[tuple[str, str]]:
    week = ", each dated on the last day of a week" if facts.weekly else ""
    units = ", ".join(
        f"{one.count} {kind} ({one.enough} with {ENOUGH} events or more)"
        for kind, one in facts.units.items()
    )
    lines = [
        ("span", f"{facts.first_day} to {facts.last_day}, {facts.events} events{week}"),
        ("units", units or "none: only `all`"),
        ("known dates", f"{facts.known_basis}; suggested lag: {facts.lag} days"),
        ("sides", _sides(facts)),
    ]
    lines += [("event types", line) for line in _type_lines(facts)]
    return lines


def _sides(facts: Facts) -> str:
    parts = []
    for name, counts in (("actors", facts.actors), ("targets", facts.targets)):
        if counts:
            named = listed([f"{side} ({count})" for side, count in counts.items()], 6)
            parts.append(f"{len(counts)} {name}: {named}")
    return "; ".join(parts) or "none told"


def _type_lines(facts: Facts) -> list[str]:
    lines = [f"{name!r} ({n}): {_rung(name, facts)}" for name, n in facts.types.items()]
    more = len(lines) - _SHOWN
    return lines[:_SHOWN] + ([f"and {more} more"] if more > 0 else [])


def _rung(name: str, facts: Facts) -> str:
    if name not in facts.unrated_types:
        return f"rung {_span(facts.severity_range[name])}"
    rungs = facts.unrated_types[name]
    if rungs is None:
        return "not on the ladder: rung 3, 4 or 5 by casualties"
    reason = nonviolent_reason(name)
    return f"rung {rungs[0]} {reason}: no violence; not on the ladder, see [severity]"


def _span(rungs: Sequence[int]) -> str:
    low, high = min(rungs), max(rungs)
    return str(low) if low == high else f"{low} to {high}"


def _about_labels(proposal: Proposal) -> list[tuple[str, str]]:
    lines = [
        ("label", f"{label}: {one.positives} yes, {one.negatives} no to learn from")
        for label, one in proposal.labels.items()
    ]
    return [*lines, *(("left out", f"{label}: {why}") for label, why in proposal.left_out.items())]


def as_record(seen: Inspection, proposal: Proposal, target: Path) -> dict[str, Any]:
    """The same for scripts."""
    report, file = seen.report, seen.file
    rows = (
        {}
        if report is None
        else {
            name: getattr(report, name)
            for name in ("records", "accepted", "quarantined", "duplicates", "reasons", "unknown")
        }
    )
    return {
        "experiment": str(target),
        "format": seen.reading["source"],
        "separator": None if file is None else file.layout.delimiter,
        **{
            name: value
            for name, value in seen.reading.items()
            if name not in ("source", "separator")
        },
        **rows,
        **seen.facts.as_dict(),
        "labels": {label: asdict(one) for label, one in proposal.labels.items()},
        "left_out": dict(proposal.left_out),
    }
