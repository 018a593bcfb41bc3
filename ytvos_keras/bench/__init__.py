"""Benchmarks of the package: one module each, run by `ytvos-bench NAME`.

A benchmark module holds `NAME` and `SUMMARY` (strings), `add_arguments(parser)` and
`run(arguments, progress) -> Report`. It imports TensorFlow where it uses it, so that `--help` is
quick; one that does without holds `NEEDS_TENSORFLOW = False`. To add one, write the module and add
it to `BENCHMARKS` in `ytvos_keras/cli/bench.py`.
"""
