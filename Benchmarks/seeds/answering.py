"""Answering, trained by Graft and by transformers with the same rows, settings and seeds.

    python answering.py --graft GRAFT --news ag_news/test.csv [--base CHECKPOINT] [--mask-padding]
        # torch 2.15.0, transformers 5.23.0

Questions on descriptions of AG News, as a SQuAD 2.0 document: which place, organization, time or amount is named, as `news.py`
marks them; to some there is no answer. 1,200 questions are trained on, 1,500 others are answered. transformers' side is what
its example script for SQuAD does: the highest sum of a beginning's and an end's logits of at most 30 tokens, against the sum
at the first token. Every context fits in one window. `comparison.py` says what is compared.

transformers' loss counts padding among the tokens that an answer may begin and end at. With `--mask-padding` it does not; Graft
has no padding.
"""

import json
import random
import re
import string
from collections import Counter

from comparison import Comparison, Recipe, batches
from news import marked, questions

TRAINED, TESTED = 1200, 1500
LONGEST = 30


class Answering(Comparison):
    head = "question-answering"
    metrics = ["exact", "f1", "HasAns_exact", "HasAns_f1", "NoAns_exact", "best_exact", "best_f1"]
    recipe = Recipe(epochs=6, batch=16, rate=1e-3, length=160)
    train_file, test_file = "train.json", "test.json"
    masks_padding = False

    def add_options(self, parser):
        parser.add_argument("--mask-padding", action="store_true", help="leave padding out of transformers' loss")

    def make_data(self, directory, news):
        generator, texts = random.Random(0), marked(news)
        for file, count in ((self.train_file, TRAINED), (self.test_file, TESTED)):
            paragraphs, made = [], 0
            while made < count:
                text, found = next(texts)
                entries = []
                for question, place in questions(text, found, generator):
                    answers = [{"text": text[slice(*place)], "answer_start": place[0]}] if place else []
                    entry = {"id": f"{file}-{made}", "question": question, "answers": answers, "is_impossible": not answers}
                    entries.append(entry)
                    made += 1
                paragraphs.append({"context": text, "qas": entries})
            document = {"version": "v2.0", "data": [{"title": "news", "paragraphs": paragraphs}]}
            (directory / file).write_text(json.dumps(document), encoding="utf-8")

    def rows(self, file):
        """(question, context, answer or None, its start) of each."""
        document = json.loads(file.read_text(encoding="utf-8"))
        return [
            (entry["question"], paragraph["context"], *([answer["text"], answer["answer_start"]] if answer else [None, None]))
            for paragraph in document["data"][0]["paragraphs"]
            for entry in paragraph["qas"]
            for answer in (entry["answers"] or [None])
        ]

    def load(self, folder):
        import torch
        from transformers import AutoModelForQuestionAnswering, AutoTokenizer

        self.tokenizer = AutoTokenizer.from_pretrained(folder)
        self.model = AutoModelForQuestionAnswering.from_pretrained(folder, dtype=torch.float32)

    def encode(self, rows):
        asked, contexts = [row[0] for row in rows], [row[1] for row in rows]
        batch = self.tokenizer(asked, contexts, padding=True, return_offsets_mapping=True, return_tensors="pt")
        assert batch["input_ids"].shape[1] <= self.recipe.length, "a context needs more than one window"
        return batch, batch.pop("offset_mapping").tolist()

    def loss(self, rows):
        import torch

        batch, _ = self.encode(rows)
        places = []
        for row, (_, _, answer, start) in enumerate(rows):
            ends = (start, start + len(answer) - 1) if answer else (None, None)
            places.append([0 if end is None else batch.char_to_token(row, end, sequence_index=1) for end in ends])
        starts, ends = torch.tensor(places).T
        if not (self.masks_padding or self.options.mask_padding):  # as transformers does
            return self.model(**batch, start_positions=starts, end_positions=ends).loss
        found, padding = self.model(**batch), batch["attention_mask"] == 0
        logits = (each.masked_fill(padding, -torch.inf) for each in (found.start_logits, found.end_logits))
        return sum(map(torch.nn.functional.cross_entropy, logits, (starts, ends))) / 2

    def losses_with_peer(self, start, directory):
        # The losses are compared without padding, which Graft has none of.
        self.masks_padding = True
        losses = super().losses_with_peer(start, directory)
        self.masks_padding = False
        return losses

    def answers(self, rows):
        """The best answer to each question, and by how much no answer scores higher."""
        import torch

        for part in batches(rows):
            batch, offsets = self.encode(part)
            found = self.model(**batch)
            for row, (_, context, _, _) in enumerate(part):
                starts, ends = found.start_logits[row], found.end_logits[row]
                inside = torch.tensor([part == 1 for part in batch.sequence_ids(row)])
                sums = starts[:, None] + ends[None, :]
                allowed = inside[:, None] & inside[None, :] & torch.ones_like(sums).triu().tril(LONGEST - 1).bool()
                sums = sums.masked_fill(~allowed, -torch.inf)
                first, last = divmod(int(sums.argmax()), len(ends))
                text = context[offsets[row][first][0] : offsets[row][last][1]]
                yield text, float(starts[0] + ends[0] - sums.max())

    def score(self, rows):
        found = list(self.answers(rows))
        right = [answer or "" for _, _, answer, _ in rows]
        scores = {}
        for name, score in (("exact", exact), ("f1", f1)):
            given = [score(text, answer) for (text, _), answer in zip(found, right)]
            none = [float(not answer) for answer in right]
            # No answer is given where it scores higher than the best answer.
            chosen = [without if null > 0 else with_ for with_, without, (_, null) in zip(given, none, found)]
            scores[name] = mean(chosen)
            scores[f"HasAns_{name}"] = mean([one for one, answer in zip(chosen, right) if answer])
            scores[f"NoAns_{name}"] = mean([one for one, answer in zip(chosen, right) if not answer])
            # The best of all thresholds: the sum where all answers are given up to one, from the lowest score of none.
            total = highest = sum(none)
            for _, with_, without in sorted(zip((null for _, null in found), given, none)):
                total += with_ - without
                highest = max(highest, total)
            scores[f"best_{name}"] = highest / len(rows)
        return scores


def mean(values):
    return sum(values) / len(values)


def normalized(text):
    """As SQuAD's scripts do: lower case, without punctuation and articles."""
    text = "".join(character for character in text.lower() if character not in string.punctuation)
    return re.sub(r"\b(a|an|the)\b", " ", text).split()


def exact(given, right):
    return float(normalized(given) == normalized(right))


def f1(given, right):
    given, right = normalized(given), normalized(right)
    if not given or not right:
        return float(given == right)
    common = sum((Counter(given) & Counter(right)).values())
    return 2 * common / (len(given) + len(right))


if __name__ == "__main__":
    Answering().main(__doc__)
