"""Deterministic random numbers in TensorFlow graphs.

They depend on a seed and on the order of the draws, never on time or threads.
"""

import tensorflow as tf


class Draws:
    """A stream of stateless draws: the same seed gives the same values in the same order.

    Args:
        seed: int32 tensor of shape (2,).

    Example:
        ```python
        draws = Draws([1, 2])
        draws.uniform((), 0.0, 1.0)  # a new value at each call, the same sequence in each run
        ```
    """

    def __init__(self, seed):
        self._seed = tf.convert_to_tensor(seed, tf.int32)
        self._count = 0

    @classmethod
    def of_element(cls, seed: int, element) -> "Draws":
        """Create the draws for one element, a scalar integer tensor, of the stream `seed`."""
        # Hashed: sums of seed and number would collide with those of `next_seed` in other clips.
        folded = tf.random.fold_in([seed & 0x7FFFFFFF, 0], tf.cast(element, tf.int64))
        return cls(tf.cast(folded, tf.int32))

    def next_seed(self) -> tf.Tensor:
        """A new int32 seed of shape (2,), for a stateless op of TensorFlow."""
        self._count += 1
        # Counted while tracing, so the order of calls in the code is the order of draws.
        return self._seed + tf.constant([0, self._count], tf.int32)

    def fork(self) -> "Draws":
        """An independent stream, for a branch of `tf.cond` or a part that draws on its own.

        `Draws(draws.next_seed())` would repeat the seeds of the next draws.
        """
        self._count += 1
        return Draws(tf.random.fold_in(self._seed, self._count))

    def uniform(self, shape=(), low=0.0, high=1.0) -> tf.Tensor:
        """Floats in [low, high)."""
        return tf.random.stateless_uniform(shape, self.next_seed(), low, high)

    def log_uniform(self, shape, low: float, high: float) -> tf.Tensor:
        """Floats in [low, high) whose logarithm is uniform."""
        return tf.exp(self.uniform(shape, tf.math.log(low), tf.math.log(high)))

    def normal(self, shape=(), deviation=1.0) -> tf.Tensor:
        """Normal floats of mean 0."""
        return tf.random.stateless_normal(shape, self.next_seed(), 0.0, deviation)

    def integer(self, low, high) -> tf.Tensor:
        """One int32 in [low, high)."""
        return tf.random.stateless_uniform((), self.next_seed(), low, high, tf.int32)

    def coin(self, probability, shape=()) -> tf.Tensor:
        """1.0 with the given probability, else 0.0."""
        return tf.cast(self.uniform(shape) < probability, tf.float32)
