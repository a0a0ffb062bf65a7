"""Writes an HDF5 file anew, with the same groups, attributes and datasets in other structures.

    python rewrite_hdf5.py IN OUT earliest|latest contiguous|chunked     # h5py 3.16.0
"""

import sys

import h5py

source, target, version, layout = sys.argv[1:]
with h5py.File(source) as old, h5py.File(target, "w", libver=version) as new:
    new.attrs.update(old.attrs)

    def put(name, item):
        if isinstance(item, h5py.Group):
            copy = new.require_group(name)
        else:
            copy = new.create_dataset(name, data=item[...], chunks=True if layout == "chunked" and item.shape else None)
        copy.attrs.update(item.attrs)

    old.visititems(put)
