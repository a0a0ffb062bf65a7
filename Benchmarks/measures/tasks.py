"""Seconds of a training step of each task, against sequence classification with as many tokens in a step.

Texts are of words that are one token each, so that every sequence has TOKENS tokens and a step SEQUENCES sequences: a question
with four choices is four of them, a pair of texts that get a vector each is two. Tasks that BERT has no head for are compared
with classification by the family that has it. A ratio of 1 means as fast as classification; a tenth slower is allowed.

Processor time is that of one thread, as the difference of a long run and a short one. It depends less on what else runs than
seconds do, but not on how well two threads share the work.
"""

import csv
import gzip
import json
import random
from functools import partial

from harness.bench import TITLES, VOCABULARY
from harness.results import Goal, Row
from harness.runner import alternate, run
from harness.trainers import WARM_UP, train_with_graft

from measures.families import FAMILIES, model

SIZES = {"bert-base": 4, "minilm": 12}  # steps that are timed
LONGER = 3  # times as many steps in the longer of two runs
SEQUENCES, TOKENS = 8, 64
CHOICES, LABELS = 4, ["O", "B-PER", "I-PER", "B-LOC", "I-LOC", "B-ORG", "I-ORG", "B-MISC", "I-MISC"]
BERT, MASKED = "BERT", "masked language"
WITHIN_TENTH = Goal(1 / 1.1)
# ELECTRA-base's generator: a third of the width.
GENERATOR = {
    "model_type": "electra",
    "embedding_size": 768,
    "hidden_size": 256,
    "num_attention_heads": 4,
    "intermediate_size": 1024,
}


class Rows:
    """Files of rows for the tasks, each enough for the steps of a run."""

    def __init__(self, bench, steps):
        self.folder, self.count = bench.work, SEQUENCES * (WARM_UP + steps)
        with gzip.open(VOCABULARY, "rt", encoding="utf-8") as file:
            entries = file.read().split("\n")
        self.vocabulary = [word for word in entries if word.isascii() and word.isalpha() and len(word) > 3]
        self.random = random.Random(1)

    def words(self, count):
        return " ".join(self.random.choices(self.vocabulary, k=count))

    def single(self):
        return self.words(TOKENS - 2)

    def pair(self, first=TOKENS // 2 - 2):
        """Two texts that are read together."""
        return self.words(first), self.words(TOKENS - 3 - first)

    def table(self, name, columns, rows):
        path = self.folder / f"tasks-{name}.csv"
        with path.open("w", encoding="utf-8", newline="") as file:
            csv.writer(file).writerows([columns, *rows])
        return path

    def lines(self, name, rows):
        path = self.folder / f"tasks-{name}.jsonl"
        path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
        return path

    def labelled(self, labels):
        rows = [(self.single(), self.random.choice(labels)) for _ in range(self.count)]
        return self.table("labelled", ("text", "label"), rows)

    def tagged(self):
        texts = [self.single().split() for _ in range(self.count)]
        return self.lines(
            "tagged", ({"tokens": text, "tags": self.random.choices(LABELS, k=len(text))} for text in texts)
        )

    def asked(self):
        rows = []
        for _ in range(self.count):
            question, context = self.pair(first=8)
            answer = self.random.choice(context.split())
            start = f" {context} ".index(f" {answer} ")
            rows.append({
                "question": question, "context": context, "answers": {"text": [answer], "answer_start": [start]},
            })
        return self.lines("asked", rows)

    def chosen(self):
        rows = []
        for _ in range(self.count // CHOICES):
            first = self.words(20)
            choices = [self.words(TOKENS - 3 - 20) for _ in range(CHOICES)]
            rows.append({"question": first, "choices": choices, "answer": self.random.randrange(CHOICES)})
        return self.lines("chosen", rows)

    def alike(self):
        rows = [(self.single(), self.single()) for _ in range(self.count // 2)]
        return self.table("alike", ("anchor", "positive"), rows)

    def scored(self):
        rows = [(*self.pair(), self.random.randrange(2)) for _ in range(self.count)]
        return self.table("scored", ("text", "pair", "label"), rows)

    def ordered(self):
        return self.table("ordered", ("text", "pair"), [self.pair() for _ in range(self.count)])


def tasks(bench, size, steps):
    """(name, the name of the classifier that it is compared with, a function that trains) of each."""
    rows = Rows(bench, LONGER * steps)
    pairs = ("--text-column", "text", "--pair-column", "pair")

    def trainer(start, head, data, batch_size=SEQUENCES, options=tuple):
        """- start, data, options: Functions, for what is not wanted is not made.
        - head: The arguments of `head swap`; () for the classifier's.
        """

        def train(steps, *more):
            path = swapped(bench, start(), head) if head else start()
            extra = ("--max-length", TOKENS, *options(), *more)
            return train_with_graft(bench, path, steps, data=data(), batch_size=batch_size, extra=extra)

        return train

    bert, classified = partial(bench.model, size, "classification"), partial(rows.labelled, bench.texts.labels)
    tagger = ("token-classification", "--labels", ",".join(LABELS))
    scorer = ("sequence-classification", "--labels", "score")
    yield BERT, None, trainer(bert, (), classified)
    for name, train in {
        "token classification": trainer(bert, tagger, rows.tagged),
        "question answering": trainer(bert, ("question-answering",), rows.asked),
        "multiple choice": trainer(bert, ("multiple-choice",), rows.chosen, SEQUENCES // CHOICES),
        "sentence embedding": trainer(
            bert, (), rows.alike, SEQUENCES // 2, lambda: ("--task", "sentence-embedding")),
        "cross-encoder": trainer(
            bert, scorer, rows.scored, options=lambda: (*pairs, "--loss", "binary-cross-entropy")),
        "regression": trainer(bert, scorer, rows.scored, options=lambda: (*pairs, "--loss", "mse")),
        MASKED: trainer(bert, ("masked-lm",), classified),
    }.items():
        yield name, BERT, train
    if size != "bert-base":  # the other families' models are of that size
        return
    albert, electra = (partial(model, bench, name, FAMILIES[name][0]) for name in ("ALBERT", "ELECTRA"))

    def generator():
        return "--generator", swapped(bench, model(bench, "ELECTRA's generator", GENERATOR), ("masked-lm",))

    yield "ALBERT", None, trainer(albert, (), classified)
    yield "sentence order", "ALBERT", trainer(albert, ("sentence-order",), rows.ordered, options=lambda: pairs)
    yield "ELECTRA", None, trainer(electra, (), classified)
    yield "replaced tokens", "ELECTRA", trainer(
        electra, ("replaced-token-detection",), classified, options=generator)


def swapped(bench, start, head):
    """A checkpoint with another head, made when it is first asked for."""
    path = start.with_name(" ".join([start.name, *head]))
    if not path.exists():
        run(bench.graft, "head", "swap", start, "--to", *head, "--output", path)
    return path


def seconds(train, steps):
    return train(steps).seconds_per_step


def processor_seconds(train, steps):
    short, long = (train(count, "--threads", 1).processor for count in (steps, LONGER * steps))
    return (long - short) / (LONGER * steps - steps)


def measure(bench):
    for size, steps in SIZES.items():
        steps = steps // 2 if bench.is_quick else steps
        known = {name: (against, train) for name, against, train in tasks(bench, size, steps)}
        for title, figure in ((TITLES[size], seconds), (f"{TITLES[size]}, processor time", processor_seconds)):
            compare(bench, known, steps, title, figure)


def compare(bench, known, steps, title, figure):
    """- known: What each task is compared with, and how it trains, by its name."""
    titles = {name: f"tasks, {name} against classification, {title}" for name, (against, _) in known.items() if against}
    titles = {name: measure for name, measure in titles.items() if bench.wants(measure)}
    needed = dict.fromkeys(side for name in titles for side in (known[name][0], name))
    found = alternate({name: partial(figure, known[name][1], steps) for name in needed}, bench.runs)
    for name, measure in titles.items():
        goal = None if name == MASKED else WITHIN_TENTH
        bench.results.add(Row(measure, "s", found[name], found[known[name][0]], goal=goal, backend=bench.auto))
