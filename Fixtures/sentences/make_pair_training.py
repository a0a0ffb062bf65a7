"""Writes pair_training.json: CrossEncoders trained step by step with sentence-transformers' BinaryCrossEntropyLoss.

    python make_pair_training.py      # sentence-transformers 6.2.0, torch 2.15.0, transformers 5.23.0

The classifier is ../bert-tiny/regression, of one label. 50 steps of 8 rows each in the data's order, without dropout, in
float64, with what transformers' Trainer has by default: AdamW, gradients clipped to a norm of 1, a rate that falls to 0. Of
each run: its rows, the loss of every step, the mean loss of the evaluation data, and what `predict` says about these at the
end.
"""

import json
import random
from pathlib import Path

import torch
from sentence_transformers import CrossEncoder
from sentence_transformers.cross_encoder import losses
from transformers import get_linear_schedule_with_warmup

HERE = Path(__file__).parent
WORDS = "he do it again and once more until there is no room for world sports oil prices film music season".split()
random.seed(17)


def text():
    return " ".join(random.choice(WORDS) for _ in range(random.randrange(2, 9)))


def rows(count, label):
    """Four texts for each query."""
    queries = [text() for _ in range((count + 3) // 4)]
    return [{"query": queries[place // 4], "text": text(), "label": label()} for place in range(count)]


def batches(rows):
    return [rows[start : start + 8] for start in range(0, len(rows), 8)]


def value(loss, batch):
    return loss(
        [[row["query"] for row in batch], [row["text"] for row in batch]],
        torch.tensor([float(row["label"]) for row in batch], dtype=torch.float64))


def train(training, evaluation):
    options = dict(hidden_dropout_prob=0.0, attention_probs_dropout_prob=0.0)
    model = CrossEncoder(str(HERE.parent / "bert-tiny/regression"), device="cpu", config_kwargs=options).double()
    model.train()
    loss = losses.BinaryCrossEntropyLoss(model)
    # The loss makes labels float32, which logits in float64 do not take.
    loss.bce_with_logits_loss.forward = lambda logits, labels: torch.nn.functional.binary_cross_entropy_with_logits(
        logits, labels.double())
    optimizer = torch.optim.AdamW(model.parameters(), lr=1e-3, weight_decay=0.0)
    schedule = get_linear_schedule_with_warmup(optimizer, 0, 50)
    steps = []
    for _ in range(10):
        for batch in batches(training):
            result = value(loss, batch)
            result.backward()
            torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
            optimizer.step()
            schedule.step()
            optimizer.zero_grad()
            steps.append(result.item())
    model.eval()
    with torch.no_grad():
        evaluated = sum(value(loss, batch).item() * len(batch) for batch in batches(evaluation)) / len(evaluation)
    scores = model.predict([(row["query"], row["text"]) for row in evaluation], convert_to_tensor=True)
    return dict(losses=steps, eval_loss=evaluated, scores=scores.double().tolist())


def main():
    runs = []
    for label in (lambda: random.randrange(2), lambda: random.randrange(6) / 5):
        training, evaluation = rows(40, label), rows(13, label)
        runs.append(dict(rows=training, eval_rows=evaluation) | train(training, evaluation))
    (HERE / "pair_training.json").write_text(json.dumps(dict(runs=runs), separators=(",", ":")) + "\n")


if __name__ == "__main__":
    main()
