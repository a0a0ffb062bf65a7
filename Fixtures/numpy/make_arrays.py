"""Writes archives with numpy.savez, and beside each what numpy.load makes of it, as safetensors.

    python make_arrays.py            # numpy 2.4.6, safetensors 0.8.0
"""

import io
import zipfile
from pathlib import Path

import numpy
from safetensors.numpy import save_file

HERE = Path(__file__).parent
TYPES = "bool uint8 int8 uint16 int16 uint32 int32 uint64 int64 float16 float32 float64".split()


def values(count, dtype):
    """Bit patterns that have no pattern, NaNs and infinities among them."""
    size = numpy.dtype(dtype).itemsize
    generator = numpy.random.default_rng(count * 64 + size)
    high = 2 if dtype == "bool" else 256
    return generator.integers(0, high, count * size, dtype=numpy.uint8).view(dtype)


def types():
    arrays = {}
    for name in TYPES:
        for shape in ((), (0, 3), (5,), (2, 3, 1)):
            arrays[f"{name} {'x'.join(map(str, shape))}"] = values(int(numpy.prod(shape)), name).reshape(shape)
    return arrays


def orders():
    arrays = {}
    for name in ("int8", "float16", "float32", "float64"):
        flat = values(120, name)
        for shape in ((4, 30), (30, 4), (2, 3, 20), (1, 120), (5, 1, 4, 6), (0, 7), (120,)):
            label = f"{name} {'x'.join(map(str, shape))}"
            array = flat[: int(numpy.prod(shape))].reshape(shape)
            arrays[label + " F"] = numpy.asfortranarray(array)
            big = array.astype(array.dtype.newbyteorder(">"))
            arrays[label + " big"] = big
            arrays[label + " big F"] = numpy.asfortranarray(big)
    return arrays


def versions(path):
    """Each version of the header, and what Python 2 made of a shape."""
    array = values(6, "float32").reshape(2, 3)
    with zipfile.ZipFile(path, "w") as archive:
        for version in ((1, 0), (2, 0), (3, 0)):
            file = io.BytesIO()
            numpy.lib.format.write_array(file, array, version)
            archive.writestr(zipfile.ZipInfo(f"version {version[0]}.npy"), file.getvalue())
        header = b"{'descr': '<f4', 'fortran_order': False, 'shape': (2L, 3L), }\n"
        data = b"\x93NUMPY\1\0" + len(header).to_bytes(2, "little") + header + array.tobytes()
        archive.writestr(zipfile.ZipInfo("python 2.npy"), data)
        archive.writestr(zipfile.ZipInfo("notes.txt"), b"numpy leaves it alone")


def truth(name):
    with numpy.load(HERE / f"{name}.npz") as archive:
        arrays = {key: archive[key] for key in archive.files if not key.endswith(".txt")}
    contiguous = {key: numpy.ascontiguousarray(a.astype(a.dtype.newbyteorder("="))).reshape(a.shape)
                  for key, a in arrays.items()}
    path = HERE / f"{name}.safetensors"
    save_file(contiguous, path)
    path.chmod(0o644)


def main():
    numpy.savez(HERE / "types.npz", **types())
    numpy.savez_compressed(HERE / "deflated.npz", **types(), zeros=numpy.zeros((200, 700), "float32"))
    numpy.savez_compressed(HERE / "orders.npz", **orders())
    numpy.savez(HERE / "empty.npz")
    versions(HERE / "versions.npz")
    # What is deflated has the same content, and zeros that would be half a megabyte here.
    for name in ("types", "orders", "empty", "versions"):
        truth(name)


main()
