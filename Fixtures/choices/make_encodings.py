"""Writes encodings.json: the token ids of swag.csv as transformers' script for SWAG makes them, by two tokenizers; and
lengths.json: how many tokens the longest sequence of each row has before it is cut.

    python make_encodings.py      # transformers 5.23.0, tokenizers 0.23.3

https://github.com/huggingface/transformers/blob/v4.49.0/examples/pytorch/multiple-choice/run_swag.py
"""

import csv
import json
from pathlib import Path

from transformers import AutoTokenizer

HERE = Path(__file__).resolve().parent
ENDINGS = [f"ending{number}" for number in range(4)]

with open(HERE / "swag.csv", encoding="utf-8", newline="") as file:
    rows = list(csv.DictReader(file))
found, lengths = {}, {}
for family in ("bert", "roberta"):
    tokenizer = AutoTokenizer.from_pretrained(HERE.parent / f"{family}-tiny/multiple-choice")
    found[family], lengths[family] = [], []
    for row in rows:
        first = [row["sent1"]] * 4
        second = [f"{row['sent2']} {row[ending]}" for ending in ENDINGS]
        encoded = tokenizer(first, second, max_length=24, truncation=True)
        types = encoded.get("token_type_ids", [[0] * len(ids) for ids in encoded["input_ids"]])
        lengths[family].append(max(len(ids) for ids in tokenizer(first, second)["input_ids"]))
        found[family].append({"ids": encoded["input_ids"], "types": types})
(HERE / "encodings.json").write_text(json.dumps(found) + "\n")
(HERE / "lengths.json").write_text(json.dumps(lengths) + "\n")
