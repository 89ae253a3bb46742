"""CAMEO event codes to event types, for machine-coded sources (GDELT, ICEWS).

A code is text of two to four digits, the first two its root; leading zeros matter, because ``010``
and ``10`` are different codes. The longest entry of the table that a code starts with applies.

Neither source counts casualties: killed and wounded are null, never zero, and severity is the
lowest rung that the type allows. It is 6 if a state's government or military attacks another
state's military.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Final

import pyarrow as pa
import pyarrow.compute as pc

from escalation.events.columns import Mask, blanked, flags, looked_up

EVENT_TYPES: Final[Mapping[str, str]] = {
    "01": "statement",  # public statement
    "02": "statement",  # appeal
    "03": "cooperation",  # intent to cooperate
    "04": "statement",  # consult
    "05": "cooperation",  # diplomatic cooperation
    "057": "agreement",  # signed agreement
    "06": "cooperation",  # material cooperation
    "07": "cooperation",  # aid
    "08": "cooperation",  # yield
    "087": "truce",  # de-escalation
    "09": "statement",  # investigate
    "10": "statement",  # demand
    "11": "statement",  # disapprove
    "12": "statement",  # reject
    "13": "diplomatic_warning",  # threaten
    "14": "protest",  # protest
    "145": "riot",  # violent protest
    "15": "troop_movement",  # exhibit force
    "16": "sanction",  # reduce relations or aid, embargo
    "17": "coercion",  # coerce
    "173": "arrest",  # arrest
    "175": "violence_against_civilians",  # violent repression
    "18": "violence_against_civilians",  # assault
    "181": "abduction",  # abduction
    "1821": "sexual_violence",  # sexual assault
    "1823": "killing",  # kill by physical assault
    "183": "ied_attack",  # bombing
    "1831": "suicide_bombing",  # suicide bombing
    "185": "assassination",  # attempted assassination
    "186": "killing",  # assassination
    "19": "battle",  # fight
    "191": "troop_movement",  # blockade
    "193": "armed_clash",  # small arms
    "194": "shelling",  # artillery, tanks
    "195": "air_strike",  # aerial weapons
    "1952": "drone_strike",  # drones
    "20": "mass_violence",  # unconventional mass violence
    "201": "violence_against_civilians",  # mass expulsion
}
"""Event type by CAMEO code, or by the start of one."""
_CODE = re.compile("[0-9]{2,4}")
_LAST_ROOT = 20
_JOINT = "\x1f"
RESTORED = "events whose code had lost its leading zero, which was restored"
EXPECTED = "a CAMEO code of two to four digits, with its leading zero"


def event_type(code: str) -> str | None:
    """Event type of a CAMEO code; None for other text.

    Examples
    --------
    >>> event_type("1951"), event_type("010"), event_type("40"), event_type("---")
    ('air_strike', 'statement', None, None)
    """
    if not (code.isascii() and _CODE.fullmatch(code)):
        return None
    starts = (code[:length] for length in range(len(code), 1, -1))
    return next((EVENT_TYPES[start] for start in starts if start in EVENT_TYPES), None)


def with_zeros(codes: pa.Array, *, base: pa.Array, root: pa.Array) -> tuple[pa.Array, Mask, Mask]:
    """Restore leading zeros that were dropped because codes were parsed as numbers.

    ``20`` is ``020``, an appeal, under the root ``2``, and mass violence under the root ``20``;
    without a root it is ambiguous. A code whose first two digits are not a root has certainly lost
    a zero.

    Parameters
    ----------
    codes, base, root : pyarrow.Array of string
        ``EventCode``, ``EventBaseCode``, ``EventRootCode`` of GDELT; base and root may be null,
        and ICEWS has neither.

    Returns
    -------
    pyarrow.Array of string, ndarray of bool, ndarray of bool
        The codes, which of them were restored, and which can't be: a code of two digits without a
        root, or three columns that contradict each other.

    Examples
    --------
    >>> fixed, restored, wrong = with_zeros(pa.array(["20", "20", "193", "20"]),
    ...     base=pa.array(["20", "20", "193", None]), root=pa.array(["2", "20", "19", None]))
    >>> fixed.to_pylist(), restored.tolist(), wrong.tolist()
    (['020', '20', '193', '20'], [True, False, False, False], [False, False, False, True])
    """
    cells = (pc.fill_null(column, "") for column in (codes, base, root))
    encoded = pc.binary_join_element_wise(*cells, _JOINT).dictionary_encode()
    pairs = [_restored(*key.split(_JOINT)) for key in encoded.dictionary.to_pylist()]
    fixed = pc.take(pa.array([code for code, _ in pairs], pa.string()), encoded.indices)
    agrees = pc.take(pa.array([agrees for _, agrees in pairs], pa.bool_()), encoded.indices)
    fixed = blanked(fixed, pc.is_null(codes))
    return fixed, flags(pc.not_equal(fixed, codes)), ~flags(agrees) & flags(pc.is_valid(codes))


def _restored(code: str, base: str, root: str) -> tuple[str, bool]:
    """The code with its zero, and whether base and root agree with it."""
    if not (code.isascii() and code.isdigit()):
        return code, True
    if len(code) == 1:
        return code, False
    if not root:
        lost_zero = len(code) < 4 and int(code[:2]) > _LAST_ROOT
        full = "0" + code if lost_zero else code
        return full, len(full) > 2 and _agree(full, base)
    for candidate in (code, "0" + code):
        if candidate.startswith(root.zfill(2)):
            return candidate, _agree(candidate, base)
    return code, False


def _agree(code: str, base: str) -> bool:
    return not base or code.startswith((base, "0" + base))


def code_tags(codes: pa.Array) -> pa.Array:
    """The code itself as a tag, which keeps its full detail.

    Examples
    --------
    >>> code_tags(pa.array(["0871"])).to_pylist()
    ['cameo_0871']
    """
    return looked_up(codes, lambda code: f"cameo_{code}" if event_type(code) else None)
