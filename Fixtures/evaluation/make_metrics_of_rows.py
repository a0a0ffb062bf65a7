"""Writes metrics_of_rows.json: the scores that an experiment can name, by scikit-learn and SciPy, and their bootstrap.

    python make_metrics_of_rows.py            # numpy 2.4.6, scipy 1.17.1, scikit-learn 1.9.1

For classes, several labels and values: two arms of two seeds on the same rows. Each score is there for all rows and for some
resamples, whose rows are given, and with the bootstrap interval of the arms' difference, 40,000 resamples of rows and
seeds in pairs, with the standard error of its ends when 10,000 are taken. The scores of the many resamples are computed
by NumPy, which is compared with scikit-learn's on the resamples that are given. `small` are few rows, many of them
without a class, or with constants.
"""

import json
import warnings
from pathlib import Path

import numpy
from scipy import stats
from sklearn import metrics

warnings.simplefilter("ignore")
RESAMPLES, BATCH, REPETITIONS, LEVEL = 40_000, 500, 40, 0.95
generator = numpy.random.default_rng(27)


def classes(rows, count, skill, label):
    """Probabilities in steps of 1/64, which add up to 1, with ties and zeros."""
    strength = numpy.full((rows, count), 0.5)
    strength[numpy.arange(rows), label] += skill * generator.random(rows)
    return numpy.stack([generator.multinomial(64, generator.dirichlet(own)) / 64 for own in strength])


def calibration_error(label, probability):
    prediction, confidence = probability.argmax(1), probability.max(1)
    bins = numpy.ceil(confidence * 15 - 1e-12).astype(int).clip(1, 15)
    hit = prediction == label
    return float(sum(abs((hit[bins == bin].astype(float) - confidence[bins == bin]).sum()) for bin in range(1, 16)) / len(label))


def scores_of_classes(label, probability):
    prediction, count = probability.argmax(1), probability.shape[1]
    macro = dict(average="macro", zero_division=0)
    found = {
        "accuracy": metrics.accuracy_score(label, prediction),
        "balanced_accuracy": metrics.balanced_accuracy_score(label, prediction),
        "matthews_correlation": metrics.matthews_corrcoef(label, prediction),
        "precision_macro": metrics.precision_score(label, prediction, **macro),
        "recall_macro": metrics.recall_score(label, prediction, **macro),
        "f1_macro": metrics.f1_score(label, prediction, **macro),
        "log_loss": metrics.log_loss(label, probability, labels=range(count)),
        "expected_calibration_error": calibration_error(label, probability),
    }
    if count > 3:
        found["top_3_accuracy"] = metrics.top_k_accuracy_score(label, probability, k=3, labels=range(count))
    return found


def scores_of_labels(label, probability):
    prediction = (probability > 0.5).astype(int)
    found = {
        "subset_accuracy": metrics.accuracy_score(label, prediction),
        "hamming_loss": metrics.hamming_loss(label, prediction),
        "average_precision_macro": metrics.average_precision_score(label, probability, average="macro"),
        "average_precision_micro": metrics.average_precision_score(label, probability, average="micro"),
    }
    for average in ("micro", "macro", "samples"):
        for name in ("precision", "recall", "f1"):
            score = getattr(metrics, f"{name}_score")
            found[f"{name}_{average}"] = score(label, prediction, average=average, zero_division=0)
    return found


def scores_of_values(label, prediction):
    outputs = range(label.shape[1])
    found = {
        "mse": metrics.mean_squared_error(label, prediction),
        "mae": metrics.mean_absolute_error(label, prediction),
        "r2": metrics.r2_score(label, prediction),
    }
    for name, function in (("pearson", stats.pearsonr), ("spearman", stats.spearmanr)):
        each = [float(function(label[:, output], prediction[:, output])[0]) for output in outputs]
        if numpy.isfinite(each).all():
            found[name] = numpy.mean(each)
    return found


# The same of [resamples, rows, …].


def share(first, second):
    return numpy.divide(first, second, out=numpy.zeros_like(first, dtype=float), where=second > 0)


def fast_classes(label, probability):
    prediction, count = probability.argmax(-1), probability.shape[-1]
    one = numpy.stack([(label == own) for own in range(count)], -1)
    other = numpy.stack([(prediction == own) for own in range(count)], -1)
    hits, actual, predicted = (one & other).sum(1), one.sum(1), other.sum(1)
    occurs, rows = actual + predicted > 0, label.shape[1]
    recall, there = share(hits, actual), actual > 0
    both = hits.sum(1) * rows - (actual * predicted).sum(1)
    spread = (rows**2 - (predicted**2).sum(1)) * (rows**2 - (actual**2).sum(1))
    right = numpy.take_along_axis(probability, label[..., None], -1)[..., 0]
    epsilon = numpy.finfo(float).eps
    return {
        "accuracy": hits.sum(1) / rows,
        "balanced_accuracy": recall.sum(1) / there.sum(1),
        "matthews_correlation": share(both.astype(float), numpy.sqrt(spread.astype(float))),
        "f1_macro": share(2 * hits, actual + predicted).sum(1) / occurs.sum(1),
        "log_loss": -numpy.log(right.clip(epsilon, 1 - epsilon)).mean(1),
    }


def fast_labels(label, probability):
    prediction = probability > 0.5
    hits, either = (label * prediction), label + prediction
    return {
        "subset_accuracy": (label == prediction).all(2).mean(1),
        "hamming_loss": (label != prediction).mean((1, 2)),
        "f1_micro": share(2 * hits.sum((1, 2)), either.sum((1, 2))),
        "f1_macro": share(2 * hits.sum(1), either.sum(1)).mean(1),
        "f1_samples": share(2 * hits.sum(2), either.sum(2)).mean(1),
    }


def fast_values(label, prediction):
    def centred(values):
        return values - values.mean(1, keepdims=True)

    def correlation(one, two):
        one, two = centred(one), centred(two)
        return ((one * two).sum(1) / numpy.sqrt((one**2).sum(1) * (two**2).sum(1))).mean(1)

    error = label - prediction
    return {
        "mse": (error**2).mean((1, 2)),
        "mae": abs(error).mean((1, 2)),
        "r2": (1 - (error**2).sum(1) / (centred(label) ** 2).sum(1)).mean(1),
        "pearson": correlation(label, prediction),
        "spearman": correlation(stats.rankdata(label, axis=1), stats.rankdata(prediction, axis=1)),
    }


def plain(value):
    return value.tolist() if isinstance(value, numpy.ndarray) else value


def case(kind, label, arms, score, fast):
    rows, seeds = len(label), len(arms[0])
    given = [generator.integers(0, rows, rows) for _ in range(6)]
    resampled = [[[score(label[row], arm[row]) for row in given] for arm in seeds_of] for seeds_of in arms]
    for seeds_of, known in zip(arms, resampled):
        for arm, each in zip(seeds_of, known):
            for row, own in zip(given, each):
                for key, value in fast(label[row][None], arm[row][None]).items():
                    assert abs(value[0] - own[key]) < 1e-12, (kind, key)
    parts = []
    for _ in range(RESAMPLES // BATCH):
        row = generator.integers(0, rows, (BATCH, rows))
        seed, place = generator.integers(0, seeds, (BATCH, seeds)), numpy.arange(BATCH)[:, None]
        means = []
        for arm in arms:
            each = [fast(label[row], own[row]) for own in arm]
            means.append({key: numpy.stack([own[key] for own in each])[seed, place].mean(1) for key in each[0]})
        parts.append({key: means[1][key] - means[0][key] for key in means[0]})
    intervals = {}
    for key in parts[0]:
        distribution = numpy.concatenate([part[key] for part in parts])
        ends = [(1 - LEVEL) / 2, (1 + LEVEL) / 2]
        again = numpy.array([numpy.quantile(generator.choice(distribution, 10_000), ends) for _ in range(REPETITIONS)])
        intervals[key] = {"interval": numpy.quantile(distribution, ends).tolist(), "error": again.std(0, ddof=1).tolist()}
    return {
        "kind": kind, "label": plain(label), "arms": [[plain(own) for own in arm] for arm in arms],
        "scores": [[{key: float(value) for key, value in score(label, own).items()} for own in arm] for arm in arms],
        "resamples": [plain(row) for row in given],
        "resampled": [[[{key: float(value) for key, value in one.items()} for one in own] for own in arm] for arm in resampled],
        "intervals": intervals,
    }


def small(kind, label, prediction, score):
    return {
        "kind": kind, "label": plain(label), "prediction": plain(prediction),
        "scores": {key: float(value) for key, value in score(label, prediction).items()},
    }


label = generator.choice(5, 60, p=[0.5, 0.25, 0.15, 0.07, 0.03])
cases = [case("classes", label, [[classes(60, 5, skill, label) for _ in range(2)] for skill in (2, 4)], scores_of_classes, fast_classes)]
label = (generator.random((50, 3)) < [0.5, 0.3, 0.1]).astype(int)


def several(noise, label):
    return numpy.round((label * 0.5 + 0.25 + generator.normal(0, noise, label.shape)).clip(0, 1), 2)


cases.append(case("labels", label, [[several(noise, label) for _ in range(2)] for noise in (0.4, 0.3)], scores_of_labels, fast_labels))
label = numpy.round(generator.normal(3, 2, (40, 2)), 2)
cases.append(case(
    "values", label, [[numpy.round(label * 0.7 + generator.normal(0, noise, label.shape), 2) for _ in range(2)] for noise in (1.2, 0.8)],
    scores_of_values, fast_values,
))
few = []
for number in range(20):
    rows = 2 + number % 5
    label = generator.integers(0, 1 + number % 4, rows)
    few.append(small("classes", label, classes(rows, 4, 1, label), scores_of_classes))
    label = (generator.random((rows, 3)) < 0.1 * (number % 6)).astype(int)
    few.append(small("labels", label, several(0.3, label), scores_of_labels))
    label = numpy.round(generator.normal(0, 1, (rows, 2)), 2)
    prediction = numpy.round(label + generator.normal(0, 1, label.shape), 2)
    if number % 5 == 1:
        label[:, 0] = 0.75
    if number % 5 == 2:
        prediction[:, 1] = 0.5
    few.append(small("values", label, prediction, scores_of_values))
golden = {"cases": cases, "small": few}
Path(__file__).with_name("metrics_of_rows.json").write_text(json.dumps(golden, separators=(",", ":")) + "\n")
