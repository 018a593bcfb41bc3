"""Number types that this machine supports in hardware."""

import logging
import re
from pathlib import Path

import tensorflow as tf

logger = logging.getLogger(__name__)

_CPU = Path("/proc/cpuinfo")
_AMPERE = (8, 0)  # compute capability of the first NVIDIA GPUs with bfloat16


def has_bfloat16() -> bool:
    """Whether bfloat16 has hardware support, on a GPU or in the CPU, rather than being emulated.

    Assumed to be so for GPUs that report no compute capability, and where the system does not list
    the CPU's features (only Linux does).
    """
    if gpus := tf.config.list_physical_devices("GPU"):
        details = map(tf.config.experimental.get_device_details, gpus)
        return all(gpu.get("compute_capability", _AMPERE) >= _AMPERE for gpu in details)
    # The system's description of the CPU; empty where there is none.
    flags = _CPU.read_text(errors="replace") if _CPU.is_file() else ""
    # avx512_bf16 or amx_bf16 on x86, bf16 on ARM.
    return "bf16" in flags or not re.search("^(flags|Features)", flags, re.MULTILINE)


def warn_if_emulated(precision: str | None) -> None:
    """Warn about a dtype policy that this machine would have to emulate."""
    if precision == "mixed_bfloat16" and not has_bfloat16():
        logger.warning(
            "this machine has no bfloat16 instructions, so mixed_bfloat16 is emulated and slow; "
            "use --precision float32."
        )
