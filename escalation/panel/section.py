"""The tables ``[panel]`` and ``where`` of experiment files."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pydantic import Field, field_validator, model_validator

from escalation import schema
from escalation._util.checked import Section, invalid_value
from escalation.panel.dense import BASE_CHANNELS, Channel, Measure, PanelSpec, Where, pair_channel

_RESERVED = frozenset({
    *(channel.name for channel in BASE_CHANNELS), *schema.EVENT_COLUMNS, *schema.FORECAST_COLUMNS,
    *schema.SCORE_COLUMNS, schema.OPERATION, schema.ALL_UNIT, "",
})  # fmt: skip
"""Names of columns and base channels, which no other channel can have."""
_RESERVED_PREFIXES = (f"{schema.TARGET}_", schema.HISTORY)


def is_taken(name: str) -> bool:
    """Whether a name is reserved, so that no channel can have it.

    Examples
    --------
    >>> is_taken("events"), is_taken("air_strike")
    (True, False)
    """
    return name in _RESERVED or name.startswith(_RESERVED_PREFIXES)


def where_of(table: object, *, section: str = "where") -> Where:
    """A filter from a TOML table such as ``{event_type = ["rocket_attack"], rung = 3}``.

    Parameters
    ----------
    table : object
        Table in the file.
    section : str, optional
        Its section, for the message.

    Raises
    ------
    UsageError
        ``E-CONFIG`` for anything other than columns with text, and a rung from 0 to 6.
    """
    if not isinstance(table, Mapping):
        raise invalid_value(section, "", table, "needs a table such as { rung = 3 }")
    columns = dict(table)
    rung = columns.pop("rung", 0)
    if isinstance(rung, bool) or not isinstance(rung, int) or not 0 <= rung <= schema.HIGHEST_RUNG:
        raise invalid_value(section, "rung", rung, f"needs a rung from 0 to {schema.HIGHEST_RUNG}")
    equal = {}
    for key, value in columns.items():
        words = tuple(value) if isinstance(value, list | tuple) else (value,)
        if not words or not all(isinstance(word, str) for word in words):
            raise invalid_value(section, key, value, "needs a string, or a list of strings")
        equal[key] = words
    return Where(equal, rung=rung)


class ChannelSection(Section):
    """An additional channel of the panel."""

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
        """Refuse reserved and repeated names of channels."""
        names = [channel.name for channel in self.spec.channels]
        for name in names:
            if is_taken(name) or names.count(name) > 1:
                raise invalid_value("[panel] channels", name, name, "the name is taken")
        return self

    @property
    def spec(self) -> PanelSpec:
        """The panel's specification, pairs in both directions."""
        extra = [Channel(n, where_of(c.where), c.measure) for n, c in self.channels.items()]
        directed = [pair for a, b in self.pairs for pair in ((a, b), (b, a))]
        channels = (*extra, *(pair_channel(*pair) for pair in directed))
        return PanelSpec(tuple(self.units), channels, where_of(self.enters))
