"""Labels, which define escalation. To add one, write a file here and add a line below."""

from escalation.targets.any import AnyEvent
from escalation.targets.base import Labels, LookBack, Target, labels, look_back, null_share
from escalation.targets.calm import Calm
from escalation.targets.climb import Climb
from escalation.targets.deaths import Deaths
from escalation.targets.exceed import Exceed
from escalation.targets.onset import Onset
from escalation.targets.retaliation import Retaliation
from escalation.targets.surge import Surge
from escalation.targets.up import Up

TARGETS: dict[str, type[Target]] = {
    "any": AnyEvent,
    "exceed": Exceed,
    "up": Up,
    "surge": Surge,
    "onset": Onset,
    "climb": Climb,
    "deaths": Deaths,
    "retaliation": Retaliation,
    "calm": Calm,
}

__all__ = [
    "TARGETS",
    "AnyEvent",
    "Calm",
    "Climb",
    "Deaths",
    "Exceed",
    "Labels",
    "LookBack",
    "Onset",
    "Retaliation",
    "Surge",
    "Target",
    "Up",
    "labels",
    "look_back",
    "null_share",
]
