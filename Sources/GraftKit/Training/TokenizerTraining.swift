import Foundation
import GraftCompute
import GraftCore
import GraftTensors

/// Trains a tokenizer: takes the texts, a few at a time, and learns from all of them.
///
///     var training = try TokenizerTraining(family: "roberta", registry: registry)
///     try source.forEachRow { training.add($0) }
///     let result = try training.finish()
///     try result.tokenizer.write(to: directory)
public struct TokenizerTraining: Sendable {
  /// What was learnt.
  public struct Result: Sendable {
    public var tokenizer: any Tokenizer
    /// The name of the trainer.
    public var type: String
    /// The family whose tokenizer it is like.
    public var family: String
    /// How many texts there were.
    public var textCount: Int
    /// How many words the texts have, and how many of them differ.
    public var wordCount: Int
    public var distinctWordCount: Int
    /// How many characters the alphabet has.
    public var alphabetSize: Int
    /// How many tokens have the first ids because they are special.
    public var specialTokenCount: Int
  }

  /// The name of the trainer.
  public let type: String
  /// The family whose tokenizer it will be like.
  public let family: String
  private let registry: Registry
  private let threads: ThreadPool
  private var trainer: any TokenizerTrainer
  private let specialTokenCount: Int
  private var batch: [String] = []
  private var textCount = 0

  /// How many texts are counted at a time.
  private static let batchSize = 8192

  /// - Parameters:
  ///   - type: A registered trainer; `nil` takes the family's.
  ///   - family: The family whose pipeline and special tokens the tokenizer has; `nil` takes the usual one of the type.
  ///   - options: How it is trained.
  ///   - threads: How many threads to use; `nil` uses every core this process may run on.
  /// - Throws: `GraftError` for a name that is not registered, a family whose tokenizer is of another type, and options
  ///   that do not apply.
  public init(
    type: String? = nil, family: String? = nil, options: TokenizerTrainingOptions = .init(),
    threads: Int? = nil, registry: Registry
  ) throws {
    let named = try type.map { try registry.tokenizerTrainers.find($0) }
    let (found, recipe) = try registry.tokenizerRecipe(type: type, family: family)
    let trainer = try named ?? registry.tokenizerTrainers.find(recipe.type)
    self.type = trainer.name
    self.family = found.name
    self.registry = registry
    self.threads = ThreadPool(count: threads ?? ProcessInfo.processInfo.activeProcessorCount)
    self.trainer = try trainer.init(recipe, options)
    specialTokenCount = recipe.specialTokens.count + options.furtherSpecialTokens.count
  }

  /// Counts the text of a row, and the second one if there is any.
  public mutating func add(_ row: TextRow) {
    textCount += 1
    batch.append(row.text)
    if let pair = row.pair { batch.append(pair) }
    if batch.count >= Self.batchSize { countBatch() }
  }

  private mutating func countBatch() {
    trainer.add(batch, threads: threads)
    batch.removeAll(keepingCapacity: true)
  }

  /// Learns from the texts.
  ///
  /// - Parameter progress: Is told now and then how far the work is.
  /// - Throws: `GraftError` of kind `missing` when the texts have no words, `mismatch` when the vocabulary is too small
  ///   for the special tokens and the alphabet.
  public mutating func finish(progress: (TokenizerTrainingProgress) -> Void = { _ in }) throws -> Result {
    countBatch()
    let trained = try trainer.train(threads: threads, progress: progress)
    guard let tokenizer = try registry.loadTokenizer(describedBy: trained.attributes) else {
      throw GraftError(
        .unsupported, "no registered tokenizer is of the type '\(type)'",
        advice: "\(action: .listPlugins) shows those that are.")
    }
    return Result(
      tokenizer: tokenizer, type: type, family: family, textCount: textCount, wordCount: trained.wordCount,
      distinctWordCount: trained.distinctWordCount, alphabetSize: trained.alphabetSize,
      specialTokenCount: specialTokenCount)
  }
}

extension Registry {
  /// The recipe of a family's tokenizer.
  ///
  /// - Parameters:
  ///   - type: The trainer's name; `nil` is the family's.
  ///   - family: The family's name; `nil` is the one whose recipe is the usual one of the type, or else the first.
  /// - Throws: `GraftError` when there is no such family, or its tokenizer is of another type.
  func tokenizerRecipe(type: String?, family: String?) throws -> (family: Family, recipe: TokenizerRecipe) {
    if let family {
      let found = try families.find(family)
      let recipe = try found.scratchRecipe().tokenizer
      guard type == nil || type == recipe.type else {
        throw GraftError(
          .mismatch, "the tokenizer of the family '\(family)' is of another type", expected: recipe.type,
          found: type,
          advice: "Leave out \(option: "type") or \(option: "family").")
      }
      return (found, recipe)
    }
    let known = try families.values.filter { !$0.scratch.isEmpty }.map {
      (family: $0, recipe: try $0.scratchRecipe().tokenizer)
    }
    let fitting = known.filter { $0.recipe.type == type }
    guard let found = fitting.first(where: { $0.recipe.isUsual }) ?? fitting.first else {
      throw GraftError(
        .missing, type.map { "no family has a tokenizer of the type '\($0)'" } ?? "no type and no family",
        advice: "Give \(option: "family").")
    }
    return found
  }
}
