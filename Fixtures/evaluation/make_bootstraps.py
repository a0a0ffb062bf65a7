"""Writes bootstraps.json: scores by scikit-learn, and the bootstrap interval of their differences by NumPy.

    python make_bootstraps.py            # numpy 2.4.6, scikit-learn 1.9.1

`scores`: R², of one and of several values, and micro F1 of small random predictions, degenerate ones included.
`intervals`: two arms, whose rows are resampled together and whose seeds in pairs or apart (Sellam et al., arXiv:2106.16163),
40,000 resamples; with the standard error of the interval's ends when 10,000 are taken, as Graft does.

make_metrics_of_rows.py has the other scores that an experiment can be compared by.
"""

import json
import warnings
from pathlib import Path

import numpy
from sklearn.metrics import f1_score, r2_score

warnings.simplefilter("ignore")
RESAMPLES, REPETITIONS, LEVEL = 40_000, 40, 0.95
generator = numpy.random.default_rng(15)


def score(kind, label, prediction):
    """scikit-learn's, of [rows, outputs]."""
    if kind == "r2":
        return float(r2_score(label, prediction))
    return float(f1_score(label, prediction, average="micro", zero_division=0))


def fast(kind, label, prediction):
    """The same of [resamples, rows, outputs]."""
    if kind == "r2":
        squares = ((label - prediction) ** 2).sum(1)
        spread = ((label - label.mean(1, keepdims=True)) ** 2).sum(1)
        return (1 - squares / spread).mean(1)
    hits, both = (label * prediction).sum((1, 2)), label.sum((1, 2)) + prediction.sum((1, 2))
    return 2 * hits / both


def values(rows, outputs, seeds, noise, label):
    return numpy.round(label[None] * 0.8 + generator.normal(0, noise, (seeds, rows, outputs)), 3)


def flips(seeds, share, label):
    return numpy.where(generator.random((seeds, *label.shape)) < share, 1 - label, label)


def interval(differences):
    return numpy.quantile(differences, [(1 - LEVEL) / 2, (1 + LEVEL) / 2])


def bootstrap(kind, label, first, second, paired):
    (seeds, rows, _), batch, parts = first.shape, 500, []
    for _ in range(RESAMPLES // batch):
        row = generator.integers(0, rows, (batch, rows))
        one = generator.integers(0, seeds, (batch, seeds))
        other = one if paired else generator.integers(0, len(second), (batch, len(second)))
        # [seeds, batch]
        ours = numpy.stack([fast(kind, label[row], arm[row]) for arm in first])
        theirs = numpy.stack([fast(kind, label[row], arm[row]) for arm in second])
        places = numpy.arange(batch)[:, None]
        parts.append(theirs[other, places].mean(1) - ours[one, places].mean(1))
    return numpy.concatenate(parts)


def spread(distribution):
    ends = numpy.array([interval(generator.choice(distribution, 10_000)) for _ in range(REPETITIONS)])
    return ends.std(0, ddof=1).tolist()


scores = []
for case in range(30):
    rows, outputs = 2 + case % 7, 1 + case % 3
    label = numpy.round(generator.normal(0, 2, (rows, outputs)), 3)
    prediction = values(rows, outputs, 1, 1.0, label)[0]
    if case % 5 == 1:
        label[:, 0] = 0.75
    if case % 5 == 2:
        label[:, 0] = prediction[:, 0] = 0.75
    scores.append(("r2", label, prediction))
for case in range(30):
    rows, outputs = 1 + case % 7, 2 + case % 4
    label = (generator.random((rows, outputs)) < 0.4).astype(int)
    prediction = flips(1, 0.3, label)[0]
    if case % 5 == 1:
        label[:], prediction[:] = 0, 0
    if case % 5 == 2:
        prediction[:] = 0
    scores.append(("f1_micro", label, prediction))

arms = []
label = numpy.round(generator.normal(3, 2, (60, 1)), 3)
arms.append(("r2", label, values(60, 1, 1, 1.0, label), values(60, 1, 1, 0.7, label), True))
label = numpy.round(generator.normal(0, 1, (40, 2)), 3)
arms.append(("r2", label, values(40, 2, 3, 0.5, label), values(40, 2, 3, 0.5, label), True))
label = (generator.random((80, 4)) < 0.3).astype(int)
arms.append(("f1_micro", label, flips(1, 0.2, label), flips(1, 0.1, label), True))
label = (generator.random((50, 3)) < 0.4).astype(int)
arms.append(("f1_micro", label, flips(2, 0.2, label), flips(3, 0.15, label), False))

intervals = []
for kind, label, first, second, paired in arms:
    each = [[score(kind, label, prediction) for prediction in arm] for arm in (first, second)]
    for own, arm in zip(each, (first, second)):
        assert numpy.allclose(own, [fast(kind, label[None], prediction[None])[0] for prediction in arm], rtol=1e-12)
    distribution = bootstrap(kind, label, first, second, paired)
    intervals.append({
        "kind": kind, "paired": paired, "label": label.tolist(), "first": first.tolist(), "second": second.tolist(),
        "scores": each, "difference": float(numpy.mean(each[1]) - numpy.mean(each[0])),
        "interval": interval(distribution).tolist(), "error": spread(distribution),
    })
golden = {
    "scores": [
        {"kind": kind, "label": label.tolist(), "prediction": prediction.tolist(), "score": score(kind, label, prediction)}
        for kind, label, prediction in scores
    ],
    "intervals": intervals,
}
Path(__file__).with_name("bootstraps.json").write_text(json.dumps(golden, separators=(",", ":")) + "\n")
