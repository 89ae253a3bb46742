"""``retaliation``: the side that was attacked attacks back."""

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
    require_days,
)


@dataclass(frozen=True)
class Retaliation(Target):
    """Outcome 1 when a side that was attacked in the last ``window`` days attacks back.

    Each pair is taken in both directions. Where a attacked b, counted are the attacks of b on a in
    the days t+1 to t+h, summed over the pairs at risk; so is the history. An attack is a violent
    act, rung 3 or above, that also meets ``where``. At risk only where a listed side was attacked
    by the other.

    Parameters
    ----------
    window : int
        In days, today included.
    pairs : tuple of pairs of str
        Sides as they are named in ``actor`` and ``target``; at least one pair must be given.
    """

    window: int = 14
    pairs: tuple[tuple[str, str], ...] = ()

    name: ClassVar[str] = "retaliation"

    def __post_init__(self) -> None:
        super().__post_init__()
        require_days("window", self.window)
        two = all(len(pair) == 2 and pair[0] != pair[1] for pair in self.pairs)
        require(
            two and len(self.pairs) > 0, "pairs", self.pairs, "one or more pairs of different sides"
        )

    def directed(self) -> Iterator[tuple[str, str]]:
        """Who may answer whom: (attacked, attacker), each once."""
        both = ((b, a) for pair in self.pairs for a, b in (tuple(pair), tuple(pair)[::-1]))
        yield from dict.fromkeys(both)

    def channels(self) -> tuple[Channel, ...]:
        return tuple(_attacks(*pair, self.where) for pair in self.directed())

    def look_back(self, panel: Panel) -> LookBack:
        at_risk = np.zeros(panel.shape, dtype=bool)
        history: dict[str, Array] = {}
        extra = {}
        for side, other in self.directed():
            attacked = past_sum(panel.series(_name(other, side)), self.window) > 0
            at_risk |= attacked
            extra[_name(side, other)] = attacked
            answers = history_of(panel.series(_name(side, other)), panel, horizon=self.horizon)
            for name, values in answers.items():
                history[name] = _together(name, np.where(attacked, values, _none(name)), history)
        return LookBack(np.ones(panel.shape), at_risk, history, extra)

    def look_ahead(self, panel: Panel, back: LookBack) -> Array:
        count = np.zeros(panel.shape)
        for pair in self.directed():
            ahead = kernels.ahead_sum(panel[_name(*pair)], self.horizon)
            count += np.where(back.extra[_name(*pair)] | np.isnan(ahead), ahead, 0.0)
        return count


def _name(actor: str, target: str) -> str:
    return f"target_{actor}>{target}"


def _attacks(actor: str, target: str, where: Where) -> Channel:
    """Attacks of one side on the other that also meet the label's own filter."""
    pair = pair_channel(actor, target).where
    equal = dict(where.equal)
    for column, sides in pair.equal.items():
        equal[column] = tuple(side for side in sides if side in equal.get(column, sides))
    return Channel(_name(actor, target), Where(equal, rung=max(pair.rung, where.rung)))


def _none(name: str) -> float:
    return float(NEVER) if name == DAYS_SINCE else 0.0


def _together(name: str, values: Array, history: dict[str, Array]) -> Array:
    """Sums over the pairs at risk; for days since the last attack, the least."""
    if name not in history:
        return values
    return (np.minimum if name == DAYS_SINCE else np.add)(history[name], values)
