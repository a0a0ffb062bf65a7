"""Writes golden ids and offsets of byte-level BPE with Hugging Face `tokenizers` (0.23.3), the implementation to agree with.

    python make.py                             # the committed files
    python make.py --full OUT --count 200000 [--texts F…]   # many more strings, every assigned scalar; too big to commit

tokenizer.json.gz is a vocabulary of 2,000 tokens, trained here. Each NAME.jsonl.gz has one setting: its first line says
what of the document is other ("changes": members of the document, and of its model), each further line is a case:
{"text", "ids", "offsets"} and, where it applies, "pair", "types", "sequences", "decoded", "skipped" (decoded without
special tokens) and "max_length", "strategy", "direction". Offsets count Unicode scalars of the original text.
"""

import argparse
import csv
import gzip
import json
from pathlib import Path

import tokenizers
from tokenizers import AddedToken, Tokenizer, decoders, models, pre_tokenizers, processors, trainers

from strings import CODE, Strings

HERE = Path(__file__).resolve().parent
SPECIAL = ["<s>", "<pad>", "</s>", "<unk>"]
PARTS = SPECIAL + ["<mask>"] * 3 + ["<mas", "k>", "< s>", "<S>", " <mask> ", "<s", "Ġ", "<x>", "<y>", "<z>", "Foo", " Foo "]
WORDS = gzip.decompress((HERE.parent / "tokenizer/vocab.txt.gz").read_bytes()).decode().split("\n")
WORDS = [word for word in WORDS if word.isalpha()]

BYTE_LEVEL = dict(type="ByteLevel", add_prefix_space=False, trim_offsets=True, use_regex=True)
ROBERTA = dict(type="RobertaProcessing", sep=["</s>", 2], cls=["<s>", 0], trim_offsets=True, add_prefix_space=False)
TEMPLATE = dict(
    type="TemplateProcessing",
    single=[dict(SpecialToken=dict(id="<s>", type_id=0)), dict(Sequence=dict(id="A", type_id=0)),
            dict(SpecialToken=dict(id="</s>", type_id=0))],
    pair=[dict(SpecialToken=dict(id="<s>", type_id=0)), dict(Sequence=dict(id="A", type_id=0)),
          dict(SpecialToken=dict(id="</s>", type_id=0)), dict(Sequence=dict(id="B", type_id=1)),
          dict(SpecialToken=dict(id="</s>", type_id=1))],
    special_tokens={"<s>": dict(id="<s>", ids=[0], tokens=["<s>"]), "</s>": dict(id="</s>", ids=[2], tokens=["</s>"])},
)


def added(base, **flags):
    """More added tokens, with flags of which each token has one."""
    off = dict(single_word=False, lstrip=False, rstrip=False, normalized=False, special=False)
    names = {"rstrip": "<x>", "single_word": "<y>", "normalized": "<z>", "lstrip": "Foo"}
    size = len(base["model"]["vocab"]) + 1  # <mask> is the first
    return base["added_tokens"] + [dict(off, id=size + i, content=name) | {flag: True} for i, (flag, name) in enumerate(names.items())]


def settings(base):
    """What is other than in the base document, by name. None of a model's member takes it out."""
    vocabulary = base["model"]["vocab"]
    few = {token: i for i, token in enumerate(t for t in vocabulary if t in SPECIAL or len(t) == 1 and (t in "etaoinshrdluĠÃ©"))}
    merges = [m for m in base["model"]["merges"] if all(p in few for p in m) and "".join(m) in few]
    prefix = dict(pre_tokenizer=BYTE_LEVEL | dict(add_prefix_space=True))
    return {
        "plain": {},
        "prefix": prefix | dict(post_processor=ROBERTA | dict(add_prefix_space=True)),
        "prefix-trimmed": prefix | dict(post_processor=ROBERTA | dict(add_prefix_space=False)),
        "untrimmed": dict(post_processor=ROBERTA | dict(trim_offsets=False)),
        "prefix-untrimmed": prefix | dict(post_processor=ROBERTA | dict(trim_offsets=False)),
        "gpt2": dict(post_processor=BYTE_LEVEL | dict(add_prefix_space=True)),
        "template": dict(post_processor=dict(type="Sequence", processors=[BYTE_LEVEL, TEMPLATE])),
        "bare": dict(post_processor=None, decoder=None),
        "one-word": dict(pre_tokenizer=BYTE_LEVEL | dict(use_regex=False)),
        "added": dict(added_tokens=added(base)),
        "whole-words": dict(model=dict(ignore_merges=True)),
        "few-bytes": dict(model=dict(vocab=few, merges=merges), added_tokens=few_added(few)),
        "unknown": dict(model=dict(vocab=few, merges=merges, unk_token="<unk>"), added_tokens=few_added(few)),
        "fused-unknown": dict(
            model=dict(vocab=few, merges=merges, unk_token="<unk>", fuse_unk=True), added_tokens=few_added(few)),
    }


def few_added(vocabulary):
    flags = dict(single_word=False, lstrip=False, rstrip=False, normalized=False, special=True)
    return [dict(flags, id=vocabulary[token], content=token) for token in SPECIAL]


def changed(base, changes):
    document = base | {key: value for key, value in changes.items() if key != "model"}
    return document | dict(model=base["model"] | changes.get("model", {}))


def train():
    strings = Strings(1, WORDS, [])
    texts = [strings.sentence() for _ in range(20000)] + strings.any(6000) + CODE * 20
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    tokenizer.train_from_iterator(texts, trainers.BpeTrainer(
        vocab_size=1999, special_tokens=SPECIAL, initial_alphabet=sorted(pre_tokenizers.ByteLevel.alphabet()), show_progress=False))
    tokenizer.add_special_tokens([AddedToken("<mask>", lstrip=True, normalized=False)])
    tokenizer.post_processor = processors.RobertaProcessing(("</s>", 2), ("<s>", 0), trim_offsets=True, add_prefix_space=False)
    return json.loads(tokenizer.to_str())


def compact(document):
    return json.dumps(document, separators=(",", ":"))


def write(path, data):
    with open(path, "wb") as file, gzip.GzipFile(fileobj=file, mode="wb", compresslevel=9, mtime=0, filename="") as out:
        out.write(data)
    return path.stat().st_size


def case(tokenizer, encoding, **extra):
    ids = encoding.ids
    return dict(
        extra, ids=ids, offsets=encoding.offsets, decoded=tokenizer.decode(ids, skip_special_tokens=False),
        skipped=tokenizer.decode(ids, skip_special_tokens=True))


def cases(tokenizer, texts, pairs, random):
    """- pairs: how many pairs, and how many of texts and pairs that are cut, there are beside the texts."""
    for start in range(0, len(texts), 5000):
        part = texts[start : start + 5000]
        for text, encoding in zip(part, tokenizer.encode_batch(part)):
            yield case(tokenizer, encoding, text=text)
    def pick(count):
        return random.choices(texts, k=count)
    for text, pair in zip(pick(pairs), pick(pairs)):
        yield pair_case(tokenizer, text, pair)
    for text in pick(pairs):
        cut = dict(max_length=random.randint(2, 12), direction=random.choice(["left", "right"]))
        tokenizer.enable_truncation(cut["max_length"], direction=cut["direction"])
        yield case(tokenizer, tokenizer.encode(text), text=text, **cut)
    for text, pair in zip(pick(pairs), pick(pairs)):
        cut = dict(max_length=random.randint(4, 24), direction=random.choice(["left", "right"]),
                   strategy=random.choice(["longest_first", "only_first", "only_second"]))
        tokenizer.enable_truncation(cut["max_length"], strategy=cut["strategy"], direction=cut["direction"])
        try:
            yield pair_case(tokenizer, text, pair, **cut)
        except Exception as error:  # a sequence that is too short for its strategy
            assert "too short" in str(error), error
    tokenizer.no_truncation()


def pair_case(tokenizer, text, pair, **extra):
    encoding = tokenizer.encode(text, pair)
    return case(tokenizer, encoding, text=text, pair=pair, types=encoding.type_ids, sequences=encoding.sequence_ids, **extra)


def write_cases(out, name, base, changes, texts, pairs, random):
    tokenizer = Tokenizer.from_str(json.dumps(changed(base, changes)))
    header = dict(tokenizers=tokenizers.__version__, changes=changes)
    lines = [compact(header), *map(compact, cases(tokenizer, texts, pairs, random))]
    size = write(out / f"{name}.jsonl.gz", ("\n".join(lines) + "\n").encode("ascii"))
    print(f"{name}: {len(lines) - 1} cases, {size} bytes")


def news(path):
    with open(path, encoding="utf-8", newline="") as file:
        for row in csv.reader(file):
            yield " ".join(row[1:]) if len(row) == 3 else row[0]


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--full", type=Path, help="a directory for the large files")
    parser.add_argument("--count", type=int, default=200_000, help="how many strings there are in the large files")
    parser.add_argument("--texts", nargs="*", default=[], help="AG News CSV files for the large files")
    arguments = parser.parse_args()
    base = train()
    out = arguments.full or HERE
    out.mkdir(parents=True, exist_ok=True)
    write(out / "tokenizer.json.gz", json.dumps(base, ensure_ascii=False, separators=(",", ":")).encode())
    strings = Strings(2 if arguments.full else 3, WORDS, PARTS)
    every = settings(base)
    for index, (name, changes) in enumerate(every.items()):
        if not arguments.full:
            texts = [text for text in dict.fromkeys(strings.any(700 if name == "plain" else 220))]
            write_cases(out, name, base, changes, texts, 60, strings.random)
            continue
        main_one = name in ("plain", "prefix", "untrimmed", "added")
        count = arguments.count // 5 if main_one else arguments.count // 50
        texts = strings.any(count)
        if name in ("plain", "prefix"):
            texts += strings.packed(strings.assigned, 12)
            texts += [text for path in arguments.texts for text in news(path)]
        write_cases(out, name, base, changes, texts, count // 8, strings.random)


if __name__ == "__main__":
    main()
