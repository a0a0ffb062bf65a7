"""Seconds and memory of converting a checkpoint: `graft import` against copying and against Python's safetensors."""

import sys
from functools import partial

from harness.bench import HERE
from harness.results import Row
from harness.runner import alternate, removed, run


def measure(bench):
    source, output = bench.model("bert-base", "MLM"), bench.work / "converted"
    file = "model.safetensors"

    def graft(format="safetensors"):
        return run(bench.graft, "import", source, "--format", format, "--output", removed(output), "--quiet")

    def copy():
        return run("cp", "-r", source, removed(output))

    def copy_to_disk():
        # Graft's files are on the disk when it ends, so that a crash does not lose them.
        return run("sh", "-c", f"cp -r '{source}' '{removed(output)}' && sync '{output}'/*")

    def safetensors():
        removed(output).mkdir()
        return run(sys.executable, HERE / "peers/convert_safetensors.py", source / file, output / file)

    for name, peer in (("cp", copy), ("cp and sync", copy_to_disk), ("Python safetensors", safetensors)):
        measure = f"converting BERT-base, against {name}"
        if not bench.wants(measure):
            continue
        ours, theirs = alternate({"graft": graft, "peer": peer}, bench.runs).values()
        bench.results.add(Row(measure, "s", [run.seconds for run in ours], [run.seconds for run in theirs]))
        if peer is safetensors:
            memory = ([run.megabytes for run in runs] for runs in (ours, theirs))
            bench.results.add(Row(f"{measure}, peak memory", "MB", *memory))
    for format in ("pytorch", "npz"):
        measure = f"converting BERT-base to {format}, against cp and sync"
        if bench.wants(measure):
            ours, theirs = alternate({"graft": partial(graft, format), "peer": copy_to_disk}, bench.runs).values()
            bench.results.add(Row(measure, "s", [run.seconds for run in ours], [run.seconds for run in theirs]))
    removed(output)
