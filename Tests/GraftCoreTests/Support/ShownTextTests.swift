import GraftTensors
import Testing

/// What is shown of texts from outside.
@Suite struct ShownTextTests {
  @Test func controls() {
    #expect("plain, ä, 漢\tand\n".withoutControls == "plain, ä, 漢\tand\n")
    #expect("a\u{1B}[1m\u{7F}\u{9B}\u{202E}\r".withoutControls == "a\\u001b[1m\\u007f\\u009b\\u202e\\u000d")
    #expect("a\nb\tc".shown() == "a\\u000ab\\u0009c")
    #expect(String(repeating: "x", count: 500).shown(limit: 3) == "xxx…")
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
