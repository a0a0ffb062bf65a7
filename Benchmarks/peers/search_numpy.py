"""Exact search with NumPy: vectors divided by their lengths, one product, the largest of each row.

    python search_numpy.py make INDEX.npy --count N --width N
    python search_numpy.py search INDEX.npy --queries N --top N     # {"milliseconds": …}, numpy 2.4.6
"""

import argparse
import json
import time

import numpy


def normalized(vectors):
    return vectors / numpy.maximum(numpy.sqrt(numpy.einsum("ij,ij->i", vectors, vectors)), 1e-12)[:, None]


def search(vectors, queries, top):
    scores = normalized(queries) @ normalized(vectors).T
    found = numpy.argpartition(-scores, top - 1, axis=1)[:, :top]
    best = numpy.take_along_axis(scores, found, axis=1)
    order = numpy.argsort(-best, axis=1)
    return numpy.take_along_axis(found, order, axis=1)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("what", choices=["make", "search"])
    parser.add_argument("index")
    for name in ("count", "width", "queries", "top"):
        parser.add_argument(f"--{name}", type=int)
    arguments = parser.parse_args()
    generator = numpy.random.default_rng(5)
    if arguments.what == "make":
        shape = (arguments.count, arguments.width)
        numpy.save(arguments.index, generator.standard_normal(shape, dtype=numpy.float32))
        return
    vectors = numpy.load(arguments.index)
    queries = generator.standard_normal((arguments.queries, vectors.shape[1]), dtype=numpy.float32)
    started = time.perf_counter()
    search(vectors, queries, arguments.top)
    print(json.dumps({"milliseconds": 1000 * (time.perf_counter() - started)}))


if __name__ == "__main__":
    main()
