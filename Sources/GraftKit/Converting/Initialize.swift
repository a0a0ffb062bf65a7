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
/// - Throws: `GraftError` when the configuration names no family or is unusable, the family has no such head, or
///   the vocabulary is not the tokenizer's.
public func initializeModel(
  from directory: URL, head: String?, seed: UInt64 = 42, registry: Registry
) throws -> Checkpoint {
  let plain = try ModelDirectory(directory).configuration()
  let family = try registry.families.find(plain.string("model_type", default: ""))
  let configuration = family.adopting(plain)
  let backbone = try family.makeBackbone(configuration)
  let heads = try head.map { try registry.heads($0, of: family) }
  var checkpoint = Checkpoint(
    configuration: configuration, family: family,
    components: [
      Component(.backbone, id: Component.backbone, weights: try backbone.parameters.initialized(seed: seed))
    ],
    tokenizer: try registry.loadTokenizer(from: directory))
  // A pooler that no loss reaches would stay random.
  if heads == nil, family.baseHasPooler, let pooler = try family.makePooler(configuration, on: backbone) {
    checkpoint.components.append(
      Component(.pooler, id: Component.pooler, weights: try pooler.parameters.initialized(seed: seed)))
  }
  if let tokenizer = checkpoint.tokenizer, tokenizer.vocabularySize > backbone.vocabularySize {
    throw GraftError(
      .mismatch, "the tokenizer has more tokens than the model", file: directory.path,
      subject: "key 'vocab_size'", expected: "at least \(tokenizer.vocabularySize)",
      found: "\(backbone.vocabularySize)")
  }
  checkpoint.activeHead = heads
  var report = LoadReport()
  try registry.initializeMissingParts(of: &checkpoint, seed: seed, report: &report)
  return checkpoint
}
