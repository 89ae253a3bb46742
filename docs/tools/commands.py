"""Write a page for every command: what it does, its real output, and its options."""

from __future__ import annotations

from pathlib import Path

import click
import typer

from escalation.cli import app

OUTPUTS = Path(__file__).parents[1] / "outputs"


def every() -> dict[str, click.Command]:
    """Return all commands by name, those of ``download`` as ``download NAME``."""
    by_name: dict[str, click.Command] = {}
    for name, command in typer.main.get_command(app).commands.items():  # type: ignore[attr-defined]
        if hasattr(command, "commands"):
            by_name |= {f"{name} {sub}": child for sub, child in command.commands.items()}
        else:
            by_name[name] = command
    return by_name


def output_of(name: str) -> str:
    """Return the output of a command, as stored in docs/outputs."""
    return (OUTPUTS / f"{name.replace(' ', '_')}.txt").read_text(encoding="utf-8")


def pages() -> dict[str, str]:
    """Return the page of each command by its path."""
    return {
        f"commands/{name.replace(' ', '-')}.md": _page(name, command)
        for name, command in every().items()
    }


def _page(name: str, command: click.Command) -> str:
    summary = " ".join((command.help or "").split())
    lines = [f"# escalation {name}", "", summary, "", "## Example output", "",
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
        names = ", ".join(f"`{opt}`" for opt in [*parameter.opts, *parameter.secondary_opts])
    else:
        names = f"`{(parameter.name or '').upper()}`"
    text = " ".join((getattr(parameter, "help", None) or "").split()).replace("|", "\\|")
    return f"| {names} | {text} |"
