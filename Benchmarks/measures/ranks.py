"""Two ranks of one thread against one process of two threads, which take the same steps; equal runs have equal weights.

BERT-base size, masked-language modelling, 16 texts a step: those of all measures, and texts of 128 tokens each, as they
are when texts are packed. Skipped where mpirun is not installed.
"""

import itertools
import os
import shutil
from functools import partial

from harness.bench import TITLES
from harness.results import Goal, Row
from harness.runner import alternate
from harness.trainers import KINDS, WARM_UP, train_with_graft

STEPS = 4
TEXTS = 16
TOKENS = 128


def measure(bench):
    if not shutil.which("mpirun"):
        return
    # mpirun asks for it; the measures may be run by root.
    os.environ |= {"OMPI_ALLOW_RUN_AS_ROOT": "1", "OMPI_ALLOW_RUN_AS_ROOT_CONFIRM": "1"}
    for name, length in itertools.product(("float32", "bfloat16"), (None, TOKENS)):
        precision, backend = KINDS[name]
        title = f"ranks, MLM, {TITLES['bert-base']}, {name}" + (f", {length} tokens" if length else "")
        equal, fast = f"{title}, other weights", f"{title}, 2 of 1 thread against 1 of 2"
        if not bench.wants(equal) and not bench.wants(fast):
            continue
        model, data, options = bench.model("bert-base", "MLM"), None, ()
        if length:
            data = bench.texts.write_long(length, TEXTS * (WARM_UP + STEPS), bench.work / "ranks.csv")
            options = ("--max-length", length)
        train = partial(train_with_graft, bench, model, STEPS, data=data, precision=precision, backend=backend)
        ranks = ("mpirun", "-n", 2, "--bind-to", "none")
        one_thread = partial(train, batch_size=TEXTS // 2, extra=("--threads", 1, *options), launcher=ranks)
        contenders = {
            "alone": partial(train, batch_size=TEXTS, extra=("--threads", 2, *options)),
            "ranks": one_thread,
            "again": one_thread,
        }
        trained = alternate(contenders, bench.runs)
        used = trained["alone"][0].backend
        both = [[run.digest for run in trained[name]] for name in ("ranks", "again")]
        bench.results.add(Row(equal, "files", [len(set(both[0] + both[1])) - 1], goal=Goal(most=0), backend=used))
        seconds = {name: [run.seconds_per_step for run in runs] for name, runs in trained.items()}
        bench.results.add(Row(fast, "s", seconds["ranks"], seconds["alone"], goal=Goal(0.95), backend=used))
