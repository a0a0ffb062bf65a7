"""Descriptions of Debian packages, of Fixtures/packages, and what they are about."""

import csv
from pathlib import Path

FOLDER = Path(__file__).resolve().parents[2] / "Fixtures/packages"
TOPICS = {"games": "games", "science": "science", "sound": "music", "web": "the web"}
WORDS = 20


def descriptions(file):
    """(its first words, its topic) of each package of train.csv or test.csv, in the file's order."""
    with open(FOLDER / file, newline="", encoding="utf-8") as rows:
        return [(" ".join(row["text"].split()[:WORDS]), TOPICS[row["label"]]) for row in csv.DictReader(rows)]
