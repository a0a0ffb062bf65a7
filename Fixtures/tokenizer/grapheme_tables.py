"""Writes Sources/Libraries/TokenizerKit/Unicode/GraphemeTables.swift: how Hugging Face `tokenizers` (0.23.3) breaks text into
grapheme clusters, as far as `Precompiled` shows it.

    python grapheme_tables.py > ../../Sources/Libraries/TokenizerKit/Unicode/GraphemeTables.swift

A charsmap that makes a "b" of whatever begins with any byte makes one "b" of a cluster of less than six bytes, and one of each
scalar of a longer one. What cannot be told apart in this way makes no difference to `Precompiled`.
"""

import base64
import json
import struct
import sys

from tokenizers import normalizers

from normalization_tables import write
from unicode_tables import SCALARS, ranges


def charsmap():
    """A double-array trie in which each byte but 0 is a key: unit 0 is the root, its children stand at 1...255, and a
    leaf for each of them in a block of its own."""
    units = [0] * (256 * 257)
    units[0] = 0  # children at 0 ^ byte
    for byte in range(1, 256):
        block = 256 * (byte + 1)
        # The offset is a multiple of 256, so that it is written in units of 256.
        offset = byte ^ block
        base = offset & ~0xFF
        # node ^ offset must be a multiple of 256 plus what is left of the byte.
        units[byte] = byte | 1 << 8 | 1 << 9 | (base >> 8) << 10
        units[byte ^ base] = 1 << 31 | 0
    trie = b"".join(struct.pack("<I", unit) for unit in units)
    return struct.pack("<I", len(trie)) + trie + b"b\0"


def make():
    document = dict(type="Precompiled", precompiled_charsmap=base64.b64encode(charsmap()).decode())
    from tokenizers import Tokenizer, models
    tokenizer = Tokenizer(models.BPE())
    whole = json.loads(tokenizer.to_str()) | dict(normalizer=document)
    return Tokenizer.from_str(json.dumps(whole)).normalizer.normalize_str


count = make()


def bs(*scalars):
    text = "".join(map(chr, scalars))
    result = count(text)
    assert set(result) == {"b"}, (text, result)
    return len(result)


def find(condition):
    return [u for u in SCALARS if u not in (0, 10, 13) and condition(u)]


ACUTE, ZWJ, COPYRIGHT, KA, VIRAMA = 0x301, 0x200D, 0xA9, 0x915, 0x94D


def main():
    assert bs(0x61) == 1 and bs(0x61, 0x62) == 2 and bs(0x61, ACUTE) == 1 and bs(13, 10) == 1 and bs(10, 13) == 2
    joins = find(lambda u: bs(0x61, u) == 1)
    control = set(find(lambda u: bs(u, ACUTE, ACUTE) == 2 and (u > 0xFFFF or bs(u, ACUTE) == 2)))
    extends = [u for u in joins if bs(COPYRIGHT, u, ZWJ, COPYRIGHT, ACUTE) == 5]
    spacing = [u for u in joins if u not in extends and u != ZWJ]
    assert ZWJ in joins and ZWJ not in extends
    prepend = find(lambda u: u not in joins and bs(u, 0x61) == 1)
    pictographic = find(lambda u: u not in joins and bs(COPYRIGHT, ZWJ, u) == 3)
    # Consonants, linkers and what may stand between them are not told apart for scalars of four bytes, where it is of no
    # consequence that they are.
    consonant = find(lambda u: u not in joins and u not in control and 0x800 <= u < 0x10000 and bs(KA, VIRAMA, u, ACUTE) == 4)
    linker = [u for u in joins if bs(KA, u, KA, ACUTE) == 4]
    between = [u for u in joins if bs(KA, VIRAMA, u, KA, ACUTE) == 5]
    assert set(linker) <= set(between)
    leading = [*range(0x1100, 0x1160), *range(0xA960, 0xA97D)]
    vowels = [*range(0x1160, 0x11A8), *range(0xD7B0, 0xD7C7)]
    trailing = [*range(0x11A8, 0x1200), *range(0xD7CB, 0xD7FC)]
    syllables = [u for u in range(0xAC00, 0xD7A4)]
    # Hangul, by what joins the scalar before an acute accent: L V, V V, V T, T T, LV V, LVT T; not T V, V L, LVT V.
    for first, second, joined in [
        (0x1100, vowels, True), (0x1161, vowels, True), (0x1161, trailing, True), (0x11A8, trailing, True), (0x1100, leading, True),
        (0x1100, syllables, True), (0xAC00, vowels, True), (0xAC00, trailing, True), (0xAC01, trailing, True),
        (0xAC01, vowels, False), (0x11A8, vowels, False), (0x1161, leading, False), (0x11A8, syllables, False),
        (0x1161, syllables, False), (0x1100, trailing, False),
    ]:
        wrong = [hex(u) for u in second if (bs(first, u, ACUTE) == 3) != joined]
        assert not wrong, (hex(first), joined, wrong[:9])
    for u in syllables:
        assert (bs(u, 0x1161, ACUTE) == 3) == ((u - 0xAC00) % 28 == 0)
    tables = [
        ("control", "A cluster of its own.", ranges(sorted(control))),
        ("extends", "Joins the cluster before it; so does U+200D, which is not among them.", ranges(extends)),
        ("spacing", "Joins the cluster before it, and ends what emoji and conjuncts are joined by.", ranges(spacing)),
        ("prepend", "Joins what follows.", ranges(prepend)),
        ("pictographic", "Joins an emoji before a `ZWJ`.", ranges(pictographic)),
        ("consonant", "Joins a consonant before a linker.", ranges(consonant)),
        ("linker", "Stands between two consonants of a conjunct.", ranges(linker)),
        ("conjunctExtends", "May stand beside the linker between two consonants.", ranges(between)),
    ]
    write("GraphemeTables", "How `tokenizers` sees scalars when it breaks text into clusters: ranges in hexadecimal.", tables)


if __name__ == "__main__":
    main()
