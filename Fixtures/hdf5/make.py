"""Writes the files of this folder with h5py: every way to store a dataset that Graft reads, and some that it refuses.

    python make.py      # h5py 3.16.0 with HDF5 2.0.0, numpy 1.26.4, safetensors 0.8.0

tensors.safetensors is stored.h5 as h5py reads it.
"""

from pathlib import Path

import h5py
import numpy as np
from safetensors.numpy import save_file

HERE = Path(__file__).parent
random = np.random.default_rng(3)
WIDE = random.standard_normal((19, 13)).astype(np.float32)


def stored():
    with h5py.File(HERE / "stored.h5", "w") as file:
        file.attrs["fixed"] = np.bytes_("of a fixed size")
        file.attrs["variable"] = "of any size: größe"
        file.attrs["number"] = 3
        file.attrs["list"] = [b"a", b"bc"]
        file["contiguous"] = WIDE
        file["groups/in/groups"] = WIDE[0]
        file["another name"] = file["contiguous"]
        file["scalar"] = np.float64(2.5)
        file["empty"] = np.zeros((0, 4), np.float32)
        file["text"] = "no tensor"
        compact = h5py.h5p.create(h5py.h5p.DATASET_CREATE)
        compact.set_layout(h5py.h5d.COMPACT)
        space = h5py.h5s.create_simple((3,))
        h5py.h5d.create(file.id, b"compact", h5py.h5t.IEEE_F32LE, space, compact).write(
            h5py.h5s.ALL, h5py.h5s.ALL, np.array([1, 2, 3], np.float32))
        for name, chunks, options in [
            ("chunked", (8, 5), {}),
            ("gzip", (8, 5), dict(compression="gzip")),
            ("gzip-shuffle", (8, 5), dict(compression="gzip", shuffle=True)),
            ("shuffle", (19, 4), dict(shuffle=True)),
            ("fletcher32", (8, 5), dict(fletcher32=True)),
            ("all", (8, 5), dict(compression="gzip", shuffle=True, fletcher32=True)),
            ("one-chunk", (19, 13), dict(compression="gzip", compression_opts=9)),
            ("many-chunks", (1, 2), {}),
        ]:
            file.create_dataset(name, data=WIDE, chunks=chunks, **options)
        file.create_dataset("three", data=WIDE.reshape(19, 13, 1), chunks=(5, 4, 1), shuffle=True)
        file.create_dataset("odd", data=np.arange(7, dtype=np.uint8), chunks=(3,), fletcher32=True)
        file.create_dataset("ones", data=np.full(6, 255, np.uint8), chunks=(6,), fletcher32=True)
        for kind in ("f2", "f4", "f8", "i2", "i4", "i8", "u2", "u4", "u8"):
            for order, sign in (("big", ">"), ("little", "<")):
                file.create_dataset(f"{order}-endian/{kind}", data=(abs(WIDE[:3]) * 10).astype(f"{sign}{kind}"))
        file.create_dataset("big-endian/chunked", data=WIDE.astype(">f4"), chunks=(8, 5), compression="gzip", shuffle=True)
        for kind in ("i1", "u1", "?"):
            file.create_dataset(kind.replace("?", "bool"), data=(abs(WIDE[0]) * 10).astype(kind))
        many = file.create_group("many")
        for number in range(70):
            many[str(number)] = np.uint8(number)
    tensors = {}
    with h5py.File(HERE / "stored.h5") as file:
        def visit(name, item):
            if isinstance(item, h5py.Dataset) and name != "text":
                value = np.asarray(item)
                tensors[name] = value.astype(value.dtype.newbyteorder("="))
        file.visititems(visit)
        tensors["another name"] = tensors["contiguous"] = WIDE  # visititems gives an object one of its names
    save_file(tensors, HERE / "tensors.safetensors")


def keras_lists():
    """Attributes as Keras 2 writes them: a list of names in one attribute, or divided among several."""
    with h5py.File(HERE / "keras.h5", "w") as file:
        file.attrs["layer_names"] = [b"bert", b"dropout"]
        file.attrs["keras_version"] = "2.16.0"
        file.create_group("dropout").attrs["weight_names"] = np.zeros(0)
        group = file.create_group("bert")
        names = [f"weights/{number}:0" for number in range(4)]
        for name in names:
            group[name] = np.float32(1)
        group.attrs["weight_names0"] = [name.encode() for name in names[:2]]  # of a fixed size
        group.attrs["weight_names1"] = names[2:]  # of any size


def unknown():
    """What Graft reads with libhdf5; make_library.py has more of it."""
    def file(name, **options):
        return h5py.File(HERE / "library" / f"{name}.h5", "w", **options)

    with file("lzf") as f:
        f.create_dataset("a", data=WIDE, chunks=(8, 5), compression="lzf")
    with file("scale-offset") as f:
        f.create_dataset("a", data=WIDE.astype(np.int32), chunks=(8, 5), scaleoffset=0)
    with file("latest-chunks", libver="latest") as f:
        f.create_dataset("a", data=WIDE, chunks=(8, 5))
    with file("many-links", track_order=True) as f:
        for number in range(20):
            f[str(number)] = np.uint8(number)
    with file("committed-type") as f:
        f["type"] = np.dtype("f4")
        f.create_dataset("a", data=WIDE[0], dtype=f["type"])
    with file("user-block", userblock_size=512) as f:
        f["a"] = WIDE[0]


def refused():
    def file(name, **options):
        return h5py.File(HERE / "refused" / f"{name}.h5", "w", **options)

    with file("soft-link") as f:
        f["a"] = WIDE[0]
        f["b"] = h5py.SoftLink("/a")
    with file("external-link") as f:
        f["b"] = h5py.ExternalLink("other.h5", "/a")
    with file("cycle") as f:
        f.create_group("a/b")
        f["a/b/c"] = f["a"]
    with file("two-paths") as f:
        f["a/x"] = WIDE[0]
        f["b"] = f["a"]
    with file("external-data") as f:
        f.create_dataset("a", (4,), "f4", external=[("other.bin", 0, 16)])
    with file("never-written") as f:
        f.create_dataset("a", (4,), "f4")
    with file("chunk-never-written") as f:
        f.create_dataset("a", (19, 13), "f4", chunks=(8, 5))[:8] = 1
    with file("compound") as f:
        f["a"] = np.zeros(2, [("x", "f4"), ("y", "f4")])
    with file("complex") as f:
        f["a"] = np.zeros(2, np.complex64)
    with file("nothing") as f:
        f["a"] = h5py.Empty("f4")
    with file("lost-tensor") as f:
        group = f.create_group("bert")
        group["a"] = WIDE[0]
        group.attrs["weight_names"] = [b"a", b"b"]
    with file("lost-layer") as f:
        f.attrs["layer_names"] = [b"bert"]


def main():
    for folder in ("library", "refused"):
        (HERE / folder).mkdir(exist_ok=True)
    stored()
    keras_lists()
    unknown()
    refused()


if __name__ == "__main__":
    main()
