"""Runs every comparison of this folder and prints a table; `run.sh` calls it.

    python bench.py --graft GRAFT --peers PEERS [--only WORD …]     # QUICK=1 for fewer steps and runs

Graft and its peer take turns. A line gives the median of each, the median of the runs' ratios (above 1: Graft is
better) with the smallest and largest, and whether a goal is met. Models have random weights. Texts are those of
Fixtures/packages, or of the file that TEXTS names: of AG News, or with the columns text and label; TEXTS="train.csv
test.csv", both of AG News, measures accuracy as well. BEFORE names an older graft to compare with. Each line is
appended to results.csv when it is measured.
"""

import argparse
import os
import tempfile
from pathlib import Path

from harness.bench import HERE, Bench
from harness.machine import machine, software, warn_of_settings
from harness.results import HEADING, Results
from harness.texts import Texts
from measures import (
    accuracy,
    before,
    converting,
    cost_per_token,
    curves,
    delays,
    embedding,
    experiment,
    families,
    fetching,
    inference,
    linearity,
    long_texts,
    networks,
    profile,
    ranks,
    reading_by_libhdf5,
    searching,
    tasks,
    threads,
    tokenizer_training,
    tokenizing,
    training,
)

# The most important first.
FAMILIES = [
    training,
    profile,
    threads,
    ranks,
    networks,
    curves,
    linearity,
    long_texts,
    inference,
    delays,
    embedding,
    cost_per_token,
    searching,
    families,
    tasks,
    tokenizing,
    tokenizer_training,
    converting,
    reading_by_libhdf5,
    fetching,
    accuracy,
    experiment,
    before,
]


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--graft", type=Path, required=True)
    parser.add_argument("--peers", type=Path, required=True, help="what Fixtures/interop/setup.sh made")
    parser.add_argument("--only", metavar="WORD", nargs="+", default=[], help="what a measure's name has to contain")
    parser.add_argument("--results", type=Path, default=HERE / "results.csv", help="not written with QUICK=1")
    arguments = parser.parse_args()
    is_quick = os.environ.get("QUICK", "") not in ("", "0")
    warn_of_settings()
    versions, auto = software(arguments.graft)
    with tempfile.TemporaryDirectory(prefix="graft-bench-") as work:
        texts = Texts(Path(work))
        context = {"machine": machine(), "versions": versions, "texts": texts.name}
        results = Results(None if is_quick else arguments.results, **context)
        bench = Bench(arguments.graft, arguments.peers, Path(work), texts, results, auto, arguments.only, is_quick)
        print("\n".join(context.values()), HEADING, sep="\n\n", flush=True)
        for family in FAMILIES:
            family.measure(bench)
    if not results.rows:
        raise SystemExit(f"no measure's name contains {' and '.join(arguments.only)}")
    print(results.summary())


if __name__ == "__main__":
    main()
