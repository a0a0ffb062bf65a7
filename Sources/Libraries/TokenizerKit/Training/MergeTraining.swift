import GraftCompute
import GraftCore
import GraftTensors
import OrderedCollections

/// What trainers that merge pairs have in common: they count words, learn merges from them, and write the files.
public struct MergeTraining: Sendable {
  public let document: TrainingDocument
  private var counter: WordCounter

  public init(_ recipe: TokenizerRecipe, _ options: TokenizerTrainingOptions) throws {
    document = try TrainingDocument(recipe, options)
    counter = WordCounter(document.normalizer, document.preTokenizer)
  }

  public mutating func add(_ texts: [String], threads: ThreadPool) { counter.add(texts, threads: threads) }

  /// Learns, and describes what was learnt.
  ///
  /// - Parameters:
  ///   - model: The settings of the model, with its type.
  ///   - writesMerges: Whether the model has merges.
  /// - Throws: `GraftError` when there are no words, or the vocabulary is too small.
  public func train(
    _ settings: PairMerger.Settings, model: OrderedDictionary<String, JSON>, writesMerges: Bool,
    threads: ThreadPool, progress: (TokenizerTrainingProgress) -> Void
  ) throws -> TrainedTokenizer {
    let words = try counter.requireWords(threads: threads)
    var merger = try PairMerger(words, specialTokens: document.specialTokens.map(\.content), settings)
    let merges = merger.merge { tokens in
      progress(
        TokenizerTrainingProgress(
          "merging pairs", unit: "tokens", done: tokens, total: settings.vocabularySize))
    }
    return TrainedTokenizer(
      attributes: try document.attributes(
        model: model, tokens: merger.vocabulary, merges: writesMerges ? merges : nil),
      wordCount: words.reduce(0) { $0 + $1.count }, distinctWordCount: words.count,
      alphabetSize: merger.alphabetSize)
  }
}

extension WordCounter {
  /// The words of all texts.
  ///
  /// - Throws: `GraftError` of kind `missing` when there are none, `unsupported` when they are longer than can be counted
  ///   in 32 bits.
  public func requireWords(threads: ThreadPool) throws -> [Word] {
    let words = words(threads: threads)
    guard !words.isEmpty else {
      throw GraftError(.missing, "no words in the texts", expected: "text to learn tokens from")
    }
    let length = words.reduce(0) { $0 + $1.bytes.count + 1 }
    guard length < Int32.max else {
      throw GraftError(
        .unsupported, "too many distinct words", expected: "less than 2 GiB of different words",
        found: "\(length) bytes", advice: "Take fewer texts with \(option: "take").")
    }
    return words
  }
}
