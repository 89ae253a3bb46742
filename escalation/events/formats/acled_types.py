"""Event types, sub-event types and tags of ACLED."""

from __future__ import annotations

import pyarrow as pa
import pyarrow.compute as pc

from escalation.events.columns import looked_up
from escalation.events.formats import canonical
from escalation.events.formats.cells import Cells

LICENCE = (
    "ACLED's terms of use apply: cite ACLED, and do not redistribute the data; see "
    "https://acleddata.com/terms-and-conditions"
)
SUB_EVENTS = {
    "Government regains territory": "battle",
    "Non-state actor overtakes territory": "battle",
    "Armed clash": "armed_clash",
    "Excessive force against protesters": "protest_violence",
    "Protest with intervention": "protest_intervention",
    "Peaceful protest": "protest",
    "Violent demonstration": "riot",
    "Mob violence": "riot",
    "Chemical weapon": "chemical_attack",
    "Air/drone strike": "air_strike",
    "Suicide bomb": "suicide_bombing",
    "Shelling/artillery/missile attack": "shelling",
    "Remote explosive/landmine/IED": "ied_attack",
    "Grenade": "explosion",
    "Sexual violence": "sexual_violence",
    "Attack": "violence_against_civilians",
    "Abduction/forced disappearance": "abduction",
    "Agreement": "agreement",
    "Arrests": "arrest",
    "Change to group/activity": "strategic_development",
    "Disrupted weapons use": "strategic_development",
    "Headquarters or base established": "strategic_development",
    "Looting/property destruction": "strategic_development",
    "Non-violent transfer of territory": "strategic_development",
    "Other": "strategic_development",
}
EVENTS = {
    "Battles": "battle",
    "Explosions/Remote violence": "explosion",
    "Violence against civilians": "violence_against_civilians",
    "Protests": "protest",
    "Riots": "riot",
    "Strategic developments": "strategic_development",
    "Battle-No change of territory": "battle",
    "Battle-Government regains territory": "battle",
    "Battle-Non-state actor overtakes territory": "battle",
    "Remote violence": "explosion",
    "Riots/Protests": "protest",
    "Strategic development": "strategic_development",
    "Headquarters or base established": "strategic_development",
    "Non-violent transfer of territory": "strategic_development",
}


def event_types(cells: Cells, column: str, finer: str) -> pa.Array:
    """Event types by the sub-event type or, if it is empty, by the event type.

    Parameters
    ----------
    cells : Cells
    column, finer : str
        Columns of the event type and of the sub-event type.
    """
    events = cells.types(column, EVENTS, "an ACLED event type")
    return pc.coalesce(cells.types(finer, SUB_EVENTS, "an ACLED sub-event type"), events)


def phrase_tags(cells: Cells, *columns: str) -> pa.Array:
    """The phrases of some columns as tags; ``crowd size=no report; armed`` is two tags.

    Parameters
    ----------
    cells : Cells
    *columns : str
    """
    return canonical.join_tags(*(looked_up(cells.note(column), _words) for column in columns))


def _words(phrases: str) -> str:
    return " ".join(filter(None, map(canonical.tag, phrases.split(";"))))
