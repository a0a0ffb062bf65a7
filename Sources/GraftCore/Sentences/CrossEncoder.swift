import Foundation
import GraftTensors
import OrderedCollections

/// What sentence-transformers says of a classifier that scores pairs of texts: a CrossEncoder.
public struct CrossEncoder: Sendable {
  /// What becomes of a pair's logits.
  public enum Activation: String, Sendable, CaseIterable {
    case identity = "Identity"
    case sigmoid = "Sigmoid"
    case softmax = "Softmax"
    case tanh = "Tanh"
    case relu = "ReLU"
  }

  public internal(set) var activation: Activation
  /// The most tokens of a pair; `nil` where only the model limits it.
  public let maximumLength: Int?
  /// The files of its folder beside a classifier's.
  var files: SentenceFiles?

  /// - Parameter outputs: How many logits a pair has: one is a probability, unless the files say otherwise.
  public init(outputs: Int) {
    self.init(activation: Self.usual(outputs), maximumLength: nil, files: nil)
  }

  /// One that no folder describes yet.
  ///
  /// - Parameters:
  ///   - activation: What becomes of a pair's logits.
  ///   - maximumLength: The most tokens of a pair; `nil` where only the model limits it.
  ///   - task: What the classifier's task is called.
  init(new activation: Activation, maximumLength: Int?, task: String) {
    self.init(
      activation: activation, maximumLength: maximumLength,
      files: SentenceFiles(crossEncoder: activation, maximumLength: maximumLength, task: task))
  }

  init(activation: Activation, maximumLength: Int?, files: SentenceFiles?) {
    self.activation = activation
    self.maximumLength = maximumLength
    self.files = files
  }

  static func usual(_ outputs: Int) -> Activation { outputs == 1 ? .sigmoid : .identity }

  /// A pair's scores.
  public func scores(_ logits: [Float]) -> [Float] {
    switch activation {
    case .identity: return logits
    case .sigmoid: return logits.map { 1 / (1 + exp(-$0)) }
    case .tanh: return logits.map { Foundation.tanh($0) }
    case .relu: return logits.map { max(0, $0) }
    case .softmax: return logits.softmax()
    }
  }
}

extension CrossEncoder.Activation {
  /// The class in PyTorch, as files name it.
  var className: String {
    switch self {
    case .identity: "torch.nn.modules.linear.Identity"
    case .sigmoid, .softmax, .tanh, .relu: "torch.nn.modules.activation.\(rawValue)"
    }
  }
}

extension CrossEncoder {
  private static let keys = (activation: "activation_fn", length: "max_seq_length")

  /// What a task is told of it; see ``Configuration/taskSettings``.
  var settings: OrderedDictionary<String, JSON> {
    var settings: OrderedDictionary<String, JSON> = [
      Self.keys.activation: .string(activation.rawValue)
    ]
    settings[Self.keys.length] = maximumLength.map { JSON($0) }
    return settings
  }

  /// What ``Checkpoint/makeHead(_:_:on:)`` says to a task of a cross-encoder; `nil` of another checkpoint.
  public init?(of configuration: Configuration) {
    let settings = configuration.taskSettings
    guard let activation = settings[Self.keys.activation]?.string.flatMap(Activation.init) else { return nil }
    self.init(activation: activation, maximumLength: settings[Self.keys.length]?.int, files: nil)
  }
}

extension Checkpoint {
  /// What becomes of the logits of pairs: what its folder says; else they are scores as they are where its own training
  /// learnt numbers, and otherwise what sentence-transformers makes of such a head.
  ///
  /// - Throws: `GraftError` when the labels of the configuration are broken.
  package func pairScorer() throws -> CrossEncoder {
    if let crossEncoder { return crossEncoder }
    let learntNumbers =
      trainedInputs != nil && configuration["problem_type"]?.string == ProblemType.regression.rawValue
    let outputs = try configuration.labels().count
    return learntNumbers
      ? CrossEncoder(activation: .identity, maximumLength: nil, files: nil) : CrossEncoder(outputs: outputs)
  }
}
