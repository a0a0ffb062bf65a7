"""Writes permutations.json: what numpy.random.default_rng(seed).permutation(n) begins and ends with, and a hash of all.

    python make.py            # numpy 2.4.6

The hash is h = 31 * h + x modulo 2^64 over the elements in order, from 0. Seeds are text: the largest does not fit a
JSON reader's integer everywhere.
"""

import json
from pathlib import Path

import numpy

SEEDS = [0, 1, 2, 42, 1234, 2**31, 2**32 - 1, 2**32, 2**53 + 1, 2**64 - 1]
SIZES = [1, 2, 10, 1000, 7600, 120000]


def digest(values):
    result = 0
    for value in values:
        result = (31 * result + value) % 2**64
    return str(result)


goldens = []
for seed in SEEDS:
    for size in SIZES:
        order = numpy.random.default_rng(seed).permutation(size).tolist()
        goldens.append({"seed": str(seed), "size": size, "first": order[:5], "last": order[-5:], "hash": digest(order)})

lines = ",\n".join(json.dumps(golden) for golden in goldens)
Path(__file__).with_name("permutations.json").write_text(f"[\n{lines}\n]\n")
