"""Writes training.json: sentence-transformers' models and losses on the folders beside it, trained step by step.

    python make_training.py      # sentence-transformers 6.2.0, torch 2.15.0, transformers 5.23.0

50 steps of 8 rows each in the data's order, without dropout, in float64, with what transformers' Trainer has by default:
AdamW, gradients clipped to a norm of 1, a rate that falls to 0. Of each run: its rows, the loss of every step, the loss of
the evaluation data in batches of 8, weighted by their rows, and the vectors of a few texts at the end.
"""

import json
import random
from pathlib import Path

import torch
from sentence_transformers import SentenceTransformer
from sentence_transformers.sentence_transformer import losses
from transformers import get_linear_schedule_with_warmup

HERE = Path(__file__).parent
WORDS = "he do it again and once more until there is no room for world sports oil prices film music season".split()
PROBES = ["he do it", "there is no room", "world sports", "OIL prices"]
random.seed(11)


def text():
    return " ".join(random.choice(WORDS) for _ in range(random.randrange(2, 9)))


def rows(names, count, score=None):
    return [
        {name: text() for name in names} | ({} if score is None else {"score": score(random)}) for _ in range(count)
    ]


def batches(rows):
    return [rows[start : start + 8] for start in range(0, len(rows), 8)]


def value(model, loss, batch):
    columns = [name for name in batch[0] if name != "score"]
    features = [model.preprocess([row[name] for row in batch]) for name in columns]
    return loss(features, torch.tensor([float(row.get("score", 0)) for row in batch]))


def train(folder, make_loss, training, evaluation):
    options = dict(hidden_dropout_prob=0.0, attention_probs_dropout_prob=0.0)
    model = SentenceTransformer(str(HERE / folder), device="cpu", config_kwargs=options).double()
    model.train()
    loss = make_loss(model)
    optimizer = torch.optim.AdamW(model.parameters(), lr=1e-3, weight_decay=0.0)
    schedule = get_linear_schedule_with_warmup(optimizer, 0, 50)
    steps = []
    for _ in range(10):
        for batch in batches(training):
            result = value(model, loss, batch)
            result.backward()
            torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
            optimizer.step()
            schedule.step()
            optimizer.zero_grad()
            steps.append(result.item())
    with torch.no_grad():
        evaluated = sum(value(model, loss, batch).item() * len(batch) for batch in batches(evaluation)) / len(evaluation)
    vectors = model.encode(PROBES, convert_to_tensor=True)
    return dict(losses=steps, eval_loss=evaluated, vectors=vectors.double().tolist())


def main():
    anchor, triplet, sentences = ["anchor", "positive"], ["anchor", "positive", "negative"], ["sentence1", "sentence2"]
    runs = [
        ("older", anchor, None, {}, losses.MultipleNegativesRankingLoss),
        ("current", [*triplet[:2], "negative_1", "negative_2"], None,
         {"loss": "multiple-negatives", "matryoshka": "5,3=0.5"},
         lambda model: losses.MatryoshkaLoss(
             model, losses.MultipleNegativesRankingLoss(model), [5, 3], [1, 0.5])),
        ("current", sentences, lambda random: random.randrange(6), {}, losses.CoSENTLoss),
        ("current", sentences, lambda random: random.randrange(6) / 5, {"loss": "cosine"}, losses.CosineSimilarityLoss),
        ("older", triplet, None, {"loss": "triplet", "triplet-margin": 0.5, "loss-similarity": "cosine"},
         lambda model: losses.TripletLoss(model, losses.TripletDistanceMetric.COSINE, 0.5)),
    ]
    records = []
    for folder, names, score, options, loss in runs:
        training, evaluation = rows(names, 40, score), rows(names, 13, score)
        records.append(dict(folder=folder, options=options, rows=training, eval_rows=evaluation)
                       | train(folder, loss, training, evaluation))
    (HERE / "training.json").write_text(json.dumps(dict(probes=PROBES, runs=records), separators=(",", ":")) + "\n")


if __name__ == "__main__":
    main()
