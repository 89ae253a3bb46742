"""CAMEO event codes to event types, for machine-coded sources (GDELT, ICEWS).

A code is text of two to four digits, the first two its root; leading zeros matter, because ``010``
and ``10`` are different codes. The longest entry of the table that a code starts with applies.

===== ============================================ =================== =========================
code  CAMEO                                        event_type          finer
===== ============================================ =================== =========================
01-02 statement, appeal                            statement
03    intent to cooperate                          cooperation
04    consult                                      statement
05-08 diplomacy, material cooperation, aid, yield  cooperation         057 signed agreement:
                                                                       agreement; 087 de-escalation:
                                                                       truce
09-12 investigate, demand, disapprove, reject      statement
13    threaten                                     diplomatic_warning
14    protest                                      protest             145 violent: riot
15    exhibit force                                troop_movement
16    reduce relations, aid; embargo               sanction
17    coerce                                       coercion            173 arrest: arrest; 175
                                                                       violent repression:
                                                                       violence_against_civilians
18    assault                                      violence against    181 abduction; 1821
                                                   civilians           sexual_violence; 1823, 186
                                                                       killing; 183 ied_attack; 1831
                                                                       suicide_bombing; 185
                                                                       assassination (an attempt)
19    fight                                        battle              191 blockade:
                                                                       troop_movement; 193
                                                                       armed_clash; 194 artillery,
                                                                       tanks: shelling; 195
                                                                       air_strike; 1952 drone_strike
20    unconventional mass violence                 mass_violence       201 expulsion:
                                                                       violence_against_civilians
===== ============================================ =================== =========================

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
    "01": "statement",
    "02": "statement",
    "03": "cooperation",
    "04": "statement",
    "05": "cooperation",
    "057": "agreement",
    "06": "cooperation",
    "07": "cooperation",
    "08": "cooperation",
    "087": "truce",
    "09": "statement",
    "10": "statement",
    "11": "statement",
    "12": "statement",
    "13": "diplomatic_warning",
    "14": "protest",
    "145": "riot",
    "15": "troop_movement",
    "16": "sanction",
    "17": "coercion",
    "173": "arrest",
    "175": "violence_against_civilians",
    "18": "violence_against_civilians",
    "181": "abduction",
    "1821": "sexual_violence",
    "1823": "killing",
    "183": "ied_attack",
    "1831": "suicide_bombing",
    "185": "assassination",
    "186": "killing",
    "19": "battle",
    "191": "troop_movement",
    "193": "armed_clash",
    "194": "shelling",
    "195": "air_strike",
    "1952": "drone_strike",
    "20": "mass_violence",
    "201": "violence_against_civilians",
}
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
