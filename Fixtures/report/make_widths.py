"""Writes widths.json: how wide characters are in DejaVu Sans, as shares of the font size.

    python3 make_widths.py            # Debian's fonts-dejavu-core 2.37-6

Of the fonts that plots ask for it is the widest that is common.
"""

import json
import struct
from pathlib import Path

FONTS = Path("/usr/share/fonts/truetype/dejavu")
CHARACTERS = [*range(0x20, 0x7F), *map(ord, "−…–’²éüßжλ")]


def widths(path):
    data = path.read_bytes()

    def numbers(form, offset):
        return struct.unpack_from(">" + form, data, offset)

    tables = {}
    for index in range(*numbers("H", 4)):
        tag, _, offset, _ = numbers("4sIII", 12 + 16 * index)
        tables[tag.decode()] = offset
    (unit,), (count,) = numbers("H", tables["head"] + 18), numbers("H", tables["hhea"] + 34)
    advances = [numbers("H", tables["hmtx"] + 4 * index)[0] for index in range(count)]
    encodings = {numbers("HH", tables["cmap"] + 4 + 8 * index): numbers("I", tables["cmap"] + 8 + 8 * index)[0]
                 for index in range(*numbers("H", tables["cmap"] + 2))}
    # Windows, Unicode: segments of format 4.
    start = tables["cmap"] + encodings[3, 1]
    _, _, _, double = numbers("HHHH", start)
    segments = double // 2
    ends, starts = numbers(f"{segments}H", start + 14), numbers(f"{segments}H", start + 16 + double)
    deltas, ranges = numbers(f"{segments}h", start + 16 + 2 * double), start + 16 + 3 * double

    def glyph(code):
        segment = next(index for index in range(segments) if ends[index] >= code)
        assert starts[segment] <= code
        place = ranges + 2 * segment
        (offset,) = numbers("H", place)
        if offset == 0:
            return (code + deltas[segment]) & 0xFFFF
        return (numbers("H", place + offset + 2 * (code - starts[segment]))[0] + deltas[segment]) & 0xFFFF

    return {chr(code): round(advances[min(glyph(code), count - 1)] / unit, 4) for code in CHARACTERS}


document = {name: widths(FONTS / file) for name, file in [("regular", "DejaVuSans.ttf"), ("bold", "DejaVuSans-Bold.ttf")]}
Path(__file__).with_name("widths.json").write_text(json.dumps(document, ensure_ascii=False) + "\n")
