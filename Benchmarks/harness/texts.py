"""The texts that everything is measured on."""

import csv
import gzip
import itertools
import os
import random
import re
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

    def titles(self, count):
        """Short texts: the titles of AG News, or the first eight words of other texts. Where there are too few, they come
        again with their words turned, so that no two are equal."""
        found = [title.split() for name in self.files or [PACKAGES] for title in titles(Path(name))]
        turned = (title[turn:] + title[:turn] for turn in range(count) for title in found)
        return [" ".join(words) for words in itertools.islice(turned, count)]


    def long(self, tokens, count):
        """Texts that have more tokens than they are cut to: a word has at least one."""
        words = " ".join(self.first(16 * tokens)).split()
        return [
            " ".join(words[(place + start) % len(words)] for place in range(tokens))
            for start in range(0, 7 * count, 7)
        ]

    def write_long(self, tokens, count, path):
        """The same with a label, as a table."""
        with open(path, "w", encoding="utf-8", newline="") as file:
            rows = ((text, self.labels[0]) for text in self.long(tokens, count))
            csv.writer(file).writerows([("text", "label"), *rows])
        return path


def titles(path):
    with open(path, encoding="utf-8", newline="") as file:
        published = is_ag_news(path) and len(next(csv.reader(file))) == 3
    if not published:
        return (" ".join(text.split()[:8]) for text, _ in rows(path))
    with open(path, encoding="utf-8", newline="") as file:
        return [row[1] for row in csv.reader(file)]


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


def manual_pages(size, root=Path("/usr/share/man")):
    """Paragraphs of the English manual pages of this machine, each once, in an order that is the same each time: as many as have
    `size` bytes together, or all."""
    found = {}
    for path in sorted(root.glob("man*/*.gz")):
        if not path.is_symlink():
            with gzip.open(path, "rt", encoding="utf-8", errors="replace") as file:
                found.update((text, None) for text in paragraphs(file) if len(text) >= 80)
    texts = list(found)
    random.Random(1).shuffle(texts)
    ends = itertools.accumulate(len(text.encode()) + 1 for text in texts)
    return [text for text, end in zip(texts, ends) if end <= size]


def paragraphs(lines):
    """What stands between the requests of a manual page, without its escapes."""
    for is_request, part in itertools.groupby(lines, key=lambda line: line[0] in ".'\n"):
        if not is_request:
            text = re.sub(r"\\(f\([A-Z]{2}|f.|s[-+]?\d|\*\(..|\(..|[&/,|^e])", "", " ".join(part))
            yield " ".join(re.sub(r"\\(.)", r"\1", text).split())
