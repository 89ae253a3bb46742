"""Type checks of TOML tables: no unknown keys, no coercion, and a fix in every error."""

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

PIPELINE_ARGUMENTS = frozenset({"panel", "local", "rows", "horizon", "label", "seed"})
"""Arguments that the pipeline supplies, so an experiment file can't."""


class AsWritten(BaseModel):
    """A pydantic model that coerces nothing to a number or a day."""

    @field_validator("*", mode="wrap")
    @classmethod
    def _require_as_written(cls, value: Any, convert: ValidatorFunctionWrapHandler) -> Any:
        converted = convert(value)
        require_as_written(value, converted)
        return converted


class Section(AsWritten):
    """Base of all sections: frozen, no unknown keys, no coercion."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=False)


def invalid_value(where: str, key: str, value: object, message: str) -> UsageError:
    """The ``E-CONFIG`` error for an invalid value.

    Parameters
    ----------
    where, key : str
        Table of the file, and the key in it.
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


def unknown_name(where: str, name: str, known: Collection[str]) -> UsageError:
    """The ``E-CONFIG`` error for an unknown name; its fix suggests the closest known one.

    Parameters
    ----------
    where, name : str
        Table of the file, and the unknown name in it.
    known : collection of str
        Valid names.
    """
    fix = did_you_mean(name, known, "remove it or correct its name")
    if ":" in name:
        fix = "give the file that defines it: --plugin FILE"
    return UsageError(
        "E-CONFIG", f"expected one of {', '.join(known)}", where=where, value=name, fix=fix
    )


def check_parameters(
    registry: Mapping[str, Callable[..., Any]], section: str, name: str, values: Mapping[str, Any]
) -> dict[str, Any]:
    """Check the parameters of a registered function or class against its signature.

    Parameters
    ----------
    registry : mapping of str to callable
        Their keyword-only, annotated parameters are the schema.
    section, name : str
        The table of the experiment file, for the message, and the name in the registry.
    values : mapping
        Parameters as written.

    Returns
    -------
    dict
        The same parameters, converted to their types.

    Raises
    ------
    UsageError
        ``E-CONFIG`` for an unknown name, an unknown parameter or a wrong type.
    """
    if name not in registry:
        raise unknown_name(f"[{section}]", name, registry)
    member = registry[name]
    hints = get_type_hints(member.__init__ if inspect.isclass(member) else member)
    known = {
        key: (hints.get(key, Any), parameter.default)
        for key, parameter in inspect.signature(member).parameters.items()
        if key not in PIPELINE_ARGUMENTS and parameter.kind is not inspect.Parameter.VAR_KEYWORD
    }
    return check_values(f"[{section}.{name}]", known, values)


class _Parameters(AsWritten):
    model_config = ConfigDict(arbitrary_types_allowed=True)


def check_values(
    where: str, known: Mapping[str, tuple[Any, Any]], values: Mapping[str, Any]
) -> dict[str, Any]:
    """Check the values of a table against the type of each key, and convert them.

    Parameters
    ----------
    where : str
        Table of the file, for the message.
    known : mapping of str to tuple
        Type and default of each key; ``inspect.Parameter.empty`` if it is required.
    values : mapping
        As written.

    Raises
    ------
    UsageError
        ``E-CONFIG`` for an unknown key, a wrong type or a missing value.
    """
    for key in values:
        if key not in known:
            raise unknown_name(where, key, known)
    fields = {k: (h, ... if d is inspect.Parameter.empty else d) for k, (h, d) in known.items()}
    model = create_model("Parameters", __base__=_Parameters, **fields)  # type: ignore[call-overload]
    try:
        converted = model(**values)
    except ValidationError as error:
        raise from_pydantic(where, error) from None
    return {key: getattr(converted, key) for key in values}


def from_pydantic(where: str, error: ValidationError) -> UsageError:
    """Turn the first of pydantic's errors into ``E-CONFIG``."""
    first = error.errors()[0]
    key = ".".join(str(part) for part in first["loc"])
    fix = f"change the value of {key}"
    if first["type"] == "missing":
        fix = f"add {key}; `escalation init EVENTS.csv` writes a whole experiment file"
    elif first["type"].startswith("date"):
        fix += " to a day such as 2020-03-11"
    return UsageError(
        "E-CONFIG",
        f"invalid value: {first['msg'].removeprefix('Value error, ')}",
        where=where,
        column=key,
        value=first.get("input"),
        fix=fix,
    )


def require_known_keys(where: str, section: type[BaseModel], table: Mapping[str, Any]) -> None:
    """Reject the first key, at any depth, that a table's section does not have.

    Parameters
    ----------
    where : str
        The file, for the message.
    section : type of BaseModel
        Describes the table.
    table : mapping
        As parsed from TOML.

    Raises
    ------
    UsageError
        ``E-CONFIG``.
    """
    for key, value in table.items():
        if key not in section.model_fields:
            raise unknown_name(where, key, section.model_fields)
        inner = section.model_fields[key].annotation
        if inspect.isclass(inner) and issubclass(inner, BaseModel) and isinstance(value, Mapping):
            require_known_keys(f"{where} [{key}]", inner, value)
