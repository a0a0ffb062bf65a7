import GraftCompute
import GraftTensors

/// A task's module on a family: parameters and a forward pass from hidden states to scores.
///
/// Most heads are lists of layers, ``HeadLayers``; a type conforms where a list is not enough.
public protocol Head: Sendable {
  /// The head's own parameters, in canonical names.
  var parameters: [ParameterSpec] { get }

  /// Whether it reads ``BackboneOutput/pooled``.
  var readsPooled: Bool { get }

  /// Whether it reads the hidden state of each sequence's first token alone: ``HeadLayers/Input/firstToken``.
  var readsFirstTokens: Bool { get }

  /// The canonical name of the matrix with a row for each output; `nil` where there is none.
  var outputWeight: String? { get }

  /// The forward pass.
  ///
  /// - Parameters:
  ///   - states: What the backbone computed.
  ///   - batch: The sequences, as in ``BackboneOutput/batch``.
  ///   - selection: The rows of the hidden states that are predicted, for a head that reads every token; `nil`
  ///     means all of them.
  ///   - scope: The model's parameters.
  ///   - tape: The ops.
  /// - Returns: `[rows, outputs]`, a row for each sequence or each selected token.
  func forward(
    _ states: BackboneOutput, _ batch: Batch, selection: [Int32]?, _ scope: Scope, _ tape: Tape
  ) throws -> Variable
}

extension Head {
  public var readsPooled: Bool { false }
  public var readsFirstTokens: Bool { false }
  public var outputWeight: String? { nil }
}
