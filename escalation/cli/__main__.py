"""``python -m escalation.cli``: the command, if its script is not on the path."""

from escalation.cli import main

main()
