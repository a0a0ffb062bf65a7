"""Writes scores.json: the scores of sentence-transformers' evaluators for given vectors.

    python make_scores.py      # sentence-transformers 6.2.0, torch 2.15.0, scipy 1.17.1

In float64, of vectors that float32 holds exactly: the file has them as whole numbers, to be divided by 2¹⁸. Texts are their
numbers.
"""

import json
from pathlib import Path

import numpy
import torch
from sentence_transformers.sentence_transformer.evaluation import (
    EmbeddingSimilarityEvaluator, InformationRetrievalEvaluator, TripletEvaluator,
)
from sentence_transformers.util.similarity import SimilarityFunction

HERE = Path(__file__).parent
NAMES = ["cosine", "dot", "euclidean", "manhattan"]
SCALE = 2**18
generator = numpy.random.default_rng(17)


class Vectors:
    """Stands for a model: a text is the number of its vector."""

    def __init__(self, vectors):
        self.vectors = vectors

    def encode(self, texts, convert_to_tensor=False, **_):
        chosen = self.vectors[[int(text) for text in texts]]
        return torch.tensor(chosen) if convert_to_tensor else chosen

    encode_query = encode_document = encode

    class model_card_data:
        @staticmethod
        def set_evaluation_metrics(*_, **__):
            pass


def vectors(count, width):
    return exact(generator.normal(size=(count, width)))


def exact(values):
    return numpy.round(values * SCALE) / SCALE


def whole(values):
    return numpy.round(values * SCALE).astype(int).flatten().tolist()


def main():
    pairs = vectors(80, 7)
    pairs[1::2] += pairs[::2] * generator.random((40, 1)).round(2)
    pairs = exact(pairs)
    targets = [float(score) for score in generator.integers(0, 16, 40) / 5]
    names = [str(index) for index in range(80)]
    similarity = EmbeddingSimilarityEvaluator(names[::2], names[1::2], targets, similarity_fn_names=NAMES)(Vectors(pairs))
    triplets = vectors(60, 7)
    names = [str(index) for index in range(60)]
    accuracy = TripletEvaluator(names[::3], names[1::3], names[2::3], similarity_fn_names=NAMES)(Vectors(triplets))

    queries, corpus = vectors(25, 9), vectors(130, 9)
    relevant = {}
    for query in range(25):
        count = int(generator.integers(1, 14))
        relevant[str(query)] = {str(25 + index) for index in generator.choice(130, count, replace=False).tolist()}
        for index in list(relevant[str(query)])[:3]:
            corpus[int(index) - 25] += queries[query]
    corpus = exact(corpus)
    model = Vectors(numpy.concatenate([queries, corpus]))
    retrieval = InformationRetrievalEvaluator(
        {str(index): str(index) for index in range(25)}, {str(index): str(index) for index in range(25, 155)}, relevant,
        score_functions={name: SimilarityFunction.to_similarity_fn(name) for name in NAMES})(model)

    def plain(scores):
        return {name: float(value) for name, value in scores.items() if "max" not in name}

    record = dict(
        pairs=dict(vectors=whole(pairs), targets=targets, scores=plain(similarity)),
        triplets=dict(vectors=whole(triplets), scores=plain(accuracy)),
        retrieval=dict(
            queries=whole(queries), corpus=whole(corpus),
            relevant=[sorted(int(index) - 25 for index in relevant[str(query)]) for query in range(25)],
            scores=plain(retrieval)))
    (HERE / "scores.json").write_text(json.dumps(record, separators=(",", ":")) + "\n")


if __name__ == "__main__":
    main()
