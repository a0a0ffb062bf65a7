import GraftCore
import GraftTensors
import OrderedCollections

/// An architecture of llama.cpp, whose name begins the keys of a model's own in its file.
///
/// A file says how hidden states become one vector, the labels and the tokenizer beside the configuration.
public struct GGUFArchitecture: Sendable {
  public let name: String

  public init(_ name: String) { self.name = name }

  /// The key of one of the model's own attributes.
  public func key(_ ending: String) -> String { "\(name).\(ending)" }

  var labels: String { key("classifier.output_labels") }

  /// A file's attributes.
  ///
  /// - Parameters:
  ///   - values: Those of the configuration.
  ///   - checkpoint: The model.
  ///   - vocabularySize: The rows of its word embedding.
  /// - Throws: `GraftError` when the tokenizer has more tokens.
  public func completing(
    _ values: OrderedDictionary<String, JSON>, of checkpoint: Checkpoint, vocabularySize: Int
  ) throws -> OrderedDictionary<String, JSON> {
    var attributes = values
    if checkpoint.activeHead?.hasLabels == true {
      attributes[key("pooling_type")] = 4  // what llama.cpp calls rank: the classifier's logits
      attributes[labels] = .array(try checkpoint.configuration.labels().map { .string($0) })
    } else {
      attributes[key("pooling_type")] = 1  // the mean
    }
    var tokenizer = checkpoint.tokenizer?.attributes(as: .ggml) ?? [:]
    guard var tokens = tokenizer[GGUFKeys.tokens]?.array, var types = tokenizer[GGUFKeys.types]?.array
    else {
      attributes[GGUFKeys.tokenizer] = "no_vocab"
      return attributes
    }
    guard tokens.count <= vocabularySize else {
      throw GraftError(
        .mismatch, "the tokenizer has more tokens than the model", expected: "at most \(vocabularySize)",
        found: "\(tokens.count)", advice: "Use the tokenizer that the model was trained with.")
    }
    // Padded vocabularies: every row of the embedding has a token there. Those of WordPiece have a mark.
    let mark = tokenizer[GGUFKeys.tokenizer] == GGUFKeys.wordPiece ? "\u{2581}" : ""
    var scores = tokenizer[GGUFKeys.scores]?.array
    for id in tokens.count..<vocabularySize {
      tokens.append(.string("\(mark)[PAD\(id)]"))
      types.append(5)
      scores?.append(-10000.0)
    }
    tokenizer[GGUFKeys.tokens] = .array(tokens)
    tokenizer[GGUFKeys.types] = .array(types)
    tokenizer[GGUFKeys.scores] = scores.map { .array($0) }
    attributes.merge(tokenizer) { _, new in new }
    return attributes
  }

  /// Adds what a table of keys cannot say to the configuration of a file that is read: the labels, and a vocabulary's
  /// size, which llama.cpp's converter leaves to the list of tokens.
  public func complete(_ standard: inout Configuration, from file: Configuration) {
    if standard["vocab_size"] == nil {
      standard["vocab_size"] = file[GGUFKeys.tokens]?.array.map { JSON($0.count) }
    }
    if let labels = file[labels]?.array { standard.setLabels(labels.compactMap(\.string)) }
  }
}
