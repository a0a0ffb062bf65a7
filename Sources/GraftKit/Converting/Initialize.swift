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
  let configuration = try ModelDirectory(directory).configuration()
  let tokenizer = try registry.loadTokenizer(from: directory)
  let family = try registry.family(of: configuration)
  let vocabularySize = try family.makeBackbone(family.adopting(configuration)).vocabularySize
  if let tokenizer, tokenizer.vocabularySize > vocabularySize {
    throw GraftError(
      .mismatch, "the tokenizer has more tokens than the model", file: directory.path,
      subject: "key 'vocab_size'", expected: "at least \(tokenizer.vocabularySize)",
      found: "\(vocabularySize)")
  }
  return try registry.newCheckpoint(family, configuration, tokenizer: tokenizer, head: head, seed: seed)
}

/// A model of a family in one of its sizes, with new, random weights, to be pretrained from nothing.
///
/// The configuration is the family's ``ScratchRecipe``: the sizes that are published, and smaller ones. The vocabulary
/// and the ids of special tokens are the tokenizer's.
///
/// - Parameters:
///   - family: A registered family.
///   - size: One of the family's sizes, such as `small`.
///   - directory: Holds the tokenizer's files.
///   - head: A registered head; `nil` makes the bare encoder.
///   - seed: The randomness of the weights.
///   - registry: The plugins.
/// - Throws: `GraftError` when there is no such family, size or head, no tokenizer, or none that the family can use.
public func initializeModel(
  family: String, size: String, tokenizerFrom directory: URL, head: String? = DefaultPlugins.pretrainingHead,
  seed: UInt64 = 42, registry: Registry
) throws -> Checkpoint {
  let family = try registry.families.find(family)
  let recipe = try family.scratchRecipe()
  guard let tokenizer = try registry.loadTokenizer(from: directory) else {
    throw GraftError(
      .missing, "no tokenizer files", file: directory.path,
      advice: "Name the directory of a tokenizer, or of a checkpoint that has one.")
  }
  do {
    return try registry.newCheckpoint(
      family, recipe.configuration(size: size, for: tokenizer), tokenizer: tokenizer, head: head, seed: seed)
  } catch let error as GraftError where error.kind == .missing {
    throw error.inFile(directory.path)
  }
}

extension Registry {
  /// A checkpoint with new weights.
  fileprivate func newCheckpoint(
    _ family: Family, _ configuration: Configuration, tokenizer: (any Tokenizer)?, head: String?, seed: UInt64
  ) throws -> Checkpoint {
    let configuration = family.adopting(configuration)
    let backbone = try family.makeBackbone(configuration)
    let heads = try head.map { try self.heads($0, of: family) }
    var checkpoint = Checkpoint(
      configuration: configuration, family: family,
      components: [
        Component(
          .backbone, id: Component.backbone, weights: try backbone.parameters.initialized(seed: seed))
      ],
      tokenizer: tokenizer)
    // A pooler that no loss reaches would stay random.
    if heads == nil, family.baseHasPooler, let pooler = try family.makePooler(configuration, on: backbone) {
      checkpoint.components.append(
        Component(.pooler, id: Component.pooler, weights: try pooler.parameters.initialized(seed: seed)))
    }
    checkpoint.activeHead = heads
    var report = LoadReport()
    try initializeMissingParts(of: &checkpoint, seed: seed, report: &report)
    return checkpoint
  }
}
