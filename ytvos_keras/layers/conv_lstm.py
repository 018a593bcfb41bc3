"""Convolutional LSTM: a cell that is one step with explicit state, and a sequence layer over it."""

from typing import Any

import keras
from keras import ops

from ytvos_keras.layers.time import fold_time, recur
from ytvos_keras.layers.types import Config, Shape, Tensor


@keras.saving.register_keras_serializable("ytvos_keras")
class ConvLSTMCell(keras.layers.Layer):
    """One step of a convolutional LSTM (equation 3 of the paper).

    The kernels have the layout and the gate order (input, forget, candidate, output) of
    `keras.layers.ConvLSTM2D`, so weights can be copied either way. Unlike that layer, this one
    accepts unknown height and width, computes all four gates in one convolution, and keeps the cell
    state in float32 under any dtype policy.

    Args:
        filters: Number of channels of both states.
        kernel_size: Side of the two square kernels, in cells of the feature map.
        activation: Activation of the candidate and of the output. The paper uses ReLU, which it
            found better than tanh (section 4.3).

    Call arguments:
        inputs: Features of one frame. A batch of 1 broadcasts to any number of states.
        states: The pair `(hidden, cell)` of the previous step.

    Input shape:
        `inputs`: `(B or 1, H, W, channels)`; each state: `(B, H, W, filters)`.

    Output shape:
        `(hidden, cell)`, both `(B, H, W, filters)`; `hidden` in the compute dtype, `cell` float32.

    Example:
        >>> cell = ConvLSTMCell(8)
        >>> h = c = keras.ops.zeros((1, 4, 7, 8))
        >>> h, c = cell(keras.ops.ones((1, 4, 7, 3)), (h, c))

    References:
        - Shi et al., Convolutional LSTM Network, 2015, without the peephole connections.
        - Section 4.3: 3×3 kernels, Xavier initialization, sigmoid gates, forget-gate bias 1.
    """

    def __init__(
        self, filters: int, kernel_size: int = 3, activation: str = "relu", **kwargs: Any
    ) -> None:
        # Autocast would round the incoming cell state to the compute dtype.
        super().__init__(autocast=False, **kwargs)
        self.filters = filters
        self.kernel_size = kernel_size
        self.activation = keras.activations.get(activation)

    def build(self, inputs_shape: Shape, states_shape: Any = None) -> None:
        size = (self.kernel_size, self.kernel_size)
        gates = 4 * self.filters
        self.kernel = self.add_weight(
            name="kernel", shape=(*size, inputs_shape[-1], gates), initializer="glorot_uniform"
        )
        # Xavier here too (section 4.3); the default of ConvLSTM2D is orthogonal.
        self.recurrent_kernel = self.add_weight(
            name="recurrent_kernel",
            shape=(*size, self.filters, gates),  # (k, k, filters, 4 · filters)
            initializer="glorot_uniform",
        )
        self.bias = self.add_weight(name="bias", shape=(gates,), initializer=self._forget_ones)

    def call(self, inputs: Tensor, states: tuple[Tensor, Tensor]) -> tuple[Tensor, Tensor]:
        return self.step(self.project(inputs), *states)

    def project(self, inputs: Tensor) -> Tensor:
        """Apply the input convolution, bias included: the part of a step that needs no state."""
        # Adding the bias here does it once for all objects and for all steps of a clip.
        return self._convolve(inputs, self.kernel) + ops.cast(self.bias, self.compute_dtype)

    def step(self, projected: Tensor, hidden: Tensor, cell: Tensor) -> tuple[Tensor, Tensor]:
        """Apply the rest of the step.

        Args:
            projected: `project(inputs)`, `(B or 1, H, W, 4 · filters)`.
            hidden: Hidden state of the previous step, `(B, H, W, filters)`.
            cell: Cell state of the previous step, `(B, H, W, filters)`, float32.

        Returns:
            The next `(hidden, cell)`.
        """
        gates = projected + self._convolve(hidden, self.recurrent_kernel)  # (B, H, W, 4 · filters)
        # Equation 3. The cell state accumulates over all frames, so it stays in float32.
        i, f, g, o = ops.split(ops.cast(gates, "float32"), 4, axis=-1)
        cell = ops.sigmoid(f) * ops.cast(cell, "float32") + ops.sigmoid(i) * self.activation(g)
        hidden = ops.sigmoid(o) * self.activation(cell)
        return ops.cast(hidden, self.compute_dtype), cell

    def compute_output_shape(
        self, inputs_shape: Shape, states_shape: tuple[Shape, Shape]
    ) -> tuple[Shape, Shape]:
        return tuple(states_shape[0]), tuple(states_shape[1])

    def compute_output_spec(self, *args: Any, **kwargs: Any) -> tuple[keras.KerasTensor, ...]:
        return _with_float32_cell(super().compute_output_spec(*args, **kwargs))

    def get_config(self) -> Config:
        return {
            **super().get_config(),
            "filters": self.filters,
            "kernel_size": self.kernel_size,
            "activation": keras.activations.serialize(self.activation),
        }

    def _convolve(self, x: Tensor, kernel: Tensor) -> Tensor:
        # Cast explicitly: with `autocast=False`, kernels may still be float32.
        x, kernel = (ops.cast(tensor, self.compute_dtype) for tensor in (x, kernel))
        return ops.conv(x, kernel, padding="same", data_format="channels_last")

    def _forget_ones(self, shape: Shape, dtype: str | None = None) -> Tensor:
        """Zeros, and ones for the forget gate (Jozefowicz et al., 2015)."""
        zeros = ops.zeros((self.filters,), dtype=dtype)
        return ops.concatenate([zeros, ops.ones((self.filters,), dtype=dtype), zeros, zeros])


@keras.saving.register_keras_serializable("ytvos_keras")
class ConvLSTM(keras.layers.Layer):
    """A `ConvLSTMCell` run over a sequence.

    The input convolutions of all time steps run as one call; each step then needs a single fused
    recurrent convolution.

    Args:
        filters: Number of channels of both states.
        kernel_size: Side of the two square kernels.
        activation: Activation of the candidate and of the output.

    Call arguments:
        sequence: Features of T frames.
        initial_state: The pair `(hidden, cell)` before the first frame; zeros by default.

    Input shape:
        `(B, T, H, W, channels)`; each state `(B, H, W, filters)`. T, H and W may be unknown.

    Output shape:
        `(hidden states, hidden, cell)`: `(B, T, H, W, filters)` and the two states after the last
        frame.

    Example:
        >>> layer = ConvLSTM(8)
        >>> sequence, hidden, cell = layer(keras.ops.ones((1, 5, 4, 7, 3)))
    """

    def __init__(
        self, filters: int, kernel_size: int = 3, activation: str = "relu", **kwargs: Any
    ) -> None:
        super().__init__(autocast=False, **kwargs)
        self.cell = ConvLSTMCell(
            filters, kernel_size, activation, dtype=self.dtype_policy, name="cell"
        )

    def build(self, sequence_shape: Shape, initial_state_shape: Any = None) -> None:
        self.cell.build((sequence_shape[0], *sequence_shape[2:]))

    def call(
        self, sequence: Tensor, initial_state: tuple[Tensor, Tensor] | None = None
    ) -> tuple[Tensor, Tensor, Tensor]:
        projected = fold_time(self.cell.project, sequence)  # (B, T, H, W, 4 · filters)
        if initial_state is None:
            # `zeros_like` a slice, because B, H and W may be unknown when the graph is traced.
            zeros = ops.zeros_like(projected[:, 0, ..., : self.cell.filters])
            initial_state = (zeros, ops.cast(zeros, "float32"))

        def step(states: tuple[Tensor, Tensor], projected: Tensor, _: Any) -> tuple[Any, Tensor]:
            hidden, cell = self.cell.step(projected, *states)
            return (hidden, cell), hidden

        # Loop variables must keep their dtype, so cast the states to the dtypes a step returns.
        hidden, cell = (
            ops.cast(state, dtype)
            for state, dtype in zip(initial_state, (self.compute_dtype, "float32"), strict=True)
        )
        (hidden, cell), outputs = recur(step, (hidden, cell), projected)
        return outputs, hidden, cell

    def compute_output_shape(
        self, sequence_shape: Shape, initial_state_shape: Any = None
    ) -> tuple[Shape, Shape, Shape]:
        state = (sequence_shape[0], *sequence_shape[2:4], self.cell.filters)
        return (*sequence_shape[:4], self.cell.filters), state, state

    def compute_output_spec(self, *args: Any, **kwargs: Any) -> tuple[keras.KerasTensor, ...]:
        return _with_float32_cell(super().compute_output_spec(*args, **kwargs))

    def get_config(self) -> Config:
        cell = self.cell.get_config()
        own = {name: cell[name] for name in ("filters", "kernel_size", "activation")}
        return {**super().get_config(), **own}


def _with_float32_cell(specs: tuple[keras.KerasTensor, ...]) -> tuple[keras.KerasTensor, ...]:
    """Declare the last output, the cell state, as float32; Keras assumes the compute dtype."""
    *others, cell = specs
    return *others, keras.KerasTensor(cell.shape, "float32")
