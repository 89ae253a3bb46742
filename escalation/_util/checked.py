"""A table of a TOML file, checked: nothing unknown, nothing coerced, every error with its fix."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Collection, Mapping
from typing import Any, get_type_hints

from pydantic import (
    BaseModel,
    ConfigDict,
    ValidationError,
    ValidatorFunctionWrapHandler,
    create_model,
    field_validator,
)

from escalation._util.as_written import require_as_written
from escalation.errors import UsageError, did_you_mean

GIVEN = frozenset({"panel", "local", "rows", "horizon", "label", "seed"})
"""Arguments that the pipeline supplies, so that an experiment file can't."""


class AsWritten(BaseModel):
    """A check of types that turns nothing into a number or a day."""

    @field_validator("*", mode="wrap")
    @classmethod
    def _require_as_written(cls, value: Any, check: ValidatorFunctionWrapHandler) -> Any:
        made = check(value)
        require_as_written(value, made)
        return made


class Section(AsWritten):
    """Base of all sections: frozen, nothing unknown, nothing coerced."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=False)


def invalid(where: str, key: str, value: object, message: str) -> UsageError:
    """The error for a value that is not possible, ``E-CONFIG``.

    Parameters
    ----------
    where, key : str
        The table of the file and the key in it.
    value : object
        As written.
    message : str
        What is needed instead.
    """
    return UsageError(
        "E-CONFIG",
        f"invalid value: {message}",
        where=where,
        column=key,
        value=value,
        fix=f"change the value of {key}",
    )


def refuse(where: str, key: str, known: Collection[str]) -> UsageError:
    """The error for a name that there is not, ``E-CONFIG``, with the nearest one that there is.

    Parameters
    ----------
    where, key : str
        The table of the file and the unknown name in it.
    known : collection of str
        Names that there are.
    """
    hint = did_you_mean(key, known, "remove it or correct its name")
    if ":" in key:
        hint = "give the file that defines it: --plugin FILE"
    return UsageError(
        "E-CONFIG", f"expected one of {', '.join(known)}", where=where, value=key, fix=hint
    )


def checked(
    registry: Mapping[str, Callable[..., Any]], section: str, name: str, values: Mapping[str, Any]
) -> dict[str, Any]:
    """Parameters of a registered member, checked against its signature.

    Parameters
    ----------
    registry : mapping of str to callable
        Keyword-only, annotated parameters are the schema.
    section, name : str
        Where it stands in the experiment file, for the message.
    values : mapping
        Parameters as written.

    Returns
    -------
    dict
        The parameters given, converted to their types.

    Raises
    ------
    UsageError
        ``E-CONFIG`` for an unknown member, an unknown parameter or a wrong type.
    """
    if name not in registry:
        raise refuse(f"[{section}]", name, registry)
    member = registry[name]
    hints = get_type_hints(member.__init__ if inspect.isclass(member) else member)
    known = {
        key: (hints.get(key, Any), parameter.default)
        for key, parameter in inspect.signature(member).parameters.items()
        if key not in GIVEN and parameter.kind is not inspect.Parameter.VAR_KEYWORD
    }
    return typed(f"[{section}.{name}]", known, values)


class _Parameters(AsWritten):
    """Of a registered member."""

    model_config = ConfigDict(arbitrary_types_allowed=True)


def typed(
    where: str, known: Mapping[str, tuple[Any, Any]], values: Mapping[str, Any]
) -> dict[str, Any]:
    """Values checked against their types, in a table of which every key is known.

    Parameters
    ----------
    where : str
        The table of the file, for the message.
    known : mapping of str to tuple
        Type and default by key; ``inspect.Parameter.empty`` where one must be given.
    values : mapping
        As written.

    Raises
    ------
    UsageError
        ``E-CONFIG`` for an unknown key, a wrong type or a missing value.
    """
    for key in values:
        if key not in known:
            raise refuse(where, key, known)
    fields = {k: (h, ... if d is inspect.Parameter.empty else d) for k, (h, d) in known.items()}
    model = create_model("Parameters", __base__=_Parameters, **fields)  # type: ignore[call-overload]
    try:
        made = model(**values)
    except ValidationError as error:
        raise from_pydantic(where, error) from None
    return {key: getattr(made, key) for key in values}


def from_pydantic(where: str, error: ValidationError) -> UsageError:
    """The first of several wrong values as an error of ours, ``E-CONFIG``."""
    first = error.errors()[0]
    key = ".".join(str(part) for part in first["loc"])
    return UsageError(
        "E-CONFIG",
        f"invalid value: {first['msg'].removeprefix('Value error, ')}",
        where=where,
        column=key,
        value=first.get("input"),
        fix=_cure(first["type"], key),
    )


def _cure(kind: str, key: str) -> str:
    if kind == "missing":
        return f"add {key}; `escalation init EVENTS.csv` writes a whole experiment file"
    example = " to a day such as 2020-03-11" if kind.startswith("date") else ""
    return f"change the value of {key}{example}"


def require_known_keys(where: str, section: type[BaseModel], table: Mapping[str, Any]) -> None:
    """Refuse the first key of a table, or of a table within it, that its section does not have.

    Parameters
    ----------
    where : str
        The file, for the message.
    section : type of BaseModel
        What the table describes.
    table : mapping
        As TOML gives it.

    Raises
    ------
    UsageError
        ``E-CONFIG``.
    """
    for key, value in table.items():
        if key not in section.model_fields:
            raise refuse(where, key, section.model_fields)
        inner = section.model_fields[key].annotation
        if inspect.isclass(inner) and issubclass(inner, BaseModel) and isinstance(value, Mapping):
            require_known_keys(f"{where} [{key}]", inner, value)
