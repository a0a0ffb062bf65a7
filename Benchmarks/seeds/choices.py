"""Choosing one of four texts, trained by Graft and by transformers with the same rows, settings and seeds.

    python choices.py --graft GRAFT [--base CHECKPOINT]
        # torch 2.15.0, transformers 5.23.0

Which of four descriptions of packages is about a topic: 800 questions are trained on, 600 about other packages are answered.
`comparison.py` says what is compared.
"""

import json
import random

from comparison import Comparison, Recipe, batches
from packages import TOPICS, descriptions

TRAINED, TESTED, CHOICES = 800, 600, len(TOPICS)


class Choices(Comparison):
    head = "multiple-choice"
    metrics = ["accuracy", "log_loss"]
    needs_news = False
    recipe = Recipe(epochs=4, batch=8, rate=5e-4, length=64)
    train_file, test_file = "train.jsonl", "test.jsonl"

    def make_data(self, directory, news):
        generator, topics = random.Random(0), list(TOPICS.values())
        for source, file, count in (("train.csv", self.train_file, TRAINED), ("test.csv", self.test_file, TESTED)):
            texts = {topic: [text for text, other in descriptions(source) if other == topic] for topic in topics}
            with open(directory / file, "w", encoding="utf-8") as lines:
                for _ in range(count):
                    mixed = generator.sample(topics, CHOICES)
                    answer = generator.randrange(CHOICES)
                    question, choices = f"Which one is about {mixed[answer]}?", [generator.choice(texts[one]) for one in mixed]
                    lines.write(json.dumps({"question": question, "choices": choices, "answer": answer}) + "\n")

    def rows(self, file):
        return [json.loads(line) for line in file.read_text(encoding="utf-8").splitlines()]

    def load(self, folder):
        import torch
        from transformers import AutoModelForMultipleChoice, AutoTokenizer

        self.tokenizer = AutoTokenizer.from_pretrained(folder)
        self.model = AutoModelForMultipleChoice.from_pretrained(folder, dtype=torch.float32)

    def outputs(self, rows):
        """The loss of a batch, and the logits of each choice."""
        import torch

        asked = [row["question"] for row in rows for _ in range(CHOICES)]
        texts = [text for row in rows for text in row["choices"]]
        batch = self.tokenizer(
            asked, texts, truncation=True, max_length=self.recipe.length, padding=True, return_tensors="pt")
        batch = {name: values.view(len(rows), CHOICES, -1) for name, values in batch.items()}
        return self.model(**batch, labels=torch.tensor([row["answer"] for row in rows]))

    def loss(self, rows):
        return self.outputs(rows).loss

    def score(self, rows):
        right, loss = 0, 0.0
        for part in batches(rows):
            found = self.outputs(part)
            right += sum(int(best) == row["answer"] for best, row in zip(found.logits.argmax(-1), part))
            loss += float(found.loss) * len(part)
        return {"accuracy": right / len(rows), "log_loss": loss / len(rows)}


if __name__ == "__main__":
    Choices().main(__doc__)
