"""Small tables such as users bring."""

from __future__ import annotations

import datetime as dt
import random

HEADER = "event_id,event_date,event_type,country,admin1"


def own_table(path, types, places, *, days=500, seed=1, header=HEADER):
    """Make events of some types in some provinces of a country, one every ten days in each."""
    draw = random.Random(seed)
    lines = [header]
    for day in range(days):
        for place in places:
            if draw.random() < 0.1:
                date = dt.date(2022, 1, 3) + dt.timedelta(day)
                lines.append(f"{len(lines)},{date},{draw.choice(types)},IRQ,{place}")
    path.write_text("\n".join(lines) + "\n")
    return path
