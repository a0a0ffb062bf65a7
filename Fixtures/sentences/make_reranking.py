"""Writes rerank_train.csv and rerank_test.csv: which topics descriptions of packages are about.

    python make_reranking.py      # the texts of Fixtures/packages

The query is a topic. To train on, each text has its own topic with the label 1 and another with 0; to test on, each of a few
texts has every topic.
"""

import csv
import random
from pathlib import Path

HERE = Path(__file__).parent
TOPICS = {"games": "games to play", "science": "scientific work", "sound": "sound and music", "web": "the web"}
WORDS = 14
random.seed(3)


def texts(part, count):
    with (HERE.parent / "packages" / part).open(newline="") as file:
        rows = list(csv.DictReader(file))
    for row in random.sample(rows, count):
        yield row["label"], " ".join(row["text"].split()[:WORDS])


def training():
    for topic, text in texts("train.csv", 420):
        yield TOPICS[topic], text, 1
        yield TOPICS[random.choice([other for other in TOPICS if other != topic])], text, 0


def test():
    for topic, text in texts("test.csv", 60):
        for other, query in TOPICS.items():
            yield query, text, int(other == topic)


def main():
    for part, rows in (("train", training()), ("test", test())):
        with (HERE / f"rerank_{part}.csv").open("w", newline="") as file:
            writer = csv.writer(file, lineterminator="\n")
            writer.writerows([("query", "text", "label"), *rows])


if __name__ == "__main__":
    main()
