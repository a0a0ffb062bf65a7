import GraftTensors
import Testing

/// What is shown of texts from outside.
@Suite struct ShownTextTests {
  @Test func controls() {
    #expect("plain, ä, 漢\tand\n".withoutControls == "plain, ä, 漢\tand\n")
    #expect("a\u{1B}[1m\u{7F}\u{9B}\u{202E}\r".withoutControls == "a\\u001b[1m\\u007f\\u009b\\u202e\\u000d")
    #expect("a\nb\tc".shown(limit: 99) == "a\\u000ab\\u0009c")
    #expect(String(repeating: "x", count: 500).shown(limit: 3) == "xxx…")
  }

  @Test("marks that texts of right-to-left scripts are written with stay as they are") func marks() {
    for text in ["שלום\u{200F} (abc)", "\u{61C}123", "a\u{200E}b"] {
      #expect(text.withoutControls == text && text.shown(limit: 99) == text)
    }
    // These have a reach.
    for scalar in [0x202A, 0x202B, 0x202D, 0x202E, 0x2066, 0x2067, 0x2068, 0x2069].compactMap(
      Unicode.Scalar.init)
    {
      #expect(String(scalar).withoutControls == "\\u" + String(scalar.value, radix: 16))
    }
  }

  @Test("a text is cut at as many code points as are counted") func limit() {
    let text = String(repeating: "e\u{301}", count: 250)
    #expect(text.shown(limit: 500) == text)
    #expect(text.shown(limit: 400) == String(repeating: "e\u{301}", count: 200) + "…")
  }

  @Test("every part of an error is shown so") func error() {
    let error = GraftError(
      .malformed, "bad\u{1B}", file: "f\n", subject: "s\r\n", expected: "e\u{7}", found: "n\n",
      advice: "a\u{1B}.")
    #expect(
      error.description
        == "f\\u000a: s\\u000d\\u000a: bad\\u001b; expected e\\u0007, found n\\u000a. a\\u001b.")
  }
}
