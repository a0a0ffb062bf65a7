import Foundation
import GraftCore
import GraftTensors

/// A model with new, random weights, to be pretrained from nothing.
///
/// - Parameters:
///   - directory: Holds `config.json` and the tokenizer's files.
///   - head: A registered head; `nil` makes the bare encoder.
///   - seed: The randomness of the weights.
///   - registry: The plugins.
/// - Throws: `GraftError` when the configuration is unusable, or its vocabulary is not the tokenizer's.
public func initializeModel(
  from directory: URL, head: String?, seed: UInt64 = 42, registry: Registry
) throws -> Checkpoint {
  let configuration = try ModelDirectory(directory).configuration()
  let type = try registry.backbones.find(configuration.string("model_type", default: "bert"))
  let backbone = try type.init(configuration)
  let headType = try head.map { try registry.heads.find($0) }
  // A pooler that no loss reaches would stay random.
  let specs = backbone.parameters.filter {
    headType?.needsPooler != false || !backbone.poolerParameters.contains($0.name)
  }
  var checkpoint = Checkpoint(
    configuration: configuration, backboneType: type, backbone: try specs.initialized(seed: seed),
    tokenizer: try registry.loadTokenizer(from: directory))
  if let tokenizer = checkpoint.tokenizer, tokenizer.vocabularySize > backbone.vocabularySize {
    throw GraftError(
      .mismatch, "the tokenizer has more tokens than the model", file: directory.path,
      subject: "key 'vocab_size'", expected: "at least \(tokenizer.vocabularySize)",
      found: "\(backbone.vocabularySize)")
  }
  checkpoint.activeHead = headType
  var report = LoadReport()
  try registry.initializeMissingParts(of: &checkpoint, seed: seed, report: &report)
  return checkpoint
}
