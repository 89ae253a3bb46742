"""Download the files of sources, each with its licence."""

from __future__ import annotations

from escalation.events.download.acled import fetch_acled
from escalation.events.download.gdelt import fetch_gdelt
from escalation.events.download.ucdp import fetch_ucdp
from escalation.events.download.web import Downloaded, Web

__all__ = ["Downloaded", "Web", "fetch_acled", "fetch_gdelt", "fetch_ucdp"]
