"""Which number types this machine computes with in hardware."""

from pathlib import Path

import tensorflow as tf

_CPU = Path("/proc/cpuinfo")


def has_bfloat16() -> bool:
    """Whether bfloat16 runs on a GPU or by instructions of the CPU, rather than being emulated.

    Assumed where the CPU does not say (only Linux does).
    """
    if tf.config.list_physical_devices("GPU") or not _CPU.is_file():
        return True
    flags = _CPU.read_text(errors="replace")
    # avx512_bf16 or amx_bf16 on x86.
    return "bf16" in flags or "flags" not in flags  # other architectures list other things
