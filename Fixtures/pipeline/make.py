"""Writes golden ids, offsets and texts of tokenizer pipelines with Hugging Face `tokenizers` (0.23.3), the implementation to
agree with. Models of the unigram kind are trained by `sentencepiece` (0.2.3).

    python make.py                                # the committed files
    python make.py --full OUT --count 200000      # many more strings, every assigned scalar, of the committed pipelines; too big to commit

Each NAME.jsonl.gz has one pipeline: its first line is {"tokenizers": version, "document": tokenizer.json}, each further line
is a case as those of ../bpe. A `precompiled_charsmap` of "nmt_nfkc" stands for the bytes in
nmt_nfkc.charsmap.gz, those of SentencePiece's normalization rule of that name; the same is left out of NAME.model.gz. The documents of xlm-roberta, camembert, albert and deberta are what the converters of
transformers 4 make of the SentencePiece model beside them.
"""

import argparse
import base64
import gzip
import importlib.util
import io
import itertools
import json
import sys
from pathlib import Path

import tokenizers
from tokenizers import AddedToken, Tokenizer, models, normalizers, pre_tokenizers, trainers

HERE = Path(__file__).resolve().parent
sys.path.append(str(HERE.parent / "bpe"))
specification = importlib.util.spec_from_file_location("bpe_make", HERE.parent / "bpe/make.py")
bpe = importlib.util.module_from_spec(specification)
specification.loader.exec_module(bpe)
from strings import CODE, Strings  # noqa: E402

PARTS = ["[CLS]", "[SEP]", "[MASK]", " [MASK] ", "<s>", "</s>", "<mask>", " <mask>", "<mask> ", "<unk>", "[UNK]", "<pad>", "▁", "▁▁",
         "a▁b", "``", "''", " ", "  ", "\n", "<0x41>", "I", "İ", "Å", "ﬁ", "①", "ｶﾞ", "각", "e\u0301", "c\u0327\u0301", "\r\n", "½", "²", "K"]
# All words of one to three letters out of two: texts that repeat them can be split into the same tokens in many orders.
REPEATED = ["".join(letters) for count in (1, 2, 3) for letters in itertools.product("ab", repeat=count)]
TEXTS = Strings(1, bpe.WORDS, [])
TRAINING = [TEXTS.sentence() for _ in range(12000)] + TEXTS.any(2500) + CODE * 20


def special(token, type_id=0):
    return dict(SpecialToken=dict(id=token, type_id=type_id))


def sequence(name, type_id=0):
    return dict(Sequence=dict(id=name, type_id=type_id))


def template(cls, sep, ids, *, roberta=False):
    first = [special(cls), sequence("A"), special(sep)]
    pair = first + ([special(sep), sequence("B"), special(sep)] if roberta else [sequence("B", 1), special(sep, 1)])
    return dict(type="TemplateProcessing", single=first, pair=pair,
                special_tokens={t: dict(id=t, ids=[ids[t]], tokens=[t]) for t in dict.fromkeys((cls, sep))})


def added(ids, *, lstrip=("<mask>", "[MASK]"), **others):
    off = dict(single_word=False, lstrip=False, rstrip=False, normalized=False, special=True)
    return [dict(off, id=id, content=token, lstrip=token in lstrip) | others.get(token, {}) for token, id in sorted(ids.items(), key=lambda x: x[1])]


def document(**parts):
    base = dict(version="1.0", truncation=None, padding=None, added_tokens=[], normalizer=None, pre_tokenizer=None,
                post_processor=None, decoder=None)
    return base | parts


def train_spm(**settings):
    import sentencepiece
    from sentencepiece import sentencepiece_model_pb2 as protocol

    out = io.BytesIO()
    sentencepiece.SentencePieceTrainer.train(
        sentence_iterator=iter([t.replace("\n", " ").replace("\0", "") for t in TRAINING if t.strip()]), model_writer=out,
        character_coverage=0.98, num_threads=1, minloglevel=2, max_sentence_length=100000, **settings)
    proto = protocol.ModelProto()
    proto.ParseFromString(out.getvalue())
    return proto


PRECOMPILED = dict(type="Precompiled", precompiled_charsmap="nmt_nfkc")
WHITESPACE = dict(type="WhitespaceSplit")
METASPACE = dict(type="Metaspace", replacement="▁", prepend_scheme="always", split=True)
OLD_METASPACE = dict(type="Metaspace", replacement="▁", str_rep="▁", add_prefix_space=True)


def seq(*parts, key):
    return dict(type="Sequence", **{key: list(parts)})


def unigram(vocab, unk_id, byte_fallback=False):
    return dict(type="Unigram", unk_id=unk_id, vocab=[list(entry) for entry in vocab], byte_fallback=byte_fallback)


def replace(pattern, content, kind="String"):
    return dict(type="Replace", pattern={kind: pattern}, content=content)


def published():
    """The families with SentencePiece models: the models and what transformers 4 makes of them."""
    xlm = train_spm(model_type="unigram", vocab_size=1000)
    camembert = train_spm(model_type="unigram", vocab_size=800, seed_sentencepiece_size=20000)
    albert = train_spm(model_type="unigram", vocab_size=1000, pad_id=0, unk_id=1, bos_id=-1, eos_id=-1, control_symbols="[CLS],[SEP],[MASK]",
        user_defined_symbols="(,),-,.,–,£,€", pad_piece="<pad>")
    deberta = train_spm(model_type="unigram", vocab_size=1000, pad_id=0, bos_id=1, eos_id=2, unk_id=3, pad_piece="[PAD]",
                        bos_piece="[CLS]", eos_piece="[SEP]", unk_piece="[UNK]")
    pairs = train_spm(model_type="bpe", vocab_size=1200, byte_fallback=True, user_defined_symbols="<user>")
    charsmaps = {"nmt_nfkc": xlm.normalizer_spec.precompiled_charsmap}
    pieces = {name: [(p.piece, p.score) for p in proto.pieces] for name, proto in
              [("xlm", xlm), ("camembert", camembert), ("albert", albert), ("deberta", deberta)]}

    vocab = [("<s>", 0.0), ("<pad>", 0.0), ("</s>", 0.0), ("<unk>", 0.0)] + pieces["xlm"][3:] + [("<mask>", 0.0)]
    ids = {token: i for i, (token, _) in enumerate(vocab)}
    documents = {}
    documents["xlm-roberta"] = document(
        added_tokens=added({t: ids[t] for t in ("<s>", "<pad>", "</s>", "<unk>", "<mask>")}), normalizer=PRECOMPILED,
        pre_tokenizer=seq(WHITESPACE, OLD_METASPACE, key="pretokenizers"), post_processor=template("<s>", "</s>", ids, roberta=True),
        decoder=OLD_METASPACE, model=unigram(vocab, 3))
    vocab = [("<s>NOTUSED", 0.0), ("<pad>", 0.0), ("</s>NOTUSED", 0.0), ("<unk>", 0.0), ("<unk>NOTUSED", -100.0)]
    vocab += pieces["camembert"][1:] + [("<mask>", 0.0)]
    ids = {token: i for i, (token, _) in enumerate(vocab)}
    names = ("<s>NOTUSED", "<pad>", "</s>NOTUSED", "<unk>", "<unk>NOTUSED", "<s>", "</s>", "<mask>")
    documents["camembert"] = document(
        added_tokens=added({t: ids[t] for t in names}), normalizer=PRECOMPILED,
        pre_tokenizer=seq(WHITESPACE, OLD_METASPACE, key="pretokenizers"), post_processor=template("<s>", "</s>", ids, roberta=True),
        decoder=OLD_METASPACE, model=unigram(vocab, 3))
    vocab = [(t, s - 100 if len(t) > 1 and t[-1] == "," and t[-2].isdigit() else s) for t, s in pieces["albert"]]
    ids = {token: i for i, (token, _) in enumerate(vocab)}
    albert_ids = {t: ids[t] for t in ("<pad>", "<unk>", "[CLS]", "[SEP]", "[MASK]")}
    for name, parts in [("albert", [dict(type="NFKD"), dict(type="StripAccents"), dict(type="Lowercase")]), ("albert-cased", [])]:
        documents[name] = document(
            added_tokens=added(albert_ids),
            normalizer=seq(replace("``", '"'), replace("''", '"'), *parts, PRECOMPILED, replace(" {2,}", " ", "Regex"), key="normalizers"),
            pre_tokenizer=seq(WHITESPACE, OLD_METASPACE, key="pretokenizers"), post_processor=template("[CLS]", "[SEP]", ids),
            decoder=OLD_METASPACE, model=unigram(vocab, 1))
    vocab = pieces["deberta"]
    ids = {token: i for i, (token, _) in enumerate(vocab)} | {"[MASK]": len(vocab)}
    documents["deberta"] = document(
        added_tokens=added({t: ids[t] for t in ("[PAD]", "[CLS]", "[SEP]", "[UNK]", "[MASK]")}, lstrip=()),
        normalizer=seq(dict(type="Strip", strip_left=True, strip_right=True), PRECOMPILED, replace(" {2,}", " ", "Regex"), key="normalizers"),
        pre_tokenizer=seq(METASPACE, key="pretokenizers"), post_processor=template("[CLS]", "[SEP]", ids), decoder=METASPACE,
        model=unigram(vocab, 3))
    return documents, charsmaps, dict(xlm=xlm, camembert=camembert, albert=albert, deberta=deberta, bpe=pairs)


BYTES = [f"<0x{byte:02X}>" for byte in range(256)]


def spelling(**parts):
    """Tokens are the bytes of the normalized text."""
    vocab = {token: i for i, token in enumerate(BYTES + ["<unk>"])}
    return document(model=dict(type="BPE", dropout=None, unk_token="<unk>", continuing_subword_prefix=None, end_of_word_suffix=None,
                               fuse_unk=False, byte_fallback=True, ignore_merges=False, vocab=vocab, merges=[]), **parts)


def splitting(**parts):
    """Tokens are the pieces of the pre-tokenizer."""
    return document(model=dict(type="WordLevel", vocab={"[UNK]": 0, "the": 1, "▁the": 2}, unk_token="[UNK]"), **parts)


def bpe_model(tokenizer, **changes):
    return json.loads(tokenizer.to_str())["model"] | changes


def trained(model, trainer, normalizer=None, pre_tokenizer=None, texts=TRAINING):
    tokenizer = Tokenizer(model)
    if normalizer:
        tokenizer.normalizer = normalizer
    if pre_tokenizer:
        tokenizer.pre_tokenizer = pre_tokenizer
    tokenizer.train_from_iterator(texts, trainer)
    return tokenizer


def others():
    documents = {}
    modern = trained(models.BPE(), trainers.BpeTrainer(vocab_size=900, special_tokens=["|||IP|||"], show_progress=False,
                     initial_alphabet=sorted(pre_tokenizers.ByteLevel.alphabet())), normalizers.NFC(), pre_tokenizers.ByteLevel(add_prefix_space=False))
    size = modern.get_vocab_size()
    ids = {t: size + i for i, t in enumerate(["[UNK]", "[CLS]", "[SEP]", "[PAD]", "[MASK]"])}
    plain = {"|||IP|||": 0, "  ": size + 5, "    ": size + 6}
    loose = {t: dict(special=False, normalized=True) for t in plain} | {"|||IP|||": dict(special=False, normalized=True)}
    byte_level = dict(type="ByteLevel", add_prefix_space=False, trim_offsets=True, use_regex=True)
    documents["modernbert"] = document(
        added_tokens=added(ids | plain, **loose), normalizer=dict(type="NFC"), pre_tokenizer=byte_level,
        post_processor=template("[CLS]", "[SEP]", ids), decoder=byte_level, model=bpe_model(modern))
    pieces = trained(models.WordPiece(unk_token="[UNK]"), trainers.WordPieceTrainer(vocab_size=700, show_progress=False,
                     special_tokens=["<s>", "<pad>", "</s>", "<unk>", "[UNK]"]), normalizers.BertNormalizer(), pre_tokenizers.BertPreTokenizer())
    ids = {"<s>": 0, "<pad>": 1, "</s>": 2, "<unk>": 3, "[UNK]": 4, "<mask>": pieces.get_vocab_size()}
    documents["mpnet"] = document(
        added_tokens=added(ids), normalizer=dict(type="BertNormalizer", clean_text=True, handle_chinese_chars=True, strip_accents=None, lowercase=True),
        pre_tokenizer=dict(type="BertPreTokenizer"),
        post_processor=dict(type="RobertaProcessing", sep=["</s>", 2], cls=["<s>", 0], trim_offsets=True, add_prefix_space=False),
        decoder=dict(type="WordPiece", prefix="##", cleanup=True), model=json.loads(pieces.to_str())["model"])
    words = trained(models.WordLevel(unk_token="[UNK]"), trainers.WordLevelTrainer(vocab_size=300, show_progress=False, special_tokens=["[UNK]", "[MASK]"]),
                    normalizers.Sequence([normalizers.NFKC(), normalizers.Lowercase()]), pre_tokenizers.Whitespace())
    documents["wordlevel"] = document(
        added_tokens=added({"[UNK]": 0, "[MASK]": 1}), normalizer=seq(dict(type="NFKC"), dict(type="Lowercase"), key="normalizers"),
        pre_tokenizer=seq(dict(type="Whitespace"), dict(type="Digits", individual_digits=True), key="pretokenizers"),
        model=json.loads(words.to_str())["model"])
    llama = trained(models.BPE(unk_token="<unk>", fuse_unk=True, byte_fallback=True),
                    trainers.BpeTrainer(vocab_size=900, special_tokens=["<unk>", "<s>", "</s>"] + BYTES, show_progress=False, limit_alphabet=300),
                    normalizers.Sequence([normalizers.Prepend("▁"), normalizers.Replace(" ", "▁")]))
    documents["llama"] = document(
        added_tokens=added({"<unk>": 0, "<s>": 1, "</s>": 2}),
        normalizer=seq(dict(type="Prepend", prepend="▁"), replace(" ", "▁"), key="normalizers"),
        post_processor=template("<s>", "</s>", {"<s>": 1, "</s>": 2}),
        decoder=seq(replace("▁", " "), dict(type="ByteFallback"), dict(type="Fuse"), dict(type="Strip", content=" ", start=1, stop=0), key="decoders"),
        model=bpe_model(llama))
    gpt = trained(models.BPE(unk_token="<unk>", end_of_word_suffix="</w>"),
                  trainers.BpeTrainer(vocab_size=700, special_tokens=["<unk>"], show_progress=False, end_of_word_suffix="</w>", limit_alphabet=200),
                  normalizers.BertNormalizer(), pre_tokenizers.BertPreTokenizer())
    documents["openai-gpt"] = document(
        added_tokens=added({"<unk>": 0}), normalizer=dict(type="BertNormalizer", clean_text=True, handle_chinese_chars=True, strip_accents=None, lowercase=True),
        pre_tokenizer=dict(type="BertPreTokenizer"), decoder=dict(type="BPEDecoder", suffix="</w>"), model=bpe_model(gpt))
    documents["openai-gpt-fused"] = documents["openai-gpt"] | dict(model=bpe_model(gpt, fuse_unk=True))
    documents["openai-gpt-dropped"] = documents["openai-gpt"] | dict(model=bpe_model(gpt, unk_token=None))
    prefixed = trained(models.BPE(unk_token="<unk>", continuing_subword_prefix="##"),
                       trainers.BpeTrainer(vocab_size=500, special_tokens=["<unk>"], show_progress=False, continuing_subword_prefix="##", limit_alphabet=150),
                       pre_tokenizer=pre_tokenizers.WhitespaceSplit())
    documents["bpe-prefixed"] = document(added_tokens=added({"<unk>": 0}), pre_tokenizer=WHITESPACE, model=bpe_model(prefixed))
    fallback = trained(models.Unigram(byte_fallback=True), trainers.UnigramTrainer(vocab_size=500, special_tokens=["<unk>"] + BYTES, unk_token="<unk>",
                       show_progress=False), pre_tokenizer=pre_tokenizers.Metaspace(prepend_scheme="first"), texts=[t for t in TRAINING if t.isascii()])
    vocab = [("<unk>", 0.0)] + [(b, 0.0) for b in BYTES] + [tuple(e) for e in json.loads(fallback.to_str())["model"]["vocab"] if e[0] not in BYTES + ["<unk>"] and (len(e[0]) > 1 or ord(e[0]) < 0x300 or ord(e[0]) % 3)]
    documents["unigram-bytes"] = document(
        added_tokens=added({"<unk>": 0, "Foo": len(vocab), "The": len(vocab) + 1}, Foo=dict(special=False, normalized=True, lstrip=True, rstrip=True),
                           The=dict(special=False, normalized=True, single_word=True)),
        normalizer=dict(type="Lowercase"), pre_tokenizer=METASPACE | dict(prepend_scheme="first"),
        decoder=seq(dict(type="ByteFallback"), METASPACE | dict(prepend_scheme="first"), key="decoders"), model=unigram(vocab, 0, True))
    # Orders of the same tokens have the same sum of scores, but for what is rounded off where they are read and added.
    scored = [("<unk>", 0.0)] + [(token, TEXTS.random.uniform(-14, -11)) for token in ["▁", *REPEATED]]
    documents["unigram-ties"] = document(
        added_tokens=added({"<unk>": 0}), pre_tokenizer=METASPACE | dict(prepend_scheme="first"),
        decoder=METASPACE | dict(prepend_scheme="first"), model=unigram(scored, 0))
    return documents


def components():
    """Every normalizer, and every pre-tokenizer, by itself."""
    documents = {}
    bert = dict(type="BertNormalizer", clean_text=True, handle_chinese_chars=True, strip_accents=True, lowercase=True)
    for name, normalizer in {
        "NFC": dict(type="NFC"), "NFD": dict(type="NFD"), "NFKC": dict(type="NFKC"), "NFKD": dict(type="NFKD"), "Nmt": dict(type="Nmt"),
        "Lowercase": dict(type="Lowercase"), "StripAccents": dict(type="StripAccents"), "ByteLevel": dict(type="ByteLevel"),
        "Precompiled": PRECOMPILED,
        "Strip": dict(type="Strip", strip_left=True, strip_right=True), "Strip-left": dict(type="Strip", strip_left=True, strip_right=False),
        "Strip-right": dict(type="Strip", strip_left=False, strip_right=True), "BertNormalizer": bert,
        "BertNormalizer-clean": bert | dict(strip_accents=False, lowercase=False), "BertNormalizer-accents": bert | dict(clean_text=False, lowercase=False),
        "Replace": replace("e", "ee"), "Replace-nothing": replace(" ", ""), "Replace-spaces": replace(" {2,}", " ", "Regex"),
        "Replace-white": replace(r"\s{2,}|[\n\r\t]", " ", "Regex"), "Replace-class": replace(r"[^\p{L}\s]+", "_", "Regex"),
        "Prepend": dict(type="Prepend", prepend="▁x"),
        "Sequence": seq(dict(type="NFD"), dict(type="StripAccents"), dict(type="Lowercase"), dict(type="NFC"), replace("a", "bc"), PRECOMPILED, key="normalizers"),
        "Sequence-composed": seq(dict(type="NFKD"), dict(type="NFC"), dict(type="Precompiled", precompiled_charsmap="nmt_nfkc"), dict(type="NFKC"), key="normalizers"),
    }.items():
        documents["normalizer-" + name] = spelling(normalizer=normalizer)
    split = dict(type="Split", invert=False, behavior="Isolated")
    for name, pre_tokenizer in {
        "BertPreTokenizer": dict(type="BertPreTokenizer"), "Whitespace": dict(type="Whitespace"), "WhitespaceSplit": WHITESPACE,
        "Digits": dict(type="Digits", individual_digits=False), "Digits-individual": dict(type="Digits", individual_digits=True),
        **{"Punctuation-" + b: dict(type="Punctuation", behavior=b) for b in ("Removed", "Isolated", "MergedWithPrevious", "MergedWithNext", "Contiguous")},
        **{"Split-" + b: split | dict(pattern=dict(String=" "), behavior=b) for b in ("Removed", "Isolated", "MergedWithPrevious", "MergedWithNext", "Contiguous")},
        **{"Split-inverted-" + b: split | dict(pattern=dict(Regex=r"\p{L}+|\p{N}{1,3}"), behavior=b, invert=True) for b in ("Removed", "Isolated", "MergedWithPrevious", "MergedWithNext", "Contiguous")},
        "Split-gpt2": split | dict(pattern=dict(Regex=r"'s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+")),
        "Split-digits": split | dict(pattern=dict(Regex=r"\d")),
        "Split-text": split | dict(pattern=dict(String="aba"), behavior="Removed"),
        "ByteLevel": dict(type="ByteLevel", add_prefix_space=True, trim_offsets=True, use_regex=True),
        "ByteLevel-whole": dict(type="ByteLevel", add_prefix_space=False, trim_offsets=True, use_regex=False),
        "Metaspace": METASPACE, "Metaspace-first": METASPACE | dict(prepend_scheme="first"), "Metaspace-never": METASPACE | dict(prepend_scheme="never"),
        "Metaspace-whole": METASPACE | dict(split=False), "Metaspace-old": OLD_METASPACE, "Metaspace-other": METASPACE | dict(replacement="_"),
        "Sequence": seq(WHITESPACE, METASPACE | dict(prepend_scheme="first"), dict(type="Punctuation", behavior="Isolated"), dict(type="Digits", individual_digits=True), key="pretokenizers"),
        "Sequence-bytes": seq(dict(type="Digits", individual_digits=True), dict(type="ByteLevel", add_prefix_space=True, trim_offsets=True, use_regex=True), key="pretokenizers"),
    }.items():
        documents["splits-" + name] = splitting(pre_tokenizer=pre_tokenizer, normalizer=dict(type="Strip", strip_left=True, strip_right=False) if "first" in name else None)
        documents["spelt-" + name] = spelling(pre_tokenizer=pre_tokenizer)
    return documents


def resolved(value, charsmaps):
    """The document with charsmaps in the places of their names."""
    if isinstance(value, dict):
        return {k: base64.b64encode(charsmaps[v]).decode() if k == "precompiled_charsmap" and v in charsmaps else resolved(v, charsmaps) for k, v in value.items()}
    return [resolved(v, charsmaps) for v in value] if isinstance(value, list) else value


def write_cases(out, name, documents, charsmaps, texts, pairs, random):
    lines = []
    for key, document in documents.items():
        tokenizer = Tokenizer.from_str(json.dumps(resolved(document, charsmaps)))
        lines.append(bpe.compact(dict(tokenizers=tokenizers.__version__, name=key, document=document)))
        lines += map(bpe.compact, bpe.cases(tokenizer, texts(key), pairs, random))
    size = bpe.write(out / f"{name}.jsonl.gz", ("\n".join(lines) + "\n").encode("ascii"))
    print(f"{name}: {len(lines)} lines, {size} bytes")


def committed():
    """The documents of the committed files."""
    documents = {}
    for file in sorted(HERE.glob("*.jsonl.gz")):
        with gzip.open(file, "rt", encoding="ascii", newline="\n") as lines:
            for header in map(json.loads, lines):
                if "document" in header:
                    documents[header["name"]] = header["document"]
    return documents, {"nmt_nfkc": gzip.decompress((HERE / "nmt_nfkc.charsmap.gz").read_bytes())}


def write_directories(documents, protos):
    """Files as checkpoints have them, for tests that go over all fixtures."""
    for name in ("modernbert", "deberta"):
        (HERE / name).mkdir(exist_ok=True)
    (HERE / "modernbert/tokenizer.json").write_text(json.dumps(documents["modernbert"], ensure_ascii=False, separators=(",", ":")))
    (HERE / "deberta/spm.model").write_bytes(protos["deberta"].SerializeToString())


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--full", type=Path, help="a directory for the large files")
    parser.add_argument("--count", type=int, default=200_000, help="how many strings there are in the large files")
    parser.add_argument("--only", default="", help="the names of the pipelines to write, a part of them")
    arguments = parser.parse_args()
    out = arguments.full or HERE
    out.mkdir(parents=True, exist_ok=True)
    if arguments.full:
        documents, charsmaps = committed()
    else:
        documents, charsmaps, protos = published()
        documents |= others() | components()
        for name, charsmap in charsmaps.items():
            bpe.write(out / f"{name}.charsmap.gz", charsmap)
        for name, proto in protos.items():
            # The charsmap stands in a file of its own.
            proto.normalizer_spec.precompiled_charsmap = b""
            bpe.write(out / f"{name}.model.gz", proto.SerializeToString())
        write_directories(documents, protos)
    strings = Strings(2 if arguments.full else 3, bpe.WORDS, PARTS)
    count = arguments.count if arguments.full else 260

    def texts(name):
        if name == "unigram-ties":
            return [word * times for word in map("".join, itertools.product("ab", repeat=5)) for times in (1, 2, 3, 5, 8, 13)] + REPEATED
        some = list(dict.fromkeys(strings.any(count)))
        return some + (list(strings.packed(strings.assigned, 12)) if arguments.full else [])

    prefixes = {"normalizers": "normalizer-", "pre-tokenizers": ("splits-", "spelt-")}
    for name, document in documents.items():
        if arguments.only in name and not name.startswith(("normalizer-", "splits-", "spelt-")):
            write_cases(out, name, {name: document}, charsmaps, texts, count // 8, strings.random)
    count = arguments.count // 10 if arguments.full else 30
    for name, prefix in prefixes.items():
        if arguments.only in name:
            some = {key: value for key, value in documents.items() if key.startswith(prefix)}
            write_cases(out, name, some, charsmaps, texts, 0, strings.random)


if __name__ == "__main__":
    main()
