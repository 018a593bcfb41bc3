"""Benchmarks of the package: one module each, run by `ytvos-bench NAME`.

A benchmark module defines `NAME` and `SUMMARY` (strings), `add_arguments(parser)` and
`run(arguments, progress) -> Report`. It imports TensorFlow where it is used, so that `--help` is
fast; a benchmark that does not use it in this process sets `NEEDS_TENSORFLOW = False`. To add one,
write the module and add it to `BENCHMARKS` in `ytvos_keras/cli/bench.py`.
"""
