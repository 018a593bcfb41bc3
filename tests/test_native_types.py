import pytest
import tensorflow as tf

from ytvos_keras.layers import native_types
from ytvos_keras.layers.native_types import has_bfloat16


@pytest.mark.parametrize(
    ("capabilities", "native"),
    [([(8, 0)], True), ([(7, 5)], False), ([(9, 0), (7, 0)], False), ([None], True)],
)
def test_bfloat16_needs_all_gpus_to_support_it(capabilities, native, monkeypatch):
    def details(capability):
        return {"compute_capability": capability} if capability else {}

    monkeypatch.setattr(tf.config, "list_physical_devices", lambda kind: capabilities)
    monkeypatch.setattr(tf.config.experimental, "get_device_details", details)
    assert has_bfloat16() is native


@pytest.mark.parametrize(
    ("cpu", "native"),
    [
        ("flags : fma avx2", False),
        ("flags : avx512_bf16", True),
        ("flags : amx_bf16 amx_tile", True),
        ("Features : fp asimd", False),
        ("Features : fp asimd bf16", True),
        (None, True),
    ],
)
def test_bfloat16_depends_on_the_cpu(cpu, native, tmp_path, monkeypatch):
    facts = tmp_path / "cpuinfo"
    if cpu is not None:
        facts.write_text(cpu)
    monkeypatch.setattr(native_types, "_CPU", facts)
    assert has_bfloat16() is native
