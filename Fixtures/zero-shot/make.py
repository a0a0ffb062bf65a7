"""Writes golden.json: what the zero-shot pipeline of transformers makes of texts with a tiny classifier.

    python make.py     # torch 2.15.0, transformers 5.23.0

The classifier is ../bert-tiny/sequence-classification, its labels renamed: once entailment is the last but one and
contradiction the first, once entailment is the first and contradiction the last.
"""

import json
import shutil
import tempfile
from pathlib import Path

import torch
from transformers import pipeline

HERE = Path(__file__).resolve().parent
LABELS = [["Contradiction", "neutral", "entailment", "other"], ["ENTAILMENT", "neutral", "other", "CONTRADICTION"]]
TEXTS = ["Oil prices rose on Tuesday.", "he do it", "It will play in the city. " * 20]
CANDIDATES = [["sports", "money and work", "the weather"], ["it"]]
TEMPLATES = ["This example is {}.", "it is about {} , or not"]


def main():
    cases = []
    for names in LABELS:
        with tempfile.TemporaryDirectory() as work:
            shutil.copytree(HERE.parent / "bert-tiny/sequence-classification", work, dirs_exist_ok=True)
            file = Path(work) / "config.json"
            config = json.loads(file.read_text())
            config |= {"id2label": dict(enumerate(names)), "label2id": {name: index for index, name in enumerate(names)}}
            file.write_text(json.dumps(config))
            classify = pipeline("zero-shot-classification", model=work, device="cpu", dtype=torch.float32)
            classify.tokenizer.model_max_length = config["max_position_embeddings"]
            for candidates in CANDIDATES:
                for template in TEMPLATES:
                    for several in [False, True]:
                        found = classify(TEXTS, candidates, hypothesis_template=template, multi_label=several)
                        scores = [[one["scores"][one["labels"].index(label)] for label in candidates] for one in found]
                        cases.append({"labels": names, "candidates": candidates, "template": template,
                                      "several": several, "scores": scores})
    lines = ",\n".join(json.dumps(case) for case in cases)
    (HERE / "golden.json").write_text(f'{{"texts": {json.dumps(TEXTS)},\n"cases": [\n{lines}\n]}}\n')


main()
