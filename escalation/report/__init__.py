"""The report page: one self-contained HTML file."""

from escalation.report.page_data import ReportData, report_data, training_pages
from escalation.report.write import page, write_report

__all__ = ["ReportData", "page", "report_data", "training_pages", "write_report"]
