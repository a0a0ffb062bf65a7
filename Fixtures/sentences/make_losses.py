"""Writes losses.json: the losses of sentence-transformers over random vectors, with their gradients.

    python make_losses.py      # sentence-transformers 6.2.0, torch 2.15.0

In float64. A row has `texts` vectors, one after another; rows follow one another.
"""

import json
from pathlib import Path

import torch
from sentence_transformers import util
from sentence_transformers.sentence_transformer import losses

HERE = Path(__file__).parent
ROWS, WIDTH = 5, 6
Distance = losses.TripletDistanceMetric


class Vectors(torch.nn.Module):
    """Stands for a model: its features are vectors already."""

    def forward(self, features):
        return {"sentence_embedding": features["vectors"]}

    def get_embedding_dimension(self):
        return WIDTH


def cases():
    model = Vectors()
    negatives, cosent = losses.MultipleNegativesRankingLoss, losses.CoSENTLoss
    scores = [0.2, 0.9, 0.5, 0.2, -0.4]

    def case(name, loss, texts, options=None, scores=None, widths=None):
        if widths:
            loss = losses.MatryoshkaLoss(model, loss, list(widths), list(widths.values()))
        return dict(loss=name, function=loss, texts=texts, options=options or {}, scores=scores, widths=widths)

    yield case("multiple-negatives", negatives(model), 2)
    yield case("multiple-negatives", negatives(model), 4)
    yield case("multiple-negatives", negatives(model, scale=1.5, similarity_fct=util.dot_score), 3,
               dict(scale=1.5, similarity="dot"))
    yield case("multiple-negatives", negatives(model), 3, widths={6: 1.0, 4: 1.0, 2: 0.5})
    yield case("cosent", cosent(model), 2, scores=scores)
    yield case("cosent", cosent(model, scale=3.0, similarity_fct=util.pairwise_euclidean_sim), 2,
               dict(scale=3.0, similarity="euclidean"), scores)
    yield case("cosent", cosent(model), 2, scores=scores, widths={5: 2.0, 3: 1.0})
    yield case("cosent", cosent(model), 2, scores=[1.0] * ROWS)
    yield case("cosine", losses.CosineSimilarityLoss(model), 2, scores=scores)
    yield case("cosine", losses.CosineSimilarityLoss(model), 2, scores=scores, widths={4: 1.0})
    yield case("triplet", losses.TripletLoss(model), 3)
    yield case("triplet", losses.TripletLoss(model, Distance.COSINE, triplet_margin=0.3), 3,
               dict(margin=0.3, similarity="cosine"))
    yield case("triplet", losses.TripletLoss(model, Distance.MANHATTAN, triplet_margin=1.0), 3,
               dict(margin=1.0, similarity="manhattan"))


def main():
    torch.manual_seed(3)
    records = []
    for case in cases():
        # Of few digits, so that the file holds exactly what was computed with.
        vectors = (torch.randn(ROWS * case["texts"], WIDTH, dtype=torch.float64) * 1000).round() / 1000
        vectors.requires_grad_()
        columns = vectors.reshape(ROWS, case["texts"], WIDTH).unbind(1)
        labels = torch.tensor(case["scores"] or [0.0] * ROWS, dtype=torch.float32)
        loss = case.pop("function")([dict(vectors=column) for column in columns], labels)
        loss.backward()
        records.append(case | dict(
            vectors=vectors.detach().flatten().tolist(), value=loss.item(), gradient=vectors.grad.flatten().tolist()))
    (HERE / "losses.json").write_text(json.dumps(records, separators=(",", ":")) + "\n")


if __name__ == "__main__":
    main()
