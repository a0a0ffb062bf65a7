"""Writes row_scores.json: scores that follow from the terms of rows, and the bootstrap interval of their differences.

    python make_row_scores.py            # numpy 2.4.6, scipy 1.17.1

`resamples`: SciPy's `spearmanr` of rows of which some are drawn several times and some not at all, ties included.
`intervals`: as in make_bootstraps.py, of the rules `mean` (the nDCG of queries), `f1` (the hits of documents, and what there
is and was found together) and `spearman` (similarities and scores of pairs).
"""

import json
from pathlib import Path

import numpy
from scipy.stats import rankdata, spearmanr

RESAMPLES, REPETITIONS, LEVEL = 20_000, 40, 0.95
generator = numpy.random.default_rng(23)


def score(rule, terms):
    """Of [rows, terms]."""
    if rule == "mean":
        return float(terms[:, 0].mean())
    if rule == "f1":
        return float(2 * terms[:, 0].sum() / terms[:, 1].sum())
    return float(spearmanr(terms[:, 0], terms[:, 1]).statistic)


def fast(rule, terms):
    """Of [resamples, rows, terms]."""
    if rule == "mean":
        return terms[:, :, 0].mean(1)
    if rule == "f1":
        return 2 * terms[:, :, 0].sum(1) / terms[:, :, 1].sum(1)
    one, two = (rankdata(terms[:, :, term], axis=1) for term in (0, 1))
    one, two = one - one.mean(1, keepdims=True), two - two.mean(1, keepdims=True)
    return (one * two).sum(1) / numpy.sqrt((one**2).sum(1) * (two**2).sum(1))


def interval(differences):
    return numpy.quantile(differences, [(1 - LEVEL) / 2, (1 + LEVEL) / 2])


def bootstrap(rule, first, second, paired):
    (seeds, rows, _), batch, parts = first.shape, 500, []
    for _ in range(RESAMPLES // batch):
        row = generator.integers(0, rows, (batch, rows))
        one = generator.integers(0, seeds, (batch, seeds))
        other = one if paired else generator.integers(0, len(second), (batch, len(second)))
        ours = numpy.stack([fast(rule, arm[row]) for arm in first])
        theirs = numpy.stack([fast(rule, arm[row]) for arm in second])
        places = numpy.arange(batch)[:, None]
        parts.append(theirs[other, places].mean(1) - ours[one, places].mean(1))
    return numpy.concatenate(parts)


def spread(distribution):
    ends = numpy.array([interval(generator.choice(distribution, 10_000)) for _ in range(REPETITIONS)])
    return ends.std(0, ddof=1).tolist()


def gains(seeds, rows, better):
    return numpy.round(numpy.clip(generator.random((seeds, rows, 1)) + better, 0, 1), 3)


def entities(seeds, rows, share):
    there = generator.integers(0, 5, rows)
    hits = numpy.stack([generator.binomial(there, share) for _ in range(seeds)])
    found = hits + generator.integers(0, 2, hits.shape)
    return numpy.stack([hits, there[None] + found], -1).astype(float)


def similarities(seeds, scores, noise):
    values = numpy.round(scores[None] / 5 + generator.normal(0, noise, (seeds, len(scores))), 2)
    return numpy.stack([values, numpy.broadcast_to(scores, values.shape)], -1)


resamples = []
for case in range(24):
    rows = 3 + case % 9
    pairs = numpy.stack([generator.integers(0, 4, rows), numpy.round(generator.normal(0, 1, rows), 1 + case % 2)], -1)
    drawn = generator.integers(0, rows, rows)
    counts = numpy.bincount(drawn, minlength=rows)
    sample = pairs[drawn].astype(float)
    if len(set(sample[:, 0])) < 2 or len(set(sample[:, 1])) < 2:
        continue
    resamples.append({"pairs": pairs.tolist(), "counts": counts.tolist(), "score": score("spearman", sample)})

label = generator.integers(0, 6, 60).astype(float)
arms = [
    ("mean", gains(2, 50, 0.0), gains(2, 50, 0.1), True),
    ("f1", entities(3, 40, 0.6), entities(2, 40, 0.7), False),
    ("spearman", similarities(1, label, 0.4), similarities(1, label, 0.3), True),
    ("spearman", similarities(3, label, 0.3), similarities(3, label, 0.3), True),
]
intervals = []
for rule, first, second, paired in arms:
    each = [[score(rule, terms) for terms in arm] for arm in (first, second)]
    for own, arm in zip(each, (first, second)):
        assert numpy.allclose(own, [fast(rule, terms[None])[0] for terms in arm], rtol=1e-12)
    distribution = bootstrap(rule, first, second, paired)
    intervals.append({
        "rule": rule, "paired": paired, "first": first.tolist(), "second": second.tolist(), "scores": each,
        "difference": float(numpy.mean(each[1]) - numpy.mean(each[0])),
        "interval": interval(distribution).tolist(), "error": spread(distribution),
    })
Path(__file__).with_name("row_scores.json").write_text(
    json.dumps({"resamples": resamples, "intervals": intervals}, separators=(",", ":")) + "\n")
