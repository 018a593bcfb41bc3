"""Write and check zip files for the servers of YouTube-VOS and DAVIS."""

from ytvos_keras.evaluation.submission.check import check_submission
from ytvos_keras.evaluation.submission.faults import Fault, SubmissionError
from ytvos_keras.evaluation.submission.submission_plan import plan_submission
from ytvos_keras.evaluation.submission.write import write_submission

__all__ = [
    "Fault",
    "SubmissionError",
    "check_submission",
    "plan_submission",
    "write_submission",
]
