"""Writes Sources/Libraries/TokenizerKit/Unicode/UnicodeTables.swift: how Hugging Face `tokenizers` (0.23.3) sees every Unicode scalar.

    python unicode_tables.py > ../../Sources/Libraries/TokenizerKit/Unicode/UnicodeTables.swift

Its Rust crates carry tables of several Unicode versions (categories of 8.0, decompositions of 9.0, lower case of the
compiler's, and Oniguruma's own for regular expressions), so no single version of the standard gives the same tokens. Each property is therefore asked of the library.
"""

import sys
import textwrap
import unicodedata

import tokenizers
from tokenizers import AddedToken, Regex, Tokenizer, models, normalizers, pre_tokenizers

SCALARS = [u for u in range(0x110000) if not 0xD800 <= u < 0xE000]
HANGUL = range(0xAC00, 0xD7A4)


def bert(**on):
    off = dict(clean_text=False, handle_chinese_chars=False, strip_accents=False, lowercase=False)
    return normalizers.BertNormalizer(**(off | on)).normalize_str


clean, chinese, strip, lower = bert(clean_text=True), bert(handle_chinese_chars=True), bert(strip_accents=True), bert(lowercase=True)
nfd = normalizers.NFD().normalize_str


def pieces(text):
    return [piece for piece, _ in pre_tokenizers.BertPreTokenizer().pre_tokenize_str(text)]


def matching(pattern):
    """Those that a regular expression matches, as byte-level pre-tokenizers have it."""
    split = pre_tokenizers.Split(Regex(pattern), "removed")
    return [u for u in SCALARS if not split.pre_tokenize_str(chr(u))]


def words():
    """Those a single-word added token may not touch: the regular expression \\w."""
    tokenizer = Tokenizer(models.WordLevel({"?": 0}, unk_token="?"))
    tokenizer.add_tokens([AddedToken("[T]", single_word=True, normalized=False)])
    token = tokenizer.token_to_id("[T]")
    for start in range(0, len(SCALARS), 50000):
        part = SCALARS[start : start + 50000]
        for u, encoding in zip(part, tokenizer.encode_batch([chr(u) + "[T]" for u in part])):
            if token not in encoding.ids:
                yield u


def moves(c):
    """Whether the canonical ordering moves c past U+0334, of the lowest class 1, or U+0345, of the highest, 240."""
    return nfd(c + "\u0334") != c + "\u0334" or nfd("\u0345" + c) != "\u0345" + c


def combining_classes(atoms):
    """Found by what the canonical ordering does next to scalars of known classes; `atoms` do not decompose."""
    moving = [chr(u) for u in atoms if moves(chr(u))]
    known = {}
    for c in moving:
        known.setdefault(unicodedata.combining(c), c)
    assert 0 not in known
    for c in moving:
        same = [value for value, r in known.items() if nfd(c + r) == c + r and nfd(r + c) == r + c]
        assert len(same) == 1, (hex(ord(c)), same)
        yield ord(c), same[0]


def ranges(scalars):
    runs = []
    for u in scalars:
        if runs and u == runs[-1][1] + 1:
            runs[-1][1] = u
        else:
            runs.append([u, u])
    return " ".join(f"{a:X}" if a == b else f"{a:X}-{b:X}" for a, b in runs)


def mappings(pairs):
    return " ".join(f"{u:X}=" + ",".join(f"{ord(c):X}" for c in text) for u, text in pairs)


def classes(pairs):
    found = {}
    for u, value in pairs:
        found.setdefault(value, []).append(u)
    return " ".join(f"{part}={value:X}" for value in sorted(found) for part in ranges(found[value]).split())


def check_hangul():
    for u in HANGUL:
        s = u - 0xAC00
        text = chr(0x1100 + s // 588) + chr(0x1161 + s % 588 // 28) + (chr(0x11A7 + s % 28) if s % 28 else "")
        assert nfd(chr(u)) == text


def main():
    check_hangul()
    assert matching(r"\s") == [u for u in SCALARS if pieces(f"a{chr(u)}b") == ["a", "b"]]
    decomposed = [(u, nfd(chr(u))) for u in SCALARS if u not in HANGUL and nfd(chr(u)) != chr(u)]
    composite = {u for u, _ in decomposed} | set(HANGUL)
    tables = [
        ("whitespace", "White space, at which words end.", ranges(u for u in SCALARS if pieces(f"a{chr(u)}b") == ["a", "b"])),
        ("removed", "Removed by cleaning: control and format characters, private use, U+FFFD.",
         ranges(u for u in SCALARS if clean(chr(u)) == "")),
        ("punctuation", "Punctuation, a word of its own each.",
         ranges(u for u in SCALARS if pieces(f"a{chr(u)}b") == ["a", chr(u), "b"])),
        ("chinese", "What gets spaces around it.", ranges(u for u in SCALARS if chinese(chr(u)) == f" {chr(u)} ")),
        ("accents", "Nonspacing marks, removed by stripping accents.",
         ranges(u for u in SCALARS if u not in composite and strip(chr(u)) == "")),
        ("wordCharacters", "`\\w`, which a single-word added token may not touch.", ranges(words())),
        ("letters", "`\\p{L}` of a regular expression.", ranges(matching(r"\p{L}"))),
        ("numbers", "`\\p{N}` of a regular expression.", ranges(matching(r"\p{N}"))),
        ("combiningClasses", "Canonical combining classes other than 0.",
         classes(combining_classes([u for u in SCALARS if u not in composite]))),
        ("decompositions", "Full canonical decompositions, Hangul syllables excepted.", mappings(decomposed)),
        ("lowerCase", "Lower-case mappings.", mappings((u, lower(chr(u))) for u in SCALARS if lower(chr(u)) != chr(u))),
    ]
    print(f"// Written by Fixtures/tokenizer/unicode_tables.py from tokenizers {tokenizers.__version__}; do not edit.\n")
    print("/// How `tokenizers` sees Unicode scalars: ranges in hexadecimal, `first-last`, some with `=value`.")
    print("enum UnicodeTables {")
    for index, (name, comment, text) in enumerate(tables):
        print("\n" * (index > 0) + f"  /// {comment}\n" + f'  static let {name} = """')
        for line in textwrap.wrap(text, 106, break_long_words=False, break_on_hyphens=False):
            print("    " + line)
        print('    """')
        print(name, len(text), file=sys.stderr)
    print("}")


if __name__ == "__main__":
    main()
