"""Writes what Hugging Face `tokenizers` (0.23.3) learns, the implementation to agree with.

    python make.py [NAME…]

mixed.json.gz is a list of texts in many languages, with white space, emoji, code and noise. Each NAME.json.gz is one
tokenizer: the family whose recipe it follows, the texts ("mixed", or how many rows of ../packages/train.csv), the
options, and what was learnt: the tokens by id, the merges or the scores.
"""

import csv
import gzip
import json
import sys
from pathlib import Path

import tokenizers

HERE = Path(__file__).resolve().parent
sys.path.append(str(HERE.parent / "bpe"))

import reference  # noqa: E402
from strings import Strings  # noqa: E402

CASES = {
    "bert": ("BERT", 400, dict(vocab_size=900)),
    "bert-cased": ("BERT", "mixed", dict(vocab_size=1500, limit_alphabet=110, lowercase=False)),
    "bert-exhausted": ("BERT", "mixed", dict(vocab_size=20000, min_frequency=2)),
    "bert-once": ("BERT", 30, dict(vocab_size=2000, min_frequency=0)),
    "mpnet": ("MPNet", 200, dict(vocab_size=600)),
    "roberta": ("RoBERTa", 400, dict(vocab_size=1100)),
    "roberta-mixed": ("RoBERTa", "mixed", dict(vocab_size=1200, min_frequency=3)),
    "roberta-once": ("RoBERTa", 30, dict(vocab_size=3000, min_frequency=0)),
    "xlm-roberta": ("XLMRoBERTa", 300, dict(vocab_size=700)),
    "albert": ("ALBERT", "mixed", dict(vocab_size=900)),
    "deberta-v2": ("DeBERTa", 150, dict(vocab_size=400)),
    "modernbert": ("ModernBERT", "mixed", dict(vocab_size=1200)),
}


def write(name, data):
    text = json.dumps(data, ensure_ascii=False, separators=(",", ":")).encode()
    with open(HERE / f"{name}.json.gz", "wb") as file, gzip.GzipFile(fileobj=file, mode="wb", compresslevel=9, mtime=0, filename="") as out:
        out.write(text)
    print(name, (HERE / f"{name}.json.gz").stat().st_size)


def main():
    assert tokenizers.__version__ == "0.23.3", tokenizers.__version__
    words = gzip.decompress((HERE.parent / "tokenizer/vocab.txt.gz").read_bytes()).decode().split("\n")
    strings = Strings(5, [word for word in words if word.isalpha()], [])
    mixed = strings.any(900) + [strings.sentence() for _ in range(300)]
    with open(HERE.parent / "packages/train.csv", encoding="utf-8", newline="") as file:
        rows = [row["text"] for row in csv.DictReader(file)]
    chosen = sys.argv[1:] or ["mixed", *CASES]
    if "mixed" in chosen:
        write("mixed", mixed)
    for name in chosen:
        if name == "mixed":
            continue
        folder, texts, options = CASES[name]
        recipe = reference.recipe(folder)
        if not options.get("lowercase", True):
            recipe["document"]["normalizer"]["lowercase"] = False
        data = mixed if texts == "mixed" else rows[:texts]
        if "limit_alphabet" in options:
            options["limit_alphabet"] = reference.clear_limit(recipe, data, options["limit_alphabet"])
        model = reference.train(recipe, data, **{key: value for key, value in options.items() if key != "lowercase"})
        family = json.loads((reference.FAMILIES / folder / "Scratch.json").read_text(encoding="utf-8"))["configuration"]["model_type"]
        write(name, dict(family=family, texts=texts, options=options) | reference.learnt(model))


if __name__ == "__main__":
    main()
