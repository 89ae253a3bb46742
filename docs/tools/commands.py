"""A page for every command: what it does, its options, and what it really printed."""

from __future__ import annotations

from pathlib import Path

import click
import typer

from escalation.cli import app

OUTPUTS = Path(__file__).parents[1] / "outputs"


def every() -> dict[str, click.Command]:
    """Commands by name, those of ``download`` under ``download NAME``."""
    found: dict[str, click.Command] = {}
    for name, command in typer.main.get_command(app).commands.items():  # type: ignore[attr-defined]
        if hasattr(command, "commands"):
            found |= {f"{name} {below}": one for below, one in command.commands.items()}
        else:
            found[name] = command
    return found


def output_of(name: str) -> str:
    """What was printed when the command was typed, kept in docs/outputs."""
    return (OUTPUTS / f"{name.replace(' ', '_')}.txt").read_text(encoding="utf-8")


def pages() -> dict[str, str]:
    """The page of each command by its path."""
    return {
        f"commands/{name.replace(' ', '-')}.md": _page(name, command)
        for name, command in every().items()
    }


def _page(name: str, command: click.Command) -> str:
    words = " ".join((command.help or "").split())
    lines = [f"# escalation {name}", "", words, "", "## As it prints", "",
             "```text", output_of(name).rstrip(), "```", ""]  # fmt: skip
    rows = [row for parameter in command.params if (row := _row(parameter))]
    if rows:
        lines += ["## Arguments and options", "", "| | |", "| --- | --- |", *rows, ""]
    if command.epilog:
        lines += [" ".join(command.epilog.split()), ""]
    return "\n".join(lines)


def _row(parameter: click.Parameter) -> str:
    if parameter.name == "help":
        return ""
    if isinstance(parameter, click.Option) or (
        hasattr(parameter, "secondary_opts") and parameter.opts[0].startswith("-")
    ):
        named = ", ".join(f"`{one}`" for one in [*parameter.opts, *parameter.secondary_opts])
    else:
        named = f"`{(parameter.name or '').upper()}`"
    words = " ".join((getattr(parameter, "help", None) or "").split()).replace("|", "\\|")
    return f"| {named} | {words} |"
