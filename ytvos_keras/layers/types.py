"""Types for the signatures of layers and models."""

from typing import Any, TypeAlias

Tensor: TypeAlias = Any
"""A tensor of the backend, a `KerasTensor` while a model is built, or a NumPy array as an input."""

Shape: TypeAlias = tuple[int | None, ...]
"""A shape; None for a size that is unknown when the layer is built."""

Config: TypeAlias = dict[str, Any]
"""What `get_config` returns."""
