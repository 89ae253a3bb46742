"""The leak audit: does an experiment use what could not yet be known?"""

from escalation.audit.findings import AuditReport, CheckResult, Finding
from escalation.audit.run import audit

__all__ = ["AuditReport", "CheckResult", "Finding", "audit"]
