"""The page that an analyst opens: one HTML file that needs nothing else."""

from escalation.report.story import Story, story_of, story_of_training
from escalation.report.write import page, write_report

__all__ = ["Story", "page", "story_of", "story_of_training", "write_report"]
