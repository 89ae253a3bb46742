"""Recognise nonviolent event types, such as votes and protests, by their words."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping

from escalation import schema

_ENDING = r"(?:s|es|ed|d|ing|er|ers|ment|ments|ations?)?"


def _pattern(stems: str) -> re.Pattern[str]:
    return re.compile(rf"\b(?:{stems}){_ENDING}\b")


_TALK = _pattern(
    "vote|voting|ballot|referendum|election|bill|amendment|motion|resolution|decree|veto|law|"
    "legislation|treat(?:y|ies)|agreement|session|debate|hearing|reading|committee|inquiry|"
    "petition|development|statement|speech|announce|declar|talk|negotiat|consult|summit|visit"
)
_COERCION = _pattern(
    "sanction|embargo|boycott|arrest|detain|detention|deploy|mobilis|mobiliz|protest|demonstrat|"
    "rally|rallies"
)
_VIOLENCE = _pattern(
    "violen(?:t|ce)|attack|assault|kill|murder|assassin|bomb|explo(?:sion|de)|shell|shoot|shot|"
    "fire|strike|raid|clash|battle|fight|riot|ambush|massacre|execut|rape|tortur|abduct|kidnap|"
    "missile|rocket|drone|mortar|mine|ied|grenade|crackdown|dead|deadly|death|armed"
)
_PREPOSITION = re.compile(
    r"\b(?:on|at|against|about|over|of|for|in|during|after|before|by|with|to)\b"
)
_CAMEL = re.compile(r"(?<=[a-z])(?=[A-Z])")


def rungs_of_types(
    types: Mapping[str, int], without_rung: Collection[str], *, violent: bool
) -> dict[str, schema.Rungs | None]:
    """Suggest rungs by the words of event types; None if they suggest none.

    If the types of most events are nonviolent by their words, and nothing else indicates violence,
    the other types count as nonviolent too.

    Parameters
    ----------
    types : mapping of str to int
        Number of events by type.
    without_rung : collection of str
        Types that are not on the severity ladder.
    violent : bool
        Whether anybody is known to be hurt, or a type on the ladder is violent.

    Examples
    --------
    >>> votes = {"roll-call vote": 5, "quorum call": 2}
    >>> {name: rungs[0] for name, rungs in rungs_of_types(votes, votes, violent=False).items()}
    {'roll-call vote': 1, 'quorum call': 1}
    >>> rungs_of_types(votes, votes, violent=True)["quorum call"] is None
    True
    """
    suggested = {name: rungs_by_words(name) for name in without_rung}
    unclear = [name for name, rungs in suggested.items() if rungs is None]
    n_clear = sum(count for name, count in types.items() if name not in unclear)
    mentions_violence = any(_last(_VIOLENCE, _spaced(name)) >= 0 for name in unclear)
    if violent or mentions_violence or 2 * n_clear <= sum(types.values()):
        return suggested
    return {name: rungs or schema.WORDS_ONLY for name, rungs in suggested.items()}


def nonviolent_reason(event_type: str) -> str:
    """Return the reason why a nonviolent type counts as such."""
    return "by its words" if rungs_by_words(event_type) else "like most types here"


def rungs_by_words(event_type: str) -> schema.Rungs | None:
    """Return the rungs of a type that names a vote, a protest and the like; None for others.

    The last word before the first preposition decides: a vote on air strikes is a vote, an attack
    on a session is not a session. Words of coercion next to words of violence decide nothing.

    Examples
    --------
    >>> rungs_by_words("Vote on air strikes"), rungs_by_words("sanctions on banks")
    (Rungs(nobody_hurt=1, somebody_hurt=1, somebody_killed=1), \
Rungs(nobody_hurt=2, somebody_hurt=2, somebody_killed=2))
    >>> rungs_by_words("attack on a session"), rungs_by_words("protest violence")
    (None, None)
    """
    head = _PREPOSITION.split(_spaced(event_type))[0]
    violence = _last(_VIOLENCE, head)
    if _last(_TALK, head) > violence:
        return schema.WORDS_ONLY
    return schema.COERCION if violence < 0 <= _last(_COERCION, head) else None


def _spaced(event_type: str) -> str:
    return " ".join(re.split(r"[\W_]+", _CAMEL.sub(" ", event_type))).casefold()


def _last(pattern: re.Pattern[str], text: str) -> int:
    """Return the start of the last match, or -1."""
    return max((match.start() for match in pattern.finditer(text)), default=-1)
