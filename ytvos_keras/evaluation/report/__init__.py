"""HTML reports. Matplotlib and Jinja are imported only when needed."""

from ytvos_keras.evaluation.report.strips import SequencePictures
from ytvos_keras.evaluation.report.write_report import check_plots_installed, write_report

__all__ = ["SequencePictures", "check_plots_installed", "write_report"]
