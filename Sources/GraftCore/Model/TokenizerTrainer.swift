import GraftCompute
import GraftTensors
import OrderedCollections

/// Learns a tokenizer from texts.
///
/// It counts what texts are made of, however many there are, and learns from the counts:
///
///     var trainer = try MyTrainer(recipe, options)
///     trainer.add(texts, threads: threads)
///     let trained = try trainer.train(threads: threads) { _ in }
///
/// The same texts, in any order, and the same options give the same tokenizer, whatever the number of threads.
public protocol TokenizerTrainer: Sendable {
  /// The name of the kind of model that it learns, such as `wordpiece`.
  static var name: String { get }

  /// - Throws: ``GraftError`` when the recipe has a component that is not known, or when an option does not apply.
  init(_ recipe: TokenizerRecipe, _ options: TokenizerTrainingOptions) throws

  /// Counts the words of texts.
  mutating func add(_ texts: [String], threads: ThreadPool)

  /// Learns from all texts that were added.
  ///
  /// - Parameter progress: Is told now and then how far the work is.
  /// - Throws: ``GraftError`` of kind `missing` when the texts have no words, `mismatch` when the vocabulary is too
  ///   small for the special tokens and the alphabet.
  func train(threads: ThreadPool, progress: (TokenizerTrainingProgress) -> Void) throws -> TrainedTokenizer
}

/// What a tokenizer does around the vocabulary that is to be learnt: in a `tokenizer.json`, everything but the model.
public struct TokenizerRecipe: Sendable {
  /// The ``TokenizerTrainer/name`` of what learns the vocabulary.
  public var type: String
  /// Whether this is the recipe to take where only the type is known.
  public var isUsual: Bool
  /// The special tokens in the order of their ids: each a text, or an object with `content` and the flags of an
  /// added token.
  public var specialTokens: [JSON]
  /// The `normalizer`, `pre_tokenizer`, `post_processor` and `decoder` of the `tokenizer.json`. Ids in the
  /// post-processor are places in ``specialTokens``.
  public var document: OrderedDictionary<String, JSON>
  /// `tokenizer_config.json`, which says what role each special token has.
  public var configuration: OrderedDictionary<String, JSON>

  public init(
    type: String, isUsual: Bool = false, specialTokens: [JSON], document: OrderedDictionary<String, JSON>,
    configuration: OrderedDictionary<String, JSON>
  ) {
    self.type = type
    self.isUsual = isUsual
    self.specialTokens = specialTokens
    self.document = document
    self.configuration = configuration
  }
}

/// How a tokenizer is trained.
public struct TokenizerTrainingOptions: Sendable {
  /// How many tokens there are to be, special tokens included. There are fewer when the texts do not yield as many.
  public var vocabularySize: Int
  /// How often a pair of tokens must occur to become a token; `nil` is what the trainer does by itself.
  public var minimumFrequency: Int?
  /// The most characters in the alphabet: the most frequent ones are kept; `nil` is what the trainer does by itself.
  public var alphabetLimit: Int?
  /// Whether letters become lower case; `nil` is what the recipe says.
  public var lowercase: Bool?
  /// Special tokens beyond those of the recipe.
  public var furtherSpecialTokens: [String]

  public init(
    vocabularySize: Int = 30_000, minimumFrequency: Int? = nil, alphabetLimit: Int? = nil,
    lowercase: Bool? = nil, furtherSpecialTokens: [String] = []
  ) {
    self.vocabularySize = vocabularySize
    self.minimumFrequency = minimumFrequency
    self.alphabetLimit = alphabetLimit
    self.lowercase = lowercase
    self.furtherSpecialTokens = furtherSpecialTokens
  }
}

/// How far a tokenizer's training is.
public struct TokenizerTrainingProgress: Sendable, Equatable {
  /// What is done: "counting words", "merging pairs".
  public var stage: String
  /// What ``done`` and ``total`` count: "texts", "tokens".
  public var unit: String
  public var done: Int
  public var total: Int

  public init(_ stage: String, unit: String, done: Int, total: Int) {
    self.stage = stage
    self.unit = unit
    self.done = done
    self.total = total
  }
}

/// A tokenizer that was learnt.
public struct TrainedTokenizer: Sendable {
  /// What ``Tokenizer/load(describedBy:)`` reads.
  public var attributes: OrderedDictionary<String, JSON>
  /// How many words the texts have.
  public var wordCount: Int
  /// How many of them differ.
  public var distinctWordCount: Int
  /// How many characters the alphabet has.
  public var alphabetSize: Int

  public init(
    attributes: OrderedDictionary<String, JSON>, wordCount: Int, distinctWordCount: Int, alphabetSize: Int
  ) {
    self.attributes = attributes
    self.wordCount = wordCount
    self.distinctWordCount = distinctWordCount
    self.alphabetSize = alphabetSize
  }
}
