"""Megabytes a second on one core: `graft tokenize` against `tokenizers`."""

import json
import os
import sys

from harness.bench import HERE
from harness.results import Row
from harness.runner import alternate, run


def measure(bench):
    measure = "tokenizing, one core"
    if not bench.wants(measure):
        return
    file, model = bench.work / "texts.txt", bench.model("minilm", "MLM")
    file.write_text("\n".join(bench.texts.first()) + "\n", encoding="utf-8")
    one_core = ("taskset", "-c", min(os.sched_getaffinity(0)))

    def graft():
        return json.loads(run(*one_core, bench.graft, "tokenize", model, "--input", file, "--count", "--json").text)

    def tokenizers():
        script = HERE / "peers/tokenize_tokenizers.py"
        return json.loads(run(*one_core, sys.executable, script, model, "--input", file).text)

    results = alternate({"graft": graft, "tokenizers": tokenizers}, 5)
    counts = {name: runs[0]["tokens"] for name, runs in results.items()}
    if len(set(counts.values())) > 1:
        raise SystemExit(f"the token counts differ: {counts}")
    ours, theirs = ([run["megabytes_per_second"] for run in runs] for runs in results.values())
    bench.results.add(Row(measure, "MB/s", ours, theirs, more_is_better=True))
