"""The leak audit: checks whether an experiment uses what was not known yet."""

from escalation._util.callable_module import make_callable
from escalation.audit.findings import AuditReport, CheckResult, Finding
from escalation.audit.run import audit

__all__ = ["AuditReport", "CheckResult", "Finding", "audit"]

make_callable(__name__, "escalation.audit.run", "audit")
