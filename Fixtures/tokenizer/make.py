"""Writes golden token ids and offsets with Hugging Face `tokenizers` (0.23.3), the implementation to agree with.

    python make.py --vocab vocab.txt                       # the committed files; any bert-base-uncased vocab.txt
    python make.py --full OUT --count 200000 [--texts F]   # many more strings, every scalar; too big to commit

Every file is gzipped JSON Lines, ASCII only, lines ended by \\n. Its first line holds the settings, each other line one
case: {"text", "ids", "offsets"} and, in files of pairs, {"pair", "types"}; where the settings say "truncation", also
{"max_length"}. Offsets count Unicode scalars of the original text and are [0, 0] for the special tokens.

Two vocabularies: `vocab.txt.gz`, that of bert-base-uncased, for words as they are; and `characters.txt.gz`, where
every scalar that can come out of the normalizer is a token of its own, so that ids show what became of each of them.
"""

import argparse
import csv
import gzip
import json
import random
import unicodedata
from pathlib import Path

import tokenizers
from tokenizers import BertWordPieceTokenizer, normalizers

HERE = Path(__file__).parent
SPECIAL = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]

# What a Python caller says; None for strip_accents means: as lowercase.
SETTINGS = {
    "uncased": dict(lowercase=True, strip_accents=None, handle_chinese_chars=True),
    "cased": dict(lowercase=False, strip_accents=None, handle_chinese_chars=True),
    "keep-accents": dict(lowercase=True, strip_accents=False, handle_chinese_chars=True),
    "cased-strip-accents": dict(lowercase=False, strip_accents=True, handle_chinese_chars=True),
    "no-chinese": dict(lowercase=True, strip_accents=None, handle_chinese_chars=False),
    "cased-no-chinese": dict(lowercase=False, strip_accents=False, handle_chinese_chars=False),
}


# MARK: Scalars

SCALARS = [chr(u) for u in range(0x110000) if not 0xD800 <= u < 0xE000]
CJK = [
    (0x4E00, 0x9FFF), (0x3400, 0x4DBF), (0x20000, 0x2A6DF), (0x2A700, 0x2B73F), (0x2B740, 0x2B81F),
    (0x2B820, 0x2B91F), (0x2B920, 0x2CEAF), (0x2CEB0, 0x2EBEF), (0xF900, 0xFAFF), (0x2F800, 0x2FA1F),
    (0x30000, 0x3134F), (0x31350, 0x323AF), (0xAC00, 0xD7A3), (0x3000, 0x303F), (0x3040, 0x30FF), (0xFE30, 0xFE4F),
]
EDGES = [chr(u) for a, b in CJK for u in (a - 1, a, a + 1, (a + b) // 2, b - 1, b, b + 1) if not 0xD800 <= u < 0xE000]
BLOCKS = {  # scripts as ranges, for words
    "latin": [(0x61, 0x7A)] * 6 + [(0x41, 0x5A), (0xC0, 0x17F), (0x1E00, 0x1EFF)],
    "greek": [(0x386, 0x3CE), (0x3B1, 0x3C9), (0x1F00, 0x1FFF)],
    "cyrillic": [(0x400, 0x45F), (0x430, 0x44F)],
    "hebrew": [(0x5D0, 0x5EA)] * 4 + [(0x591, 0x5C7)],
    "arabic": [(0x620, 0x64A)] * 4 + [(0x64B, 0x65F), (0x660, 0x669), (0x6D4, 0x6ED)],
    "devanagari": [(0x900, 0x97F)],
    "bengali": [(0x980, 0x9FE)],
    "thai": [(0xE01, 0xE5B)],
    "tibetan": [(0xF00, 0xFDA)],
    "hangul": [(0xAC00, 0xD7A3)] * 3 + [(0x1100, 0x11FF)],
    "kana": [(0x3041, 0x30FF)],
    "han": [(0x4E00, 0x9FFF)],
    "cherokee": [(0x13A0, 0x13FD), (0xAB70, 0xABBF)],
    "georgian": [(0x10A0, 0x10FF), (0x1C90, 0x1CBF)],
    "deseret": [(0x10400, 0x1044F)],
    "fullwidth": [(0xFF01, 0xFF5E)],
    "mathematical": [(0x1D400, 0x1D7FF), (0x2200, 0x22FF)],
    "new": [(0x105C0, 0x105F3), (0x11380, 0x113E2), (0x16D40, 0x16D79), (0x16EA0, 0x16ED3), (0x1E5D0, 0x1E5FF)],
}
CASES = list("İIıiẞßΣσςDžDždžLjljﬁſKÅÅΩΩϴΐᾼᾳᏸᎠꭰ") + ["ΑΣ", "ΣΑΣ ", "Ǆ", "ǅ", "ǆ", "ŉ", "ᲀ", "Ა", "Ꟶ", "Ɤ", "𐐀", "𞤀", "𖺠"]
EMOJI = [
    "👩\u200d👩\u200d👧\u200d👦", "🏳️\u200d🌈", "👍🏽", "🇫🇷", "1️⃣", "❤️", "☺", "🏴\U000e0067\U000e0062\U000e007f", "🫨",
]


def special_scalars():
    """Those to which the normalizer or pre-tokenizer does something, Hangul and the private planes apart."""
    normalizer = normalizers.BertNormalizer()
    found = []
    for c in SCALARS:
        u = ord(c)
        if u >= 0xF0000 or 0xE000 <= u <= 0xF8FF or 0xAC00 <= u <= 0xD7A3:
            continue
        if any(a <= u <= b for a, b in CJK[:12]):
            continue
        if normalizer.normalize_str(c) != c or unicodedata.category(c)[0] in "PSZC" and u < 0x3100:
            found.append(c)
    return found


def assigned_scalars():
    """All that any version of Unicode has assigned, and their unassigned neighbours; edges of the private planes."""
    for c in SCALARS:
        u = ord(c)
        if u < 0x323C0 or 0xE0000 <= u < 0xE0200 or u & 0xFFFF in (0, 1, 0xFFFD, 0xFFFE, 0xFFFF):
            yield c


# MARK: Strings


class Strings:
    def __init__(self, seed, words):
        self.random = random.Random(seed)
        self.words = [w for w in words if w.isalpha()]
        self.pieces = [w for w in words if not w.startswith("[")]
        self.special = special_scalars()
        self.marks = [c for c in SCALARS if unicodedata.combining(c) or unicodedata.category(c) in ("Mn", "Mc")]
        self.marks += list("\U0001171e\u0897\u1ad0\U00010efa\U0001e4ec\u302e\U0001d165\U0001d16d\u0345\u0f71\u0f73")
        self.composed = [c for c in SCALARS if len(unicodedata.normalize("NFD", c)) > 1 and not "가" <= c <= "힣"]
        self.punctuation = [c for c in SCALARS if unicodedata.category(c)[0] == "P"]
        self.kinds = [
            (10, self.sentence), (6, self.foreign), (6, self.marked), (5, self.mixture), (3, self.pieces_glued),
            (3, self.punctuated), (2, self.controls), (2, self.chinese), (2, self.cases), (2, self.hangul),
            (1, self.emoji), (1, self.special_tokens), (1, self.blank),
        ]

    def scalar(self, ranges):
        return chr(self.random.randint(*self.random.choice(ranges)))

    def sentence(self):
        words = []
        for _ in range(self.random.randint(1, 9)):
            word = self.random.choice(self.words)
            style = self.random.random()
            if style < 0.15:
                word = word.capitalize()
            elif style < 0.2:
                word = word.upper()
            elif style < 0.25:
                word = str(self.random.randint(0, 10 ** self.random.randint(1, 7)))
            elif style < 0.3:
                word += self.random.choice(["'s", "n't", "-", "...", "ing", "ly", "es", "ness"])
            words.append(word)
        return " ".join(words) + self.random.choice(["", ".", "!", "?", ",", " "])

    def foreign(self):
        ranges = self.random.choice(list(BLOCKS.values()))
        length = self.random.randint(1, 8)
        return "".join(self.scalar(ranges) if self.random.random() > 0.1 else " " for _ in range(length))

    def marked(self):
        text = ""
        for _ in range(self.random.randint(1, 3)):
            base = self.random.choice([self.random.choice(self.composed), self.random.choice("aeoAEO xfk")])
            text += base + "".join(self.random.choice(self.marks) for _ in range(self.random.randint(0, 4)))
        return text

    def mixture(self):
        pools = [self.special, self.punctuation, self.marks, CASES, EDGES, list("abcxyz  019")]
        return "".join(self.random.choice(self.random.choice(pools)) for _ in range(self.random.randint(1, 14)))

    def pieces_glued(self):
        return "".join(self.random.choice(self.pieces) for _ in range(self.random.randint(2, 4))).replace("##", "")

    def punctuated(self):
        ascii_symbols = "!\"#$%&'()*+,-./:;<=>?@[\\]^_`{|}~"
        text = ""
        for _ in range(self.random.randint(1, 5)):
            text += self.random.choice([self.random.choice(self.words), ""])
            text += self.random.choice([self.random.choice(ascii_symbols), self.random.choice(self.punctuation)])
        return text

    def controls(self):
        pool = "\0\x01\x08\t\n\x0b\x0c\r\x1f \x7f\x80\x85\xa0\xad\u1680\u180e\u2000\u2009\u200a\u200b\u200c\u200d\u200e"
        pool += "\u2028\u2029\u202a\u202f\u205f\u2060\u2061\u206f\u3000\ufeff\ufff9\ufffb\ufffc\ufffd\ue000\uf8ff\ufdd0\uffff"
        pool += "\U000e0001\U000f0000\U0010ffff\u0600\u06dd\u070f\u08e2\u0890\U000110bd\U000110cd\U0001d173\u0378"
        return "".join(self.random.choice(pool + "abcé中") for _ in range(self.random.randint(1, 12)))

    def chinese(self):
        return "".join(self.random.choice(EDGES + list("a bé.")) for _ in range(self.random.randint(1, 6)))

    def cases(self):
        return "".join(self.random.choice(CASES + list("aB ")) for _ in range(self.random.randint(1, 6)))

    def hangul(self):
        jamo = [chr(self.random.randint(0x1100, 0x11FF)) for _ in range(3)] + list("가각힣a")
        return "".join(self.random.choice([self.scalar([(0xAC00, 0xD7A3)]), self.random.choice(jamo)]) for _ in range(4))

    def emoji(self):
        return "".join(self.random.choice(EMOJI + ["a", " ", "ok"]) for _ in range(self.random.randint(1, 4)))

    def special_tokens(self):
        parts = SPECIAL + ["[mask]", "[CLS", "SEP]", "[[MASK]]", "[ MASK ]", "x", " ", "é", "the ", "\u200b", "中", "##s"]
        return "".join(self.random.choice(parts) for _ in range(self.random.randint(1, 5)))

    def blank(self):
        return "".join(self.random.choice(" \t\n\r\u3000\u200b\0") for _ in range(self.random.randint(0, 4)))

    def long_words(self):
        for length in (98, 99, 100, 101, 102, 150, 250):
            for unit in ("a", "é", "e\u0301", "각", "中", "\u200ba", "İ", "un", "𐐀", "a."):
                yield unit * length
                yield "the " + (unit * length)[:length] + " end"

    def any(self, count):
        weights, kinds = zip(*self.kinds)
        for kind in self.random.choices(kinds, weights, k=count):
            yield kind()

    def packed(self, scalars, size):
        """Each scalar as a word of its own, then each within a word."""
        for start in range(0, len(scalars), size):
            yield " ".join(scalars[start : start + size])
        for start in range(0, len(scalars), size):
            yield " ".join("a" + c + "b" for c in scalars[start : start + size])


# MARK: Files


def characters(texts):
    """A vocabulary of all scalars that the settings make of these texts."""
    found = set()
    for settings in SETTINGS.values():
        normalizer = normalizers.BertNormalizer(clean_text=True, **settings)
        for text in texts:
            found.update(normalizer.normalize_str(text))
    kept = sorted(c for c in found if not c.isspace())
    return SPECIAL + kept + ["##" + c for c in kept]


def tokenizer(vocabulary, settings):
    ids = {token: i for i, token in enumerate(vocabulary)}
    return BertWordPieceTokenizer(ids, clean_text=True, **settings)


def write_lines(path, lines):
    with open(path, "wb") as file, gzip.GzipFile(fileobj=file, mode="wb", compresslevel=9, mtime=0, filename="") as out:
        for line in lines:
            out.write(line.encode("utf-8") + b"\n")


def compact(document):
    return json.dumps(document, separators=(",", ":"))


def write(path, vocabulary_name, vocabulary, settings, texts, pairs=False, lengths=None):
    """lengths: a maximal length for each text, which is then truncated longest first."""
    encoder = tokenizer(vocabulary, settings)
    header = dict(tokenizers=tokenizers.__version__, vocabulary=vocabulary_name, clean_text=True, **settings)
    if lengths:
        header |= dict(truncation="longest_first")

    def lines():
        yield compact(header)
        if lengths:
            for text, length in zip(texts, lengths):
                encoder.enable_truncation(length, strategy="longest_first")
                encoding = encoder.encode(*text) if pairs else encoder.encode(text)
                yield line(text, encoding, {"max_length": length})
        else:
            for start in range(0, len(texts), 5000):
                part = texts[start : start + 5000]
                for text, encoding in zip(part, encoder.encode_batch(part)):
                    yield line(text, encoding, {})

    def line(text, encoding, extra):
        case = dict(text=text[0], pair=text[1]) if pairs else dict(text=text)
        case |= extra | dict(ids=encoding.ids, offsets=encoding.offsets)
        return compact(case | dict(types=encoding.type_ids) if pairs else case)

    write_lines(path, lines())
    print(f"{path.name}: {len(texts)} cases, {path.stat().st_size} bytes")


def write_pairs(out, words, strings, count):
    def part():
        return next(strings.any(1)) if strings.random.random() < 0.3 else strings.sentence()

    pairs = [(part(), part()) for _ in range(count)]
    write(out / "pairs.jsonl.gz", "vocab.txt", words, SETTINGS["uncased"], pairs, pairs=True)
    singles = [part() for _ in range(count)]
    lengths = [strings.random.randint(3, 16) for _ in range(count)]
    write(out / "truncation.jsonl.gz", "vocab.txt", words, SETTINGS["uncased"], singles, lengths=lengths)
    pairs = [(part(), part()) for _ in range(count)]
    lengths = [strings.random.randint(5, 24) for _ in range(count)]
    write(out / "truncated-pairs.jsonl.gz", "vocab.txt", words, SETTINGS["uncased"], pairs, pairs=True, lengths=lengths)


def news(path):
    with open(path, encoding="utf-8", newline="") as file:
        for row in csv.reader(file):
            yield " ".join(row[1:]) if len(row) == 3 else row[0]


def vocabulary_lines(path):
    data = Path(path).read_bytes()
    if data[:2] == b"\x1f\x8b":
        data = gzip.decompress(data)
    return data.decode("utf-8").removesuffix("\n").split("\n")


def committed(vocab):
    words = vocabulary_lines(vocab)
    write_lines(HERE / "vocab.txt.gz", words)
    strings = Strings(1, words)
    fixed = list(dict.fromkeys([*strings.long_words()]))
    covered = list(strings.packed(strings.special + EDGES, 8))
    shared = list(dict.fromkeys(fixed[::3] + covered + list(strings.any(1600))))
    uncased = list(dict.fromkeys(shared + list(strings.any(3000))))
    table = characters(uncased)
    write_lines(HERE / "characters.txt.gz", table)
    for name, settings in SETTINGS.items():
        if name == "uncased":
            texts = uncased
        elif name == "cased":
            texts = shared
        else:
            texts = shared[len(SETTINGS) + list(SETTINGS).index(name) :: 2]
        write(HERE / f"{name}.characters.jsonl.gz", "characters.txt", table, settings, texts)
    spoken = fixed + [strings.random.choice([strings.sentence, strings.sentence, strings.pieces_glued])() for _ in range(2000)]
    spoken += list(strings.any(1800))
    write(HERE / "uncased.jsonl.gz", "vocab.txt", words, SETTINGS["uncased"], spoken)
    write(HERE / "cased.jsonl.gz", "vocab.txt", words, SETTINGS["cased"], spoken[::3])
    write_pairs(HERE, words, strings, 700)


def full(out, vocab, count, texts):
    out.mkdir(parents=True, exist_ok=True)
    words = vocabulary_lines(vocab)
    write_lines(out / "vocab.txt.gz", words)
    strings = Strings(2, words)
    scalars = list(assigned_scalars())
    everything = strings.special + [chr(u) for u in range(0xAC00, 0xD7A4, 7)]
    everything += ["x" + c for c in strings.marks] + list(strings.packed(scalars, 12)) + list(strings.long_words())
    everything += [strings.random.choice(scalars) + strings.random.choice(scalars) for _ in range(20000)]
    everything += list(strings.any(max(0, count - len(everything))))
    table = characters(everything)
    write_lines(out / "characters.txt.gz", table)
    for name, settings in SETTINGS.items():
        part = everything if name in ("uncased", "cased") else everything[list(SETTINGS).index(name) :: 3]
        write(out / f"{name}.characters.jsonl.gz", "characters.txt", table, settings, part)
    spoken = list(texts) + list(strings.any(count // 4)) + [strings.sentence() for _ in range(count // 8)]
    write(out / "uncased.jsonl.gz", "vocab.txt", words, SETTINGS["uncased"], spoken)
    write(out / "cased.jsonl.gz", "vocab.txt", words, SETTINGS["cased"], spoken)
    write_pairs(out, words, strings, count // 20)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--vocab", default=HERE / "vocab.txt.gz", help="vocab.txt of bert-base-uncased, or gzipped")
    parser.add_argument("--full", type=Path, help="a directory for the large files")
    parser.add_argument("--count", type=int, default=200_000)
    parser.add_argument("--texts", nargs="*", default=[], help="AG News CSV files for the large files")
    arguments = parser.parse_args()
    if arguments.full:
        texts = (text for path in arguments.texts for text in news(path))
        full(arguments.full, arguments.vocab, arguments.count, texts)
    else:
        committed(arguments.vocab)


if __name__ == "__main__":
    main()
