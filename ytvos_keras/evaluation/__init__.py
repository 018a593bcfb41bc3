"""How good masks are."""

from ytvos_keras.evaluation.region_similarity import region_similarity

__all__ = ["region_similarity"]
