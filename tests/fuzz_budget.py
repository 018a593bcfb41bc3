"""Budget of the fuzzing tests: inputs, time and memory."""

import itertools
import os
import resource
import time

SECONDS = float(os.environ.get("YTVOS_FUZZ_SECONDS", "0"))  # minimum per reader
COUNT = int(os.environ.get("YTVOS_FUZZ_INPUTS", "60"))  # minimum per fast reader
SEED = os.environ.get("YTVOS_FUZZ_SEED", "0")
LONGEST = 60  # seconds for one input
LARGEST = 2**30  # bytes above the previous peak


def inputs(cost=1):
    """Count a reader's inputs until both its input count and its time are used up."""
    begin = time.monotonic()
    for count in itertools.count(1):
        yield count
        if count >= COUNT / cost and time.monotonic() >= begin + SECONDS:
            return


def peak_memory():
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
