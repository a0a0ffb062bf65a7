"""Milliseconds to search vectors exactly: `graft search` against NumPy, from the vectors as they are stored to what is found."""

import json
import re
import subprocess
import sys

from harness.bench import HERE
from harness.results import Goal, Row
from harness.runner import alternate, run

COUNT, WIDTH, TOP = 10_000, 384, 10


def measure(bench):
    for queries in (1, 100):
        name = f"searching, {COUNT:,} vectors of {WIDTH} numbers, {queries} at a time"
        if bench.wants(name):
            bench.results.add(searching(bench, name, queries))


def searching(bench, name, queries):
    model, script = bench.model("minilm", "backbone"), HERE / "peers/search_numpy.py"
    index = bench.work / "index.npy"
    run(sys.executable, script, "make", index, "--count", COUNT, "--width", WIDTH)
    asked = bench.work / "queries.txt"
    asked.write_text("".join(f"{text}\n" for text in bench.texts.first(queries)), encoding="utf-8")

    def graft():
        command = [bench.graft, "search", index, "--input", asked, "--checkpoint", model, "--top-k", TOP, "--json"]
        done = subprocess.run(list(map(str, command)), capture_output=True, text=True, check=True)
        return float(re.search(r"in ([0-9.]+) ms", done.stderr).group(1))

    def numpy():
        done = run(sys.executable, script, "search", index, "--queries", queries, "--top", TOP)
        return json.loads(done.text)["milliseconds"]

    ours, theirs = alternate({"graft": graft, "numpy": numpy}, bench.runs if bench.is_quick else 9).values()
    return Row(name, "ms", ours, theirs, goal=Goal(least=1), backend=bench.auto)
