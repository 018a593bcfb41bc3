"""How much the fuzzing tests do, and what they may take."""

import itertools
import os
import resource
import time

SECONDS = float(os.environ.get("YTVOS_FUZZ_SECONDS", "0"))  # at least, for each reader
COUNT = int(os.environ.get("YTVOS_FUZZ_INPUTS", "150"))  # at least, for each reader that is fast
SEED = os.environ.get("YTVOS_FUZZ_SEED", "0")
LONGEST = 60  # seconds for one input
LARGEST = 2**30  # bytes above what the process has taken before


def inputs(cost=1):
    """Count the inputs of a reader until it has had its share of numbers and of time."""
    begin = time.monotonic()
    for count in itertools.count(1):
        yield count
        if count >= COUNT / cost and time.monotonic() >= begin + SECONDS:
            return


def peak_memory():
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
