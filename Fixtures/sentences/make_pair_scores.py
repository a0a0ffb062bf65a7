"""Writes pair_scores.json: what sentence-transformers' evaluators of CrossEncoders say about scores of pairs.

    python make_pair_scores.py      # sentence-transformers 6.2.0, scikit-learn, SciPy

Scores are float32, some of them equal; positives stand before negatives, as the evaluator of rerankings has them.
"""

import json
import random
from pathlib import Path

import numpy as np
from sentence_transformers.cross_encoder import evaluation

HERE = Path(__file__).parent
random.seed(5)

# In what order NumPy sorts equal scores depends on the CPU; here the later one comes first.
unstable = np.argsort
np.argsort = lambda values, **options: unstable(values, **options | {"kind": "stable"})


class Scores:
    """What evaluators need of a model: one that says what is known."""

    num_labels = 1
    model_card_data = None

    def __init__(self, scores):
        self.scores = np.asarray(scores, dtype=np.float32)

    def predict(self, pairs, **_):
        assert len(pairs) == len(self.scores)
        return self.scores


def run(evaluator, scores):
    evaluator.store_metrics_in_model_card_data = lambda *_: None
    return {name: float(value) for name, value in evaluator(Scores(scores)).items()}


def case(name, labels_of_queries, score):
    rows = [
        {"query": f"query {query}", "text": f"text {place}", "label": label, "score": float(np.float32(score(label)))}
        for query, labels in enumerate(labels_of_queries)
        for place, label in enumerate(labels)
    ]
    pairs, labels = [(row["query"], row["text"]) for row in rows], [row["label"] for row in rows]
    scores = [row["score"] for row in rows]
    results = run(evaluation.CrossEncoderCorrelationEvaluator(pairs, labels, write_csv=False), scores)
    if set(labels) <= {0, 1}:
        results |= run(evaluation.CrossEncoderClassificationEvaluator(pairs, labels, write_csv=False), scores)
        samples = [
            {
                "query": f"query {query}",
                "positive": [f"text {place}" for place, label in enumerate(labels) if label],
                "negative": [f"text {place}" for place, label in enumerate(labels) if not label],
            }
            for query, labels in enumerate(labels_of_queries)
        ]
        # A query without a positive is scored 0 and not predicted.
        known = [row["score"] for row in rows if any(labels_of_queries[int(row["query"].split()[1])])]
        results |= run(evaluation.CrossEncoderRerankingEvaluator(samples, write_csv=False), known)
    return {"name": name, "rows": rows, "results": results}


def labels(queries, positives, negatives):
    return [[1] * positives(random) + [0] * negatives(random) for _ in range(queries)]


def main():
    few = labels(12, lambda random: random.randrange(1, 4), lambda random: random.randrange(1, 14))
    cases = [
        case("distinct scores", few, lambda label: random.random() * 0.8 + 0.2 * label),
        case("equal scores", labels(9, lambda _: 2, lambda random: random.randrange(1, 6)),
             lambda label: random.randrange(4) / 4),
        case("queries without positives", labels(8, lambda random: random.randrange(2), lambda _: 4),
             lambda label: random.random()),
        case("none is right", [[1, 0], [1, 0, 0]], lambda label: 1 - label),
        case("graded", [[random.randrange(5) / 4 for _ in range(5)] for _ in range(6)], lambda label: random.random()),
    ]
    lines = ",\n".join(json.dumps(case, separators=(",", ":")) for case in cases)
    (HERE / "pair_scores.json").write_text(f"[\n{lines}\n]\n")


if __name__ == "__main__":
    main()
