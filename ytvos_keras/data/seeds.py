"""Deterministic NumPy generators, keyed by seed, purpose and numbers."""

import functools
import zlib

import numpy as np

_MASK = 0x7FFFFFFF


def generator(seed: int, purpose: str, *numbers: int) -> np.random.Generator:
    """Create an independent random generator for a purpose and a sequence of numbers from 0 on.

    A purpose, such as "frames", always takes the same count of numbers.

    Example:
        >>> generator(1, "frames", 7).integers(100) == generator(1, "frames", 7).integers(100)
        True
    """
    # crc32, since `hash` of a text differs between processes; seeds must not be negative.
    return np.random.default_rng([seed & _MASK, zlib.crc32(purpose.encode()), *numbers])


def shuffled(n: int, seed: int, count: int) -> tuple[int, int]:
    """Element n of an endless sequence of permutations of the numbers 0 … count - 1.

    Returns the number, and how many permutations came before.
    """
    epoch, place = divmod(n, count)
    return int(_permutation(seed, epoch, count)[place]), epoch


# A permutation serves a whole pass; around its end, threads need two per sampler.
@functools.lru_cache(maxsize=8)
def _permutation(seed: int, epoch: int, count: int) -> np.ndarray:
    return generator(seed, "order", epoch).permutation(count)
