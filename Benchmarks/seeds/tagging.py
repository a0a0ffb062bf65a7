"""Tagging, trained by Graft and by transformers with the same rows, settings and seeds.

    python tagging.py --graft GRAFT --news ag_news/test.csv [--base CHECKPOINT]
        # torch 2.15.0, transformers 5.23.0, seqeval 1.2.2 with scikit-learn 1.9.1

The descriptions of AG News, in which `news.py` marks places, organizations, times and amounts: 500 are trained on, 1,000
others are tagged. transformers' side is what its script run_ner.py does: the label of a word at its first token, scores by seqeval.
`comparison.py` says what is compared.
"""

from itertools import islice

from comparison import Comparison, Recipe, batches
from news import KINDS, marked, tagged

TRAINED, TESTED = 500, 1000


class Tagging(Comparison):
    head = "token-classification"
    labels = ["O", *(f"{letter}-{kind}" for kind in KINDS for letter in "BI")]
    metrics = ["accuracy", "precision", "recall", "f1", "f1_macro"]
    recipe = Recipe(epochs=6, batch=16, rate=1e-3, length=128)
    train_file, test_file = "train.conll", "test.conll"

    def make_data(self, directory, news):
        texts = marked(news)
        for file, count in ((self.train_file, TRAINED), (self.test_file, TESTED)):
            sentences = [tagged(*text) for text in islice(texts, count)]
            blocks = ("".join(f"{word} {tag}\n" for word, tag in zip(*sentence)) for sentence in sentences)
            (directory / file).write_text("\n".join(blocks), encoding="utf-8")

    def rows(self, file):
        """(words, tags) of each sentence."""
        blocks = file.read_text(encoding="utf-8").strip("\n").split("\n\n")
        return [list(zip(*(line.split(" ") for line in block.split("\n")))) for block in blocks]

    def load(self, folder):
        import torch
        from transformers import AutoModelForTokenClassification, AutoTokenizer

        self.tokenizer = AutoTokenizer.from_pretrained(folder)
        self.model = AutoModelForTokenClassification.from_pretrained(folder, dtype=torch.float32)

    def encode(self, rows):
        """The batch, and the number of each token's word, where it is the word's first; else -1."""
        import torch

        batch = self.tokenizer(
            [list(words) for words, _ in rows], is_split_into_words=True, truncation=True, max_length=self.recipe.length,
            padding=True, return_tensors="pt")
        firsts = torch.full_like(batch["input_ids"], -1)
        for place in range(len(rows)):
            before = None
            for token, word in enumerate(batch.word_ids(place)):
                if word is not None and word != before:
                    firsts[place, token] = word
                before = word
        return batch, firsts

    def loss(self, rows):
        import torch

        batch, firsts = self.encode(rows)
        labels = torch.full_like(firsts, -100)
        for place, (_, tags) in enumerate(rows):
            for token, word in enumerate(firsts[place].tolist()):
                if word >= 0:
                    labels[place, token] = self.labels.index(tags[word])
        return self.model(**batch, labels=labels).loss

    def score(self, rows):
        from seqeval.metrics import accuracy_score, classification_report

        expected, predicted = [], []
        for part in batches(rows):
            batch, firsts = self.encode(part)
            best = self.model(**batch).logits.argmax(-1)
            for place, (_, tags) in enumerate(part):
                expected.append(list(tags))
                predicted.append([self.labels[label] for label in best[place][firsts[place] >= 0].tolist()])
        report = classification_report(expected, predicted, output_dict=True, zero_division=0)
        micro = report["micro avg"]
        return {
            "accuracy": accuracy_score(expected, predicted), "precision": micro["precision"], "recall": micro["recall"],
            "f1": micro["f1-score"], "f1_macro": report["macro avg"]["f1-score"],
        }


if __name__ == "__main__":
    Tagging().main(__doc__)
