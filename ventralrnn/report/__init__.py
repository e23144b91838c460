"""One page, in one file, over recordings and results."""

from ventralrnn.report.page import write_report

__all__ = ["write_report"]
