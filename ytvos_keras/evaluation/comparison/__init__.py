"""Tables of several results in the paper's layout, with the paper's own rows."""

from ytvos_keras.evaluation.comparison.compare import Comparison, compare
from ytvos_keras.evaluation.comparison.read_results import ResultFile, read_result

__all__ = ["Comparison", "ResultFile", "compare", "read_result"]
