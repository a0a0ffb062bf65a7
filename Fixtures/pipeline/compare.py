"""Compares every tokenizer with Hugging Face `tokenizers` (0.23.3), over strings of all kinds.

    python compare.py --graft GRAFT --peers PEERS [--rows FILE] [--only WORD]      # `make interop` calls it

50,000 strings for each tokenizer, or as many as $STRINGS says: a million take two minutes for each. $TOKENIZERS names the
tokenizers that are compared, as they are printed, with commas between; without it all are. Ids, offsets, types and which text a
token is of, of texts and pairs, cut from either side and by each strategy, and in windows; decoded texts. The tokenizers are those
of the goldens here and in ../bpe, WordPiece with the vocabulary of bert-base-uncased, and those that the benchmarks have made in
PEERS/tokenizers, with published and with larger vocabularies. The program that compares is tokenizer-check, beside GRAFT.
"""

import base64
import gzip
import importlib.util
import json
import os
import subprocess
import sys
import tempfile
import unicodedata
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path[:0] = [str(HERE.parent / "interop"), str(HERE.parent / "bpe")]

# `tokenizers` panics where a text is too short for a stride; nobody needs the stack of that.
os.environ.setdefault("RUST_BACKTRACE", "0")

import tokenizers  # noqa: E402
from report import Failure, run  # noqa: E402
from strings import CODE, Strings  # noqa: E402
from tokenizers import BertWordPieceTokenizer, Tokenizer, models  # noqa: E402

COUNT = int(os.environ.get("STRINGS", "50000"))
NAMES = [name for name in os.environ.get("TOKENIZERS", "").split(",") if name]
BATCH = 200
PARTS = ["[CLS]", "[SEP]", "[MASK]", " [MASK] ", "<s>", "</s>", "<mask>", " <mask>", "<mask> ", "<unk>", "[UNK]", "<pad>", "▁", "▁▁", "a▁b",
         "``", "''", "Ġ", "<x>", " <y> ", "<z>", "Foo", " Foo ", "|||IP|||", "  ", "    ", "<0x41>", "I", "İ", "Å", "ﬁ", "①", "ｶﾞ", "각",
         "e\u0301", "c\u0327\u0301", "\r\n", "½", "²", "K", "\u0600a", "क्ष", "นำ้", "ﹰ", "\u200d", "\ufeff"]
WORDPIECE = {
    "uncased": dict(lowercase=True, strip_accents=None, handle_chinese_chars=True),
    "cased": dict(lowercase=False, strip_accents=None, handle_chinese_chars=True),
    "keep-accents": dict(lowercase=True, strip_accents=False, handle_chinese_chars=True),
    "cased-no-chinese": dict(lowercase=False, strip_accents=False, handle_chinese_chars=False),
}


def bpe():
    specification = importlib.util.spec_from_file_location("bpe_make", HERE.parent / "bpe/make.py")
    module = importlib.util.module_from_spec(specification)
    specification.loader.exec_module(module)
    return module


def headers(directory):
    for file in sorted(directory.glob("*.jsonl.gz")):
        with gzip.open(file, "rt", encoding="ascii", newline="\n") as lines:
            for line in lines:
                if line.startswith('{"tokenizers"'):
                    yield file.name.removesuffix(".jsonl.gz"), line


def documents():
    """(name, tokenizer.json, what share of the strings it gets)."""
    charsmap = base64.b64encode(gzip.decompress((HERE / "nmt_nfkc.charsmap.gz").read_bytes())).decode()
    for file, line in headers(HERE):
        header = json.loads(line.replace('"precompiled_charsmap":"nmt_nfkc"', f'"precompiled_charsmap":"{charsmap}"'))
        if "document" in header:
            yield header["name"], json.dumps(header["document"]), 10 if file in ("normalizers", "pre-tokenizers") else 1
    base = json.loads(gzip.decompress((HERE.parent / "bpe/tokenizer.json.gz").read_bytes()))
    for name, line in headers(HERE.parent / "bpe"):
        changes = json.loads(line)["changes"]
        changed = base | changes | dict(model=base["model"] | changes.get("model", {}))
        yield f"bpe-{name}", json.dumps(changed), 1 if name in ("plain", "added") else 5
    words = gzip.decompress((HERE.parent / "tokenizer/vocab.txt.gz").read_bytes()).decode().split("\n")[:-1]
    for name, settings in WORDPIECE.items():
        tokenizer = BertWordPieceTokenizer({word: i for i, word in enumerate(words)}, clean_text=True, **settings)
        yield f"wordpiece-{name}", tokenizer.to_str(), 1 if name == "uncased" else 5


class Mixture(Strings):
    """Strings of all kinds, and several of them in a row: places where text can be cut are between kinds."""

    def __init__(self, seed):
        module = bpe()
        super().__init__(seed, module.WORDS, PARTS)
        self.frequent = self.any(2000) + CODE

    def make(self, count):
        texts = self.any(count)
        for index in range(0, count, 3):
            style = self.random.random()
            parts = self.random.choices(self.frequent, k=self.random.randint(2, 6))
            texts[index] = self.random.choice([" ", " ", " ", "", "  ", "\n"]).join([*parts, texts[index]])
            if style < 0.2:
                texts[index] = unicodedata.normalize(self.random.choice(["NFC", "NFD", "NFKC", "NFKD"]), texts[index])
        return texts


def answer(encoding, **more):
    return more | dict(ids=encoding.ids, offsets=encoding.offsets, types=encoding.type_ids, sequences=encoding.sequence_ids)


def batches(tokenizer, strings, count):
    """Cases in batches: of ten, six of texts, one of pairs, one of cut texts, one of cut pairs, one of windows."""
    for start in range(0, count, BATCH):
        texts = strings.make(min(BATCH, count - start))
        kind = start // BATCH % 10
        random = strings.random
        pairs = random.sample(texts, len(texts)) if kind in (6, 8) or kind == 9 and random.random() < 0.5 else None
        inputs = list(zip(texts, pairs)) if pairs else texts
        cut = {}
        if kind > 6:
            strategies = ["only_first", "only_second"] if pairs else ["only_first"]
            if kind < 9:
                strategies += ["longest_first"]
            cut = dict(max_length=random.randint(5, 40), strategy=random.choice(strategies))
            if kind == 9:
                cut |= dict(max_length=random.randint(12, 60), stride=random.choice([0, 1, 2, 5]))
            else:
                cut["direction"] = random.choice(["left", "right"])
            tokenizer.enable_truncation(**cut)
        for text, given in zip(texts, inputs) if kind > 7 else [(None, None)]:
            # A sequence may be too short for its strategy, or the other one leave less room than the stride; with that
            # `tokenizers` panics.
            try:
                encodings = [tokenizer.encode(*given if pairs else [given])] if kind > 7 else tokenizer.encode_batch(inputs)
            except BaseException as error:
                if "too short" not in str(error) and "`stride` must be" not in str(error):
                    raise
                continue
            for single, encoding in zip([given] if kind > 7 else inputs, encodings):
                case = dict(text=single[0], pair=single[1]) if pairs else dict(text=single)
                case = answer(encoding, **case, **cut)
                if kind == 9:
                    # Windows after the first have no sequences, and types of another pair, in `tokenizers`.
                    case["overflowing"] = [dict(ids=window.ids, offsets=window.offsets) for window in encoding.overflowing]
                elif start < count // 10:
                    case["decoded"] = tokenizer.decode(encoding.ids, skip_special_tokens=False)
                    case["skipped"] = tokenizer.decode(encoding.ids, skip_special_tokens=True)
                yield case
        tokenizer.no_truncation()


def compare(check, directory, tokenizer, strings, count):
    tokenizer.no_padding()
    tokenizer.no_truncation()
    with subprocess.Popen([check, directory], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        try:
            for case in batches(tokenizer, strings, count):
                process.stdin.write(json.dumps(case) + "\n")
            process.stdin.close()
        except BrokenPipeError:
            pass
        output = process.stdout.read()
    if process.returncode:
        raise Failure(f"tokenizer-check: exit {process.returncode}")
    found = json.loads(output)
    if found["different"]:
        raise Failure(f"{found['different']} of {found['compared']} differ\n" + "\n".join(found["examples"]))
    return f"{found['compared']} strings, 0 differences"


def published(directory):
    """The tokenizer of the files above a directory. The scores of a SentencePiece model are numbers that transformers hands over;
    those of a tokenizer.json are read by `tokenizers`, which rounds them otherwise."""
    file = directory / "tokenizer.json"
    tokenizer = Tokenizer.from_file(str(file))
    if not (directory.parent / file.name).exists() and isinstance(tokenizer.model, models.Unigram):
        model = json.loads(file.read_text(encoding="utf-8"))["model"]
        tokenizer.model = models.Unigram([tuple(entry) for entry in model["vocab"]], model["unk_id"], model["byte_fallback"])
    return tokenizer


def check_all(graft, report, arguments):
    if arguments.only and arguments.only not in "tokenizer pipeline":
        return
    program = graft.path.parent / "tokenizer-check"
    checks = report.of("tokenizer.json", f"tokenizers {tokenizers.__version__}", family="pipelines")
    strings = Mixture(7)
    for name, text, share in documents():
        if NAMES and name not in NAMES:
            continue
        print(f"comparing {name}", file=sys.stderr)

        def body():
            with tempfile.TemporaryDirectory() as work:
                (Path(work) / "tokenizer.json").write_text(text, encoding="utf-8")
                return compare(program, work, Tokenizer.from_str(text), strings, max(COUNT // share, 10 * BATCH))

        checks.check("ids, offsets and types as tokenizers", name, body)
    for directory in sorted((arguments.peers / "tokenizers").glob("*/tokenizers")):
        name = f"large {directory.parent.name}"
        if NAMES and name not in NAMES:
            continue
        print(f"comparing {name}", file=sys.stderr)
        tokenizer = published(directory)
        checks.check("ids, offsets and types as tokenizers", name,
                     lambda: compare(program, directory.parent, tokenizer, strings, COUNT))


if __name__ == "__main__":
    run(__doc__, check_all, peers=Path)
