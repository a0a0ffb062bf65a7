"""The same seed gives the same weights with 1, 2 and 4 threads, bit for bit; and what the second thread brings."""

from functools import partial

from harness.bench import TITLES
from harness.results import Goal, Row
from harness.runner import alternate
from harness.trainers import KINDS, train_with_graft

STEPS = 3
THREADS = (1, 2, 4)


def measure(bench):
    for name, (precision, backend) in KINDS.items():
        title = f"MLM, {TITLES['bert-base']}, {name}"
        equal, faster = f"threads, {title}, other weights", f"threads, {title}, 2 against 1"
        if not bench.wants(equal) and not bench.wants(faster):
            continue
        model = bench.model("bert-base", "MLM")
        train = partial(train_with_graft, bench, model, STEPS, precision=precision, backend=backend)
        contenders = {count: partial(train, extra=["--threads", count]) for count in THREADS}
        trained = alternate(contenders, bench.runs)
        used = trained[1][0].backend
        weights = {run.digest for runs in trained.values() for run in runs}
        seconds = {count: [run.seconds_per_step for run in runs] for count, runs in trained.items()}
        bench.results.add(Row(equal, "files", [len(weights) - 1], goal=Goal(most=0), backend=used))
        bench.results.add(Row(faster, "s", seconds[2], seconds[1], backend=used))
