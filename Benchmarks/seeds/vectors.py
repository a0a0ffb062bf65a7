"""Vectors for texts, trained by Graft and by sentence-transformers with the same rows, settings and seeds.

    python vectors.py --graft GRAFT --news ag_news/test.csv [--base CHECKPOINT]
        # sentence-transformers 6.2.0, torch 2.15.0, transformers 5.23.0

The task is made of AG News: the title of an article has to find its description. 1,000 articles are trained on, 500 others are
searched. The model is Fixtures/demo/bert-mini, with the mean over tokens, unless another is given. Both train for 3 epochs in
batches of 32 with multiple negatives ranking and AdamW, whose rate falls from 5e-4 to 0, and put texts in an order of their own
by the seed. Each model is scored by the framework that trained it. Printed are the mean, the lowest and the highest of five
seeds.
"""

import argparse
import csv
import json
import random
import subprocess
import tempfile
from pathlib import Path

SEEDS = [1, 2, 3, 4, 5]
EPOCHS, BATCH, RATE, LENGTH = 3, 32, 5e-4, 64
TRAINED, SEARCHED = 1000, 500
METRICS = [f"cosine_{name}" for name in ("accuracy@1", "accuracy@10", "mrr@10", "ndcg@10", "map@100")]
BERT_MINI = Path(__file__).resolve().parents[2] / "Fixtures/demo/bert-mini"


def make_data(news, directory):
    with open(news, newline="") as file:
        pairs = [(title, text) for _, title, text in csv.reader(file)]
    # One title or description twice would be a negative of itself.
    seen, rows = set(), []
    for title, text in pairs:
        if title not in seen and text not in seen and title.strip() and text.strip():
            seen |= {title, text}
            rows.append((title, text))
    random.Random(0).shuffle(rows)
    for name, part in (("train", rows[:TRAINED]), ("test", rows[TRAINED:TRAINED + SEARCHED])):
        with (directory / f"{name}.csv").open("w", newline="") as file:
            csv.writer(file).writerows([("anchor", "positive"), *part])


def read(file):
    with file.open(newline="") as rows:
        return list(csv.DictReader(rows))


def graft(binary, base, directory, seed):
    def run(*arguments):
        return subprocess.run([binary, *map(str, arguments)], check=True, capture_output=True, text=True).stdout

    output = directory / f"graft-{seed}"
    run("train", base, "--task", "sentence-embedding", "--data", directory / "train.csv", "--output", output,
        "--epochs", EPOCHS, "--batch-size", BATCH, "--learning-rate", RATE, "--max-length", LENGTH, "--seed", seed,
        "--save-strategy", "no", "--quiet")
    results = json.loads(run("evaluate", output, "--data", directory / "test.csv", "--json", "--quiet"))
    return {name: results[f"eval_{name}"] for name in METRICS}


def sentence_transformers(base, directory, seed):
    """What its trainer does by default: AdamW, gradients clipped to a norm of 1, another order in every epoch."""
    import torch
    from sentence_transformers import SentenceTransformer
    from sentence_transformers.sentence_transformer import losses
    from sentence_transformers.sentence_transformer.evaluation import InformationRetrievalEvaluator
    from transformers import get_linear_schedule_with_warmup, set_seed

    set_seed(seed)
    model = SentenceTransformer(str(base), device="cpu", model_kwargs={"dtype": torch.float32})
    model.max_seq_length = LENGTH
    model.train()
    rows = read(directory / "train.csv")
    loss = losses.MultipleNegativesRankingLoss(model)
    optimizer = torch.optim.AdamW(model.parameters(), lr=RATE, weight_decay=0.0)
    schedule = get_linear_schedule_with_warmup(optimizer, 0, EPOCHS * -(-len(rows) // BATCH))
    for _ in range(EPOCHS):
        order = torch.randperm(len(rows)).tolist()
        for start in range(0, len(rows), BATCH):
            batch = [rows[place] for place in order[start:start + BATCH]]
            features = [model.preprocess([row[name] for row in batch]) for name in ("anchor", "positive")]
            loss(features, None).backward()
            torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
            optimizer.step()
            schedule.step()
            optimizer.zero_grad()
    model.eval()
    rows = read(directory / "test.csv")
    evaluator = InformationRetrievalEvaluator(
        queries={str(place): row["anchor"] for place, row in enumerate(rows)},
        corpus={str(place): row["positive"] for place, row in enumerate(rows)},
        relevant_docs={str(place): {str(place)} for place in range(len(rows))}, write_csv=False)
    results = evaluator(model)
    return {name: float(results[name]) for name in METRICS}


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--graft", required=True)
    parser.add_argument("--news", required=True)
    parser.add_argument("--base", type=Path, default=BERT_MINI)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        directory = Path(name)
        make_data(options.news, directory)
        found = {"Graft": [], "sentence-transformers": []}
        for seed in SEEDS:
            found["Graft"].append(graft(options.graft, options.base, directory, seed))
            found["sentence-transformers"].append(sentence_transformers(options.base, directory, seed))
    width = max(map(len, METRICS))
    print(f"{'':{width}}  " + "  ".join(f"{name:>26}" for name in found) + "  means within the other's spread")
    for metric in METRICS:
        cells, spreads, means = [], [], []
        for runs in found.values():
            values = [run[metric] for run in runs]
            means.append(sum(values) / len(values))
            spreads.append((min(values), max(values)))
            cells.append(f"{means[-1]:.4f} ({spreads[-1][0]:.4f} to {spreads[-1][1]:.4f})")
        inside = all(low <= mean <= high for mean, (low, high) in zip(means, reversed(spreads)))
        print(f"{metric:{width}}  " + "  ".join(f"{cell:>26}" for cell in cells) + f"  {'yes' if inside else 'no'}")


if __name__ == "__main__":
    main()
