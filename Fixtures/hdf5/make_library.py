"""Writes library/ with h5py: what Graft reads with libhdf5 because its own reader does not know it.

    python make.py && python make_library.py
    # h5py 3.16.0 with HDF5 2.0.0, numpy 2.4.6, safetensors 0.8.0, ml_dtypes 0.6.0, hdf5storage 0.2.2, Keras 3.10.0 with PyTorch

VERSION-FORM.h5 is written for each `libver`, with the order of creation tracked or not, and has every layout, filter
and index; all of these hold the same tensors. Beside each other file stands NAME.safetensors: what h5py reads. HDF5
1.10 reads all but latest-FORM.h5 and what has new-* for its name.
"""

import ctypes
import os
import zipfile
from pathlib import Path

import h5py
import ml_dtypes
import numpy as np
from h5py import h5d, h5p, h5s, h5t, h5z
from safetensors.numpy import save_file

HERE = Path(__file__).parent / "library"
WIDE = np.random.default_rng(5).standard_normal((11, 7)).astype(np.float32)
WHOLE = (WIDE * 1000).astype(np.int32)
VERSIONS = ["earliest", "v108", "v110", "v112", "v114", "latest"]


def create(file, name, data, kind=None, *, maximum=None, chunks=None, **settings):
    """A dataset by the functions of libhdf5, for what h5py's own do not offer."""
    properties = h5p.create(h5p.DATASET_CREATE)
    links = h5p.create(h5p.LINK_CREATE)
    links.set_create_intermediate_group(True)
    if chunks:
        properties.set_chunk(chunks)
    for setting, values in settings.items():
        getattr(properties, f"set_{setting}")(*values)
    space = h5s.create_simple(data.shape, maximum)
    dataset = h5d.create(file.id, name.encode(), kind or h5t.py_create(data.dtype), space, properties, links)
    dataset.write(h5s.ALL, h5s.ALL, data)


def layouts(file):
    file["contiguous"] = WIDE
    file["big-endian"] = WIDE.astype(">f4")
    file["scalar"] = np.float64(2.5)
    file["empty"] = np.zeros((0, 4), np.float32)
    create(file, "compact", WIDE[0], layout=[h5d.COMPACT])
    # The indexes of chunks: one chunk, all of one size side by side, an array, one that grows, a tree.
    create(file, "index/single", WIDE, chunks=WIDE.shape)
    create(file, "index/single-gzip", WIDE, chunks=WIDE.shape, deflate=[4])
    create(file, "index/implicit", WIDE, chunks=(4, 3), alloc_time=[h5d.ALLOC_TIME_EARLY])
    create(file, "index/fixed", WIDE, chunks=(4, 3))
    create(file, "index/extensible", WIDE, chunks=(4, 3), maximum=(h5s.UNLIMITED, 7))
    create(file, "index/tree", WIDE, chunks=(4, 3), maximum=(h5s.UNLIMITED, h5s.UNLIMITED))


def filters(file):
    def chunked(name, data, kind=None, **settings):
        create(file, f"filter/{name}", data, kind, chunks=(4, 3), **settings)

    chunked("gzip", WIDE, deflate=[4])
    chunked("shuffle", WIDE, shuffle=[])
    chunked("fletcher32", WIDE, fletcher32=[])
    chunked("all", WIDE, shuffle=[], deflate=[9], fletcher32=[])
    chunked("szip", WIDE, szip=[h5z.SZIP_NN_OPTION_MASK, 8])
    chunked("szip-entropy", WHOLE, szip=[h5z.SZIP_EC_OPTION_MASK, 8])
    chunked("scale-offset", WHOLE, scaleoffset=[h5z.SO_INT, 0])
    chunked("scale-offset-float", WIDE, scaleoffset=[h5z.SO_FLOAT_DSCALE, 3])
    file.create_dataset("filter/lzf", data=np.repeat(WHOLE, 40, axis=1), chunks=(4, 90), compression="lzf")
    narrow = h5t.STD_I32LE.copy()
    narrow.set_precision(18)
    chunked("n-bit", WHOLE, narrow, filter=[h5z.FILTER_NBIT])
    narrow = h5t.STD_U16BE.copy()
    narrow.set_precision(11)
    narrow.set_offset(3)
    create(file, "narrow/u", abs(WHOLE).astype(np.uint16) % 2048, narrow)
    real = h5t.IEEE_F32LE.copy()
    real.set_fields(19, 13, 6, 0, 13)
    real.set_precision(20)
    real.set_ebias(31)
    chunked("n-bit-float", WIDE, real, filter=[h5z.FILTER_NBIT])


def attributes(file):
    for number in range(12):
        file.attrs[f"text {number}"] = f"größe {number}"
    file.attrs["fixed"] = np.bytes_("of a fixed size")
    many = file.create_group("many")
    for number in range(20):
        many[f"{number}"] = np.uint8(number)
    # Keras's bfloat16, known by one attribute of many.
    brain = (WIDE.view(np.uint32) >> 16).astype(np.uint16)
    opaque = h5t.create(h5t.OPAQUE, 2)
    create(file, "bfloat16", brain.view("V2"), opaque)
    for number in range(10):
        file["bfloat16"].attrs[f"number {number}"] = number
    file["bfloat16"].attrs["dtype"] = "bfloat16"
    file["text"] = "no tensor"


def tensors(path):
    """What h5py reads, by name, in the order of this machine."""
    found = {}
    with h5py.File(path) as file:
        def visit(name, item):
            if not isinstance(item, h5py.Dataset) or item.id.get_type().get_class() in (h5t.REFERENCE, h5t.STRING):
                return
            value = np.asarray(item)
            if value.dtype.kind == "V":
                value = value.view(ml_dtypes.bfloat16)
            found[name] = np.ascontiguousarray(value.astype(value.dtype.newbyteorder("="))).reshape(value.shape)
        file.visititems(visit)
    return found


def every_version():
    first = None
    for version in VERSIONS:
        for form, track in (("plain", False), ("ordered", True)):
            path = HERE / f"{version}-{form}.h5"
            bounds = {"earliest": ("earliest", "v108"), "latest": "latest"}.get(version, (version, version))
            with h5py.File(path, "w", libver=bounds, track_order=track) as file:
                layouts(file)
                filters(file)
                attributes(file)
            found = tensors(path)
            first = first or found
            assert found.keys() == first.keys()
            assert all(np.array_equal(found[name], first[name]) and found[name].dtype == first[name].dtype for name in first)
    save_file(first, HERE / "tensors.safetensors")


def others():
    def file(name, **options):
        return h5py.File(HERE / f"{name}.h5", "w", **options)

    with file("virtual", libver=("v110", "v110")) as f:
        f.create_dataset("parts/0", data=WIDE[:5], chunks=(2, 7), compression="gzip")
        f["parts/1"] = WIDE[5:]
        layout = h5py.VirtualLayout((11, 7), np.float32)
        layout[:5] = h5py.VirtualSource(f["parts/0"])
        layout[5:] = h5py.VirtualSource(f["parts/1"])
        f.create_virtual_dataset("whole", layout)
    # Names without a slash in front, of sources that come before and after the virtual dataset.
    with file("virtual-names", libver=("v110", "v110")) as f:
        f["first"] = WIDE[:5]
        layout = h5py.VirtualLayout((11, 7), np.float32)
        layout[:5] = h5py.VirtualSource(".", "first", (5, 7))
        layout[5:] = h5py.VirtualSource(".", "parts/1", (6, 7))
        f.create_virtual_dataset("group/whole", layout)
        f["parts/1"] = WIDE[5:]
    with file("references") as f:
        f["a"] = WIDE
        f["object"] = np.array([f["a"].ref], h5py.ref_dtype)
        f["region"] = np.array([f["a"].regionref[:2]], h5py.regionref_dtype)
    with file("new-types", libver="latest") as f:
        f["a"] = WIDE > 0
        f.create_dataset("b", data=WIDE, chunks=(4, 3), compression="gzip")
    # 128 MiB of zeros, deflated twice.
    with file("large-chunk", libver=("v110", "v110")) as f:
        zeros = np.zeros(1 << 25, np.float32)
        properties = h5p.create(h5p.DATASET_CREATE)
        properties.set_chunk(zeros.shape)
        properties.set_deflate(9)
        properties.set_deflate(9)
        h5d.create(f.id, b"a", h5t.IEEE_F32LE, h5s.create_simple(zeros.shape), properties).write(h5s.ALL, h5s.ALL, zeros)
    # Addresses of four bytes.
    creation = h5p.create(h5p.FILE_CREATE)
    creation.set_sizes(4, 4)
    path = HERE / "short-addresses.h5"
    with h5py.File(h5py.h5f.create(bytes(path), h5py.h5f.ACC_TRUNC, creation, h5p.create(h5p.FILE_ACCESS))) as f:
        f["a"] = WIDE
        f.create_dataset("b", data=WIDE, chunks=(4, 3), compression="gzip")
    new_references()
    with h5py.File(HERE.parent.parent / "tensorflow/h5/base/tf_model.h5") as old, file("tf_model", libver=("v110", "v110"), track_order=True) as new:
        for name in old:
            old.copy(name, new)
        new.attrs.update(old.attrs)
        for number in range(8):
            new.attrs[f"note {number}"] = "for more than a header has"
    import hdf5storage
    matlab = HERE / "matlab.mat"
    matlab.unlink(missing_ok=True)
    hdf5storage.savemat(str(matlab), {"weights": WIDE.astype(np.float64), "cells": np.array([WIDE[0], WIDE[1]], object),
                                      "scalar": 3.0, "text": "a"}, format="7.3", oned_as="row")
    for path in sorted(HERE.glob("*")):
        if path.suffix in (".h5", ".mat") and not path.stem.endswith(("-plain", "-ordered", "large-chunk")):
            save_file(tensors(path), path.with_suffix(".safetensors"))


def new_references():
    """References of HDF5 1.12, by the library that h5py brings: h5py has no name for them."""
    library = ctypes.CDLL(next(str(p) for p in (Path(h5py.__file__).parent.parent / "h5py.libs").glob("libhdf5-*")))
    identifier = ctypes.c_int64
    library.H5Dcreate2.restype = identifier
    with h5py.File(HERE / "new-references.h5", "w", libver="latest") as f:
        f["a"] = WIDE
        space = h5s.create_simple((1,))
        kind = identifier.in_dll(library, "H5T_STD_REF_g")
        dataset = library.H5Dcreate2(identifier(f.id.id), b"reference", kind, identifier(space.id), *[identifier(0)] * 3)
        reference = ctypes.create_string_buffer(64)
        assert library.H5Rcreate_object(identifier(f.id.id), b"a", identifier(0), reference) >= 0
        assert library.H5Dwrite(identifier(dataset), kind, *[identifier(0)] * 3, reference) >= 0
        library.H5Dclose(identifier(dataset))


def archives():
    """What Keras saves, and the same with its weights in HDF5's newest structures, deflated."""
    os.environ["KERAS_BACKEND"] = "torch"
    import keras

    keras.utils.set_random_seed(7)
    model = keras.Sequential([keras.Input((4,)), keras.layers.Dense(3), keras.layers.Dense(2)])
    plain = HERE / "model.keras"
    model.save(plain)
    weights = HERE / "weights.h5"
    with zipfile.ZipFile(plain) as archive:
        weights.write_bytes(archive.read("model.weights.h5"))
        save_file(tensors(weights), HERE / "model.safetensors")
        newest = HERE / "newest.h5"
        with h5py.File(weights) as old, h5py.File(newest, "w", libver="latest", track_order=True) as new:
            def visit(name, item):
                if isinstance(item, h5py.Dataset):
                    new.create_dataset(name, data=item[()], chunks=item.shape)
            old.visititems(visit)
        with zipfile.ZipFile(HERE / "newest.keras", "w", zipfile.ZIP_DEFLATED) as other:
            for name in archive.namelist():
                other.writestr(name, newest.read_bytes() if name == "model.weights.h5" else archive.read(name))
    save_file(tensors(newest), HERE / "newest.safetensors")
    weights.unlink()
    newest.unlink()


def outside():
    """What stands in another file, and is refused."""
    with h5py.File(HERE.parent / "refused" / "virtual.h5", "w", libver=("v110", "v110")) as f:
        layout = h5py.VirtualLayout((11, 7), np.float32)
        layout[:] = h5py.VirtualSource("other.h5", "a", (11, 7))
        f.create_virtual_dataset("a", layout)
    with h5py.File(HERE.parent / "refused" / "virtual-never-written.h5", "w", libver=("v110", "v110")) as f:
        f["a"] = WIDE[:5]
        layout = h5py.VirtualLayout((11, 7), np.float32)
        layout[:5] = h5py.VirtualSource(f["a"])
        f.create_virtual_dataset("b", layout)
    with h5py.File(HERE.parent / "refused" / "external-link-latest.h5", "w", libver=("v110", "v110"), track_order=True) as f:
        for number in range(10):
            f[str(number)] = h5py.ExternalLink("other.h5", "/a")
    with h5py.File(HERE.parent / "refused" / "chunk-never-written-latest.h5", "w", libver=("v110", "v110")) as f:
        f.create_dataset("a", (19, 13), "f4", chunks=(8, 5))[:8] = 1
    with h5py.File(HERE.parent / "refused" / "external-data-latest.h5", "w", libver=("v110", "v110"), track_order=True) as f:
        for number in range(10):
            f.create_dataset(str(number), (4,), "f4", external=[("other.bin", 0, 16)])


def main():
    HERE.mkdir(exist_ok=True)
    every_version()
    others()
    archives()
    outside()


if __name__ == "__main__":
    main()
