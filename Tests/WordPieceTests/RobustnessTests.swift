import Foundation
import GraftCore
import GraftTensors
import Testing
import TokenizerKit

@testable import WordPiece

/// Text of every kind: nothing crashes, and what comes out is in order.
struct RobustnessTests {
  private struct Generator: RandomNumberGenerator {
    var state: UInt64
    mutating func next() -> UInt64 {
      state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
      return state ^ state >> 29
    }
  }

  private func check(_ encoding: Encoding, of text: String) {
    let count = text.unicodeScalars.count
    var end = 0
    var ordered = true
    for (offset, id) in zip(encoding.offsets, encoding.ids) where !offset.isEmpty {
      ordered = ordered && offset.lowerBound >= end - 1 && offset.upperBound <= count && (0..<29).contains(id)
      end = offset.upperBound
    }
    #expect(ordered, "\(text.debugDescription)")
  }

  @Test(arguments: [
    #""strip_accents": null"#, #""strip_accents": false"#, #""clean_text": false, "strip_accents": null"#,
  ])
  func randomBytes(settings: String) throws {
    let replaced =
      settings.contains("clean")
      ? #""clean_text": true, "handle_chinese_chars": true, "strip_accents": null"#
      : #""strip_accents": null"#
    let tokenizer = try #require(
      try load(["tokenizer.json": smallDocument(replacing: [(replaced, settings)])]))
    var generator = Generator(state: 3)
    for _ in 0..<2000 {
      let bytes = (0..<Int.random(in: 0..<40, using: &generator)).map { _ in
        UInt8.random(in: 0...255, using: &generator)
      }
      let text = String(decoding: bytes, as: UTF8.self)
      check(tokenizer.encode(text), of: text)
      let scalars = (0..<10).compactMap { _ in
        Unicode.Scalar(UInt32.random(in: 0..<0x110000, using: &generator))
      }
      let other = String(String.UnicodeScalarView(scalars))
      check(tokenizer.encode(other), of: other)
    }
  }

  @Test func emptyTexts() throws {
    let tokenizer = try #require(try load(["tokenizer.json": smallDocument()]))
    #expect(tokenizer.encode("").ids == [2, 3])
    #expect(tokenizer.encode(" \t\u{200B}\u{301}").ids == [2, 3])
    #expect(tokenizer.encode("", pair: "", maximumLength: nil, addSpecialTokens: true).ids == [2, 3, 3])
    #expect(tokenizer.encode("", pair: nil, maximumLength: nil, addSpecialTokens: false).ids == [])
  }

  /// Were any of these quadratic, this would take minutes and more.
  @Test(
    .timeLimit(.minutes(5)),
    arguments: ["a", "b", "é", "\u{301}", "\u{1D165}", "[", "中", " ", ".", "\u{0}", "Foo "])
  func longTexts(unit: String) throws {
    let added = #"{"id": 29, "content": "Foo", "lstrip": true, "rstrip": true, "normalized": false}"#
    let tokenizer = try #require(try load(["tokenizer.json": smallDocument(addedTokens: [added])]))
    let count = 1_000_000 / unit.utf8.count
    let encoding = tokenizer.encode(String(repeating: unit, count: count))
    let pieces =
      ["[", "中", ".", "Foo "].contains(unit) ? count : ["a", "b", "é", "\u{1D165}"].contains(unit) ? 1 : 0
    #expect(encoding.ids.count == pieces + 2)
    #expect(tokenizer.encode(String(repeating: unit, count: count), maximumLength: 8).ids.count <= 8)
  }

  @Test func severalThreadsAtOnce() async throws {
    let tokenizer = try #require(try load(["tokenizer.json": smallDocument()]))
    let texts = (0..<64).map { String(repeating: "The unaffable, é 中 [MASK] foobar \($0)! ", count: $0) }
    let expected = texts.map { tokenizer.encode($0) }
    await withTaskGroup(of: Bool.self) { group in
      for _ in 0..<8 {
        group.addTask { texts.map { tokenizer.encode($0) } == expected }
      }
      for await equal in group { #expect(equal) }
    }
  }
}
