"""Writes folds.json: how many rows of each class scikit-learn's folds have.

    python make_folds.py            # scikit-learn 1.9.1, numpy 2.4.6

`stratified`: StratifiedKFold of rows with classes; `plain`: KFold of rows without. Which rows they are depends on random
numbers, how many of each class does not.
"""

import json
from pathlib import Path

import numpy
from sklearn.model_selection import KFold, StratifiedKFold

generator = numpy.random.default_rng(3)
stratified, plain = [], []
for _ in range(40):
    folds, classes = int(generator.integers(2, 8)), int(generator.integers(1, 6))
    counts = generator.integers(folds, 4 * folds, classes)
    labels = generator.permutation(numpy.repeat(numpy.arange(classes), counts))
    order = list(dict.fromkeys(labels.tolist()))
    parts = StratifiedKFold(folds, shuffle=True, random_state=1).split(labels, labels)
    stratified.append({
        "folds": folds, "labels": "".join("abcdef"[label] for label in labels),
        "counts": [[int((labels[test] == label).sum()) for label in order] for _, test in parts],
    })
for rows, folds in [(2, 2), (7, 3), (10, 5), (11, 5), (101, 10)]:
    plain.append({"folds": folds, "rows": rows, "sizes": [len(test) for _, test in KFold(folds).split(range(rows))]})
golden = {"stratified": stratified, "plain": plain}
Path(__file__).with_name("folds.json").write_text(json.dumps(golden, separators=(",", ":")) + "\n")
