"""Prints the tokens of the longest of the first 1,000 texts.

    python longest_text.py DIR texts.csv     # tokenizers 0.23.3
"""

import csv
import itertools
import sys

from tokenizers import Tokenizer

tokenizer = Tokenizer.from_file(f"{sys.argv[1]}/tokenizer.json")
tokenizer.no_padding()
tokenizer.enable_truncation(512)
with open(sys.argv[2], encoding="utf-8", newline="") as file:
    texts = [row["text"] for row in itertools.islice(csv.DictReader(file), 1000)]
print(max(len(encoding.ids) for encoding in tokenizer.encode_batch(texts)))
