import GraftCompute
import GraftCore
import GraftTensors
import TokenizerKit

/// Learns the merges of a byte-level BPE tokenizer, as the trainer of Hugging Face `tokenizers` 0.23.3 does.
///
/// The alphabet has all 256 bytes, so that no text is unknown. Unless the options say otherwise, a pair has to occur
/// twice.
public struct BPETrainer: TokenizerTrainer {
  public static let name = "bpe"

  private var training: MergeTraining
  private let options: TokenizerTrainingOptions

  /// - Throws: ``GraftError`` also for a limit of the alphabet, which is that of bytes.
  public init(_ recipe: TokenizerRecipe, _ options: TokenizerTrainingOptions) throws {
    guard options.alphabetLimit == nil else {
      throw GraftError(
        .refused, "the alphabet of a byte-level tokenizer is that of all bytes",
        advice: "Leave out \(option: "limit-alphabet").")
    }
    training = try MergeTraining(recipe, options)
    self.options = options
  }

  public mutating func add(_ texts: [String], threads: ThreadPool) { training.add(texts, threads: threads) }

  public func train(threads: ThreadPool, progress: (TokenizerTrainingProgress) -> Void) throws
    -> TrainedTokenizer
  {
    let settings = PairMerger.Settings(
      vocabularySize: options.vocabularySize, minimumFrequency: options.minimumFrequency ?? 2,
      initialAlphabet: ByteLevelAlphabet.scalars)
    return try training.train(
      settings,
      model: [
        "type": .string(BPEModel.kind), "dropout": .null, "unk_token": .null,
        "continuing_subword_prefix": .null,
        "end_of_word_suffix": .null, "fuse_unk": false, "byte_fallback": false, "ignore_merges": false,
      ], writesMerges: true, threads: threads, progress: progress)
  }
}
