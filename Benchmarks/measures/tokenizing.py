"""Megabytes a second: `graft tokenize` against `tokenizers` on one core, for each kind of tokenizer; two cores against one."""

import json
import os
import subprocess
import sys

from harness.bench import HERE
from harness.results import Goal, Row
from harness.runner import alternate, run
from harness.texts import PACKAGES, manual_pages, rows

# Folders that peers/make_tokenizers.py makes: what the measure's name says. BERT's WordPiece has no name.
TOKENIZERS = {
    "roberta": "byte-level BPE of RoBERTa",
    "modernbert": "byte-level BPE of ModernBERT",
    "xlm-roberta": "unigrams of XLM-RoBERTa",
    "camembert": "unigrams of CamemBERT",
    "albert": "unigrams of ALBERT",
    "deberta-v2": "unigrams of DeBERTa-v2, spm.model",
    "mistral": "SentencePiece BPE, tokenizer.model",
}
# Texts: what the measure's name says of them. In a short text most of the time goes into words that are met for the first time:
# 14 % of the words of the news, 27 % of the mixed languages' and 7 % of this many bytes of manual pages.
TEXTS = {"news": "", "mixed": "mixed languages", "manuals": "manual pages"}
MANUALS = 12_000_000


def graft(bench, directory, file, cores):
    command = (bench.graft, "tokenize", directory, "--input", file, "--count", "--json", "--threads", len(cores))
    return lambda: json.loads(run(*pinned(cores), *command).text)


def tokenizers(directory, file, cores):
    command = (sys.executable, HERE / "peers/tokenize_tokenizers.py", directory, "--input", file)
    return lambda: json.loads(run(*pinned(cores), *command).text)


def pinned(cores):
    return "taskset", "-c", ",".join(map(str, cores))


def made(bench):
    """The folder of tokenizers, made when it is first asked for."""
    directory = bench.peers / "tokenizers"
    if not directory.exists():
        script = HERE / "peers/make_tokenizers.py"
        print(f"making {directory} with pip and SentencePiece", file=sys.stderr)
        command = [sys.executable, script, directory, "--texts", *(bench.texts.files or [])]
        subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
    return directory


def measure(bench):
    names = {}
    for folder, title in {"minilm": "", **TOKENIZERS}.items():
        for texts, cores in (("news", 1), ("mixed", 1), ("manuals", 1), ("manuals", 2)):
            parts = ("one core" if cores == 1 else "two cores against one", title, TEXTS[texts])
            names[folder, texts, cores] = ", ".join(filter(None, ("tokenizing", *parts)))
    names = {key: name for key, name in names.items() if bench.wants(name)}
    if not names:
        return
    made(bench)
    files = {"mixed": bench.peers / "tokenizers/mixed.txt"}
    news = (" ".join(text.split()) for path in bench.texts.files or [PACKAGES] for text, _ in rows(path))
    for kind, texts in (("news", news), ("manuals", manual_pages(MANUALS))):
        files[kind] = bench.work / f"{kind}.txt"
        files[kind].write_text("".join(text + "\n" for text in texts), encoding="utf-8")
    cores = sorted(os.sched_getaffinity(0))
    runs = 1 if bench.is_quick else 5
    for (folder, texts, count), name in names.items():
        if count > len(cores) or not files[texts].stat().st_size:
            continue
        directory = bench.model("minilm", "MLM") if folder == "minilm" else bench.peers / "tokenizers" / folder
        if count == 1:
            peer = directory if folder == "minilm" else directory / "tokenizers"
            least = 25 if (folder, texts) == ("minilm", "news") else 10
            contenders = [graft(bench, directory, files[texts], cores[:1]), tokenizers(peer, files[texts], cores[:1])]
        else:
            least = 1.7
            contenders = [graft(bench, directory, files[texts], cores[:many]) for many in (count, 1)]
        ours, theirs = alternate(dict(enumerate(contenders)), runs).values()
        if {found["tokens"] for found in ours} != {found["tokens"] for found in theirs}:
            raise SystemExit(f"{name}: the token counts differ: {ours[0]}, {theirs[0]}")
        rates = ([found["megabytes_per_second"] for found in each] for each in (ours, theirs))
        bench.results.add(Row(name, "MB/s", *rates, more_is_better=True, goal=Goal(least=least)))
