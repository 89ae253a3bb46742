"""``python -m escalation.cli``: the command, for where its script is not on the path."""

from escalation.cli import main

main()
