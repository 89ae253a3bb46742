"""Event types of one's own whose words say that they are no violence."""

from __future__ import annotations

import re

from escalation import schema

_ENDING = r"(?:s|es|ed|d|ing|er|ers|ment|ments|ations?)?"


def _pattern(stems: str) -> re.Pattern[str]:
    return re.compile(rf"\b(?:{stems}){_ENDING}\b")


_WORDS = _pattern("vote|voting|bill|resolution|session|statement|talk")
_COERCION = _pattern("sanction|arrest|deploy|protest")
_VIOLENCE = _pattern(
    "violen(?:t|ce)|attack|assault|kill|murder|assassin|bomb|explo(?:sion|de)|shell|shoot|shot|"
    "fire|strike|raid|clash|battle|fight|riot|ambush|massacre|execut|rape|tortur|abduct|kidnap|"
    "missile|rocket|drone|mortar|mine|ied|grenade|crackdown|dead|deadly|death|armed"
)
_OBJECT = re.compile(r"\b(?:on|at|against|about|over|of|for|in|during|after|before|by|with|to)\b")
_CAMEL = re.compile(r"(?<=[a-z])(?=[A-Z])")


def rungs_by_words(event_type: str) -> schema.Rungs | None:
    """The rungs of a type whose words say vote, protest and the like; None for any other.

    What a type is stands before its first preposition, at the end: a vote on air strikes is a vote,
    and an attack on a session is none. Words of coercion beside words of violence decide nothing.

    Parameters
    ----------
    event_type : str

    Examples
    --------
    >>> rungs_by_words("Vote on air strikes"), rungs_by_words("sanctions_announced")
    (Rungs(nobody_hurt=1, somebody_hurt=1, somebody_killed=1), \
Rungs(nobody_hurt=2, somebody_hurt=2, somebody_killed=2))
    >>> rungs_by_words("attack on a session"), rungs_by_words("protest violence")
    (None, None)
    """
    spaced = " ".join(re.split(r"[\W_]+", _CAMEL.sub(" ", event_type))).casefold()
    head = _OBJECT.split(spaced)[0]
    words, violence = _last(_WORDS, head), _last(_VIOLENCE, head)
    if words > violence:
        return schema.WORDS_ONLY
    coercion = _last(_COERCION, head)
    return schema.COERCION if coercion >= 0 and violence < 0 else None


def _last(pattern: re.Pattern[str], text: str) -> int:
    """Where the last match starts; -1 without one."""
    return max((match.start() for match in pattern.finditer(text)), default=-1)
