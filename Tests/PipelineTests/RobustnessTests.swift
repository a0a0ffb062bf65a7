import Foundation
import GraftCore
import GraftTensors
import TestSupport
import Testing
import TokenizerKit

@testable import Pipeline

/// Changes a few bytes of files.
struct Mutations {
  private var state: UInt64

  init(seed: UInt64) { state = seed }

  private mutating func next(_ bound: Int) -> Int {
    state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
    return Int((state ^ state >> 29) >> 16 % UInt64(max(1, bound)))
  }

  mutating func damaged(_ bytes: [UInt8]) -> [UInt8] {
    var bytes = bytes
    for _ in 0..<1 + next(3) {
      let place = next(bytes.count)
      let end = min(bytes.count, place + 1 + next(9))
      switch next(4) {
      case 0: bytes[place] = UInt8(truncatingIfNeeded: next(256))
      case 1: bytes[place] = UInt8(0x20 + next(0x5F))
      case 2: bytes.removeSubrange(place..<end)
      default: bytes.insert(contentsOf: bytes[place..<end], at: place)
      }
    }
    return bytes
  }
}

/// Texts and files of every kind: nothing crashes, and nothing takes quadratic time.
struct RobustnessTests {
  /// Whether a text of eight times the length takes much less than the 64 times as long that a quadratic step makes of it.
  private func expectLinearTime(
    _ unit: String, bytes: Int, sourceLocation: SourceLocation = #_sourceLocation, _ body: (String) -> Void
  ) {
    // Of this thread, for others need the processor as well.
    func now() -> Double {
      var time = timespec()
      clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time)
      return Double(time.tv_sec) + Double(time.tv_nsec) * 1e-9
    }
    func seconds(_ text: String) -> Double {
      let start = now()
      body(text)
      return now() - start
    }
    let short = String(repeating: unit, count: max(1, bytes / unit.utf8.count))
    let long = String(repeating: short, count: 8)
    body(short)
    // Others take the caches as well, but not in all of several runs.
    var ratios: [Double] = []
    for _ in 0..<4 {
      ratios.append(seconds(long) / max(seconds(short), 0.000_1))
      if ratios[ratios.count - 1] < 20 { return }
    }
    Issue.record(
      "\(short.utf8.count) times \(unit.prefix(4).debugDescription): \(ratios)",
      sourceLocation: sourceLocation)
  }

  @Test(
    .timeLimit(.minutes(5)),
    arguments: ["xlm-roberta", "albert", "modernbert", "llama", "unigram-bytes", "openai-gpt", "wordlevel"])
  func longTexts(pipeline: String) throws {
    let golden = try #require(try Golden.read(pipeline).first)
    let tokenizer = try #require(try load(["tokenizer.json": golden.document.text()]))
    for unit in ["a", "the ", " ", "\u{301}", "中", "<mask>", "\u{200D}", "ﬁ"] {
      expectLinearTime(unit, bytes: 16_000) { text in
        let encoding = tokenizer.encode(text, pair: nil, truncation: nil, addSpecialTokens: false)
        #expect(encoding.offsets.last.map { $0.upperBound <= text.utf8.count } ?? true)
      }
      let text = String(repeating: unit, count: 20_000 / unit.utf8.count)
      let encoding = tokenizer.encode(text, pair: nil, truncation: nil, addSpecialTokens: false)
      #expect(encoding.offsets.allSatisfy { $0.upperBound <= text.unicodeScalars.count })
      #expect(tokenizer.encode(text, maximumLength: 8).ids.count <= 8)
    }
  }

  /// A pattern that matches little of much is no slower.
  @Test(.timeLimit(.minutes(5)), arguments: [#" {2,}"#, #"\s{60,}"#, #"[^a]+|a{3}"#])
  func longTextsWithPatterns(pattern: String) throws {
    let base = try #require(try Golden.read("llama").first).document
    let replace: JSON = ["type": "Replace", "pattern": ["Regex": .string(pattern)], "content": ""]
    let tokenizer = try #require(try load(["tokenizer.json": base.changed(["normalizer": replace]).text()]))
    expectLinearTime("                          a", bytes: 16_000) { _ = tokenizer.encode($0) }
    expectLinearTime("a", bytes: 16_000) { _ = tokenizer.encode($0) }
  }

  /// Tables with a few bytes changed, cut out or doubled, or cut off: one that can be asked, or an error.
  @Test func damagedCharsmaps() throws {
    let whole = try charsmap()
    var mutations = Mutations(seed: 5)
    var read = 0
    for round in 0..<90 {
      var bytes = round % 3 == 0 ? Array(whole.prefix(whole.count * round / 90)) : mutations.damaged(whole)
      // Much of the damage should be in the trie.
      if round % 3 == 1 {
        bytes.replaceSubrange(4..<1_004, with: mutations.damaged(Array(whole[4..<1_004])).prefix(1_000))
      }
      do {
        let normalizer = PrecompiledNormalizer(try Charsmap(bytes))
        read += 1
        var text = AlignedText("ﬁ ① é e\u{301} ｶﾞ \u{0} 각 ㍿ 𝔄".utf8, origin: 0)
        normalizer.normalize(&text)
      } catch is GraftError {}
    }
    #expect(read > 0)
  }

  @Test func severalThreadsAtOnce() async throws {
    let golden = try #require(try Golden.read("xlm-roberta").first)
    let tokenizer = try #require(try load(["tokenizer.json": golden.document.text()]))
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
