"""A cross-encoder, trained by Graft and by sentence-transformers with the same rows, settings and seeds.

    python pairs.py --graft GRAFT [--base CHECKPOINT]
        # sentence-transformers 6.2.0, torch 2.15.0, transformers 5.23.0

What a description of a package is about: 500 descriptions, each with its own topic and with another, are trained on with the
binary cross-entropy of the score, without dropout. Tested are 800 descriptions of other packages, each with
every topic. `comparison.py` says what is compared.
"""

import random

from comparison import Comparison, Recipe, read_csv, write_csv
from packages import TOPICS, descriptions

TRAINED, TESTED, AT = 500, 800, 10


class Pairs(Comparison):
    peer = "sentence-transformers"
    head, labels = "sequence-classification", ["score"]
    metrics = ["accuracy", "f1", "average_precision", f"mrr@{AT}", f"ndcg@{AT}", "map"]
    needs_news = False
    recipe = Recipe(epochs=12, batch=8, rate=5e-4, length=64, dropout=0.0)
    data_options = ["--text-column", "query", "--pair-column", "text"]
    training_options = ["--loss", "binary-cross-entropy"]

    def make_data(self, directory, news):
        generator, topics = random.Random(0), list(TOPICS.values())
        parts = (("train.csv", self.train_file, TRAINED, 1), ("test.csv", self.test_file, TESTED, len(TOPICS) - 1))
        for source, file, count, wrong in parts:
            rows = []
            for text, topic in descriptions(source)[:count]:
                others = generator.sample([other for other in topics if other != topic], wrong)
                rows += [(text, f"about {topic}", 1), *((text, f"about {other}", 0) for other in others)]
            write_csv(directory / file, ("query", "text", "label"), rows)

    def rows(self, file):
        return read_csv(file)

    def load(self, folder):
        import torch
        from sentence_transformers import CrossEncoder
        from sentence_transformers.cross_encoder.losses import BinaryCrossEntropyLoss

        self.model = CrossEncoder(
            str(folder), num_labels=1, device="cpu", max_length=self.recipe.length, model_kwargs={"dtype": torch.float32})
        self.cross_entropy = BinaryCrossEntropyLoss(self.model)

    def save(self, folder):
        self.model.save_pretrained(str(folder))

    def loss(self, rows):
        import torch

        columns = [[row["query"] for row in rows], [row["text"] for row in rows]]
        return self.cross_entropy(columns, torch.tensor([float(row["label"]) for row in rows]))

    def score(self, rows):
        from sentence_transformers.cross_encoder.evaluation import (
            CrossEncoderClassificationEvaluator, CrossEncoderRerankingEvaluator,
        )

        classes = CrossEncoderClassificationEvaluator(
            [[row["query"], row["text"]] for row in rows], [int(row["label"]) for row in rows], write_csv=False)
        samples = {}
        for row in rows:
            sample = samples.setdefault(row["query"], {"query": row["query"], "positive": [], "negative": []})
            sample["positive" if row["label"] == "1" else "negative"].append(row["text"])
        ranking = CrossEncoderRerankingEvaluator(list(samples.values()), at_k=AT, write_csv=False, show_progress_bar=False)
        return classes(self.model) | ranking(self.model)


if __name__ == "__main__":
    Pairs().main(__doc__)
