"""Writes Sources/Libraries/TokenizerKit/Unicode/NormalizationTables.swift: what Hugging Face `tokenizers` (0.23.3) does
to every Unicode scalar beyond what unicode_tables.py asks.

    python normalization_tables.py > ../../Sources/Libraries/TokenizerKit/Unicode/NormalizationTables.swift
"""

import sys
import textwrap

import tokenizers
from tokenizers import normalizers, pre_tokenizers

from unicode_tables import HANGUL, SCALARS, mappings, matching, ranges

nfc, nfd = normalizers.NFC().normalize_str, normalizers.NFD().normalize_str
nfkc, nfkd = normalizers.NFKC().normalize_str, normalizers.NFKD().normalize_str
strip_accents = normalizers.StripAccents().normalize_str
digits = pre_tokenizers.Digits(individual_digits=True)


def check_composition():
    """What NormalizationForms.swift takes for granted: compositions follow from decompositions."""
    for u in SCALARS:
        text = nfd(chr(u))
        if u not in HANGUL and nfc(text) == chr(u) and len(text) > 1:
            # All but the last scalar compose, and the last one joins them.
            assert len(nfc(text[:-1])) == 1, hex(u)
            assert nfc(nfc(text[:-1]) + text[-1]) == chr(u), hex(u)
        assert nfkc(chr(u)) == nfc(nfkd(chr(u))), hex(u)


def write(enum, comment, tables, module=tokenizers):
    print(f"// Written by Fixtures/tokenizer/{sys.argv[0].split('/')[-1]} from tokenizers {module.__version__}; do not edit.\n")
    print(f"/// {comment}")
    print(f"enum {enum} {{")
    for index, (name, comment, text) in enumerate(tables):
        print("\n" * (index > 0) + f"  /// {comment}\n" + f'  static let {name} = """')
        for line in textwrap.wrap(text, 106, break_long_words=False, break_on_hyphens=False):
            print("    " + line)
        print('    """')
        print(name, len(text), file=sys.stderr)
    print("}")


def main():
    check_composition()
    tables = [
        ("compatibilityDecompositions", "Full compatibility decompositions where they differ from the canonical ones.",
         mappings((u, nfkd(chr(u))) for u in SCALARS if nfkd(chr(u)) != nfd(chr(u)))),
        ("compositionExclusions", "What has a canonical decomposition that does not compose again.",
         ranges(u for u in SCALARS if nfc(nfd(chr(u))) != chr(u))),
        ("combiningMarks", "Marks of every kind, which `StripAccents` removes.",
         ranges(u for u in SCALARS if strip_accents(chr(u)) == "")),
        ("numerics", "What `Digits` sets apart.",
         ranges(u for u in SCALARS if len(digits.pre_tokenize_str("a" + chr(u))) == 2)),
        ("decimalDigits", "`\\d` of a regular expression.", ranges(matching(r"\d"))),
    ]
    write("NormalizationTables", "How `tokenizers` normalizes Unicode scalars: ranges in hexadecimal, `first-last`, some with `=value`.",
          tables)


if __name__ == "__main__":
    main()
