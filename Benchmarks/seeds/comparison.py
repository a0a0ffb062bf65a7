"""What the comparisons of this folder share: a task that Graft and its peer both train, seed by seed, from one checkpoint.

Both get the same rows, the same weights to begin with (a new head is made by Graft, and the peer loads it), the same settings
and the dropout of config.json, unless the recipe says another. A seed gives each an order and a dropout of its own. Each model is
scored by the framework that trained it; Graft scores the peer's models as well, which shows whether the scoring makes a
difference. Without dropout and in one order both have to have the same losses, step by step.

Both sides use one thread.
"""

import argparse
import csv
import json
import statistics
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

STEPS = 25
BERT_MINI = Path(__file__).resolve().parents[2] / "Fixtures/demo/bert-mini"


@dataclass(frozen=True)
class Recipe:
    """- length: The most tokens of a text, or of two texts.
    - dropout: In place of that of config.json.
    """

    epochs: int
    batch: int
    rate: float
    length: int
    dropout: float | None = None


class Comparison:
    """A task. A subclass says what the following are, and has the peer's side: `load`, `loss`, `score`, `save`.

    - peer: The framework that Graft is compared with.
    - head: What `graft head swap` puts on the checkpoint, with its labels; None for no head.
    - metrics: What `graft evaluate` prints, without `eval_`.
    - train_file, test_file: What `make_data` writes.
    """

    peer, head, labels, metrics, recipe = "transformers", None, [], [], None
    train_file, test_file = "train.csv", "test.csv"
    training_options, data_options, needs_news = [], [], True

    def make_data(self, directory, news):
        """Writes the rows to train on and to test on.

        - news: AG News's test.csv, where they are made of that.
        """
        raise NotImplementedError

    def load(self, folder):
        """Keeps the peer's model and what belongs to it."""
        raise NotImplementedError

    def loss(self, rows):
        """The peer's loss of a batch of rows, a tensor."""
        raise NotImplementedError

    def score(self, rows):
        """The peer's metrics over rows, by their names."""
        raise NotImplementedError

    def rows(self, file):
        """The rows of a file that `make_data` wrote, for `loss` and `score`."""
        raise NotImplementedError

    def save(self, folder):
        self.model.save_pretrained(folder)
        self.tokenizer.save_pretrained(folder)

    def add_options(self, parser):
        """Adds what the task's command takes beside the common options; `self.options` has them all."""

    # Graft's side

    def run(self, *arguments):
        command = [str(part) for part in (self.graft, *arguments)]
        done = subprocess.run(command, capture_output=True, text=True)
        if done.returncode != 0:
            raise SystemExit(f"{' '.join(command)}\n{done.stderr}")
        return done.stdout

    def start(self, base, directory):
        """The checkpoint that both sides begin with."""
        if self.head is None:
            return base
        labels = ["--labels", ",".join(self.labels)] if self.labels else []
        self.run("head", "swap", base, "--to", self.head, *labels, "--seed", 0, "--output", directory / "start")
        return directory / "start"

    def train_with_graft(self, start, directory, output, *options):
        recipe = self.recipe
        # fmt: off
        return self.run(
            "train", start, "--data", directory / self.train_file, "--output", output, "--batch-size", recipe.batch,
            "--learning-rate", recipe.rate, "--max-length", recipe.length, "--save-strategy", "no", "--threads", 1,
            "--quiet", *options, *self.data_options, *self.training_options)
        # fmt: on

    def with_graft(self, start, directory, seed):
        """The scores of a model that Graft trains."""
        output = directory / f"graft-{seed}"
        dropout = [] if self.recipe.dropout is None else ["--dropout", self.recipe.dropout]
        self.train_with_graft(start, directory, output, "--epochs", self.recipe.epochs, "--seed", seed, *dropout)
        return self.scores_by_graft(output, directory)

    def losses_with_graft(self, start, directory):
        """The loss of each of STEPS steps in the rows' order, without dropout."""
        alike = ("--max-steps", STEPS, "--dropout", 0, "--no-shuffle", "--logging-steps", 1, "--json")
        events = map(json.loads, self.train_with_graft(start, directory, directory / "steps", *alike).splitlines())
        return [event["loss"] for event in events if event["event"] == "logged"]

    def scores_by_graft(self, folder, directory):
        data = ("--data", directory / self.test_file, "--max-length", self.recipe.length, "--threads", 1)
        results = self.run("evaluate", folder, *data, "--json", "--quiet", *self.data_options)
        results = json.loads(results)
        return {name: results[f"eval_{name}"] for name in self.metrics}

    # The peer's side

    def with_peer(self, start, directory, seed):
        """The scores by the peer, and by Graft, of a model that the peer trains."""
        import torch
        from transformers import set_seed

        set_seed(seed)
        self.load(start)
        if self.recipe.dropout is not None:
            self.drop(self.recipe.dropout)
        rows = self.rows(directory / self.train_file)
        orders = (torch.randperm(len(rows)).tolist() for _ in range(self.recipe.epochs))  # another in every epoch
        self.train([part for order in orders for part in batches(order, self.recipe.batch)], rows)
        self.model.eval()
        with torch.no_grad():
            found = self.score(self.rows(directory / self.test_file))
        output = directory / f"peer-{seed}"
        self.save(output)
        return {name: float(found[name]) for name in self.metrics}, self.scores_by_graft(output, directory)

    def losses_with_peer(self, start, directory):
        import torch

        self.load(start)
        self.drop(0.0)
        rows = self.rows(directory / self.train_file)
        return self.train(batches(range(len(rows)), self.recipe.batch)[:STEPS], rows)

    def drop(self, share):
        """Another dropout for the peer's model."""
        import torch

        for module in self.model.modules():
            if isinstance(module, torch.nn.Dropout):
                module.p = share

    def train(self, batches, rows):
        """What the trainers of transformers and sentence-transformers do by default: AdamW with a rate that falls to 0, and
        gradients clipped to a norm of 1.

        - batches: The places of the rows of each step. Returns the losses.
        """
        import torch
        from transformers import get_linear_schedule_with_warmup

        model, losses = self.model.train(), []
        optimizer = torch.optim.AdamW(model.parameters(), lr=self.recipe.rate, weight_decay=0.0, fused=True)
        schedule = get_linear_schedule_with_warmup(optimizer, 0, len(batches))
        for places in batches:
            loss = self.loss([rows[place] for place in places])
            loss.backward()
            torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
            optimizer.step()
            schedule.step()
            optimizer.zero_grad()
            losses.append(loss.item())
        return losses

    # Both

    def main(self, description):
        parser = argparse.ArgumentParser(
            description=description, formatter_class=argparse.RawDescriptionHelpFormatter
        )
        parser.add_argument("--graft", required=True)
        parser.add_argument("--news", required=self.needs_news, help="AG News's test.csv, as published")
        parser.add_argument("--base", type=Path, default=BERT_MINI, help="the checkpoint to begin with")
        parser.add_argument("--seeds", type=int, nargs="+", help="two at least", default=[1, 2, 3, 4, 5])
        self.add_options(parser)
        options = parser.parse_args()
        self.graft, self.options = options.graft, options
        import torch
        from transformers.utils import logging

        torch.set_num_threads(1)
        logging.set_verbosity_error()
        logging.disable_progress_bar()
        ours, theirs, again = [], [], []
        with tempfile.TemporaryDirectory(prefix="graft-seeds-") as name:
            directory = Path(name)
            self.make_data(directory, options.news)
            start = self.start(options.base, directory)
            losses = list(zip(self.losses_with_graft(start, directory), self.losses_with_peer(start, directory), strict=True))
            for seed in options.seeds:
                ours.append(self.with_graft(start, directory, seed))
                found, by_graft = self.with_peer(start, directory, seed)
                theirs.append(found)
                again.append(by_graft)
                print(f"seed {seed}: Graft {ours[-1]}, {self.peer} {found}", file=sys.stderr, flush=True)
        print(table(self.metrics, {"Graft": ours, self.peer: theirs}))
        largest = max(abs(a[name] - b[name]) for a, b in zip(theirs, again) for name in self.metrics)
        print(f"\nscores of {self.peer}'s models by Graft and by {self.peer}: at most {largest:.1e} apart")
        largest = max(abs(a - b) / b for a, b in losses)
        print(f"losses of {STEPS} steps without dropout, in one order: at most {largest:.1e} of the loss apart")


def table(metrics, runs):
    """Mean ± standard deviation of the seeds, with their lowest and highest; whether the mean of each side is between the lowest
    and the highest of the other; and the p of Welch's test, how often means of equal models would be as far apart.

    - runs: The scores of each seed, by the side's name.
    """
    from scipy.stats import ttest_ind

    width = max(map(len, metrics))
    lines = [f"{'':{width}}  " + "  ".join(f"{name:>34}" for name in runs) + "  within the other's spread     p"]
    for metric in metrics:
        sides = [[scores[metric] for scores in side] for side in runs.values()]
        means = [statistics.fmean(side) for side in sides]
        cells = [
            f"{mean:.4f} ± {statistics.stdev(side):.4f} ({min(side):.4f} to {max(side):.4f})"
            for mean, side in zip(means, sides)
        ]
        inside = all(min(side) <= mean <= max(side) for mean, side in zip(means, reversed(sides)))
        chance = ttest_ind(*sides, equal_var=False).pvalue
        row = [f"{metric:{width}}", *(f"{cell:>34}" for cell in cells), f"{'yes' if inside else 'no':25}"]
        lines.append("  ".join([*row, f"{chance:4.2f}"]))
    return "\n".join(lines)


def read_csv(path):
    with open(path, newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


def write_csv(path, columns, rows):
    with open(path, "w", newline="", encoding="utf-8") as file:
        csv.writer(file).writerows([columns, *rows])


def batches(rows, size=32):
    return [rows[first : first + size] for first in range(0, len(rows), size)]
