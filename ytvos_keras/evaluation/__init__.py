"""Evaluation: J and F of masks by the rules of the benchmarks, without TensorFlow."""

from ytvos_keras.evaluation.contour_accuracy import contour_accuracy
from ytvos_keras.evaluation.evaluate import evaluate
from ytvos_keras.evaluation.frame_scores import score_frame
from ytvos_keras.evaluation.region_similarity import region_similarity
from ytvos_keras.evaluation.results import Evaluation, ObjectScores, Summary
from ytvos_keras.evaluation.statistics import Statistics, statistics_over_frames
from ytvos_keras.evaluation.write_results import write_csv, write_json

__all__ = [
    "Evaluation",
    "ObjectScores",
    "Statistics",
    "Summary",
    "contour_accuracy",
    "evaluate",
    "region_similarity",
    "score_frame",
    "statistics_over_frames",
    "write_csv",
    "write_json",
]
