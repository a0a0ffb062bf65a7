"""Writes statistics.json: intervals and tests by SciPy and statsmodels.

    python make_statistics.py            # numpy 2.4.6, scipy 1.17.1, statsmodels 0.15.0

`mcnemar`: p-values for pairs of discordant counts, exact or with continuity correction.
`summaries`: mean, sample standard deviation and range.
`rows`: paired bootstrap of the difference of two accuracies by scipy.stats.bootstrap, one seed, 200,000 resamples; with the
standard error of the interval's ends, from repetitions with the 10,000 resamples that Graft takes.
`seeds`: the same with seeds resampled along with rows (Sellam et al., arXiv:2106.16163), by NumPy, paired and unpaired.
"""

import json
from pathlib import Path

import numpy
import scipy.stats
from statsmodels.stats.contingency_tables import mcnemar

RESAMPLES, REPETITIONS, LEVEL = 200_000, 40, 0.95
generator = numpy.random.default_rng(7)


def hits(rows, seeds, accuracy, shared):
    """Whether each row was right, for each seed; rows differ in how hard they are."""
    chance = numpy.clip(accuracy + shared, 0, 1)
    return (generator.random((seeds, rows)) < chance[None, :]).astype(int)


def interval(differences):
    return numpy.quantile(differences, [(1 - LEVEL) / 2, (1 + LEVEL) / 2])


def rows_only(first, second):
    difference = second[0] - first[0]
    result = scipy.stats.bootstrap(
        (difference,), numpy.mean, n_resamples=RESAMPLES, batch=1000, confidence_level=LEVEL, method="percentile",
        rng=generator,
    )
    low, high = result.confidence_interval
    return [float(low), float(high)], result.bootstrap_distribution


def with_seeds(first, second, paired, resamples):
    seeds, rows = first.shape
    out = numpy.empty(resamples)
    for index in range(resamples):
        row = generator.integers(0, rows, rows)
        one = generator.integers(0, seeds, seeds)
        other = one if paired else generator.integers(0, second.shape[0], second.shape[0])
        out[index] = second[other][:, row].mean() - first[one][:, row].mean()
    return out


def spread(distribution):
    """The standard error of each end when 10,000 resamples are taken."""
    parts = numpy.array([interval(generator.choice(distribution, 10_000)) for _ in range(REPETITIONS)])
    return parts.std(0, ddof=1).tolist()


def text(matrix):
    return ["".join(map(str, row)) for row in matrix.tolist()]


tests = []
for pair in [(0, 0), (1, 0), (5, 5), (3, 12), (12, 12), (0, 24), (10, 15), (40, 21), (30, 30), (200, 150), (1, 400)]:
    exact = sum(pair) < 25
    result = mcnemar([[50, pair[0]], [pair[1], 7]], exact=exact, correction=True) if sum(pair) else None
    tests.append({"pair": list(pair), "exact": exact, "p": float(result.pvalue) if result else 1.0})

summaries = []
for values in [[0.868], [0.869, 0.881, 0.88], [0.5, 0.75], [0.1, 0.2, 0.3, 0.4, 0.7]]:
    summaries.append({
        "values": values, "mean": float(numpy.mean(values)),
        "deviation": float(numpy.std(values, ddof=1)) if len(values) > 1 else None,
        "range": [min(values), max(values)],
    })

rows, seeds = [], []
for count, first, second in [(40, 0.6, 0.8), (500, 0.85, 0.87), (500, 0.9, 0.9)]:
    shared = generator.normal(0, 0.15, count)
    one, other = hits(count, 1, first, shared), hits(count, 1, second, shared)
    ends, distribution = rows_only(one, other)
    rows.append({"first": text(one), "second": text(other), "interval": ends, "error": spread(distribution)})
for count, number, paired in [(60, 3, True), (60, 3, False), (200, 5, True)]:
    shared = generator.normal(0, 0.15, count)
    one, other = hits(count, number, 0.7, shared), hits(count, number, 0.8, shared)
    distribution = with_seeds(one, other, paired, 100_000)
    seeds.append({
        "first": text(one), "second": text(other), "paired": paired, "interval": interval(distribution).tolist(),
        "error": spread(distribution),
    })
golden = {"mcnemar": tests, "summaries": summaries, "rows": rows, "seeds": seeds}
Path(__file__).with_name("statistics.json").write_text(json.dumps(golden) + "\n")
