"""Fetching the files of the sources that readers take, each with its licence."""

from __future__ import annotations

from escalation.download.acled import fetch_acled
from escalation.download.gdelt import fetch_gdelt
from escalation.download.ucdp import fetch_ucdp
from escalation.download.web import Downloaded, Web

__all__ = ["Downloaded", "Web", "fetch_acled", "fetch_gdelt", "fetch_ucdp"]
