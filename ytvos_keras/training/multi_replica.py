"""Make `fit` on several devices equivalent to one device with the whole batch.

Keras 3 lets `tf.distribute` replicate a model, but combines the parts of the batch too late (Keras
3.15, TensorFlow 2.21):

* The loss is averaged on each replica, then over replicas, so annotated frames weigh more on a
  replica that has few of them. Here the mean is over the frames of all replicas.
* Gradients are clipped, and checked for overflow of float16, before they are summed
  (https://github.com/tensorflow/tensorflow/issues/33929). Here they are summed first.
* Gradient accumulation fails: its condition contains a `merge_call`
  (https://github.com/keras-team/tf-keras/issues/301). Here the condition is outside.
* `fit` fails under `MultiWorkerMirroredStrategy`: when it builds the model from a first batch, and
  when it averages the logs, which are scalars, over their first axis
  (https://github.com/keras-team/keras/issues/20585,
  https://github.com/keras-team/keras/issues/20329). Here the model is already built, and logs have
  an axis.
"""

from typing import Any

import keras
import tensorflow as tf
from keras import ops

from ytvos_keras.training.devices import Devices

_SUM = tf.distribute.ReduceOp.SUM


def compile_replicated(
    model: keras.Model,
    devices: Devices,
    *,
    optimizer: keras.optimizers.Optimizer,
    loss: keras.losses.Loss,
    **options,
) -> None:
    """Compile a model so that training on several devices equals training on one.

    Weights agree up to the order of summation: to 1e-4 after several steps in float32. Call this
    within `devices.scope()`, and create model, metrics and optimizer there too. With one device,
    this is just `model.compile`. Any optimizer works, including accumulation, clipping and
    averages; the loss must have the reduction `"mean_with_sample_weight"`.
    """
    if devices.strategy is None:
        model.compile(optimizer=optimizer, loss=loss, **options)
        return
    if tf.distribute.get_strategy() is not devices.strategy:
        raise ValueError(
            "compile_replicated must be called within devices.scope(): metrics that are created "
            "outside it only count the clips of one worker."
        )
    if model.dtype_policy.name == "mixed_float16":  # before `compile` does
        optimizer = keras.optimizers.LossScaleOptimizer(optimizer)
    model.compile(optimizer=replicate_optimizer(optimizer), loss=ReplicatedMean(loss), **options)
    model.optimizer.build(model.trainable_variables)
    # The model is built, but Keras would still run it on a batch, which fails with several workers.
    model._maybe_symbolic_build = lambda **_: None
    if devices.workers > 1:
        model.train_step = _with_an_axis(type(model).train_step, model)
        model.test_step = _with_an_axis(type(model).test_step, model)


class ReplicatedMean(keras.losses.Loss):
    """The weighted mean of a loss over the frames of all replicas.

    Each replica returns its share of that mean: the values add up to the mean, and their gradients
    to its gradient. The loss must have the reduction `"mean_with_sample_weight"`.
    """

    def __init__(self, loss: keras.losses.Loss):
        super().__init__(name=loss.name, dtype=loss.dtype)
        self.loss = loss

    def __call__(self, y_true, y_pred, sample_weight=None):
        mean = self.loss(y_true, y_pred, sample_weight)  # Keras has divided it by the replicas
        if sample_weight is None:  # parts are of equal size
            return mean
        replica = tf.distribute.get_replica_context()
        own = ops.sum(ops.cast(sample_weight, mean.dtype))
        # With R replicas, own sum S and own weight w, the mean is S ÷ w ÷ R; it becomes S ÷ Σw.
        average = replica.all_reduce(_SUM, own) / replica.num_replicas_in_sync
        # 0 ÷ 0 for a batch without any annotated frame.
        return mean * ops.divide_no_nan(own, average)


def replicate_optimizer(optimizer: keras.optimizers.Optimizer) -> keras.optimizers.Optimizer:
    """Return a copy of an optimizer that first sums the gradients of all replicas.

    It must not be built yet. Call this in the scope of the strategy.
    """
    # A class created on the fly, so that any optimizer can be replicated.
    kind = type(optimizer)
    replicated: Any = type(f"Replicated{kind.__name__}", (_Replicated, kind), {})
    if isinstance(optimizer, keras.optimizers.LossScaleOptimizer):
        inner = replicate_optimizer(optimizer.inner_optimizer)
        return replicated(inner, optimizer.initial_scale, optimizer.dynamic_growth_steps)
    return replicated.from_config(optimizer.get_config())


# Of type Any, because `replicate_optimizer` adds the attributes of an optimizer.
_Optimizer: Any = object


class _Replicated(_Optimizer):
    """Mixin to put before the class of a Keras optimizer."""

    def apply_gradients(self, grads_and_vars):
        # `train_step` calls this on the outermost optimizer; inner ones get the sums in `apply`.
        gradients, variables = zip(*grads_and_vars, strict=True)
        sums = tf.distribute.get_replica_context().all_reduce(_SUM, list(gradients))
        return super().apply_gradients(zip(sums, variables, strict=True))

    def _all_reduce_sum_gradients(self, grads_and_vars):
        return grads_and_vars  # gradients are already summed

    def build(self, variables):
        if not self.built:  # LossScaleOptimizer would build again
            super().build(variables)

    def _backend_apply_gradients(self, gradients, variables):
        if self.gradient_accumulation_steps:
            replica = tf.distribute.get_replica_context()
            replica.merge_call(self._accumulate, args=(gradients, variables))
        else:
            super()._backend_apply_gradients(gradients, variables)

    def _accumulate(self, strategy, gradients, variables):
        """Like Keras' version, with the condition outside the replicas."""

        def on_every_replica(function):
            arguments = (gradients, variables)
            return lambda: strategy.extended.call_for_each_replica(function, args=arguments)

        is_last = (self._iterations + 1) % self.gradient_accumulation_steps == 0
        tf.cond(is_last, on_every_replica(self._step), on_every_replica(self._wait))
        # After every batch, as in Keras, even if no step is taken.
        on_every_replica(self._average)()

    def _step(self, gradients, variables):
        means = [
            (gradient + earlier) / self.gradient_accumulation_steps
            for gradient, earlier in zip(gradients, self._earlier(variables), strict=True)
        ]
        # Clipped after averaging, like a single large batch.
        means = self._clip_gradients(means)
        self._apply_weight_decay(variables)
        self._backend_update_step(means, variables, self.learning_rate)
        self._backend_reset_gradient_accumulators()

    def _wait(self, gradients, variables):
        self._backend_increment_gradient_accumulators(gradients, self._earlier(variables))

    def _average(self, _, __):
        if self.use_ema:
            self._update_model_variables_moving_average(self._trainable_variables)

    def _earlier(self, variables):
        return [self._accumulated_gradients[self._get_variable_index(v)] for v in variables]


def _with_an_axis(step, model):
    """Give logs the shape (1,): `fit` averages them over that axis."""
    return lambda data: {name: value[None] for name, value in step(model, data).items()}
