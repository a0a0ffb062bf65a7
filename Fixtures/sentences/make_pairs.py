"""Writes train.csv and test.csv: the beginning of a package's description, and how it goes on.

    python make_pairs.py      # the texts of Fixtures/packages
"""

import csv
from pathlib import Path

HERE = Path(__file__).parent
BEGINNING, REST = 6, 24


def pairs(part, count):
    with (HERE.parent / "packages" / part).open(newline="") as file:
        texts = [row["text"].split() for row in csv.DictReader(file)]
    long = [words for words in texts if len(words) >= BEGINNING + 12]
    return [(" ".join(words[:BEGINNING]), " ".join(words[BEGINNING:][:REST])) for words in long[:count]]


def main():
    for part, count in (("train.csv", 400), ("test.csv", 100)):
        with (HERE / part).open("w", newline="") as file:
            writer = csv.writer(file, lineterminator="\n")
            writer.writerows([("anchor", "positive"), *pairs(part, count)])


if __name__ == "__main__":
    main()
