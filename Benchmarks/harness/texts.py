"""The texts that everything is measured on."""

import csv
import itertools
import os
from pathlib import Path

PACKAGES = Path(__file__).resolve().parents[2] / "Fixtures/packages/train.csv"
AG_NEWS = ["World", "Sports", "Business", "Sci/Tech"]
COUNT = 8000


class Texts:
    """The first texts of the file that $TEXTS names, as a CSV file with the columns text and label.

    Files of AG News have no header: class 1-4, title and description as published, or text and label 0-3.
    """

    def __init__(self, work):
        names = os.environ.get("TEXTS", "").split()
        source = Path(names[0]) if names else PACKAGES
        self.name = f"AG News {source.name}" if is_ag_news(source) else source.name if names else "Fixtures/packages"
        self.path = work / "texts.csv"
        self.files = names
        labels = set()
        with open(self.path, "w", encoding="utf-8", newline="") as file:
            out = csv.writer(file)
            out.writerow(("text", "label"))
            for text, label in itertools.islice(rows(source), COUNT):
                labels.add(label)
                out.writerow((" ".join(text.split()), label))
        self.labels = AG_NEWS if labels <= set(AG_NEWS) else sorted(labels)

    def first(self, count=COUNT):
        with open(self.path, encoding="utf-8", newline="") as file:
            return [row["text"] for row in itertools.islice(csv.DictReader(file), count)]


def is_ag_news(path):
    with open(path, encoding="utf-8", newline="") as file:
        first = next(csv.reader(file))
    return len(first) == 3 and first[0] in "1234" or len(first) == 2 and first[1] in "0123"


def rows(path):
    """(text, label) one after another."""
    with open(path, encoding="utf-8", newline="") as file:
        if not is_ag_news(path):
            for row in csv.DictReader(file):
                yield row["text"], row["label"]
            return
        for row in csv.reader(file):
            published = len(row) == 3
            text, label = (f"{row[1]} {row[2]}", int(row[0]) - 1) if published else (row[0], int(row[1]))
            yield text, AG_NEWS[label]
