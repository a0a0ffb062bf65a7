#!/usr/bin/env python3
"""Trains the demo model's WordPiece vocabulary.

    make_vocabulary.py PRETRAINING.csv

reads the corpus that `make.py --pretraining PRETRAINING.csv` wrote and writes vocab.txt beside
this script: the special tokens, then single characters, then their `##` continuations, then
pieces and words by the order in which training merged them. Needs tokenizers==0.23.3.
"""

import csv
import hashlib
import sys
from collections import Counter
from pathlib import Path
from typing import Iterable

import tokenizers
from tokenizers import Tokenizer
from tokenizers.models import WordPiece
from tokenizers.normalizers import BertNormalizer
from tokenizers.pre_tokenizers import BertPreTokenizer, WhitespaceSplit
from tokenizers.trainers import WordPieceTrainer

TOKENIZERS_VERSION = "0.23.3"
SPECIAL_TOKENS = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]
TOKENS = 6000
CHARACTERS = 100
ASCII = {chr(code) for code in range(ord("!"), ord("~") + 1)} - set("ABCDEFGHIJKLMNOPQRSTUVWXYZ")


def main() -> None:
    if len(sys.argv) != 2 or sys.argv[1].startswith("-"):
        sys.exit(__doc__)
    if tokenizers.__version__ != TOKENIZERS_VERSION:
        sys.exit(f"error: this is tokenizers {tokenizers.__version__}, not {TOKENIZERS_VERSION}")

    with open(sys.argv[1], encoding="utf-8", newline="") as file:
        words, characters = count(row["text"] for row in csv.DictReader(file))
    vocabulary = train(words, characters)
    path = Path(__file__).resolve().parent / "vocab.txt"
    path.write_text("".join(f"{token}\n" for token in vocabulary), encoding="utf-8")
    data = path.read_bytes()
    digest = hashlib.sha256(data).hexdigest()
    print(f"{path.name}: {len(vocabulary)} tokens, {len(data)} bytes, sha256 {digest}")


def count(texts: Iterable[str]) -> tuple[Counter[str], Counter[str]]:
    """How often each word occurs, and how many texts each character occurs in."""
    normalizer, pre_tokenizer = BertNormalizer(lowercase=True), BertPreTokenizer()
    words: Counter[str] = Counter()
    characters: Counter[str] = Counter()
    for text in texts:
        found = [word for word, _ in pre_tokenizer.pre_tokenize_str(normalizer.normalize_str(text))]
        words.update(found)
        characters.update(set("".join(found)))
    return words, characters


def train(words: Counter[str], characters: Counter[str]) -> list[str]:
    by_count = sorted(characters.keys() - ASCII, key=lambda character: (-characters[character], character))
    alphabet = sorted(ASCII) + sorted(by_count[: CHARACTERS - len(ASCII)])
    words = Counter({word: times for word, times in words.items() if set(word) <= set(alphabet)})
    continuations = sorted({f"##{character}" for word in words for character in word[1:]})

    # The trainer numbers what it finds in the order of a randomly seeded hash table, and breaks ties
    # between merges by those numbers. Special tokens are numbered first and in the order given, so
    # naming every character as one of them makes the result the same each time.
    fixed = SPECIAL_TOKENS + alphabet + continuations
    tokenizer = Tokenizer(WordPiece(unk_token="[UNK]"))
    tokenizer.pre_tokenizer = WhitespaceSplit()
    tokenizer.train_from_iterator(
        (" ".join([word] * times) for word, times in sorted(words.items())),
        WordPieceTrainer(
            vocab_size=TOKENS,
            special_tokens=fixed,
            initial_alphabet=alphabet,
            limit_alphabet=len(alphabet),
            show_progress=False,
        ),
    )
    ids = tokenizer.get_vocab()
    vocabulary = sorted(ids, key=ids.__getitem__)
    assert vocabulary[: len(fixed)] == fixed and list(range(len(vocabulary))) == sorted(ids.values())
    return vocabulary


if __name__ == "__main__":
    main()
