import GraftCompute
import GraftCore
import GraftTensors
import TokenizerKit

/// Learns the pieces of a unigram tokenizer, as the trainer of Hugging Face `tokenizers` 0.23.3 does.
///
/// A piece that is spelt like a special token is left out.
public struct UnigramTrainer: TokenizerTrainer {
  public static let name = "unigram"

  private let document: TrainingDocument
  private var counter: WordCounter
  private let options: TokenizerTrainingOptions

  /// - Throws: ``GraftError`` also for a least frequency and for a limit of the alphabet: pieces are chosen by what the
  ///   words lose without them, and every character is one.
  public init(_ recipe: TokenizerRecipe, _ options: TokenizerTrainingOptions) throws {
    guard options.minimumFrequency == nil else {
      throw GraftError(
        .refused, "a unigram model chooses pieces by what they bring, not by how often they occur",
        advice: "Leave out \(option: "min-frequency").")
    }
    guard options.alphabetLimit == nil else {
      throw GraftError(
        .refused, "every character is a piece of a unigram model",
        advice: "Leave out \(option: "limit-alphabet").")
    }
    document = try TrainingDocument(recipe, options)
    counter = WordCounter(document.normalizer, document.preTokenizer)
    self.options = options
  }

  public mutating func add(_ texts: [String], threads: ThreadPool) { counter.add(texts, threads: threads) }

  public func train(threads: ThreadPool, progress: (TokenizerTrainingProgress) -> Void) throws
    -> TrainedTokenizer
  {
    let words = try counter.requireWords(threads: threads)
    let special = document.specialTokens.map(\.content)
    guard let unknown = document.token("unk_token"), let unknownID = special.firstIndex(of: unknown) else {
      throw GraftError(
        .malformed, "no unknown token", subject: "key 'unk_token'", expected: "one of the special tokens")
    }
    var learner = try UnigramLearner(
      words,
      UnigramLearner.Settings(
        pieceCount: options.vocabularySize - special.count, vocabularySize: options.vocabularySize),
      threads: threads)
    let needed = special.count + learner.alphabet.count
    guard needed <= options.vocabularySize else {
      throw GraftError(
        .mismatch, "the vocabulary has no room for the special tokens and the alphabet",
        expected: "at least \(needed) tokens", found: "\(options.vocabularySize)",
        advice: "Raise \(option: "vocab-size").")
    }
    let taken = Set(special.map { Array($0.utf8) })
    let pieces = learner.learn { done, total in
      progress(TokenizerTrainingProgress("estimating pieces", unit: "rounds", done: done, total: total))
    }.filter { !taken.contains($0.bytes) }
    return TrainedTokenizer(
      attributes: try document.attributes(
        model: ["type": .string(UnigramModel.kind), "unk_id": JSON(unknownID), "byte_fallback": false],
        tokens: special + pieces.map { String(decoding: $0.bytes, as: UTF8.self) },
        scores: special.map { _ in 0 } + pieces.map(\.score)),
      wordCount: words.reduce(0) { $0 + $1.count }, distinctWordCount: words.count,
      alphabetSize: learner.alphabet.count)
  }
}
