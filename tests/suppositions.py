"""Random hypothetical events, and archives that really contain them."""

from __future__ import annotations

import numpy as np
import pandas as pd

from escalation import schema
from escalation.events.archive import EventArchive
from escalation.scoring.score import score
from escalation.scoring.supposed import score_if, suppose


def random_line(rng: np.random.Generator, archive: EventArchive, day: str) -> str:
    """Describe an event like a known one, with another toll, on the day or in the month before."""
    events = archive.as_of(day)
    violent = events[(events["severity"] >= 3) & (events["site"].fillna("") != "")]
    like = violent.iloc[int(rng.integers(len(violent)))]
    happened = np.datetime64(day) - int(rng.integers(0, 30))
    toll = rng.choice(["", f"killed={rng.integers(1, 9)}", f"wounded={rng.integers(1, 9)}"])
    sides = f"{like['actor']}>{like['target']}"
    return f"{like['event_type']} {sides} at {like['site']} {happened} {toll}".strip()


def really_added(archive: EventArchive, made: EventArchive) -> EventArchive:
    """Append the same rows to the archive's table and read it again."""
    rows = made.versions[made.versions[schema.SOURCE] == "supposed"]
    real = rows.assign(source="iraq_crisis", event_id=[f"ZZ-{i}" for i in range(len(rows))])
    table = pd.concat([archive.versions, real], ignore_index=True)
    return EventArchive.of(table, covered_to=archive.covered_to, known_basis=archive.known_basis)


def difference_of(scorer, archive, lines: list[str], day: str) -> tuple[float, float]:
    """Return the largest difference from the score of the real archive, and the largest change."""
    rows = score_if(scorer, archive, lines, as_of=day, explain=0)
    real = really_added(archive, suppose(archive, scorer, lines, day))
    expected = {row.unit_key: row.probability for row in score(scorer, real, as_of=day, explain=0)}
    assert set(expected) == {row.unit_key for row in rows}
    apart = [abs(row.probability - expected[row.unit_key]) for row in rows]
    return max(apart), max(abs(row.change or 0.0) for row in rows)
