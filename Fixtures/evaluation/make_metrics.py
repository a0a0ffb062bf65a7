"""Writes metrics.json: scores and confusion matrices of classifiers by scikit-learn.

    python make_metrics.py            # scikit-learn 1.9.1, numpy 2.4.6

Each case has labels and predictions below `classes`; some classes never occur, or are never predicted.
"""

import json
from pathlib import Path

import numpy
from sklearn.metrics import accuracy_score, confusion_matrix, precision_recall_fscore_support


def case(name, classes, labels, predictions):
    every = list(range(classes))
    scores = precision_recall_fscore_support(labels, predictions, labels=every, zero_division=0)
    macro = precision_recall_fscore_support(labels, predictions, average="macro", zero_division=0)
    return {
        "name": name, "classes": classes, "labels": labels, "predictions": predictions,
        "accuracy": accuracy_score(labels, predictions),
        "precision": scores[0].tolist(), "recall": scores[1].tolist(), "f1": scores[2].tolist(),
        "support": scores[3].tolist(), "macro": [float(value) for value in macro[:3]],
        "matrix": confusion_matrix(labels, predictions, labels=every).tolist(),
    }


def noisy(generator, classes, count, right):
    labels = generator.integers(0, classes, count)
    predictions = numpy.where(generator.random(count) < right, labels, generator.integers(0, classes, count))
    return labels.tolist(), predictions.tolist()


generator = numpy.random.default_rng(1)
cases = [
    case("four classes", 4, *noisy(generator, 4, 120, 0.8)),
    case("two classes", 2, *noisy(generator, 2, 61, 0.6)),
    case("twenty classes", 20, *noisy(generator, 20, 90, 0.5)),
    case("one class never occurs", 3, [0, 0, 2, 2, 2], [0, 2, 2, 2, 0]),
    case("one class is predicted only", 3, [0, 0, 2, 2], [0, 1, 2, 2]),
    case("one class is never predicted", 3, [0, 1, 1, 2], [0, 0, 2, 2]),
    case("nothing is right", 2, [0, 1], [1, 0]),
    case("one example", 4, [3], [3]),
]
lines = ",\n".join(json.dumps(case) for case in cases)
Path(__file__).with_name("metrics.json").write_text(f"[\n{lines}\n]\n")
