"""What was done to the data and how the model does, as one page and as the same in JSON."""

from headrace.report.write import write_report

__all__ = ["write_report"]
