"""Reads the file that InteropTests.swift writes with the reference library, and checks every byte.

    GRAFT_INTEROP_DIR=DIR swift test --filter InteropTests
    python check_safetensors.py DIR            # safetensors 0.8.0, numpy 2.4.6, ml_dtypes 0.6.0
"""

import sys
from pathlib import Path

import ml_dtypes  # noqa: F401, gives numpy bfloat16
import numpy
from safetensors import safe_open

TYPES = "bool uint8 int8 uint16 int16 uint32 int32 uint64 int64 float16 bfloat16 float32 float64".split()
SHAPES = [(), (0, 3), (5,), (2, 3, 1)]


def main():
    path = Path(sys.argv[1]) / "types.safetensors"
    with safe_open(path, framework="np") as file:
        names = set(file.keys())
        assert file.metadata() == {"format": "np", "größe": '"1"\n'}, file.metadata()
        for dtype in TYPES:
            for shape in SHAPES:
                name = f"{dtype} {'x'.join(map(str, shape))} 重み"
                names.remove(name)
                tensor = file.get_tensor(name)
                assert tensor.dtype.name == dtype and tensor.shape == shape, (name, tensor.dtype, tensor.shape)
                count = tensor.nbytes
                expected = (numpy.arange(count) % (2 if dtype == "bool" else 113)).astype(numpy.uint8)
                assert tensor.tobytes() == expected.tobytes(), name
        assert not names, names
    print(f"{len(TYPES) * len(SHAPES)} tensors read by the reference library, every byte equal")


main()
