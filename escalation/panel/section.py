"""The tables ``[panel]`` and ``where`` of an experiment file."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pydantic import Field, field_validator, model_validator

from escalation import schema
from escalation._util.checked import Section, invalid_value
from escalation.panel.dense import BASE_CHANNELS, Channel, Measure, PanelSpec, Where, pair_channel

_TAKEN = frozenset({
    *(channel.name for channel in BASE_CHANNELS), *schema.EVENT_COLUMNS, *schema.FORECAST_COLUMNS,
    *schema.SCORE_COLUMNS, schema.OPERATION, schema.ALL_UNIT, "",
})  # fmt: skip
"""Names of columns and of channels that are always there: no other channel can have them."""
_TAKEN_STARTS = (f"{schema.TARGET}_", schema.HISTORY)


def is_taken(name: str) -> bool:
    """Whether a channel can't have a name, because it means something else.

    Examples
    --------
    >>> is_taken("events"), is_taken("air_strike")
    (True, False)
    """
    return name in _TAKEN or name.startswith(_TAKEN_STARTS)


def where_of(table: object, *, section: str = "where") -> Where:
    """A filter from its TOML table: ``{event_type = ["rocket_attack"], rung = 3}``.

    Parameters
    ----------
    table : object
        As the file has it.
    section : str, optional
        Where it stands, for the message.

    Raises
    ------
    UsageError
        ``E-CONFIG`` for anything but columns with text, and a rung from 0 to 6.
    """
    if not isinstance(table, Mapping):
        raise invalid_value(section, "", table, "needs a table such as { rung = 3 }")
    rest = dict(table)
    rung = rest.pop("rung", 0)
    if isinstance(rung, bool) or not isinstance(rung, int) or not 0 <= rung <= schema.HIGHEST_RUNG:
        raise invalid_value(section, "rung", rung, f"needs a rung from 0 to {schema.HIGHEST_RUNG}")
    equal = {k: tuple([v] if isinstance(v, str) else v) for k, v in rest.items() if _is_words(v)}
    for key in rest:
        if key not in equal:
            raise invalid_value(section, key, rest[key], "needs a text, or a list of texts")
    return Where(equal, rung=rung)


def _is_words(value: object) -> bool:
    return isinstance(value, str) or (
        isinstance(value, list | tuple) and bool(value) and all(isinstance(v, str) for v in value)
    )


class ChannelSection(Section):
    """One more channel of the panel."""

    where: dict[str, Any] = Field({})
    measure: Measure = "count"

    @field_validator("where")
    @classmethod
    def _where(cls, value: dict[str, Any]) -> dict[str, Any]:
        where_of(value, section="[panel.channels] where")
        return value


class PanelSection(Section):
    """Units and channels."""

    units: list[schema.UnitKind] = Field(["all"], min_length=1)
    enters: dict[str, Any] = Field({})
    channels: dict[str, ChannelSection] = Field({})
    pairs: list[tuple[str, str]] = Field([])

    @field_validator("units")
    @classmethod
    def _units(cls, value: list[schema.UnitKind]) -> list[schema.UnitKind]:
        if len(set(value)) < len(value):
            raise ValueError("needs each kind of unit once")
        return value

    @field_validator("enters")
    @classmethod
    def _enters(cls, value: dict[str, Any]) -> dict[str, Any]:
        where_of(value, section="[panel] enters")
        return value

    @model_validator(mode="after")
    def _names(self) -> PanelSection:
        """No two channels of one name, and none of a name that means something else."""
        names = [channel.name for channel in self.spec.channels]
        for name in names:
            if is_taken(name) or names.count(name) > 1:
                raise invalid_value("[panel] channels", name, name, "the name is taken")
        return self

    @property
    def spec(self) -> PanelSpec:
        """The panel's specification, pairs in both directions."""
        extra = [Channel(n, where_of(c.where), c.measure) for n, c in self.channels.items()]
        both = [pair for a, b in self.pairs for pair in ((a, b), (b, a))]
        return PanelSpec(
            tuple(self.units), (*extra, *(pair_channel(*p) for p in both)), where_of(self.enters)
        )
