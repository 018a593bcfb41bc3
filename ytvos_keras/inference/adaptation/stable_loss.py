"""When learning goes on to no purpose."""


class StableLoss:
    """Tells when a noisy loss has stopped to fall.

    The loss is smoothed exponentially. It is stable when for `patience` steps in a row it has not
    fallen by the share `improvement` below its best.

    Args:
        patience: number of steps; None: a loss is never stable.
        improvement: share, 0–1.
    """

    smoothing = 0.9
    """Weight of the past in the smoothed loss."""

    def __init__(self, patience: int | None, improvement: float):
        self.patience, self.improvement = patience, improvement
        self._smoothed, self._best, self._waited = None, float("inf"), 0

    def add(self, loss: float) -> bool:
        """Take the loss of one more step, and return whether it is stable."""
        before = loss if self._smoothed is None else self._smoothed
        self._smoothed = self.smoothing * before + (1 - self.smoothing) * loss
        if self._smoothed < self._best * (1 - self.improvement):
            self._best, self._waited = self._smoothed, 0
        else:
            self._waited += 1
        return self.patience is not None and self._waited >= self.patience
