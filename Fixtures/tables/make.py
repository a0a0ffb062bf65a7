"""Writes tables in the dialects, encodings and line ends that people have, by Python's csv module, with the rows that it
reads in them again; and texts packed into pieces, as transformers' examples/pytorch/language-modeling/run_mlm.py packs
them.

    ../../.peers/torch/bin/python make.py      # Python 3.11, transformers 5.23.0, tokenizers 0.23.3
"""

import csv
import gzip
import io
import json
from itertools import chain
from pathlib import Path

from transformers import AutoTokenizer

HERE = Path(__file__).resolve().parent
TEXTS = [
    'the "big" world', "two\nlines", "a, b; c\td | e", "", "plain", "'single'", '"whole"', "snow ☃ and 𝄞 clef",
    "back\\slash", " spaces around ",
]


def table(**dialect):
    """The text of a table in a dialect, and its rows as Python reads them."""
    buffer = io.StringIO(newline="")
    writer = csv.writer(buffer, **dialect)
    writer.writerow(["text", "label"])
    for number, text in enumerate(TEXTS):
        # Where a carriage return ends lines, Python's writer leaves a line feed without quotes.
        text = text.replace("\n", "\r") if dialect.get("lineterminator") == "\r" else text
        writer.writerow([text, f"name {number % 3}"])
    text = buffer.getvalue()
    rows = list(csv.reader(io.StringIO(text, newline=""), **dialect))
    return text, [row for row in rows[1:] if row]


def write_tables():
    dialects = {
        "comma-lf.csv": {"lineterminator": "\n"},
        "comma-crlf.csv": {"lineterminator": "\r\n"},
        "comma-cr.csv": {"lineterminator": "\r"},
        "comma-all.csv": {"quoting": csv.QUOTE_ALL},
        "semicolon.csv": {"delimiter": ";"},
        "bar.csv": {"delimiter": "|"},
        "tab.csv": {"delimiter": "\t"},
        "minimal.tsv": {"delimiter": "\t", "lineterminator": "\n"},
        "all.tsv": {"delimiter": "\t", "quoting": csv.QUOTE_ALL},
        "cr.tsv": {"delimiter": "\t", "lineterminator": "\r"},
    }
    expected = {}
    for name, dialect in dialects.items():
        text, expected[name] = table(**dialect)
        (HERE / name).write_bytes(text.encode())
    text, rows = table(lineterminator="\n")
    for encoding, mark in [("utf-16-le", b"\xff\xfe"), ("utf-16-be", b"\xfe\xff"), ("utf-8", b"\xef\xbb\xbf")]:
        name = f"{encoding}.csv"
        (HERE / name).write_bytes(mark + text.encode(encoding))
        expected[name] = rows
    (HERE / "compressed.csv.gz").write_bytes(gzip.compress(text.encode("utf-16"), mtime=0))
    expected["compressed.csv.gz"] = rows
    # Quotes are ordinary characters: what QUOTE_NONE writes and reads.
    plain = [['"hello" he said', "a"], ['"never closed', "b"], ['"whole"', "c"], ["none", "d"]]
    (HERE / "plain.tsv").write_text("text\tlabel\n" + "".join("\t".join(row) + "\n" for row in plain))
    expected["plain.tsv"] = [
        row for row in csv.reader((HERE / "plain.tsv").open(), delimiter="\t", quoting=csv.QUOTE_NONE)
    ][1:]
    objects = [{"text": text, "label": f"name {number % 3}"} for number, text in enumerate(TEXTS)]
    (HERE / "array.json").write_text(json.dumps(objects))
    (HERE / "array-indented.json").write_text(json.dumps(objects, indent=2, ensure_ascii=False))
    (HERE / "lines.jsonl").write_text("".join(json.dumps(o, ensure_ascii=False) + "\n" for o in objects))
    for name in ["array.json", "array-indented.json", "lines.jsonl"]:
        expected[name] = [[o["text"], o["label"]] for o in objects]
    (HERE / "rows.json").write_text(json.dumps(expected, ensure_ascii=False, indent=0))


def write_packed():
    """Pieces of 32 tokens of 1,010 texts, with their special tokens, a thousand texts at a time."""
    length = 32
    tokenizer = AutoTokenizer.from_pretrained(HERE.parent / "bert-tiny" / "masked-lm")
    words = "the world team won game he can do it oil".split()
    texts = [" ".join(words[(i * 7 + j) % len(words)] for j in range(i % 5 + 1)) for i in range(1010)]
    pieces = []
    for start in range(0, len(texts), 1000):
        encoded = tokenizer(texts[start : start + 1000], return_special_tokens_mask=True)
        ids = list(chain.from_iterable(encoded["input_ids"]))
        special = list(chain.from_iterable(encoded["special_tokens_mask"]))
        for place in range(0, len(ids) // length * length, length):
            pieces.append({"ids": ids[place : place + length], "special": special[place : place + length]})
    document = {"length": length, "texts": texts, "pieces": pieces}
    (HERE / "packed.json").write_text(json.dumps(document, separators=(",", ":")))


write_tables()
write_packed()
