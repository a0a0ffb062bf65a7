import ByteLevelBPE
import Foundation
import GraftTensors
import TestSupport
import Testing

/// Texts and files of every kind: nothing crashes, and nothing takes quadratic time.
struct RobustnessTests {
  private struct Generator: RandomNumberGenerator {
    var state: UInt64
    mutating func next() -> UInt64 {
      state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
      return state ^ state >> 29
    }
  }

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

  /// Files with a few bytes changed, cut out or doubled: a tokenizer or an error, and no crash.
  @Test func damagedFiles() throws {
    var generator = Generator(state: 7)
    let document = Array(try smallDocument().utf8)
    let vocabulary = Array(#"{"<s>": 0, "</s>": 1, "a": 2, "b": 3, "ab": 4, "Ġ": 5, "Ġab": 6}"#.utf8)
    let merges = Array("#version: 0.2\na b\nĠ ab\n".utf8)
    var loaded = 0
    func damaged(_ bytes: [UInt8]) -> [UInt8] {
      var bytes = bytes
      for _ in 0..<Int.random(in: 1...3, using: &generator) {
        let place = Int.random(in: 0..<bytes.count, using: &generator)
        let end = min(bytes.count, place + Int.random(in: 1...9, using: &generator))
        switch Int.random(in: 0..<4, using: &generator) {
        case 0: bytes[place] = UInt8.random(in: 0...255, using: &generator)
        case 1: bytes[place] = UInt8.random(in: 0x20..<0x7F, using: &generator)
        case 2: bytes.removeSubrange(place..<end)
        default: bytes.insert(contentsOf: bytes[place..<end], at: place)
        }
      }
      return bytes
    }
    try withTemporaryDirectory { directory in
      for round in 0..<400 {
        let files =
          round.isMultiple(of: 2)
          ? ["tokenizer.json": damaged(document)]
          : ["vocab.json": round % 4 == 1 ? damaged(vocabulary) : vocabulary, "merges.txt": damaged(merges)]
        for (name, bytes) in files {
          try Data(bytes).write(to: directory.appendingPathComponent(name))
        }
        do {
          guard let tokenizer = try ByteLevelBPETokenizer.load(from: directory) else { continue }
          loaded += 1
          let encoding = tokenizer.encode(
            " the <mask> é 中!", pair: "ab ab", maximumLength: 9, addSpecialTokens: true)
          #expect(encoding.ids.count <= 9)
          _ = tokenizer.decode(encoding.ids, skippingSpecialTokens: true)
        } catch is GraftError {}
        for name in files.keys {
          try FileManager.default.removeItem(at: directory.appendingPathComponent(name))
        }
      }
    }
    #expect(loaded > 10)
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
