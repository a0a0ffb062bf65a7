"""Losses of fifty steps of classification without dropout: Graft's against PyTorch's, on the same batches.

MLM hides other tokens in both; Tests compares its losses under PyTorch's masks.
"""

from harness.bench import TITLES
from harness.results import Goal, Row
from harness.trainers import KINDS, WARM_UP, train_with_graft, train_with_pytorch

STEPS = 50
NAMES = ("float32", "float32 with OpenBLAS")


def measure(bench):
    steps = (10 if bench.is_quick else STEPS) - WARM_UP
    for size, title in TITLES.items():
        measures = {f"losses' largest difference, {title}, {name}": KINDS[name] for name in NAMES}
        wanted = {measure: backend for measure, (_, backend) in measures.items() if bench.wants(measure)}
        if not wanted:
            continue
        model = bench.model(size, "classification")
        theirs = train_with_pytorch(bench, model, steps, extra=["--dropout", 0])
        for measure, backend in wanted.items():
            ours = train_with_graft(bench, model, steps, backend=backend, extra=["--dropout", 0])
            largest = max(abs(a - b) / b for a, b in zip(ours.losses, theirs.losses, strict=True))
            bench.results.add(Row(measure, "relative", [largest], goal=Goal(most=1e-4), backend=ours.backend))
