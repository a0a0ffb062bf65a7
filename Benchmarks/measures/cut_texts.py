"""Joins texts and cuts them to exact numbers of tokens, [CLS] and [SEP] included.

    python cut_texts.py DIR texts.csv OUT.csv --count 64 --lengths 32 96     # tokenizers 0.23.3
"""

import argparse
import csv
import itertools
from pathlib import Path

from tokenizers import Tokenizer


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("model", type=Path)
    parser.add_argument("texts", type=Path)
    parser.add_argument("output", type=Path)
    parser.add_argument("--count", type=int, required=True)
    parser.add_argument("--lengths", type=int, nargs="+", required=True, help="taken in turn")
    arguments = parser.parse_args()
    tokenizer = Tokenizer.from_file(str(arguments.model / "tokenizer.json"))
    tokenizer.no_padding()
    tokenizer.no_truncation()
    with open(arguments.texts, encoding="utf-8", newline="") as file:
        rows = itertools.cycle(list(csv.DictReader(file)))
    with open(arguments.output, "w", encoding="utf-8", newline="") as file:
        out = csv.writer(file)
        out.writerow(("text", "label"))
        for length in itertools.islice(itertools.cycle(arguments.lengths), arguments.count):
            row = next(rows)
            text, label = row["text"], row["label"]
            while len(ends := tokenizer.encode(text).offsets) < length:
                text += " " + next(rows)["text"]
            # The last token but one is the last of the text; a word cut after a piece keeps its first pieces.
            text = text[: ends[length - 2][1]]
            if len(tokenizer.encode(text).ids) != length:
                raise SystemExit(f"not {length} tokens: {text}")
            out.writerow((text, label))


if __name__ == "__main__":
    main()
