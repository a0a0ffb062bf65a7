"""Vectors for texts, trained by Graft and by sentence-transformers with the same rows, settings and seeds.

    python vectors.py --graft GRAFT --news ag_news/test.csv [--base CHECKPOINT]
        # sentence-transformers 6.2.0, torch 2.15.0, transformers 5.23.0

The task is made of AG News: the title of an article has to find its description. 1,000 articles are trained on, 500 others are
searched. The model is Fixtures/demo/bert-mini, with the mean over tokens, unless another is given. Both learn with multiple
negatives ranking. `comparison.py` says what is compared.
"""

from news import articles

from comparison import Comparison, Recipe, read_csv, write_csv

TRAINED, SEARCHED = 1000, 500


class Vectors(Comparison):
    peer = "sentence-transformers"
    metrics = [f"cosine_{name}" for name in ("accuracy@1", "accuracy@10", "mrr@10", "ndcg@10", "map@100")]
    recipe = Recipe(epochs=3, batch=32, rate=5e-4, length=64)
    training_options = ["--task", "sentence-embedding"]

    def make_data(self, directory, news):
        rows = articles(news)
        for file, part in ((self.train_file, rows[:TRAINED]), (self.test_file, rows[TRAINED : TRAINED + SEARCHED])):
            write_csv(directory / file, ("anchor", "positive"), part)

    def rows(self, file):
        return read_csv(file)

    def load(self, folder):
        import torch
        from sentence_transformers import SentenceTransformer
        from sentence_transformers.sentence_transformer import losses

        self.model = SentenceTransformer(str(folder), device="cpu", model_kwargs={"dtype": torch.float32})
        self.model.max_seq_length = self.recipe.length
        self.ranking = losses.MultipleNegativesRankingLoss(self.model)

    def save(self, folder):
        self.model.save_pretrained(str(folder))

    def loss(self, rows):
        features = [self.model.preprocess([row[name] for row in rows]) for name in ("anchor", "positive")]
        return self.ranking(features, None)

    def score(self, rows):
        from sentence_transformers.sentence_transformer.evaluation import InformationRetrievalEvaluator

        evaluator = InformationRetrievalEvaluator(
            queries={str(place): row["anchor"] for place, row in enumerate(rows)},
            corpus={str(place): row["positive"] for place, row in enumerate(rows)},
            relevant_docs={str(place): {str(place)} for place in range(len(rows))}, write_csv=False)
        return evaluator(self.model)


if __name__ == "__main__":
    Vectors().main(__doc__)
