"""Compares ids and offsets of `graft tokenize` with those of Hugging Face `tokenizers` (0.23.3) for 200,000 strings.

    python compare.py --graft GRAFT [--peers PEERS] [--rows FILE] [--only WORD]      # `make interop` calls it

make.py --full makes the strings, once, in PEERS/bpe-full. $TEXTS names AG News files to add. What graft writes is loaded
by transformers (5.23.0), and has to give the same ids and offsets. Pairs are not among them: the command line takes none, and the tests of
ByteLevelBPE compare them: GRAFT_BPE_GOLDENS=PEERS/bpe-full swift test --filter ByteLevelBPETests
"""

import gzip
import json
import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent / "interop"))

import tokenizers  # noqa: E402
from check_tokenizer import tokenized  # noqa: E402
from report import AGREES, LOADS, run  # noqa: E402
from transformers import AutoTokenizer  # noqa: E402


def make(directory):
    if (directory / "complete").exists():
        return
    command = [sys.executable, str(HERE / "make.py"), "--full", str(directory), "--count", "200000"]
    subprocess.run([*command, "--texts", *os.environ.get("TEXTS", "").split()], check=True, stdout=subprocess.DEVNULL)
    (directory / "complete").touch()


def document(directory, changes):
    base = json.loads(gzip.decompress((directory / "tokenizer.json.gz").read_bytes()))
    model = base["model"] | changes.get("model", {})
    return base | changes | dict(model=model)


def write_tokenizer(directory, document, *, old):
    """- old: as vocab.json and merges.txt, with the added tokens in the configuration."""
    if not old:
        (directory / "tokenizer.json").write_text(json.dumps(document))
        return
    (directory / "vocab.json").write_text(json.dumps(document["model"]["vocab"]))
    merges = [" ".join(merge) + "\n" for merge in document["model"]["merges"]]
    (directory / "merges.txt").write_text("#version: 0.2\n" + "".join(merges), encoding="utf-8")
    tokens = {str(t["id"]): {key: t[key] for key in t if key != "id"} for t in document["added_tokens"]}
    (directory / "tokenizer_config.json").write_text(json.dumps(dict(added_tokens_decoder=tokens)))


def differences(graft, file, *, old=False):
    """The number of strings compared, and those that differ."""
    compared, wrong = 0, []
    with gzip.open(file, "rt", encoding="ascii", newline="\n") as lines, tempfile.TemporaryDirectory() as work:
        changes = json.loads(next(lines))["changes"]
        write_tokenizer(Path(work), document(file.parent, changes), old=old)
        cases = [case for case in map(json.loads, lines) if not {"pair", "max_length"} & case.keys()]
        for case, found in tokenized(graft, Path(work), cases):
            compared += 1
            if found["ids"] != case["ids"] or found["offsets"] != case["offsets"]:
                wrong.append((case["text"], case["ids"], found["ids"], case["offsets"], found["offsets"]))
    return compared, wrong


def transformers_agrees(graft, name, *, old, class_name):
    """What graft writes, loaded by transformers, against the committed goldens."""
    with gzip.open(HERE / f"{name}.jsonl.gz", "rt", encoding="ascii", newline="\n") as lines:
        changes = json.loads(next(lines))["changes"]
        cases = [case for case in map(json.loads, lines) if not {"pair", "max_length"} & case.keys()]
    with tempfile.TemporaryDirectory() as work:
        source, written = Path(work) / "source", Path(work) / "written"
        # Some model: what counts is the tokenizer beside it.
        shutil.copytree(HERE.parent / "bert-tiny/base", source, ignore=shutil.ignore_patterns("*token*", "vocab.txt"))
        write_tokenizer(source, document(HERE, changes), old=old)
        settings = source / "tokenizer_config.json"
        known = json.loads(settings.read_text()) if settings.exists() else {}
        settings.write_text(json.dumps(known | (dict(tokenizer_class=class_name) if class_name else {})))
        graft("import", source, "--output", written)
        tokenizer = AutoTokenizer.from_pretrained(written)
        for case in cases:
            found = tokenizer(case["text"], return_offsets_mapping=True)
            if found["input_ids"] != case["ids"] or list(map(list, found["offset_mapping"])) != case["offsets"]:
                raise AssertionError(f"{case['text']!r}: {found}, expected {case['ids']} {case['offsets']}")
    return f"{len(cases)} strings"


def check_all(graft, report, arguments):
    if arguments.only and arguments.only not in "tokenizer byte-level-bpe":
        return
    directory = arguments.peers / "bpe-full"
    checks = report.of("tokenizer.json", f"tokenizers {tokenizers.__version__}", family="roberta")
    if not checks.check("strings for the tokenizer", directory.name, lambda: make(directory)):
        return
    for name in ("plain", "prefix", "prefix-trimmed", "untrimmed", "added", "gpt2", "template", "one-word", "whole-words"):
        for class_name in (None, "RobertaTokenizer"):
            for old in [False, True] if name == "plain" else [False]:
                checks.check(
                    "transformers loads what graft writes", " ".join(filter(None, [name, class_name, old and "merges.txt"])),
                    lambda: transformers_agrees(graft, name, old=old, class_name=class_name), LOADS, AGREES)
    total = different = 0
    files = [(file, False) for file in sorted(directory.glob("*.jsonl.gz"))] + [(directory / "plain.jsonl.gz", True)]
    for file, old in files:
        print(f"checking {file}", file=sys.stderr)

        def compare():
            nonlocal total, different
            compared, wrong = differences(graft, file, old=old)
            total, different = total + compared, different + len(wrong)
            if wrong:
                raise AssertionError(f"{len(wrong)} of {compared} strings differ, first {wrong[0]!r}")
            return f"{compared} strings, 0 differences"

        name = "vocab.json + merges.txt" if old else file.name.removesuffix(".jsonl.gz")
        checks.check("ids and offsets as tokenizers", name, compare)

    def enough():
        if total < 200_000:
            raise AssertionError(f"{total} strings compared, expected at least 200000")
        return f"{total} strings, {different} differences"

    checks.check("strings in all", "byte-level BPE", enough)


if __name__ == "__main__":
    run(__doc__, check_all, peers=Path)
