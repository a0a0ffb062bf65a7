"""Trains tokenizers with Hugging Face `tokenizers` (0.23.3) from the recipe of a family of Graft's, its Scratch.json."""

import json
from collections import Counter
from pathlib import Path

from tokenizers import Tokenizer, pre_tokenizers, trainers

FAMILIES = Path(__file__).resolve().parents[2] / "Plugins/Families"
MODELS = {
    "wordpiece": dict(type="WordPiece", unk_token="[UNK]", continuing_subword_prefix="##", max_input_chars_per_word=100, vocab={"[UNK]": 0}),
    "bpe": dict(type="BPE", dropout=None, unk_token=None, continuing_subword_prefix=None, end_of_word_suffix=None,
                fuse_unk=False, byte_fallback=False, ignore_merges=False, vocab={}, merges=[]),
    "unigram": dict(type="Unigram", unk_id=0, byte_fallback=False, vocab=[["<unk>", 0.0]]),
}


def recipe(folder):
    """The tokenizer's part of a family's Scratch.json."""
    return json.loads((FAMILIES / folder / "Scratch.json").read_text(encoding="utf-8"))["tokenizer"]


def untrained(recipe):
    """The recipe's pipeline around a model that knows nothing. Post-processors need a vocabulary, and learning needs none."""
    document = recipe["document"]
    return Tokenizer.from_str(json.dumps(dict(
        version="1.0", truncation=None, padding=None, added_tokens=[], normalizer=document["normalizer"],
        pre_tokenizer=document["pre_tokenizer"], post_processor=None, decoder=document["decoder"],
        model=MODELS[recipe["type"]])))


def special_tokens(recipe):
    return [token if isinstance(token, str) else token["content"] for token in recipe["special_tokens"]]


def words(tokenizer, texts):
    """The words that are counted, with their counts."""
    counts = Counter()
    for text in texts:
        normalized = tokenizer.normalizer.normalize_str(text) if tokenizer.normalizer else text
        counts.update(word for word, _ in tokenizer.pre_tokenizer.pre_tokenize_str(normalized))
    return counts


def clear_limit(recipe, texts, limit):
    """The largest limit of the alphabet, up to one, at which no two letters are equally frequent: there, `tokenizers`
    leaves it to chance which of them is kept.
    """
    frequency = Counter()
    for word, count in words(untrained(recipe), texts).items():
        for letter in word:
            frequency[letter] += count
    ranked = frequency.most_common()
    while ranked[limit - 1][1] == ranked[limit][1]:
        limit -= 1
    return limit


def letters(counts, limit):
    """The alphabet of a WordPiece vocabulary, and the letters within words, in the order of their code points.

    `tokenizers` numbers the letters within words in the order in which its hash map has the words, another one in each
    run. Given among the special tokens, they have the order that Graft gives them.
    """
    frequency = Counter()
    for word, count in counts.items():
        for letter in word:
            frequency[letter] += count
    ranked = frequency.most_common()
    assert len(ranked) <= limit or ranked[limit - 1][1] != ranked[limit][1], "which letters are kept is left to chance"
    kept = sorted(letter for letter, _ in ranked[:limit])
    within = {letter for word in counts for letter in word[1:]}
    return kept + ["##" + letter for letter in kept if letter in within]


def train(recipe, texts, vocab_size, min_frequency=2, limit_alphabet=1000, orders_letters=True):
    """A tokenizer.json that `tokenizers` learnt."""
    tokenizer = untrained(recipe)
    special = special_tokens(recipe)
    if recipe["type"] == "wordpiece":
        ordered = letters(words(tokenizer, texts), limit_alphabet) if orders_letters else []
        trainer = trainers.WordPieceTrainer(
            vocab_size=vocab_size, min_frequency=min_frequency, limit_alphabet=limit_alphabet,
            special_tokens=special + ordered, show_progress=False)
    elif recipe["type"] == "bpe":
        trainer = trainers.BpeTrainer(
            vocab_size=vocab_size, min_frequency=min_frequency, special_tokens=special, show_progress=False,
            initial_alphabet=pre_tokenizers.ByteLevel.alphabet())
    else:
        trainer = trainers.UnigramTrainer(
            vocab_size=vocab_size, special_tokens=special, unk_token=recipe["configuration"]["unk_token"],
            show_progress=False)
    tokenizer.train_from_iterator(texts, trainer)
    return json.loads(tokenizer.to_str())["model"]


def learnt(model):
    """What a model has learnt: its tokens by id, with their merges or scores."""
    if isinstance(model["vocab"], list):
        return dict(tokens=[token for token, _ in model["vocab"]], scores=[score for _, score in model["vocab"]])
    tokens = sorted(model["vocab"], key=model["vocab"].get)
    assert list(map(model["vocab"].get, tokens)) == list(range(len(tokens)))
    return dict(tokens=tokens) | (dict(merges=[list(pair) for pair in model["merges"]]) if "merges" in model else {})
