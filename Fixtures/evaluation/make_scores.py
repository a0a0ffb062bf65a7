"""Writes scores_single.json.gz, scores_several.json.gz and scores_regression.json.gz: scores of random predictions by scikit-learn and SciPy.

    python make_scores.py             # scikit-learn 1.9.1, scipy 1.17.1, numpy 2.4.6

The predictions are not stored: they come from SplitMix64 with the number of the case as seed, here and in
`Tests/GraftCoreTests/MetricScoresTests.swift`, so that both sides draw the same. Every tenth case each is of one class
only, or has constant predictions, many ties, nothing to find, or all of it. What is not defined is null.
"""

import gzip
import json
import warnings
from pathlib import Path

import numpy
from scipy.stats import pearsonr, spearmanr
from sklearn import metrics
from sklearn.calibration import calibration_curve

warnings.simplefilter("ignore")
CASES = 1000
MASK = (1 << 64) - 1


class Draw:
    """SplitMix64, https://prng.di.unimi.it/splitmix64.c"""

    def __init__(self, seed):
        self.state = seed

    def word(self):
        self.state = (self.state + 0x9E3779B97F4A7C15) & MASK
        z = self.state
        z = ((z ^ (z >> 30)) * 0xBF58476D1CE4E5B9) & MASK
        z = ((z ^ (z >> 27)) * 0x94D049BB133111EB) & MASK
        return z ^ (z >> 31)

    def below(self, bound):
        return (self.word() >> 32) * bound >> 32

    def share(self, steps):
        """A float32 of 0 to below 1; of few steps there are ties."""
        return (self.word() >> 40) / (1 << 24) if steps == 0 else (self.below(steps) + 0.5) / steps


def kind(case):
    return ["one class", "constant", "ties", "nothing", "everything"][case % 10] if case % 10 < 5 else "any"


def single(case):
    draw, of = Draw(case), kind(case)
    classes, rows = 2 + draw.below(7), 1 + draw.below(40)
    only = draw.below(classes)
    actual = [only if of == "one class" else draw.below(classes) for _ in range(rows)]
    row = [draw.share(0) * 16 - 8 for _ in range(classes)]
    logits = [
        row if of == "constant" else [draw.share(8 if of == "ties" else 0) * 16 - 8 for _ in range(classes)]
        for _ in range(rows)
    ]
    logits = numpy.array(logits, dtype=numpy.float64)
    powers = numpy.exp(logits - logits.max(axis=1, keepdims=True))
    shares = powers / powers.sum(axis=1, keepdims=True)
    predicted = logits.argmax(axis=1)
    every = list(range(classes))
    macro = metrics.precision_recall_fscore_support(actual, predicted, average="macro", zero_division=0)
    confidence = shares[range(rows), predicted]
    right = (predicted == actual).astype(int)
    # The bins of scikit-learn's calibration curve, with how many examples each has.
    means = calibration_curve(right, confidence, n_bins=15) if 0 < right.sum() < rows else None
    places = numpy.searchsorted(numpy.linspace(0, 1, 16)[1:-1], confidence)
    counts = numpy.bincount(places, minlength=15)
    if means is None:
        sums = numpy.bincount(places, weights=confidence, minlength=15)
        error = numpy.abs(numpy.bincount(places, weights=right, minlength=15) - sums).sum() / rows
    else:
        error = (counts[counts > 0] * numpy.abs(means[0] - means[1])).sum() / rows
    top = {
        f"top_{k}_accuracy": metrics.top_k_accuracy_score(actual, logits, k=k, labels=every)
        for k in [3, 5] if classes > k
    }
    return {
        "accuracy": metrics.accuracy_score(actual, predicted),
        "balanced_accuracy": metrics.balanced_accuracy_score(actual, predicted),
        "matthews_correlation": metrics.matthews_corrcoef(actual, predicted),
        "precision_macro": macro[0], "recall_macro": macro[1], "f1_macro": macro[2],
        "log_loss": metrics.log_loss(actual, shares, labels=every),
        "expected_calibration_error": error, **top,
    }


def several(case):
    draw, of = Draw(case), kind(case)
    labels, rows = 2 + draw.below(5), 2 + draw.below(30)
    only = draw.below(labels)
    steps = 8 if of == "ties" else 0
    threshold = draw.share(0)
    told = {"nothing": lambda label: False, "everything": lambda label: True, "one class": lambda label: label == only}
    choose = told.get(of, lambda label: draw.below(3) == 0)
    actual = [[choose(label) for label in range(labels)] for _ in range(rows)]
    constant = draw.share(0)
    shares = [[constant if of == "constant" else draw.share(steps) for _ in range(labels)] for _ in range(rows)]
    actual, shares = numpy.array(actual, dtype=int), numpy.array(shares)
    predicted = (shares > threshold).astype(int)
    result = {
        "subset_accuracy": metrics.accuracy_score(actual, predicted),
        "hamming_loss": metrics.hamming_loss(actual, predicted),
    }
    for average in ["micro", "macro", "samples"]:
        scores = metrics.precision_recall_fscore_support(actual, predicted, average=average, zero_division=0)
        for name, value in zip(["precision", "recall", "f1"], scores):
            result[f"{name}_{average}"] = value
        if average != "samples":
            value = metrics.average_precision_score(actual, shares, average=average)
            result[f"average_precision_{average}"] = value
    # One number for the scores of all labels, each with a weight of its own.
    each = metrics.precision_recall_fscore_support(actual, predicted, average=None, zero_division=0)
    weights = numpy.arange(1, labels + 1)
    for name, values in zip(["precision", "recall", "f1", "support"], each):
        result[f"labels_{name}"] = (weights * values).sum()
    result["labels_average_precision"] = (
        weights * metrics.average_precision_score(actual, shares, average=None)).sum()

    def best(actual, shares):
        if not actual.any():
            return 0
        precision, recall, _ = metrics.precision_recall_curve(actual, shares)
        return numpy.max(numpy.divide(
            2 * precision * recall, precision + recall, out=numpy.zeros_like(recall), where=precision + recall > 0))

    # What tuned thresholds reach: micro-averaged F1 of one, and the mean F1 of one for each label.
    result["tuned_global"] = best(actual.ravel(), shares.ravel())
    result["tuned_label"] = numpy.mean([best(actual[:, label], shares[:, label]) for label in range(labels)])
    return result


def regression(case):
    draw, of = Draw(case), kind(case)
    outputs, rows = 1 + draw.below(3), 1 + draw.below(40)
    steps = 8 if of == "ties" else 0
    constants = [draw.share(0) * 4 - 2 for _ in range(outputs)]
    actual, predicted = [], []
    for _ in range(rows):
        values = [draw.share(steps) * 4 - 2 for _ in range(outputs)]
        actual.append(constants if of in ("one class", "nothing") else values)
        predicted.append(
            constants if of in ("constant", "nothing") else
            values if of == "everything" else [draw.share(steps) * 4 - 2 for _ in range(outputs)])
    actual, predicted = numpy.array(actual), numpy.array(predicted)

    def correlation(function):
        if rows < 2:
            return None
        values = [function(actual[:, output], predicted[:, output]).statistic for output in range(outputs)]
        return None if numpy.isnan(values).any() else numpy.mean(values)

    return {
        "mse": metrics.mean_squared_error(actual, predicted),
        "mae": metrics.mean_absolute_error(actual, predicted),
        "r2": metrics.r2_score(actual, predicted) if rows > 1 else None,
        "pearson": correlation(pearsonr), "spearman": correlation(spearmanr),
    }


def rounded(value):
    # Thirteen digits, for a tolerance of 1e-12, keep the file small.
    return None if value is None else float(f"{float(value):.13f}")


document = {}
for name, make in [("single", single), ("several", several), ("regression", regression)]:
    cases = [make(case) for case in range(CASES)]
    names = sorted(set().union(*cases))
    document[name] = {each: [rounded(case.get(each)) for case in cases] for each in names}
for name in document:
    text = json.dumps(document[name], separators=(",", ":")).encode()
    Path(__file__).with_name(f"scores_{name}.json.gz").write_bytes(gzip.compress(text, 9, mtime=0))
