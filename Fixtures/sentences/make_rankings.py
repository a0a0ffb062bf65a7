"""Writes rankings.json: the scores that CrossEncoders give texts for a query, and the files of their folders.

    python make_rankings.py     # sentence-transformers 6.2.0, transformers 5.23.0, torch 2.15.0

The classifiers are ../bert-tiny/regression, of one label, and ../bert-tiny/sequence-classification, of four.
"""

import json
import tempfile
from pathlib import Path

import torch
from sentence_transformers import CrossEncoder

HERE = Path(__file__).resolve().parent
QUERY = "who will play in the city?"
TEXTS = ["he do it", "", "it will play in the city " * 20, "Oil prices rose on Tuesday.", "he", "the city"]
ACTIVATIONS = [None, torch.nn.Identity(), torch.nn.Sigmoid(), torch.nn.Tanh(), torch.nn.ReLU(), torch.nn.Softmax(dim=-1)]
FILES = ["modules.json", "config_sentence_transformers.json", "sentence_bert_config.json"]


def main():
    cases = []
    for name in ["regression", "sequence-classification"]:
        for activation in ACTIVATIONS:
            model = CrossEncoder(str(HERE.parent / "bert-tiny" / name), device="cpu", activation_fn=activation)
            if name == "regression" and isinstance(activation, torch.nn.Softmax):
                continue  # of one label it is always 1
            with tempfile.TemporaryDirectory() as work:
                model.save_pretrained(work)
                files = {file: json.loads((Path(work) / file).read_text()) for file in FILES}
            scores = model.predict([(QUERY, text) for text in TEXTS]).reshape(len(TEXTS), -1)
            cases.append({"model": name, "files": files, "scores": scores.tolist()})
    lines = ",\n".join(json.dumps(case) for case in cases)
    (HERE / "rankings.json").write_text(f'{{"query": {json.dumps(QUERY)}, "texts": {json.dumps(TEXTS)},\n"cases": [\n{lines}\n]}}\n')


main()
