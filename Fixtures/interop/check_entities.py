"""Checks the entities of `graft tag` against transformers' token-classification pipeline. `run.sh` calls it.

    python check_entities.py --graft GRAFT     # torch 2.15.0, transformers 5.23.0

Of a tiny model of each family, with random weights: in 2,000 texts every aggregation finds the same entities, with the same
labels, words and places, and scores within 1e-5; in 200 texts of several windows, those that the pipeline can put together.
"""

import sys
from pathlib import Path

import transformers

from report import AGREES, Failure, run

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "tagging"))
from make import MODELS, STRATEGIES, differing, pipeline, texts  # noqa: E402

TEXTS, LONG_TEXTS, STRIDE, TOLERANCE = 2000, 200, 8, 1e-5


def same(graft, name, pipe, lines, aggregation, **options):
    different, largest = differing(graft, name, pipe, lines, aggregation, **options)
    if different or not largest <= TOLERANCE:
        first = "\n".join(map(str, different[0])) if different else ""
        raise Failure(f"{len(different)} of {len(lines)} texts differ, scores by {largest:.1e}\n{first}")
    return f"{len(lines)} texts, scores within {largest:.1e}"


def check_all(graft, report, arguments):
    for name in MODELS:
        if arguments.only not in f"{name}-tiny/token-classification":
            continue
        print(f"checking entities of {name}", file=sys.stderr)
        checks = report.of("safetensors", f"transformers {transformers.__version__}", "the pipeline", name)
        pipe = pipeline(name)
        lines, long = texts(pipe, TEXTS), texts(pipe, LONG_TEXTS, longest=60)
        for aggregation in STRATEGIES:
            checks.check(aggregation, name, lambda: same(graft, name, pipe, lines, aggregation), AGREES)
            if aggregation != "none":
                checks.check(
                    f"{aggregation}, windows", name,
                    lambda: same(graft, name, pipe, long, aggregation, stride=STRIDE), AGREES)


if __name__ == "__main__":
    run(__doc__, check_all)
