import Foundation
import Testing

@testable import WordPiece

/// Added tokens, templates, decoding and truncation. What is expected was written by `tokenizers` 0.23.3.
struct TextTests {
  struct AddedTokenCase: Sendable {
    let flags: String
    let text: String
    let ids: [Int32]
    let offsets: [Range<Int>]

    init(_ flags: String, _ text: String, _ ids: [Int32], _ offsets: [Range<Int>]) {
      self.flags = flags
      self.text = text
      self.ids = ids
      self.offsets = offsets
    }
  }

  @Test(arguments: [
    AddedTokenCase("lstrip", "a Foo  b", [8, 29, 10], [0..<1, 1..<5, 7..<8]),
    AddedTokenCase("lstrip", "foo  Foo.", [12, 29, 16], [0..<3, 3..<8, 8..<9]),
    AddedTokenCase("lstrip", "é Foo", [1, 29], [0..<1, 1..<5]),
    AddedTokenCase("lstrip", "Foo\u{3000}Foo", [29, 29], [0..<3, 3..<7]),
    AddedTokenCase("rstrip", "a Foo  b", [8, 29, 10], [0..<1, 2..<7, 7..<8]),
    AddedTokenCase("rstrip", "Foo\u{3000}Foo", [29, 29], [0..<4, 4..<7]),
    AddedTokenCase("single_word", "aFoob", [1], [0..<5]),
    AddedTokenCase("single_word", "foo  Foo.", [12, 29, 16], [0..<3, 5..<8, 8..<9]),
    AddedTokenCase("normalized", "a FOO b", [8, 29, 10], [0..<1, 2..<5, 6..<7]),
    AddedTokenCase("normalized", "foo  Foo.", [29, 29, 16], [0..<3, 5..<8, 8..<9]),
    AddedTokenCase("normalized", "é Foo", [1, 29], [0..<1, 2..<5]),
    AddedTokenCase("plain", "aFoob", [8, 29, 10], [0..<1, 1..<4, 4..<5]),
    AddedTokenCase("plain", "a FOO b", [8, 12, 10], [0..<1, 2..<5, 6..<7]),
  ])
  func addedTokens(_ expected: AddedTokenCase) throws {
    let token = #"{"id": 29, "content": "Foo", "normalized": false, "\#(expected.flags)": true}"#
      .replacingOccurrences(of: #""normalized": false, "normalized""#, with: #""normalized""#)
    let tokenizer = try #require(
      try load(["tokenizer.json": smallDocument(addedTokens: [token])]))
    let encoding = tokenizer.encode(expected.text, pair: nil, maximumLength: nil, addSpecialTokens: false)
    #expect(encoding.ids == expected.ids)
    #expect(encoding.offsets == expected.offsets)
    #expect(tokenizer.id(of: "Foo") == 29)
    #expect(tokenizer.vocabularySize == 30)
  }

  @Test(
    arguments: [
      ([2, 5, 6, 7, 16, 3], "[CLS] unaffable. [SEP]", "unaffable."), ([8, 16, 17], "a.,", "a.,"),
      ([13, 26, 18, 19], "##bar n ' s", "##bar n ' s"), ([22, 23], "do not", "do not"),
      ([27, 18, 20, 21], "i ' m t", "i ' m t"), ([5, 999, 7], "unable", "unable"),
      ([5, -1, 7], "unable", "unable"),
      ([26, 28, 18, 23], "n! ' not", "n! ' not"), ([], "", ""),
    ] as [([Int32], String, String)])
  func decodes(ids: [Int32], text: String, withoutSpecialTokens: String) throws {
    let tokenizer = try #require(try load(["tokenizer.json": smallDocument()]))
    #expect(tokenizer.decode(ids, skippingSpecialTokens: false) == text)
    #expect(tokenizer.decode(ids, skippingSpecialTokens: true) == withoutSpecialTokens)
  }

  @Test func templates() throws {
    let template = """
      "post_processor": {"type": "TemplateProcessing", "special_tokens": {"S": {"id": "S", "ids": [3, 4]}}, \
      "single": [{"SpecialToken": {"id": "S", "type_id": 2}}, {"Sequence": {"id": "A", "type_id": 3}}], \
      "pair": [{"Sequence": {"id": "B", "type_id": 1}}, {"Sequence": {"id": "A", "type_id": 0}}]}
      """
    let bert = #""post_processor": {"type": "BertProcessing", "sep": ["[SEP]", 3], "cls": ["[CLS]", 2]}"#
    let tokenizer = try #require(try load(["tokenizer.json": smallDocument(replacing: [(bert, template)])]))
    let single = tokenizer.encode("a [MASK]")
    #expect(single.ids == [3, 4, 8, 4])
    #expect(single.tokenTypes == [2, 2, 3, 3])
    #expect(single.offsets == [0..<0, 0..<0, 0..<1, 2..<8])
    #expect(single.isSpecial == [true, true, false, true])
    let pair = tokenizer.encode("a", pair: "b", maximumLength: nil, addSpecialTokens: true)
    #expect(pair.ids == [10, 8])
    #expect(pair.tokenTypes == [1, 0])
  }

  @Test func unknownAndMaskedTokensInTextAreSpecial() throws {
    let tokenizer = try #require(try load(["tokenizer.json": smallDocument()]))
    let encoding = tokenizer.encode("a [MASK] zebra")
    #expect(encoding.ids == [2, 8, 4, 1, 3])
    #expect(encoding.isSpecial == [true, false, true, true, true])
  }

  @Test(arguments: [(0, []), (1, [2]), (2, [2, 3]), (3, [2, 8, 3]), (-5, []), (Int.max, [2, 8, 10, 8, 3])])
  func lengthsThatHoldLittle(length: Int, ids: [Int32]) throws {
    let tokenizer = try #require(try load(["tokenizer.json": smallDocument()]))
    let encoding = tokenizer.encode("a b a", maximumLength: length)
    #expect(encoding.ids == ids)
    #expect(encoding.offsets.count == ids.count && encoding.isSpecial.count == ids.count)
  }

  @Test func wordsOverTheLimitAreUnknown() throws {
    let limit = ("\"max_input_chars_per_word\": 100", "\"max_input_chars_per_word\": 3")
    let tokenizer = try #require(try load(["tokenizer.json": smallDocument(replacing: [limit])]))
    #expect(tokenizer.encode("foo x foobar éfoo").ids == [2, 12, 15, 1, 1, 3])
  }

  @Test func marksThatStayAreOrderedButTheirPlacesAreNot() throws {
    // U+1D165 is of class 216 and no accent here; U+0301 is of class 230.
    let tokens = smallVocabulary + ["##\u{1D165}"]
    let tokenizer = try #require(try load(["vocab.txt": tokens.joined(separator: "\n")]))
    let encoding = tokenizer.encode(
      "a\u{301}\u{1D165}", pair: nil, maximumLength: nil, addSpecialTokens: false)
    #expect(encoding.ids == [8, 29])
    #expect(encoding.offsets == [0..<1, 1..<2])
  }
}
