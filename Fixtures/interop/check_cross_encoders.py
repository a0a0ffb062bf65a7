"""Checks classifiers of pairs against sentence-transformers' CrossEncoder. `run.sh` calls it.

    python check_cross_encoders.py --graft GRAFT --peers PEERS     # sentence-transformers 6.2.0

Of a tiny folder for each activation and number of labels: `graft rerank` gives the scores and the order of CrossEncoder; what
Graft imports and writes loads there and scores the same.
"""

import json
import sys
import tempfile
from pathlib import Path

import sentence_transformers
import torch
from sentence_transformers import CrossEncoder
from transformers.utils import logging

from report import AGREES, FIXTURES, LOADS, READS, Failure, run

logging.set_verbosity_error()
logging.disable_progress_bar()
FRAMEWORK = f"sentence-transformers {sentence_transformers.__version__}"
QUERY = "who will play in the city?"
TEXTS = ["he do it", "it will play in the city " * 40, "Oil prices rose on Tuesday.", "naïve café, 北京 and ½", "the city"]
# Not ALBERT: transformers 5 leaves out the types of its tokens, which version 4 and its pretraining did not.
FAMILIES = ["bert", "roberta", "distilbert", "deberta-v2", "modernbert", "electra", "mpnet", "xlm-roberta"]


def scores(directory):
    return CrossEncoder(str(directory), device="cpu").predict([(QUERY, text) for text in TEXTS]).reshape(len(TEXTS), -1)


def close(found, expected):
    worst = float(abs(found - expected).max() / abs(expected).max())
    if not worst <= 1e-5:
        raise Failure(f"relative difference {worst:.2g}")
    return f"relative difference {worst:.1e}"


def check(graft, report, source, name, labels, work):
    checks = report.of("safetensors", FRAMEWORK, family=name)
    texts = work / "texts.txt"
    texts.write_text("".join(text + "\n" for text in TEXTS), encoding="utf-8")

    def reranked(directory):
        columns = []
        for label in labels:
            named = ("--label", label) if len(labels) > 1 else ()
            ranked = json.loads(graft("rerank", directory, "--query", QUERY, "--input", texts, "--json", *named))
            if [one["score"] for one in ranked] != sorted([one["score"] for one in ranked], reverse=True):
                raise Failure("the order is not that of the scores")
            by_place = sorted(ranked, key=lambda one: one["index"])
            columns.append([one["score"] for one in by_place])
        return torch.tensor(columns).T.numpy()

    expected = scores(source)
    checks.check("graft rerank", name, lambda: close(reranked(source), expected), READS, AGREES)
    imported = work / "imported"
    if checks.check("import", name, lambda: graft("import", source, "--output", imported) and None):
        checks.check("CrossEncoder loads the import", name, lambda: close(scores(imported), expected), LOADS, AGREES)
        checks.check("graft rerank of the import", name, lambda: close(reranked(imported), expected), AGREES)


def check_all(graft, report, arguments):
    for family in FAMILIES:
        if arguments.only not in f"cross-encoders {family}":
            continue
        print(f"checking {family}: cross-encoders", file=sys.stderr)
        for activation in [torch.nn.Sigmoid(), torch.nn.Identity()]:
            with tempfile.TemporaryDirectory(prefix="graft-interop-") as work:
                source = Path(work) / "source"
                model = CrossEncoder(str(FIXTURES / f"{family}-tiny/sequence-classification"), device="cpu", activation_fn=activation)
                model.save_pretrained(str(source))
                config = json.loads((source / "config.json").read_text())
                labels = [config["id2label"][str(index)] for index in range(len(config["id2label"]))]
                check(graft, report, source, f"{family} {type(activation).__name__}", labels, Path(work))


if __name__ == "__main__":
    run(__doc__, check_all, peers=Path)
