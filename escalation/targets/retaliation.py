"""``retaliation``: a side that was attacked attacks back."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from escalation._util.arrays import Array
from escalation.panel import kernels
from escalation.panel.dense import Channel, Panel, Where, pair_channel
from escalation.targets.base import (
    DAYS_SINCE,
    NEVER,
    LookBack,
    Target,
    history_of,
    past_sum,
    require,
)


@dataclass(frozen=True)
class Retaliation(Target):
    """Outcome 1 when a side that was attacked in the last ``window`` days attacks back.

    Each pair is used in both directions. If a attacked b, the attacks of b on a in the days t+1 to
    t+h count; count and history are sums over the pairs at risk. An attack is a violent act, rung 3
    or above, that also meets ``where``. At risk only if a listed side was attacked by the other.

    Parameters
    ----------
    window : int
        In days, today included.
    pairs : tuple of pairs of str
        Sides as named in ``actor`` and ``target``; at least one pair is required.
    """

    window: int = 14
    pairs: tuple[tuple[str, str], ...] = ()

    name: ClassVar[str] = "retaliation"
    day_parameters: ClassVar[tuple[str, ...]] = ("window",)

    def __post_init__(self) -> None:
        super().__post_init__()
        different = all(len(pair) == 2 and pair[0] != pair[1] for pair in self.pairs)
        valid = different and len(self.pairs) > 0
        require(valid, "pairs", self.pairs, "one or more pairs of different sides")

    def directed(self) -> Iterator[tuple[str, str]]:
        """Pairs of (attacked side, attacker), each once."""
        directions = ((b, a) for pair in self.pairs for a, b in (tuple(pair), tuple(pair)[::-1]))
        yield from dict.fromkeys(directions)

    def channels(self) -> tuple[Channel, ...]:
        return tuple(_attacks(*pair, self.where) for pair in self.directed())

    def look_back(self, panel: Panel) -> LookBack:
        at_risk = np.zeros(panel.shape, dtype=bool)
        history: dict[str, Array] = {}
        extra = {}
        for side, other in self.directed():
            answers = _channel_name(side, other)
            attacked = past_sum(panel.series(_channel_name(other, side)), self.window) > 0
            at_risk |= attacked
            extra[answers] = attacked
            pair_history = history_of(panel.series(answers), panel, horizon=self.horizon)
            for name, values in pair_history.items():
                # Sums over the pairs at risk, but the minimum of the days since the last attack.
                combine, empty = (np.minimum, NEVER) if name == DAYS_SINCE else (np.add, 0)
                at_risk_values = np.where(attacked, values, float(empty))
                history[name] = combine(history.get(name, float(empty)), at_risk_values)
        return LookBack(np.ones(panel.shape), at_risk, history, extra)

    def look_ahead(self, panel: Panel, back: LookBack) -> Array:
        count = np.zeros(panel.shape)
        for pair in self.directed():
            answers = _channel_name(*pair)
            ahead = kernels.ahead_sum(panel[answers], self.horizon)
            count += np.where(back.extra[answers] | np.isnan(ahead), ahead, 0.0)
        return count


def _channel_name(actor: str, target: str) -> str:
    return f"target_{actor}>{target}"


def _attacks(actor: str, target: str, where: Where) -> Channel:
    """Attacks of one side on the other that also meet the label's filter."""
    pair = pair_channel(actor, target).where
    equal = dict(where.equal)
    for column, sides in pair.equal.items():
        equal[column] = tuple(side for side in sides if side in equal.get(column, sides))
    return Channel(_channel_name(actor, target), Where(equal, rung=max(pair.rung, where.rung)))
