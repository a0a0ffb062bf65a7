"""Checks that transformers loads checkpoint directories with no key missing, unexpected or of another shape.

    python check_transformers.py DIR... [--against DIR]     # torch 2.15.0, transformers 5.23.0

Also that tokenizer.json says the same as vocab.txt, or vocab.json and merges.txt, with tokenizer_config.json, and with
--against that token ids and outputs are equal to another checkpoint's (1e-5 of the largest value). Exits 1 when anything
is wrong.
"""

import argparse
import json
import shutil
import tempfile
from pathlib import Path

import torch
from transformers import AutoTokenizer, BertTokenizerFast
from transformers.utils import logging

from reference import TEXTS, architecture, encode, family, load, outputs

logging.set_verbosity_error()
logging.disable_progress_bar()


def key_problems(info):
    for key, found in info.items():
        for item in sorted(map(str, found)):
            yield f"{key}: {item}"


def ids(tokenizer):
    texts = [text.replace("[MASK]", tokenizer.mask_token) for text in TEXTS]
    return [tokenizer(text)["input_ids"] for text in texts] + [tokenizer(*texts[:2])["input_ids"]]


def tokenizer_problems(directory):
    directory = Path(directory)
    if family(directory).vocabulary != "vocab.txt":
        yield from byte_level_problems(directory)
        return
    if not (directory / "tokenizer.json").exists() or not (directory / "vocab.txt").exists():
        yield from [] if (directory / "vocab.txt").exists() else ["no vocab.txt"]
        return
    settings = json.loads((directory / "tokenizer_config.json").read_text())
    known = {k: settings[k] for k in ("do_lower_case", "strip_accents", "tokenize_chinese_chars") if k in settings}
    plain = BertTokenizerFast(vocab=str(directory / "vocab.txt"), **known)
    if ids(plain) != ids(AutoTokenizer.from_pretrained(directory)):
        yield "tokenizer.json and vocab.txt give different ids"


def byte_level_problems(directory):
    """tokenizer.json, or vocab.json and merges.txt; where all are there, each alone gives the same ids."""
    parts = ("vocab.json", "merges.txt")
    has_parts = all((directory / name).exists() for name in parts)
    if not (directory / "tokenizer.json").exists():
        yield from [] if has_parts else ["neither tokenizer.json nor vocab.json with merges.txt"]
        return
    if not has_parts:
        return
    settings = json.loads((directory / "tokenizer_config.json").read_text())
    if settings.get("tokenizer_class") == "PreTrainedTokenizerFast":  # which reads tokenizer.json only
        yield from differing_parts(directory)
        return
    with tempfile.TemporaryDirectory() as plain:
        for name in (*parts, "config.json", "tokenizer_config.json"):
            if (directory / name).exists():
                shutil.copy(directory / name, plain)
        if ids(AutoTokenizer.from_pretrained(plain)) != ids(AutoTokenizer.from_pretrained(directory)):
            yield "tokenizer.json and vocab.json with merges.txt give different ids"


def differing_parts(directory):
    """Where vocab.json and merges.txt have other entries than tokenizer.json."""
    model = json.loads((directory / "tokenizer.json").read_text())["model"]
    if json.loads((directory / "vocab.json").read_text()) != model["vocab"]:
        yield "tokenizer.json and vocab.json have different vocabularies"
    lines = (directory / "merges.txt").read_text(encoding="utf-8").removesuffix("\n").split("\n")
    merges = [line for line in lines if not line.startswith("#version")]
    if merges != [" ".join(merge) if isinstance(merge, list) else merge for merge in model["merges"]]:
        yield "tokenizer.json and merges.txt have different merges"


def difference_problems(directory, model, against, tolerance):
    if ids(AutoTokenizer.from_pretrained(directory)) != ids(AutoTokenizer.from_pretrained(against)):
        yield f"token ids differ from {against}"
        return
    other, _ = load(against)
    batch = encode(against, TEXTS)
    mine, theirs = outputs(model, batch), outputs(other, batch)
    real = batch["attention_mask"].bool()
    if architecture(directory) == architecture(against) and mine.keys() != theirs.keys():
        yield f"outputs {sorted(mine)}, expected {sorted(theirs)}"
    for name in sorted(mine.keys() & theirs.keys()):
        a, b = mine[name], theirs[name]
        if a.shape != b.shape:
            yield f"{name}: shape {list(a.shape)}, expected {list(b.shape)}"
            continue
        if a.dim() == 3:
            a, b = a[real], b[real]
        error = float((a - b).abs().max() / b.abs().max())
        print(f"  {name}: relative difference {error:.2g}")
        if not error <= tolerance:
            yield f"{name}: relative difference {error:.2g} exceeds {tolerance:g}"


@torch.no_grad()
def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("directories", nargs="+", metavar="DIR")
    parser.add_argument("--against", metavar="DIR")
    parser.add_argument("--tolerance", type=float, default=1e-5)
    arguments = parser.parse_args()
    failed = 0
    for directory in arguments.directories:
        print(f"{directory}: {architecture(directory)}")
        try:
            model, info = load(directory)
            problems = [*key_problems(info), *tokenizer_problems(directory)]
            if arguments.against:
                problems += difference_problems(directory, model, arguments.against, arguments.tolerance)
        except Exception as error:  # a directory that does not load is a finding too
            problems = [f"{type(error).__name__}: {error}"]
        for problem in problems[:12]:
            print(f"  {problem}")
        if len(problems) > 12:
            print(f"  and {len(problems) - 12} more")
        print("  failed" if problems else "  passed", flush=True)
        failed += bool(problems)
    raise SystemExit(1 if failed else 0)


if __name__ == "__main__":
    main()
