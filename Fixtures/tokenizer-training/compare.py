"""Trains tokenizers by `graft tokenizer train` and by Hugging Face `tokenizers` (0.23.3) on the same texts, and compares.

    python compare.py GRAFT TEXTS [--vocab-size N] [--families BERT,RoBERTa,XLMRoBERTa]

TEXTS has one text a line. Vocabularies and merges have to be equal; of a unigram model the pieces, and scores within
1e-6. Single characters that were pruned are put back with scores 0.0001 apart, in an order that is another one in each
run of `tokenizers`. What was written has to load in `tokenizers` and in transformers' AutoTokenizer, and give the same ids there.
"""

import argparse
import json
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from tokenizers import Tokenizer
from transformers import AutoTokenizer

import reference


def difference(ours, theirs):
    """What differs between two learnt models; empty when nothing does."""
    a, b = reference.learnt(ours), reference.learnt(theirs)
    if "scores" not in a:
        for key in a:
            for index, (one, other) in enumerate(zip(a[key], b[key])):
                if one != other:
                    return f"{key}: number {index} is {one}, not {other}"
            if len(a[key]) != len(b[key]):
                return f"{len(a[key])} {key}, not {len(b[key])}"
        return ""
    only = set(a["tokens"]) ^ set(b["tokens"])
    if only:
        return f"{len(only)} pieces are in one vocabulary alone, such as {sorted(only)[:6]}"
    scores = dict(zip(b["tokens"], b["scores"]))
    pairs = [(token, abs(score - scores[token])) for token, score in zip(a["tokens"], a["scores"])]
    worst = max(difference for token, difference in pairs if len(token) > 1)
    characters = max(difference for token, difference in pairs if len(token) == 1)
    return f"a score differs by {worst:.3g}" if worst > 1e-6 or characters > 1e-4 * len(pairs) else ""


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("graft")
    parser.add_argument("texts", type=Path)
    parser.add_argument("--vocab-size", type=int, default=8000)
    parser.add_argument("--families", default="BERT,RoBERTa,XLMRoBERTa")
    args = parser.parse_args()
    # As Graft reads lines: without empty ones.
    lines = [line for line in args.texts.read_text(encoding="utf-8").split("\n") if line]
    failures = 0
    for folder in args.families.split(","):
        recipe = reference.recipe(folder)
        family = json.loads((reference.FAMILIES / folder / "Scratch.json").read_text(encoding="utf-8"))["configuration"]["model_type"]
        with tempfile.TemporaryDirectory() as directory:
            output = Path(directory) / "tokenizer"
            start = time.monotonic()
            subprocess.run(
                [args.graft, "tokenizer", "train", args.texts, "--family", family, "--vocab-size", str(args.vocab_size),
                 "--output", output, "--quiet"], check=True, stdout=subprocess.DEVNULL)
            ours = time.monotonic() - start
            start = time.monotonic()
            theirs = reference.train(recipe, lines, args.vocab_size)
            print(f"{folder}: graft {ours:.2f} s, tokenizers {time.monotonic() - start:.2f} s")
            problem = difference(json.loads((output / "tokenizer.json").read_text(encoding="utf-8"))["model"], theirs)
            plain, auto = Tokenizer.from_file(str(output / "tokenizer.json")), AutoTokenizer.from_pretrained(output)
            sample = lines[:: max(1, len(lines) // 200)] + ["naïve café, 12.5%: it's  two   spaces"]
            texts = Path(directory) / "sample.txt"
            texts.write_text("\n".join(sample) + "\n", encoding="utf-8")
            shown = subprocess.run([args.graft, "tokenize", output, "--input", texts, "--json"], check=True, capture_output=True)
            for text, row in zip(sample, json.loads(shown.stdout), strict=True):
                for name, ids in [("tokenizers", plain.encode(text).ids), ("AutoTokenizer", auto(text)["input_ids"])]:
                    if ids != row["ids"] and not problem:
                        problem = f"{name} makes {ids} of {text!r}, graft {row['ids']}"
            print(f"    {problem or 'equal'}")
            failures += bool(problem)
    sys.exit(failures > 0)


if __name__ == "__main__":
    main()
