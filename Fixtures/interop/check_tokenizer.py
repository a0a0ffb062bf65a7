"""Compares ids and offsets of `graft tokenize` with those that tokenizers gave for hundreds of thousands of strings.

The strings are made by ../tokenizer/make.py --full into PEERS/tokenizer-full, once. $TEXTS names AG News files to add.
Pairs are not among them: the command line takes none, and the tests of WordPiece compare them.
"""

import gzip
import json
import os
import subprocess
import sys
import tempfile
from itertools import groupby
from pathlib import Path

CHUNK = 20_000  # lines at once: bounds the size of one JSON document
ARGUMENTS = 400  # texts at once that have to be arguments, as they contain a newline


def make(fixtures, directory):
    if (directory / "complete").exists():
        return
    directory.mkdir(parents=True, exist_ok=True)
    command = [sys.executable, str(fixtures / "tokenizer/make.py"), "--full", str(directory), "--count", "200000"]
    subprocess.run([*command, "--texts", *os.environ.get("TEXTS", "").split()], check=True, stdout=subprocess.DEVNULL)
    (directory / "complete").touch()


def write_tokenizer(directory, vocabulary, settings):
    with gzip.open(vocabulary) as file:
        (directory / "vocab.txt").write_bytes(file.read())
    written = dict(
        tokenizer_class="BertTokenizer",
        do_lower_case=settings["lowercase"],
        strip_accents=settings["strip_accents"],
        tokenize_chinese_chars=settings["handle_chinese_chars"],
    )
    (directory / "tokenizer_config.json").write_text(json.dumps(written))


def can_be_a_line(text):
    return "\n" not in text and not text.endswith("\r")


def tokenized(graft, directory, cases):
    """Yields each case with what `graft tokenize` gives; those that cannot be passed on are left out."""
    for length, group in groupby(sorted(cases, key=lambda case: case.get("max_length", 0)), lambda c: c.get("max_length")):
        options = ["--json", *(["--max-length", str(length)] if length else [])]
        group = list(group)
        lines = [case for case in group if can_be_a_line(case["text"])]
        others = [case for case in group if not can_be_a_line(case["text"]) and "\0" not in case["text"]]
        file = directory / "lines.txt"
        for start in range(0, len(lines), CHUNK):
            part = lines[start : start + CHUNK]
            file.write_bytes("".join(case["text"] + "\n" for case in part).encode())
            yield from zip(part, json.loads(graft("tokenize", directory, "--input", file, *options)), strict=True)
        for start in range(0, len(others), ARGUMENTS):
            part = others[start : start + ARGUMENTS]
            texts = (case["text"] for case in part)
            yield from zip(part, json.loads(graft("tokenize", directory, *options, "--", *texts)), strict=True)


def differences(graft, file):
    """The number of strings compared, and those that differ."""
    compared, wrong = 0, []
    with gzip.open(file, "rt", encoding="ascii", newline="\n") as lines, tempfile.TemporaryDirectory() as work:
        settings = json.loads(next(lines))
        write_tokenizer(Path(work), file.parent / (settings["vocabulary"] + ".gz"), settings)
        for case, found in tokenized(graft, Path(work), list(map(json.loads, lines))):
            compared += 1
            if found["ids"] != case["ids"] or found["offsets"] != case["offsets"]:
                wrong.append((case["text"], case["ids"], found["ids"]))
    return compared, wrong


def check(graft, checks, peers, fixtures):
    directory = peers / "tokenizer-full"
    if not checks.check("strings for the tokenizer", directory.name, lambda: make(fixtures, directory)):
        return
    total = different = 0
    for file in sorted(directory.glob("*.jsonl.gz")):
        if "pairs" in file.name:
            continue

        print(f"checking {file}", file=sys.stderr)

        def compare():
            nonlocal total, different
            compared, wrong = differences(graft, file)
            total, different = total + compared, different + len(wrong)
            if wrong:
                raise AssertionError(f"{len(wrong)} of {compared} strings differ, first {wrong[0]!r}")
            return f"{compared} strings, 0 differences"

        checks.check("ids and offsets as tokenizers", file.name.removesuffix(".jsonl.gz"), compare)

    def enough():
        if total < 200_000:
            raise AssertionError(f"{total} strings compared, expected at least 200000")
        return f"{total} strings, {different} differences"

    checks.check("strings in all", "tokenizer", enough)
