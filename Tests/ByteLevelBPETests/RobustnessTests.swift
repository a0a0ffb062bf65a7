import ByteLevelBPE
import Foundation
import GraftTensors
import TestSupport
import Testing

/// Texts and files of every kind: nothing crashes, and nothing takes quadratic time.
struct RobustnessTests {
  /// Were any of these quadratic, this would take hours. One word of 200,000 bytes has to be merged as a whole.
  @Test(
    .timeLimit(.minutes(2)), arguments: ["a", "the", " ", "\n", "é", "中", "<mask>", " <mask>", "'s", "the "])
  func longTexts(unit: String) throws {
    let tokenizer = try #require(try load(["tokenizer.json": try document().text()]))
    let text = String(repeating: unit, count: 200_000 / unit.utf8.count)
    let encoding = tokenizer.encode(text)
    // The mask token takes the space before it.
    let decoded = tokenizer.decode(encoding.ids, skippingSpecialTokens: false)
    #expect(
      decoded == "<s>" + (unit == " <mask>" ? text.replacingOccurrences(of: " ", with: "") : text) + "</s>")
    #expect(tokenizer.encode(text, maximumLength: 8).ids == Array(encoding.ids.prefix(7) + [2]))
  }

  @Test func oneLongWord() throws {
    let document = try document().changed(by: ["pre_tokenizer": ["type": "ByteLevel", "use_regex": false]])
    let tokenizer = try #require(try load(["tokenizer.json": document.text()]))
    let text = String(repeating: "the cat's in\n", count: 15_000)
    let ids = tokenizer.encode(text).ids
    #expect(tokenizer.decode(ids, skippingSpecialTokens: true) == " " + text)
  }

  @Test(arguments: [0, 1, 2, 3, -5, Int.max])
  func lengthsThatHoldLittle(length: Int) throws {
    let tokenizer = try #require(try load(["tokenizer.json": try smallDocument()]))
    let encoding = tokenizer.encode("the the", maximumLength: length)
    #expect(encoding.ids.count == min(max(length, 0), 5))
    #expect(encoding.offsets.count == encoding.ids.count && encoding.isSpecial.count == encoding.ids.count)
    #expect(encoding.sequences.allSatisfy { $0.upperBound <= encoding.ids.count })
  }

  @Test func severalThreadsAtOnce() async throws {
    let tokenizer = try #require(try load(["tokenizer.json": try document().text()]))
    let texts = (0..<32).map { String(repeating: "The cat's in the 7th é 中 <mask> house \($0)! ", count: $0) }
    let expected = texts.map { tokenizer.encode($0) }
    await withTaskGroup(of: Bool.self) { group in
      for _ in 0..<4 {
        group.addTask { texts.map { tokenizer.encode($0) } == expected }
      }
      for await equal in group { #expect(equal) }
    }
  }
}
