"""Stream a clip through a SavedModel with TensorFlow's C API, without importing TensorFlow.

    python c_api_session.py LIBRARY SAVED_MODEL IO.json CLIP.npz OUTPUT.npz

The C++ loader reads graph, weights and tags as TensorFlow Serving does. IO.json maps the inputs and
outputs of `initialize` and `step` to the names of the graph's tensors.
"""

import ctypes
import json
import sys

import numpy as np

# tensorflow/c/tf_datatype.h
_NUMBERS = {np.dtype("float32"): 1, np.dtype("uint8"): 4}
_DTYPES = {number: dtype for dtype, number in _NUMBERS.items()}


class Output(ctypes.Structure):
    """`TF_Output` of c_api.h."""

    _fields_ = (("operation", ctypes.c_void_p), ("index", ctypes.c_int))


class Session:
    """A session that runs a SavedModel through the C API."""

    def __init__(self, library: str, path: str):
        self.library = ctypes.CDLL(library)
        self._declare()
        call = self.library
        self.graph, self.status = call.TF_NewGraph(), call.TF_NewStatus()
        tags = (ctypes.c_char_p * 1)(b"serve")
        self.session = call.TF_LoadSessionFromSavedModel(
            call.TF_NewSessionOptions(), None, path.encode(), tags, 1, self.graph, None, self.status
        )
        self._check()

    def run(self, names: dict, inputs: dict) -> dict:
        """Run a signature; `names` lists its tensors under "inputs" and "outputs"."""
        call, count = self.library, len(names["outputs"])
        feeds = (Output * len(inputs))(*(self._tensor(names["inputs"][name]) for name in inputs))
        values = (ctypes.c_void_p * len(inputs))(*map(self._to_c, inputs.values()))
        fetches = (Output * count)(*map(self._tensor, names["outputs"].values()))
        results = (ctypes.c_void_p * count)()
        no_targets = (None, 0, None)
        run = (self.session, None, feeds, values, len(inputs), fetches, results, count)
        call.TF_SessionRun(*run, *no_targets, self.status)
        for value in values:
            call.TF_DeleteTensor(value)
        self._check()
        return dict(zip(names["outputs"], map(self._to_numpy, results), strict=True))

    def _declare(self):
        call, pointer = self.library, ctypes.c_void_p
        for name in ("NewGraph", "NewStatus", "NewSessionOptions", "TensorData", "AllocateTensor"):
            getattr(call, f"TF_{name}").restype = pointer
        for name in ("LoadSessionFromSavedModel", "GraphOperationByName"):
            getattr(call, f"TF_{name}").restype = pointer
        call.TF_Message.restype, call.TF_Message.argtypes = ctypes.c_char_p, [pointer]
        call.TF_GetCode.argtypes = call.TF_TensorData.argtypes = [pointer]
        call.TF_TensorType.argtypes = call.TF_NumDims.argtypes = [pointer]
        call.TF_DeleteTensor.argtypes = [pointer]
        call.TF_Dim.restype, call.TF_Dim.argtypes = ctypes.c_int64, [pointer, ctypes.c_int]
        call.TF_GraphOperationByName.argtypes = [pointer, ctypes.c_char_p]
        call.TF_AllocateTensor.argtypes = [ctypes.c_int, pointer, ctypes.c_int, ctypes.c_size_t]
        call.TF_LoadSessionFromSavedModel.argtypes = [
            *(pointer, pointer, ctypes.c_char_p, pointer),
            *(ctypes.c_int, pointer, pointer, pointer),
        ]
        call.TF_SessionRun.argtypes = [
            *(pointer, pointer),
            *(pointer, pointer, ctypes.c_int),
            *(pointer, pointer, ctypes.c_int),
            *(pointer, ctypes.c_int, pointer, pointer),
        ]

    def _tensor(self, name: str) -> Output:
        operation, index = name.split(":")
        found = self.library.TF_GraphOperationByName(self.graph, operation.encode())
        assert found, f"no operation {operation}"
        return Output(found, int(index))

    def _to_c(self, array: np.ndarray):
        array = np.ascontiguousarray(array)
        sides = (ctypes.c_int64 * array.ndim)(*array.shape)
        number = _NUMBERS[array.dtype]
        tensor = self.library.TF_AllocateTensor(number, sides, array.ndim, array.nbytes)
        ctypes.memmove(self.library.TF_TensorData(tensor), array.ctypes.data, array.nbytes)
        return tensor

    def _to_numpy(self, tensor) -> np.ndarray:
        call = self.library
        shape = [call.TF_Dim(tensor, n) for n in range(call.TF_NumDims(tensor))]
        array = np.empty(shape, _DTYPES[call.TF_TensorType(tensor)])
        ctypes.memmove(array.ctypes.data, call.TF_TensorData(tensor), array.nbytes)
        call.TF_DeleteTensor(tensor)
        return array

    def _check(self):
        if self.library.TF_GetCode(self.status):
            raise RuntimeError(self.library.TF_Message(self.status).decode())


def main() -> None:
    """Write the probabilities of all frames but the first."""
    library, path, names, clip, output = sys.argv[1:]
    with open(names) as file:  # noqa: PTH123, this script is read beside the C API
        names = json.load(file)
    clip, session = np.load(clip), Session(library, path)
    frames = clip["frames"]
    state = session.run(names["initialize"], {"image": frames[:1], "mask": clip["masks"]})
    probs = []
    for frame in frames[1:]:
        state = session.run(names["step"], {"image": frame[None], **state})
        probs.append(state.pop("probs"))
    assert "tensorflow" not in sys.modules
    np.savez(output, probs=np.stack(probs))


if __name__ == "__main__":
    main()
