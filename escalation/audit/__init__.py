"""The leak audit: does an experiment use what could not yet be known?"""

from escalation.audit.findings import Done, Finding, Report
from escalation.audit.run import audit

__all__ = ["Done", "Finding", "Report", "audit"]
