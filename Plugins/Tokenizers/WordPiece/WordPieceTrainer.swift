import GraftCompute
import GraftCore
import GraftTensors
import TokenizerKit

/// Learns the vocabulary of a WordPiece tokenizer, as the trainer of Hugging Face `tokenizers` 0.23.3 does: by merging
/// the most frequent pairs, of tokens at the beginning of words and of those within.
///
/// Unless the options say otherwise, a pair has to occur twice and the alphabet has the 1000 most frequent characters.
public struct WordPieceTrainer: TokenizerTrainer {
  public static let name = "wordpiece"

  private var training: MergeTraining
  private let options: TokenizerTrainingOptions

  private static let prefix = "##"

  public init(_ recipe: TokenizerRecipe, _ options: TokenizerTrainingOptions) throws {
    training = try MergeTraining(recipe, options)
    self.options = options
  }

  public mutating func add(_ texts: [String], threads: ThreadPool) { training.add(texts, threads: threads) }

  public func train(threads: ThreadPool, progress: (TokenizerTrainingProgress) -> Void) throws
    -> TrainedTokenizer
  {
    let settings = PairMerger.Settings(
      vocabularySize: options.vocabularySize, minimumFrequency: options.minimumFrequency ?? 2,
      alphabetLimit: options.alphabetLimit ?? 1000, prefix: Self.prefix)
    return try training.train(
      settings,
      model: [
        "type": .string(WordPieceModel.kind),
        "unk_token": .string(training.document.token("unk_token") ?? ""),
        "continuing_subword_prefix": .string(Self.prefix), "max_input_chars_per_word": 100,
      ], writesMerges: false, threads: threads, progress: progress)
  }
}
