"""Texts a second that a classifier labels: `graft predict` against PyTorch, and against ONNX Runtime."""

import json
import sys

from harness.bench import HERE, TITLES
from harness.results import Row
from harness.runner import alternate, run

WARM_UP = 16
COUNTS = {"bert-base": 128, "minilm": 512}  # enough for the start of a process to fall away
PRECISIONS = ["float32", "bfloat16", "int8"]


def measure(bench):
    for name, title in TITLES.items():
        if name not in COUNTS:
            continue
        for size in (1, 16):
            measure = f"classifying, batch {size}, {title}"
            if bench.wants(measure):
                bench.results.add(against_pytorch(bench, measure, name, size))
            for precision in PRECISIONS:
                measure = f"inference in {precision}, batch {size}, {title}"
                if bench.wants(measure):
                    bench.results.add(against_onnx_runtime(bench, measure, name, size, precision))


class Texts:
    """What is classified: some texts that do not count, and then those that do."""

    def __init__(self, bench, name):
        self.count = COUNTS[name]
        texts = bench.texts.first(WARM_UP + self.count)
        self.first, self.both = bench.work / "first.txt", bench.work / "both.txt"
        self.first.write_text("\n".join(texts[:WARM_UP]) + "\n", encoding="utf-8")
        self.both.write_text("\n".join(texts) + "\n", encoding="utf-8")


def against_pytorch(bench, measure, name, size):
    model, texts = bench.model(name, "classification"), Texts(bench, name)
    ours, theirs = alternate(
        {
            "graft": lambda: graft(bench, model, texts, size),
            "pytorch": lambda: peer("predict_torch.py", model, texts, size),
        },
        bench.runs,
    ).values()
    return Row(measure, "texts/s", ours, theirs, more_is_better=True, backend=bench.auto)


def against_onnx_runtime(bench, measure, name, size, precision):
    """ONNX Runtime in the same precision. It has no bfloat16 for CPUs: the peer of that is its float32."""
    model, texts = bench.model(name, "classification"), Texts(bench, name)
    theirs = "int8" if precision == "int8" else "float32"
    more = ("--work", bench.work / f"{name}-onnx", "--precision", theirs)
    ours, theirs = alternate(
        {
            "graft": lambda: graft(bench, model, texts, size, "--precision", precision),
            "onnx": lambda: peer("predict_onnx.py", model, texts, size, *more),
        },
        bench.runs,
    ).values()
    return Row(measure, "texts/s", ours, theirs, more_is_better=True, backend=bench.auto)


def graft(bench, model, texts, size, *more):
    flags = ("--batch-size", size, "--max-length", 128, "--allow-untrained", "--quiet", *more)
    # The difference of two runs leaves out what both do once: starting, loading and packing. The peer's run before may have
    # put the model out of the page cache, so the first of three does not count.
    _, short, long = (
        run(bench.graft, "predict", model, "--input", file, *flags).seconds
        for file in (texts.first, texts.first, texts.both)
    )
    return texts.count / (long - short)


def peer(script, model, texts, size, *more):
    flags = ("--batch-size", size, "--max-length", 128, "--warm-up", WARM_UP, *more)
    done = run(sys.executable, HERE / "peers" / script, model, "--input", texts.both, *flags)
    return json.loads(done.text)["texts_per_second"]
