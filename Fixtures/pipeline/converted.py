"""Writes converted.jsonl.gz: ids of tokenizers that transformers (5.23.0) makes of the SentencePiece models that make.py wrote.

    python converted.py

A file of pipelines as those of make.py, whose first lines are {"tokenizers", "name", "model": NAME.model.gz, "settings":
tokenizer_config.json}. The converters of transformers are those of version 4 (but for ALBERT's spaces), with the special tokens added as that version does;
for byte-pair models the merges are those that its function `generate_merges` makes, with which version 4 calls it.
"""

import gzip
import importlib
import tempfile
from pathlib import Path
from types import SimpleNamespace

import tokenizers
from sentencepiece import sentencepiece_model_pb2 as protocol
from tokenizers import AddedToken, Tokenizer
from tokenizers.models import BPE
from tokenizers.pre_tokenizers import Sequence, WhitespaceSplit

import make
from make import HERE, PARTS, bpe
from strings import Strings

# transformers has a function of the same name as this module.
converters = importlib.import_module("transformers.convert_slow_tokenizer")
converters.import_protobuf = lambda *_: protocol

ANGULAR = ["<s>", "</s>", "<unk>", "</s>", "<pad>", "<s>", "<mask>"]
ALBERT = ["[CLS]", "[SEP]", "<unk>", "[SEP]", "<pad>", "[CLS]", "[MASK]"]
DEBERTA = ["[CLS]", "[SEP]", "[UNK]", "[SEP]", "[PAD]", "[CLS]", "[MASK]"]


class Plain(converters.SpmConverter):
    def tokenizer(self, proto):
        if proto.trainer_spec.model_type == 1:
            return super().tokenizer(proto)
        scores = self.vocab(proto)
        vocab = {piece: i for i, (piece, _) in enumerate(scores)}
        merges = converters.generate_merges(vocab, scores)
        tokenizer = Tokenizer(BPE(vocab, merges, unk_token=proto.trainer_spec.unk_piece, fuse_unk=True, byte_fallback=True))
        tokenizer.add_tokens([AddedToken(p.piece, normalized=False, special=p.type == 3) for p in proto.pieces if p.type in (3, 4)])
        return tokenizer


def convert(model, converter, tokens, settings, *, lstrip):
    with tempfile.NamedTemporaryFile() as file:
        file.write(model.SerializeToString())
        file.flush()
        slow = SimpleNamespace(vocab_file=file.name, keep_accents=False, do_lower_case=converter is converters.AlbertConverter,
                               split_by_punct=False, add_prefix_space=True)
        for key, value in settings.items():
            setattr(slow, key, value)
        ids = {}
        slow.convert_tokens_to_ids = lambda token: ids[token]
        converter = converter(slow)
        vocab = converter.vocab(converter.proto)
        ids.update({token: i for i, (token, _) in enumerate(vocab)})
        tokenizer = converter.converted()
        if isinstance(converter, converters.AlbertConverter):
            # As AlbertTokenizer of version 5, and as SentencePiece: spaces at the end of a text have no token.
            tokenizer.pre_tokenizer = Sequence([WhitespaceSplit(), tokenizer.pre_tokenizer])
        tokenizer.add_special_tokens([
            AddedToken(token, lstrip=lstrip and token in ("<mask>", "[MASK]"), normalized=False, special=True) for token in tokens])
        return tokenizer


def read(name, charsmap):
    proto = protocol.ModelProto()
    proto.ParseFromString(gzip.decompress((HERE / f"{name}.model.gz").read_bytes()))
    if proto.trainer_spec.model_type == 1:
        proto.normalizer_spec.precompiled_charsmap = charsmap
    return proto


def main():
    charsmap = gzip.decompress((HERE / "nmt_nfkc.charsmap.gz").read_bytes())
    strings = Strings(5, bpe.WORDS, PARTS + ["(", ")", "£", "1,", "2,000,", "é"])
    lines = []
    for name, model, converter, tokens, settings, lstrip in [
        ("xlm-roberta", "xlm", converters.XLMRobertaConverter, ANGULAR, dict(tokenizer_class="XLMRobertaTokenizer"), True),
        ("camembert", "camembert", converters.CamembertConverter, ANGULAR, dict(tokenizer_class="CamembertTokenizerFast"), True),
        ("albert", "albert", converters.AlbertConverter, ALBERT, dict(tokenizer_class="AlbertTokenizer"), True),
        ("albert-cased", "albert", converters.AlbertConverter, ALBERT,
         dict(tokenizer_class="AlbertTokenizer", keep_accents=True, do_lower_case=False), True),
        ("deberta", "deberta", converters.DebertaV2Converter, DEBERTA, {}, False),
        ("deberta-punctuation", "deberta", converters.DebertaV2Converter, DEBERTA,
         dict(tokenizer_class="DebertaV2Tokenizer", split_by_punct=True, do_lower_case=True), False),
        ("plain", "xlm", Plain, [], dict(tokenizer_class="PreTrainedTokenizerFast"), False),
        ("byte-pairs", "bpe", Plain, [], dict(tokenizer_class="PreTrainedTokenizerFast"), False),
    ]:
        tokenizer = convert(read(model, charsmap), converter, tokens, settings, lstrip=lstrip)
        lines.append(bpe.compact(dict(tokenizers=tokenizers.__version__, name=name, model=model, settings=settings)))
        lines += map(bpe.compact, bpe.cases(tokenizer, list(dict.fromkeys(strings.any(110))), 8, strings.random))
    size = bpe.write(HERE / "converted.jsonl.gz", ("\n".join(lines) + "\n").encode("ascii"))
    print(f"{len(lines)} lines, {size} bytes")


if __name__ == "__main__":
    main()
