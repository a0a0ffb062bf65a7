"""Seconds to convert HDF5 files that libhdf5 reads, in a process of its own, against those that Graft reads itself.

The tensors are the same; h5py writes them in its newest structures, and in its earliest.
"""

import shutil
from functools import partial

from harness.bench import HERE
from harness.results import Goal, Row
from harness.runner import after_itself, alternate, removed, run

FILE = "model.weights.h5"
RUNS = 7  # which are short


def measure(bench):
    for layout in ("contiguous", "chunked"):
        name = f"hdf5 by libhdf5 to safetensors, {layout}, BERT-base size, against Graft's own reader"
        if bench.wants(name):
            files = [rewritten(bench, version, layout) for version in ("latest", "earliest")]
            output = bench.work / "converted"

            def convert(start, watched):
                command = (bench.graft, "export", start, "--format", "safetensors", "--output", removed(output), "--quiet")
                return run(*command, watched=watched)

            runs = alternate({start: after_itself(partial(convert, start)) for start in files}, bench.runs if bench.is_quick else RUNS)
            seconds = ([run.seconds for run in runs[start]] for start in files)
            bench.results.add(Row(name, "s", *seconds, goal=Goal(least=1 / 3)))
            removed(output)


def rewritten(bench, version, layout):
    """A model of KerasHub's names, in structures of a version and with datasets of a layout."""
    path = bench.work / f"bert-base-{version}-{layout}"
    if not path.exists():
        options = ("--format", "hdf5", "--dialect", "keras-hub", "--output", path)
        run(bench.graft, "export", bench.model("bert-base", "backbone"), *options)
        python, original = bench.peers / "torch/bin/python", path / "original.h5"
        shutil.move(path / FILE, original)
        run(python, HERE / "peers/rewrite_hdf5.py", original, path / FILE, version, layout)
        original.unlink()
    return path
