#!/usr/bin/env python3
"""Multinomial naive Bayes over word counts: what a classifier on test.csv has to beat.

    baseline.py [ROWS]    train on the first ROWS rows of train.csv (all of them by default)
"""

import csv
import math
import re
import sys
from collections import Counter, defaultdict
from pathlib import Path


def rows(name: str) -> list[tuple[list[str], str]]:
    with (Path(__file__).resolve().parent / name).open(encoding="utf-8", newline="") as file:
        return [(re.findall(r"\w+", row["text"].lower()), row["label"]) for row in csv.DictReader(file)]


def main() -> None:
    train, test = rows("train.csv"), rows("test.csv")
    train = train[: int(sys.argv[1])] if len(sys.argv) > 1 else train
    counts: defaultdict[str, Counter[str]] = defaultdict(Counter)
    for words, label in train:
        counts[label].update(words)
    known = {word for of_label in counts.values() for word in of_label}
    prior = Counter(label for _, label in train)
    total = {label: sum(of_label.values()) for label, of_label in counts.items()}

    def score(words: list[str], label: str) -> float:
        return math.log(prior[label]) + sum(
            math.log((counts[label][word] + 1) / (total[label] + len(known)))
            for word in words
            if word in known
        )

    right = sum(max(sorted(counts), key=lambda label: score(words, label)) == truth for words, truth in test)
    most_frequent = prior.most_common(1)[0][0]
    always = sum(truth == most_frequent for _, truth in test)
    print(f"naive Bayes, {len(train)} training rows: accuracy {right / len(test):.4f}")
    print(f"always '{most_frequent}': accuracy {always / len(test):.4f}")


if __name__ == "__main__":
    main()
