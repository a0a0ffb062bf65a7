import Testing

@testable import TokenizerKit

/// Numbers as `tokenizers` 0.23.3 reads them: the score of a token in a `tokenizer.json`, and the same in what it writes.
struct SerdeNumberTests {
  @Test(arguments: [
    ("-13.657261848449707", -13.657261848449709), ("-10.270364761352539", -10.27036476135254),
    ("-11.556365966796875", -11.556365966796877), ("-0.1", -0.1), ("1e23", 1e23), ("1E+2", 100),
    ("123456789012345678901234567890", 1.2345678901234568e29),
    ("-1.7976931348623157e308", -1.7976931348623157e308),
    ("5e-324", Double.leastNonzeroMagnitude), ("2.2250738585072011e-308", 2.2250738585072014e-308),
    ("1.5e-320", Double(bitPattern: 0xBDC)),
    ("0.000000000000000000000000000001234567890123456789", 1.2345678901234567e-30),
    ("3.14159265358979323846264338327950288", 3.141592653589793), ("-0", -0.0),
    ("18446744073709551616.5", 1.8446744073709552e19), ("1e-400", 0), ("1e-324", 0), ("123456.789e-330", 0),
    ("9.87654321098765432e-9", 9.876543210987653e-9), ("0e999999999999999999999", 0),
  ])
  func readsAsTokenizers(text: String, expected: Double) throws {
    let value = try #require(Double(serdeReading: text))
    #expect(value.bitPattern == expected.bitPattern)
  }

  @Test(arguments: ["1e309", "-1e999999999999999999999", "20000000000000000000e300"])
  func refusesWhatIsTooLarge(text: String) {
    #expect(Double(serdeReading: text) == nil)
  }
}
