import Foundation
import GraftTensors
import Testing

@Suite struct JSONTests {
  // MARK: Reading

  @Test func keepsOrderAndSpelling() throws {
    let json = try JSON(parsing: #"{"z":1e-12,"a":[12345678901234567890,-0.0,1E+2],"é":null,"":true}"#)
    #expect(json.object?.keys.elements == ["z", "a", "é", ""])
    #expect(json["z"] == .number("1e-12"))
    #expect(json["a"] == .array([.number("12345678901234567890"), .number("-0.0"), .number("1E+2")]))
    #expect(json.text() == #"{"z":1e-12,"a":[12345678901234567890,-0.0,1E+2],"é":null,"":true}"#)
  }

  @Test(arguments: [
    ("0", 0), ("-0", 0), ("9223372036854775807", Int.max), ("-9223372036854775808", Int.min), ("1e3", 1000),
    ("2.0", 2),
  ])
  func integers(_ text: String, _ value: Int) throws {
    #expect(try JSON(parsing: text).int == value)
  }

  @Test(arguments: ["9223372036854775808", "1.5", "1e999", "1e-5", "\"1\"", "true", "null"])
  func notIntegers(_ text: String) throws {
    #expect(try JSON(parsing: text).int == nil)
  }

  @Test(arguments: [
    (#""\u0041\n\t\r\b\f\/\\\"""#, "A\n\t\r\u{8}\u{C}/\\\""),
    (#""\ud83c\udf31""#, "🌱"),
    (#""\uD83C\uDF31!""#, "🌱!"),
    (#""\ud83c""#, "\u{FFFD}"),
    (#""\ud83cx""#, "\u{FFFD}x"),
    (#""\udf31\ud83c""#, "\u{FFFD}\u{FFFD}"),
    (#""\ud83c\u0041""#, "\u{FFFD}A"),
    (#""\u0000""#, "\0"),
    ("\"\u{7F}é🌱\"", "\u{7F}é🌱"),
  ])
  func strings(_ text: String, _ value: String) throws {
    #expect(try JSON(parsing: text) == .string(value))
    #expect(try JSON(parsing: JSON(value).text()) == .string(value))
  }

  @Test(arguments: ["NaN", "Infinity", "-Infinity"])
  func whatPythonWritesForNoNumberIsNull(_ text: String) throws {
    #expect(try JSON(parsing: "[\(text), 1]") == [.null, 1])
  }

  @Test func whiteSpaceAndByteOrderMark() throws {
    #expect(try JSON(parsing: "\u{FEFF} \r\n\t[ 1 , { \"a\" : [ ] } ] \n") == [1, ["a": []]])
  }

  @Test(arguments: [
    ("", "byte 0: the text ends where a value should stand"),
    ("  ", "byte 2: the text ends where a value should stand"),
    ("{", "byte 1: expected a key in quotes"),
    ("{a:1}", "byte 1: expected a key in quotes"),
    (#"{"a" 1}"#, "byte 5: expected ':' after the key 'a'"),
    (#"{"a":1 "b":2}"#, "byte 7: expected ',' or '}'"),
    (#"{"a":1,}"#, "byte 7: expected a key in quotes"),
    ("[1 2]", "byte 3: expected ',' or ']'"),
    ("[1,]", "byte 3: no value starts like this"),
    ("[", "byte 1: the text ends where a value should stand"),
    ("nul", "byte 0: expected 'null'"), ("not JSON", "byte 0: no value starts like this"),
    ("truth", "byte 0: expected 'true'"),
    ("01", "byte 1: something follows the end of the JSON value"),
    ("-", "byte 1: expected a digit"),
    ("1.", "byte 2: expected a digit"),
    (".5", "byte 0: no value starts like this"),
    ("+1", "byte 0: no value starts like this"),
    ("1e", "byte 2: expected a digit"),
    ("0x10", "byte 1: something follows the end of the JSON value"),
    ("'a'", "byte 0: no value starts like this"),
    ("\"a", "byte 0: a string without an end"),
    ("\"a\nb\"", "byte 2: a control character in a string"),
    (#""\x""#, "byte 2: an unknown escape"),
    (#""\u12g4""#, "byte 5: expected four hexadecimal digits"),
    (#""\u+123""#, "byte 3: expected four hexadecimal digits"),
    (#""\u12"#, "byte 5: expected four hexadecimal digits"),
    (#"{"a":1,"b":2,"a":3}"#, "byte 13: the key 'a' is given twice"),
    (#"{"a":1,"\u0061":3}"#, "byte 7: the key 'a' is given twice"),
    (#"[{"a":{"b":1,"b":1}}]"#, "byte 13: the key 'b' is given twice"),
  ])
  func malformed(_ text: String, _ message: String) {
    let error = #expect(throws: GraftError.self) { try JSON(parsing: text) }
    #expect(error?.description == "invalid JSON at \(message).")
    #expect(error?.kind == .malformed)
  }

  @Test(
    arguments: [[0x22, 0xFF, 0x22], [0x22, 0xC0, 0x80, 0x22], [0x22, 0xED, 0xA0, 0x80, 0x22]] as [[UInt8]])
  func notUTF8(_ bytes: [UInt8]) {
    let error = #expect(throws: GraftError.self) { try JSON(parsing: bytes) }
    #expect(error?.problem == "invalid JSON at byte 0: a string that is not UTF-8")
  }

  @Test func depth() throws {
    func nested(_ count: Int) -> String {
      String(repeating: "[", count: count) + String(repeating: "]", count: count)
    }
    _ = try JSON(parsing: nested(128))
    let error = #expect(throws: GraftError.self) { try JSON(parsing: nested(129)) }
    #expect(error?.problem == "invalid JSON at byte 128: nested deeper than 128 levels")
    #expect(throws: GraftError.self) { try JSON(parsing: String(repeating: "{\"a\":", count: 1_000_000)) }
    // Depth is of nesting, not of how many were opened.
    _ = try JSON(parsing: "[" + String(repeating: "[],", count: 500) + "{}]")
  }

  @Test func everyPrefixOfADocumentIsAnError() {
    let text = Array(#"{"a":[1.5e3,{"b":"\u00e9\ud83c\udf31"}],"c":true}"#.utf8)
    for count in text.indices {
      #expect(throws: GraftError.self) { try JSON(parsing: text[..<count]) }
    }
  }

  // MARK: The reader

  @Test func readerDemandsWhatIsExpected() throws {
    var reader = JSONReader(#"{"shape":[2, 3],"extra":{"x":[null,"y"]},"name":"n","none":null}"#.utf8)
    var (shape, name): ([Int], String?) = ([], nil)
    try reader.object { reader, key in
      switch key {
      case "shape": try reader.array { try shape.append($0.integer()) }
      case "name": name = try reader.string()
      case "none": #expect(try reader.null())
      default: try reader.skip()
      }
    }
    try reader.finish()
    #expect(shape == [2, 3] && name == "n")
  }

  @Test func readerTellsKeysThatStringDoesNot() throws {
    // "é" composed and decomposed: two keys of JSON, one of a Swift dictionary.
    let text = "{\"\u{E9}\":1,\"e\u{301}\":2}"
    var reader = JSONReader(text.utf8)
    var count = 0
    try reader.object { reader, _ in
      count += 1
      try reader.skip()
    }
    #expect(count == 2)
  }

  @Test(arguments: [
    "{\"\u{E9}\":1,\"e\u{301}\":2}", "{\"a\":0,\"\u{E9}\":1,\"e\u{301}\":2,\"b\":{\"c\":[]}}",
    "{\"\u{212B}\":1,\"\u{C5}\":2,\"A\u{30A}\":3}",
  ])
  func valueTellsKeysThatStringDoesNot(text: String) throws {
    let json = try JSON(parsing: text)
    #expect(Array(json.text().utf8) == Array(text.utf8))
    #expect(json.kind == "an object" && json.members?.count == text.split(separator: ",").count)
    #expect(json["e\u{301}"] == (text.unicodeScalars.contains("e") ? 2 : nil))
    #expect(try JSON(parsing: json.text(.sorted)) == JSON(parsing: json.text(.sorted)))
    #expect(try JSON(parsing: json.text(.pretty)) == json)
  }

  @Test func keysAreLookedUpByTheirBytes() throws {
    let json: JSON = ["\u{E9}": 1]
    #expect(json["\u{E9}"] == 1 && json["e\u{301}"] == nil)
  }

  @Test func keyTwiceAmongKeysThatStringDoesNotTell() throws {
    let text = "{\"\u{E9}\":1,\"e\u{301}\":2,\"e\u{301}\":3}"
    let error = #expect(throws: GraftError.self) { try JSON(parsing: text) }
    #expect(error?.problem == "invalid JSON at byte 16: the key 'e\u{301}' is given twice")
  }

  // MARK: Writing

  @Test func sortedIsWhatPythonWrites() throws {
    // json.dumps(json.loads(text), indent=2, sort_keys=True, ensure_ascii=False) of Python 3.11.
    let json = try JSON(
      parsing:
        #"{"b":{},"a":[],"Z":[1,{"y":[2],"x":"\u0001\b\f\u007f\u00e9\""}],"_":1e-05,"\uffee":0,"\ud83c\udf31":1}"#
    )
    #expect(
      json.text(.sorted) == """
        {
          "Z": [
            1,
            {
              "x": "\\u0001\\b\\f\u{7F}é\\"",
              "y": [
                2
              ]
            }
          ],
          "_": 1e-05,
          "a": [],
          "b": {},
          "\u{FFEE}": 0,
          "🌱": 1
        }
        """)
  }

  @Test func prettyKeepsTheOrder() {
    let json: JSON = ["b": [true, .null], "a": 0.5]
    #expect(json.text(.pretty) == "{\n  \"b\": [\n    true,\n    null\n  ],\n  \"a\": 0.5\n}")
  }

  @Test func numbersReadBackTheSame() throws {
    for value in [
      0.1, 1e-12, Double.leastNonzeroMagnitude, 1.7976931348623157e308, -2.5, 1e22, 123456789.125,
    ] {
      #expect(try JSON(parsing: JSON(value).text()).double == value)
    }
    #expect(JSON(Float(0.1)).text() == "0.1")
    #expect(JSON(Double.nan).text() == "null")
    #expect(JSON(-Double.infinity).text() == "null")
  }
}
