"""Every feature family in SQL: one table of versions, each valid for a range of days.

Only the table of versions is shared with the package. For each unit and issue day ``t`` on which
the unit is known, ``daily`` holds what was then known of each day ``d`` up to the frontier
``f = t - lag``. The families are aggregates over it.
"""

from __future__ import annotations

import math
import sqlite3

import numpy as np
import pandas as pd

NEVER = 1_000_000
PAIR = ("militia", "us_coalition")
WINDOWS = {
    "sums": (1, 3, 7, 14, 28, 90, 180), "severity": (7, 28, 90), "pairs": (7, 28, 90),
    "neighbours": (7, 28),
}  # fmt: skip
COUNTED = ("_sum_", "days_since", "highest_rung", "_hit_")
"""Substrings of the names of integer columns."""

SCHEMA = """
CREATE TABLE version (
  event TEXT, happened INT, known INT, ends INT, operation TEXT, site TEXT, country TEXT,
  latitude REAL, longitude REAL, actor TEXT, target TEXT, killed INT, severity INT);
CREATE TABLE calendar (t INT PRIMARY KEY, day TEXT);
"""
PREPARE = """
CREATE TABLE held AS
  SELECT site AS u, * FROM version WHERE operation <> 'retract'
  UNION ALL SELECT 'all', * FROM version WHERE operation <> 'retract';
CREATE TABLE place AS
  SELECT u, MAX(country) AS country, MAX(latitude) AS lat, MAX(longitude) AS lon,
         MIN(MAX(known, happened + :lag)) AS entry
  FROM held WHERE severity >= 3 AND MAX(known, happened + :lag) < ends GROUP BY u;
CREATE TABLE present AS
  SELECT u, t, t - :lag AS f, day FROM place JOIN calendar ON t >= entry;
CREATE INDEX present_key ON present (u, t);
CREATE TABLE daily AS
  SELECT p.u, p.t, p.f, h.happened AS d, COUNT(*) AS events, SUM(COALESCE(killed, 0)) AS killed,
         MAX(severity) AS rung,
         SUM(actor = :a AND target = :b AND severity >= 3) AS ab,
         SUM(actor = :b AND target = :a AND severity >= 3) AS ba
  FROM present p JOIN held h ON h.u = p.u AND h.known <= p.t AND p.t < h.ends AND h.happened <= p.f
  GROUP BY p.u, p.t, h.happened;
CREATE INDEX daily_key ON daily (u, t);
"""


def window(value, days, *, until="x.f"):
    """Sum over the days that end at the frontier."""
    inside = f"x.d > {until} - {days} AND x.d <= {until}"
    return f"COALESCE(SUM(CASE WHEN {inside} THEN {value} END), 0)"


def since(condition, cap=365):
    return f"MIN(COALESCE(p.f - MAX(CASE WHEN {condition} THEN x.d END), {cap}), {cap})"


def share(part, whole):
    return f"COALESCE(1.0 * ({part}) / NULLIF({whole}, 0), 0)"


def log_ratio(short, long, until="x.f", eps=0.02):
    rate = [f"1.0 * {window('x.events', days, until=until)} / {days} + {eps}" for days in
            (short, long)]  # fmt: skip
    return f"ln(({rate[0]}) / ({rate[1]}))"


def columns():
    """Return the SQL of each column, for the families that read one unit."""
    sql = {}
    for channel in ("events", "killed"):
        for w in WINDOWS["sums"]:
            sql[f"{channel}_sum_{w}d"] = window(f"x.{channel}", w)
        for h in (3, 7, 21, 60):
            decay = f"SUM(x.{channel} * pow(2.0, -1.0 * (x.f - x.d) / {h}))"
            sql[f"{channel}_decay_{h}d"] = f"COALESCE({decay}, 0)"
    sql["days_since_events"] = since("x.events >= 1")
    for rung in (3, 5):
        sql[f"days_since_rung_{rung}"] = since(f"x.rung >= {rung}")
    for s, w in ((7, 28), (28, 180)):
        before = f"CASE WHEN p.f >= 7 THEN {log_ratio(s, w, until='(p.f - 7)')} ELSE 0 END"
        sql[f"events_trend_{s}d_{w}d"] = log_ratio(s, w, until="p.f")
        sql[f"events_acceleration_{s}d_{w}d"] = f"{log_ratio(s, w, until='p.f')} - {before}"
    for w in WINDOWS["severity"]:
        highest = f"MAX(CASE WHEN x.d > x.f - {w} THEN x.rung END)"
        sql[f"highest_rung_{w}d"] = f"COALESCE({highest}, 0)"
        sql[f"rung_5_share_{w}d"] = share(window("(x.rung >= 5)", w), window("1", w))
        sql[f"killed_per_event_{w}d"] = share(window("x.killed", w), window("x.events", w))
    a, b = PAIR
    for w in WINDOWS["pairs"]:
        did, suffered = window("x.ab", w), window("x.ba", w)
        sql |= {f"{a}_hit_{b}_{w}d": did, f"{b}_hit_{a}_{w}d": suffered}
        sql[f"{a}_{b}_imbalance_{w}d"] = share(f"{did} - {suffered}", f"{did} + {suffered}")
    sql[f"days_since_{a}_hit_{b}"] = since("x.ab >= 1")
    sql[f"days_since_{b}_hit_{a}"] = since("x.ba >= 1")
    weekday, month = "(strftime('%w', p.day) + 6) % 7 / 7.0", "(strftime('%m', p.day) - 1) / 12.0"
    for name, turn in (("weekday", weekday), ("month", month)):
        sql |= {f"{name}_{f}": f"{f}(2 * pi() * ({turn}))" for f in ("sin", "cos")}
    return sql


GAPS = """
WITH gap AS (
  SELECT u, t, d, MIN(d - LAG(d) OVER (PARTITION BY u, t ORDER BY d), 365) AS g FROM daily),
recent AS (
  SELECT u, t, g, ROW_NUMBER() OVER (PARTITION BY u, t ORDER BY d DESC) AS k FROM gap
  WHERE g IS NOT NULL),
moment AS (
  SELECT u, t, AVG(1.0 * g) AS m, COUNT(*) AS n,
         sqrt(MAX(AVG(1.0 * g * g) - AVG(1.0 * g) * AVG(1.0 * g), 0)) AS s
  FROM recent WHERE k <= {n} GROUP BY u, t)
SELECT p.u, p.t, COALESCE(m, 365) AS events_gap_mean_last_{n},
       COALESCE(s, 0) AS events_gap_spread_last_{n},
       CASE WHEN n > 1 THEN (s - m) / (s + m) ELSE 0 END AS events_burstiness_last_{n}
FROM present p LEFT JOIN moment USING (u, t)
"""
DISTANCE = """2 * 6371.0088 * asin(sqrt(MIN(1, pow(sin(radians(o.lat - i.lat) / 2), 2)
  + cos(radians(o.lat)) * cos(radians(i.lat)) * pow(sin(radians(o.lon - i.lon) / 2), 2))))"""
KINDS = {
    "others": "1",
    "same_country": "o.country = i.country",
    "within_250km": f"{DISTANCE} <= 250",
}


def neighbours():
    near = "p.u <> 'all' AND o.u <> 'all' AND o.u <> p.u"
    sums = [
        f"COALESCE(SUM(CASE WHEN {near} AND {kind} AND x.d > x.f - {w} THEN x.events END), 0) "
        f"AS events_sum_{w}d_{name}"
        for w in WINDOWS["neighbours"]
        for name, kind in KINDS.items()
    ]
    return f"""SELECT p.u, p.t, {", ".join(sums)} FROM present p JOIN place i ON i.u = p.u
      LEFT JOIN daily x ON x.t = p.t LEFT JOIN place o ON o.u = x.u GROUP BY p.u, p.t"""


def oracle(versions, *, first, days, lag):
    """Return all columns by unit and day, as known on each day.

    Parameters
    ----------
    versions : DataFrame
        The versions of an archive, sorted by event and known date.
    first : datetime64[D]
    days, lag : int
    """
    base = sqlite3.connect(":memory:")
    for name in ("sin", "cos", "asin", "sqrt", "radians"):
        base.create_function(name, 1, unless_null(getattr(math, name)))
    base.create_function("ln", 1, math.log)
    base.create_function("pow", 2, unless_null(math.pow))
    base.create_function("pi", 0, lambda: math.pi)
    base.executescript(SCHEMA)
    numbered = versions.assign(
        **{c: (versions[c].to_numpy("datetime64[D]") - first).astype(int)
           for c in ("event_date", "known_date")}
    )  # fmt: skip
    following = numbered.groupby(["source", "event_id"])["known_date"].shift(-1)
    names = ["event_id", "event_date", "known_date", "ends", "operation", "site", "country",
             "latitude", "longitude", "actor", "target", "killed", "severity"]  # fmt: skip
    rows = numbered.assign(ends=following.fillna(NEVER).astype(int))[names].astype(object)
    rows = rows.where(rows.notna(), None).to_numpy().tolist()
    base.executemany(f"INSERT INTO version VALUES ({', '.join('?' * len(names))})", rows)
    axis = [(t, str(first + t)) for t in range(days)]
    base.executemany("INSERT INTO calendar VALUES (?, ?)", axis)
    given = {"lag": lag, "a": PAIR[0], "b": PAIR[1]}
    for statement in PREPARE.split(";")[:-1]:
        base.execute(statement, given)
    # The calendar features are those of the last visible day.
    base.execute("UPDATE present SET day = (SELECT c.day FROM calendar c WHERE c.t = present.f)")
    own = ", ".join(f'{sql} AS "{name}"' for name, sql in columns().items())
    local = f"""SELECT p.u, p.t, {own} FROM present p LEFT JOIN daily x USING (u, t)
      GROUP BY p.u, p.t"""
    queries = [local, *(GAPS.format(n=n) for n in (5, 20)), neighbours()]
    tables = [pd.read_sql_query(query, base).set_index(["u", "t"]) for query in queries]
    return pd.concat(tables, axis=1).sort_index().astype(np.float64)


def unless_null(function):
    """Make a function return NULL for NULL, as SQL does."""
    return lambda *values: None if None in values else function(*values)
