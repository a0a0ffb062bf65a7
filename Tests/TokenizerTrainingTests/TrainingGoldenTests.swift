import Foundation
import GraftCore
import GraftData
import GraftKit
import GraftPlugins
import GraftTensors
import TestSupport
import Testing
import Zlib

/// What `tokenizers` learns from the same texts.
struct TrainingGolden {
  let family: String
  let texts: [String]
  let options: TokenizerTrainingOptions
  let tokens: [String]
  let merges: [[String]]?
  let scores: [Double]?

  static let directory = fixtures.appending(path: "tokenizer-training")

  init(_ name: String) throws {
    let json = try Self.read(name)
    family = try #require(json["family"]?.string)
    texts =
      try json["texts"]?.int.map { try Self.packages($0) } ?? Self.read("mixed").array?.compactMap(\.string)
      ?? []
    let settings = json["options"] ?? [:]
    options = TokenizerTrainingOptions(
      vocabularySize: try #require(settings["vocab_size"]?.int),
      minimumFrequency: settings["min_frequency"]?.int, alphabetLimit: settings["limit_alphabet"]?.int,
      lowercase: settings["lowercase"]?.bool)
    tokens = json["tokens"]?.array?.compactMap(\.string) ?? []
    merges = json["merges"]?.array?.map { $0.array?.compactMap(\.string) ?? [] }
    scores = json["scores"]?.array?.compactMap(\.double)
  }

  private static func read(_ name: String) throws -> JSON {
    try JSON(parsing: Gzip.decompress(file: directory.appending(path: "\(name).json.gz"), limit: 1 << 24))
  }

  /// The first rows of the training data of packages.
  static func packages(_ count: Int) throws -> [String] {
    let file = fixtures.appending(path: "packages/train.csv")
    var texts: [String] = []
    try DataSource([file], options: DataOptions(take: count)).forEachRow { texts.append($0.text) }
    return texts
  }

  /// What Graft learns.
  func train(threads: Int = 2) throws -> any Tokenizer {
    var training = try TokenizerTraining(
      family: family, options: options, threads: threads, registry: .builtIn())
    for text in texts { training.add(TextRow(text)) }
    return try training.finish().tokenizer
  }
}

@Suite struct TrainingGoldenTests {
  @Test(
    "tokens, ids and merges are those of tokenizers",
    arguments: [
      "bert", "bert-cased", "bert-exhausted", "bert-once", "mpnet", "roberta", "roberta-mixed",
      "roberta-once",
      "modernbert",
    ])
  func merging(name: String) throws {
    let golden = try TrainingGolden(name)
    let tokenizer = try golden.train()
    let tokens = (0..<Int32(tokenizer.vocabularySize)).map { tokenizer.token(of: $0) ?? "" }
    // Strings are compared by their bytes: canonical equivalents are other tokens.
    #expect(tokens.map { Array($0.utf8) } == golden.tokens.map { Array($0.utf8) })
    try withTemporaryDirectory { directory in
      try tokenizer.write(to: directory)
      let document = try JSON(parsing: Data(contentsOf: directory.appending(path: "tokenizer.json")))
      let merges = document["model"]?["merges"]?.array?.map { $0.array?.compactMap(\.string) ?? [] }
      #expect(merges == golden.merges)
    }
  }

  @Test(
    "the pieces of a unigram model are those of tokenizers, and so are their scores",
    arguments: [
      "xlm-roberta", "albert", "deberta-v2",
    ])
  func unigram(name: String) throws {
    let golden = try TrainingGolden(name)
    let tokenizer = try golden.train()
    let found = try withTemporaryDirectory { directory in
      try tokenizer.write(to: directory)
      let document = try JSON(parsing: Data(contentsOf: directory.appending(path: "tokenizer.json")))
      return try #require(document["model"]?["vocab"]?.array).map {
        (token: $0.array?.first?.string ?? "", score: $0.array?.last?.double ?? .nan)
      }
    }
    let scores = try #require(golden.scores)
    let expected = Dictionary(
      uniqueKeysWithValues: zip(golden.tokens.map { Array($0.utf8) }, scores))
    #expect(Set(found.map { Array($0.token.utf8) }).symmetricDifference(expected.keys).isEmpty)
    // The special tokens have their ids, the others come in the order of their scores.
    #expect(found.prefix(5).map(\.token) == Array(golden.tokens.prefix(5)))
    #expect(zip(found.dropFirst(5), found.dropFirst(6)).allSatisfy { $0.score >= $1.score })
    let (ours, theirs) = (
      dropped(found.map { ($0.token, $0.score) }), dropped(Array(zip(golden.tokens, scores)))
    )
    #expect(Set(ours.keys) == Set(theirs.keys) && !ours.isEmpty)
    for (one, other) in zip(ours.values.sorted(), theirs.values.sorted()) {
      #expect(abs(one - other) <= 1e-6)
    }
    for piece in found where ours[Array(piece.token.utf8)] == nil {
      let difference = abs(piece.score - (expected[Array(piece.token.utf8)] ?? .nan))
      #expect(difference <= 1e-6, "\(piece.token): \(difference)")
    }
  }

  /// Characters that were dropped: they come back with the lowest score, and 0.0001 more for each, in the order of a hash
  /// map. So which of them has which of these scores is by chance.
  private func dropped(_ pieces: [(token: String, score: Double)]) -> [[UInt8]: Double] {
    let lowest = pieces.dropFirst(5).map(\.score).min() ?? 0
    var dropped: [[UInt8]: Double] = [:]
    for piece in pieces.dropFirst(5) where piece.token.unicodeScalars.count == 1 {
      let steps = (piece.score - lowest) / 0.0001
      guard abs(steps - steps.rounded()) < 0.01, steps < Double(pieces.count) else { continue }
      dropped[Array(piece.token.utf8)] = piece.score
    }
    return dropped
  }

  @Test("the number of threads and the order of texts change nothing")
  func isDeterministic() throws {
    for name in ["bert", "roberta-mixed", "deberta-v2"] {
      let golden = try TrainingGolden(name)
      let first = try golden.train(threads: 1)
      var training = try TokenizerTraining(
        family: golden.family, options: golden.options, threads: 3, registry: .builtIn())
      for text in golden.texts.reversed() { training.add(TextRow(text)) }
      let second = try training.finish().tokenizer
      #expect(
        first.attributes(as: .huggingFace)["tokenizer.json"]
          == second.attributes(as: .huggingFace)["tokenizer.json"])
    }
  }
}
