"""Datasets that come with the package."""

from __future__ import annotations

from escalation._util.resources import bundled
from escalation.events import read_events
from escalation.events.archive import EventArchive


def load_iraq_crisis() -> EventArchive:
    """Load attacks, strikes and decisions in and around Iraq, October 2019 to September 2024.

    Examples
    --------
    >>> archive = load_iraq_crisis()
    >>> len(archive.as_of("2020-03-11"))
    86
    """
    return read_events(bundled("iraq_crisis_events.csv"), "iraq_crisis")
