"""Asks Hugging Face `tokenizers` (0.23.3) what it does to every Unicode scalar, and writes one row for each it touches.

    python probe.py OUT.tsv

Columns: scalar (hex); flags; the scalar normalized uncased; cased (lowercase off, strip_accents unset); decomposed (NFD);
decomposed and stripped of nonspacing marks; lowercased only; and its canonical combining class, as the order in which
NFD puts it beside others shows. Scalars are in hex, `-` for none.

Flags: `removed` and `whitespace` by clean_text, `cjk` set apart by handle_chinese_chars, `nonspacing_mark` dropped by
strip_accents, `punctuation` isolated and `pre_whitespace` split at by BertPreTokenizer.
"""

import sys
import unicodedata

from tokenizers import normalizers, pre_tokenizers


def bert(lowercase=False, strip_accents=False, chinese=False, clean=False):
    return normalizers.BertNormalizer(
        clean_text=clean, handle_chinese_chars=chinese, strip_accents=strip_accents, lowercase=lowercase
    ).normalize_str


UNCASED = bert(lowercase=True, strip_accents=None, chinese=True, clean=True)
CASED = bert(strip_accents=None, chinese=True, clean=True)
CLEAN, CHINESE, STRIP, LOWER = bert(clean=True), bert(chinese=True), bert(strip_accents=True), bert(lowercase=True)
NFD = normalizers.NFD().normalize_str
SPLIT = pre_tokenizers.BertPreTokenizer().pre_tokenize_str


def swaps(first, second):
    return first != second and NFD("a" + first + second) == "a" + second + first


def is_ordered(c):
    """Whether NFD moves it past a mark of the second highest class, or the lowest past it."""
    return NFD(c) == c and (swaps("\u0315", c) or swaps(c, "\u0334"))


# One known mark for each combining class; a class is never changed once given.
CLASSES = {}
for c in map(chr, range(0x20000)):
    if unicodedata.combining(c) and is_ordered(c):
        CLASSES.setdefault(unicodedata.combining(c), c)


def combining_class(c):
    if not is_ordered(c):
        return 0
    same = [k for k, mark in CLASSES.items() if not swaps(mark, c) and not swaps(c, mark)]
    assert len(same) == 1, (hex(ord(c)), same)
    return same[0]


def hexadecimal(text):
    return " ".join(f"{ord(c):04X}" for c in text) or "-"


def row(c):
    cleaned, pieces = CLEAN(c), [piece for piece, _ in SPLIT("a" + c + "b")]
    flags = {
        "removed": cleaned == "",
        "whitespace": cleaned == " ",
        "cjk": CHINESE(c) == f" {c} ",
        "punctuation": pieces == ["a", c, "b"],
        "pre_whitespace": pieces == ["a", "b"],
        "nonspacing_mark": STRIP(c) == "",
    }
    # nothing else may happen, and nothing may depend on the neighbours
    assert cleaned in ("", " ", c) and (flags["cjk"] or CHINESE(c) == c)
    assert UNCASED(f"x{c}y") == f"x{UNCASED(c)}y" and CASED(f"x{c}y") == f"x{CASED(c)}y"
    texts = [UNCASED(c), CASED(c), NFD(c), STRIP(c), LOWER(c)]
    order = combining_class(c)
    if any(flags.values()) or any(text != c for text in texts) or order:
        named = ",".join(name for name, set in flags.items() if set) or "-"
        return "\t".join([f"{ord(c):04X}", named, *map(hexadecimal, texts), str(order)])


def main():
    with open(sys.argv[1], "w", encoding="ascii") as out:
        out.write("scalar\tflags\tuncased\tcased\tnfd\tnfd_then_strip_Mn\tlowercase_only\tcombining_class\n")
        for u in range(0x110000):
            if not 0xD800 <= u < 0xE000 and (line := row(chr(u))):
                out.write(line + "\n")


if __name__ == "__main__":
    main()
