"""Event types of one's own whose words say that they are no violence."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping

from escalation import schema

_ENDING = r"(?:s|es|ed|d|ing|er|ers|ment|ments|ations?)?"


def _pattern(stems: str) -> re.Pattern[str]:
    return re.compile(rf"\b(?:{stems}){_ENDING}\b")


_WORDS = _pattern(
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
_OBJECT = re.compile(r"\b(?:on|at|against|about|over|of|for|in|during|after|before|by|with|to)\b")
_CAMEL = re.compile(r"(?<=[a-z])(?=[A-Z])")


def rungs_of_types(
    types: Mapping[str, int], own: Collection[str], *, violent: bool
) -> dict[str, schema.Rungs | None]:
    """The rungs that the words of types without one suggest; None where they suggest none.

    Where the words of most events say that they are no violence, and nothing else says that any is,
    a type whose words say nothing is taken to be like the others.

    Parameters
    ----------
    types : mapping of str to int
        Events by type.
    own : collection of str
        Types without a rung.
    violent : bool
        Whether anybody is known to be hurt, or a type with a rung is violent.

    Examples
    --------
    >>> votes = {"roll-call vote": 5, "quorum call": 2}
    >>> {name: rungs[0] for name, rungs in rungs_of_types(votes, votes, violent=False).items()}
    {'roll-call vote': 1, 'quorum call': 1}
    >>> rungs_of_types(votes, votes, violent=True)["quorum call"] is None
    True
    """
    found = {name: rungs_by_words(name) for name in own}
    unclear = [name for name, rungs in found.items() if rungs is None]
    clear = sum(count for name, count in types.items() if name not in unclear)
    if violent or any(map(_says_violence, unclear)) or 2 * clear <= sum(types.values()):
        return found
    return {name: rungs or schema.WORDS_ONLY for name, rungs in found.items()}


def nonviolent_reason(event_type: str) -> str:
    """Why a type that is no violence is taken to be none."""
    return "by its words" if rungs_by_words(event_type) else "like most types here"


def _says_violence(event_type: str) -> bool:
    return _last(_VIOLENCE, _spaced(event_type)) >= 0


def rungs_by_words(event_type: str) -> schema.Rungs | None:
    """The rungs of a type whose words say vote, protest and the like; None for any other.

    What a type is stands before its first preposition, at the end: a vote on air strikes is a vote,
    and an attack on a session is none. Words of coercion beside words of violence decide nothing.

    Examples
    --------
    >>> rungs_by_words("Vote on air strikes"), rungs_by_words("sanctions on banks")
    (Rungs(nobody_hurt=1, somebody_hurt=1, somebody_killed=1), \
Rungs(nobody_hurt=2, somebody_hurt=2, somebody_killed=2))
    >>> rungs_by_words("attack on a session"), rungs_by_words("protest violence")
    (None, None)
    """
    head = _OBJECT.split(_spaced(event_type))[0]
    words, violence = _last(_WORDS, head), _last(_VIOLENCE, head)
    if words > violence:
        return schema.WORDS_ONLY
    coercion = _last(_COERCION, head)
    return schema.COERCION if coercion >= 0 and violence < 0 else None


def _spaced(event_type: str) -> str:
    return " ".join(re.split(r"[\W_]+", _CAMEL.sub(" ", event_type))).casefold()


def _last(pattern: re.Pattern[str], text: str) -> int:
    """Where the last match starts; -1 without one."""
    return max((match.start() for match in pattern.finditer(text)), default=-1)
