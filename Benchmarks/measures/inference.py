"""Texts a second that a classifier labels: `graft predict` against PyTorch."""

import json
import sys

from harness.bench import HERE, TITLES
from harness.results import Row
from harness.runner import alternate, run

WARM_UP = 16
COUNTS = {"bert-base": 64, "minilm": 256}


def measure(bench):
    for name, title in TITLES.items():
        for size in (1, 16):
            measure = f"classifying, batch {size}, {title}"
            if bench.wants(measure):
                bench.results.add(classifying(bench, measure, bench.model(name, "classification"), size, COUNTS[name]))


def classifying(bench, measure, model, size, count):
    count //= 4 if bench.is_quick else 1
    texts = bench.texts.first(WARM_UP + count)
    first, both = bench.work / "first.txt", bench.work / "both.txt"
    first.write_text("\n".join(texts[:WARM_UP]) + "\n", encoding="utf-8")
    both.write_text("\n".join(texts) + "\n", encoding="utf-8")
    flags = ("--batch-size", size, "--max-length", 128)

    def graft():
        # The difference of two runs leaves out what both do once: starting and loading.
        short, long = (
            run(bench.graft, "predict", model, "--input", file, *flags, "--allow-untrained", "--quiet").seconds
            for file in (first, both)
        )
        return count / (long - short)

    def pytorch():
        script = HERE / "peers/predict_torch.py"
        done = run(sys.executable, script, model, "--input", both, *flags, "--warm-up", WARM_UP)
        return json.loads(done.text)["texts_per_second"]

    ours, theirs = alternate({"graft": graft, "pytorch": pytorch}, bench.runs).values()
    return Row(measure, "texts/s", ours, theirs, more_is_better=True, backend=bench.auto)
