"""Seconds in which `tokenizers` learns a tokenizer from texts, reading them included. Prints one JSON line.

    python train_tokenizer.py FAMILY --input texts.txt --vocab-size N     # tokenizers 0.23.3

FAMILY is a folder of Plugins/Families, whose Scratch.json says how. One text a line; all cores.
"""

import argparse
import json
import sys
import time
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path.append(str(HERE.parents[1] / "Fixtures/tokenizer-training"))

import reference  # noqa: E402


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("family")
    parser.add_argument("--input", type=Path, required=True)
    parser.add_argument("--vocab-size", type=int, required=True)
    arguments = parser.parse_args()
    recipe = reference.recipe(arguments.family)
    started = time.perf_counter()
    texts = arguments.input.read_text(encoding="utf-8").removesuffix("\n").split("\n")
    # Ordering the letters of WordPiece is for comparisons; it is no part of learning.
    model = reference.train(recipe, texts, arguments.vocab_size, orders_letters=False)
    print(json.dumps(dict(seconds=time.perf_counter() - started, tokens=len(model["vocab"]))))


if __name__ == "__main__":
    main()
