"""Texts of every kind for tokenizers, the same for the same seed (Python 3.11: its Unicode tables decide)."""

import random
import unicodedata

SCALARS = [chr(u) for u in range(0x110000) if not 0xD800 <= u < 0xE000]
BLOCKS = {  # scripts as ranges, for words
    "latin": [(0x61, 0x7A)] * 6 + [(0x41, 0x5A), (0xC0, 0x17F), (0x1E00, 0x1EFF)],
    "greek": [(0x386, 0x3CE), (0x3B1, 0x3C9), (0x1F00, 0x1FFF)],
    "cyrillic": [(0x400, 0x45F), (0x430, 0x44F)],
    "hebrew": [(0x5D0, 0x5EA)] * 4 + [(0x591, 0x5C7)],
    "arabic": [(0x620, 0x64A)] * 4 + [(0x64B, 0x65F), (0x660, 0x669), (0x6D4, 0x6ED)],
    "devanagari": [(0x900, 0x97F)],
    "thai": [(0xE01, 0xE5B)],
    "hangul": [(0xAC00, 0xD7A3)] * 3 + [(0x1100, 0x11FF)],
    "kana": [(0x3041, 0x30FF)],
    "han": [(0x4E00, 0x9FFF)],
    "deseret": [(0x10400, 0x1044F)],
    "fullwidth": [(0xFF01, 0xFF5E)],
    "mathematical": [(0x1D400, 0x1D7FF), (0x2200, 0x22FF)],
    "numbers": [(0x30, 0x39), (0x660, 0x669), (0x966, 0x96F), (0x2150, 0x218B), (0x2460, 0x249B), (0x3220, 0x3229)],
    "new": [(0x105C0, 0x105F3), (0x11380, 0x113E2), (0x16D40, 0x16D79), (0x16EA0, 0x16ED3), (0x1E5D0, 0x1E5FF)],
}
EMOJI = [
    "👩\u200d👩\u200d👧\u200d👦", "🏳️\u200d🌈", "👍🏽", "🇫🇷", "1️⃣", "❤️", "☺", "🏴\U000e0067\U000e0062\U000e007f", "🫨",
]
SPACES = "\t\n\x0b\x0c\r \x85\xa0\u1680\u2000\u2003\u2009\u200a\u2028\u2029\u202f\u205f\u3000"
NO_SPACES = "\x1c\x1f\u180e\u200b\u2060\ufeff\x00\x7f"
CODE = [
    "for (int i = 0; i < n; i++) {\n\tsum += a[i];\n}", "def f(x):\n    return x**2  # squared\n", "if (a&&b||!c){return;}",
    "https://example.com/a?b=c&d=%20", "<p class=\"x\">it's</p>", "SELECT * FROM t WHERE id='7';", "x\t\ty\t z\n\n\n  end",
    "$HOME/.config/file.txt:12:34", "0x7F 1e-12 3.14159 1,000,000", "__init__ snake_case camelCase", "\\d+(?=\\s)",
]
CONTRACTIONS = ["'s", "'t", "'re", "'ve", "'m", "'ll", "'d", "'S", "'LL", "'r", "'", "''", "’s", "'sx", " 's", "n't"]


class Strings:
    """- special: what stands in texts beside everything else: special tokens and parts of them."""

    def __init__(self, seed, words, special):
        self.random = random.Random(seed)
        self.words, self.special = words, special
        self.marks = [c for c in SCALARS if unicodedata.combining(c)]
        self.composed = [c for c in SCALARS if len(unicodedata.normalize("NFD", c)) > 1 and not "가" <= c <= "힣"]
        self.punctuation = [c for c in SCALARS if unicodedata.category(c)[0] in "PS"]
        self.assigned = [c for c in SCALARS if unicodedata.category(c) not in ("Cn", "Co")]
        self.kinds = [
            (10, self.sentence), (6, self.foreign), (4, self.equivalents), (4, self.mixture), (4, self.spaces),
            (4, self.contractions), (3, self.punctuated), (3, self.code), (3, self.special_tokens), (2, self.emoji),
            (2, self.noise), (2, self.planes), (2, self.marked), (1, self.repeated), (1, self.blank),
        ]

    def scalar(self, ranges):
        return chr(self.random.randint(*self.random.choice(ranges)))

    def word(self):
        # Few words are frequent, as in real texts.
        word = self.words[int(len(self.words) * self.random.random() ** 3)]
        style = self.random.random()
        return word.capitalize() if style < 0.15 else word.upper() if style < 0.2 else word

    def sentence(self):
        words = []
        for _ in range(self.random.randint(1, 9)):
            style = self.random.random()
            if style < 0.08:
                words.append(str(self.random.randint(0, 10 ** self.random.randint(1, 7))))
            elif style < 0.16:
                words.append(self.word() + self.random.choice(["'s", "n't", "-", "...", "'ll", ",", "ness"]))
            else:
                words.append(self.word())
        return self.random.choice(["", "", "", " "]) + " ".join(words) + self.random.choice(["", ".", "!", "?", " "])

    def foreign(self):
        ranges = self.random.choice(list(BLOCKS.values()))
        length = self.random.randint(1, 10)
        return "".join(self.scalar(ranges) if self.random.random() > 0.15 else " " for _ in range(length))

    def equivalents(self):
        text = "".join(self.random.choice([self.random.choice(self.composed), self.word(), " "]) for _ in range(4))
        return unicodedata.normalize(self.random.choice(["NFC", "NFD", "NFKC", "NFKD"]), text)

    def mixture(self):
        pools = [self.punctuation, self.marks, SPACES, NO_SPACES, "abcxyz  019''", EMOJI, CONTRACTIONS]
        return "".join(self.random.choice(self.random.choice(pools)) for _ in range(self.random.randint(1, 14)))

    def spaces(self):
        text = ""
        for _ in range(self.random.randint(1, 5)):
            space = self.random.choice([" ", " ", self.random.choice(SPACES)])
            text += space * self.random.randint(0, 4) + self.random.choice(SPACES + " " * 10)
            text += self.random.choice([self.word(), "7", "!", "é", ""])
        return text + self.random.choice(["", " ", "  ", "\n", " \n"])

    def contractions(self):
        parts = CONTRACTIONS + [self.word(), " ", "1", "!", "é"]
        return "".join(self.random.choice(parts) for _ in range(self.random.randint(1, 6)))

    def punctuated(self):
        text = ""
        for _ in range(self.random.randint(1, 5)):
            text += self.random.choice([self.word(), "", " "])
            text += self.random.choice(["!\"#$%&'()*+,-./:;<=>?@[\\]^_`{|}~"[self.random.randrange(32)],
                                        self.random.choice(self.punctuation)]) * self.random.randint(1, 3)
        return text

    def code(self):
        return self.random.choice(["", " ", "\n"]).join(self.random.choice(CODE) for _ in range(self.random.randint(1, 2)))

    def special_tokens(self):
        parts = self.special + ["x", " ", "  ", "é", "the ", "\u200b", "中", "\n", "\u3000", "'s"]
        return "".join(self.random.choice(parts) for _ in range(self.random.randint(1, 6)))

    def emoji(self):
        return "".join(self.random.choice(EMOJI + ["a", " ", "ok"]) for _ in range(self.random.randint(1, 4)))

    def noise(self):
        """Bytes at random, as far as they are UTF-8."""
        data = bytes(self.random.choice([self.random.randrange(256), self.random.randrange(0x20, 0x7F)]) for _ in range(30))
        return data.decode("utf-8", self.random.choice(["ignore", "replace"]))

    def planes(self):
        return "".join(self.random.choice([self.random.choice(SCALARS), self.random.choice(self.assigned)])
                       for _ in range(self.random.randint(1, 6)))

    def marked(self):
        text = ""
        for _ in range(self.random.randint(1, 3)):
            text += self.random.choice("aeoAEO xfk") + "".join(
                self.random.choice(self.marks) for _ in range(self.random.randint(0, 4)))
        return text

    def repeated(self):
        unit = self.random.choice(["a", "ab", " ", "\n", "é", "中", "🫨", "the ", "!", "'s", "0", "\u0301", self.word()])
        return unit * self.random.randint(1, 80)

    def blank(self):
        return "".join(self.random.choice(SPACES + NO_SPACES) for _ in range(self.random.randint(0, 4)))

    def any(self, count):
        weights, kinds = zip(*self.kinds)
        return [kind() for kind in self.random.choices(kinds, weights, k=count)]

    def packed(self, scalars, size):
        """Each scalar as a word of its own, and each within a word."""
        for start in range(0, len(scalars), size):
            yield " ".join(scalars[start : start + size])
            yield " ".join("a" + c + "1" for c in scalars[start : start + size])
