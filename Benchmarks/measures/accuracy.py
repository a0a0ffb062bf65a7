"""Accuracy of MiniLM fine-tuned on AG News over three seeds: bfloat16 against float32."""

import json
import sys
from statistics import mean

from harness.bench import HERE
from harness.results import Goal, Row
from harness.runner import run

SCRIPT = HERE.parent / "Fixtures/interop/accuracy.py"


def measure(bench):
    measure = "accuracy, MiniLM, bfloat16 against float32"
    lowest = f"{measure}'s lowest, mean of seeds"
    if not (bench.wants(measure) or bench.wants(lowest)) or len(bench.texts.files) != 2 or bench.is_quick:
        return
    done = run(
        sys.executable, SCRIPT, "--graft", bench.graft, "--peers", bench.peers, "--precision", "bfloat16", "--json"
    )
    ours, theirs = json.loads(done.text).values()
    bench.results.add(Row(measure, "", ours, theirs, more_is_better=True, backend=bench.auto))
    bench.results.add(Row(lowest, "", [mean(ours)], [min(theirs)], True, Goal(1), bench.auto))
