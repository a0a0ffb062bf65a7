import Foundation
import GraftCompute
import GraftTensors

/// How the scores of a text's tokens over the vocabulary become one sparse vector, which has a weight for each token of
/// the vocabulary, most of them 0.
///
/// Of scores `s` of the tokens `i` for a token `v`, it is `max_i log(1 + relu(s_iv))`, Formal et al., arXiv:2109.10086, or
/// the sum, arXiv:2107.05720. Geng and Yang, arXiv:2411.04403, take the logarithm twice.
public struct SpladePooling: Sendable, Equatable {
  /// Over the tokens of a text.
  public enum Strategy: String, Sendable, CaseIterable {
    case max, sum
  }

  /// What becomes of a score before `log(1 + x)`.
  public enum Activation: String, Sendable, CaseIterable {
    case relu
    /// `log(1 + relu(x))`.
    case log1pRelu = "log1p_relu"
  }

  public let strategy: Strategy
  public let activation: Activation

  public init(_ strategy: Strategy = .max, _ activation: Activation = .relu) {
    self.strategy = strategy
    self.activation = activation
  }

  /// - Parameter settings: The `config.json` of the module.
  /// - Throws: `GraftError` naming a strategy or an activation that is not known.
  init(_ settings: JSON) throws {
    func value<Value: RawRepresentable & CaseIterable>(_ key: String, default fallback: Value) throws -> Value
    where Value.RawValue == String {
      guard let json = settings[key], json != .null else { return fallback }
      guard let value = json.string.flatMap(Value.init(rawValue:)) else {
        throw GraftError(
          .unsupported, "not supported", subject: "key '\(key)'",
          expected: "one of \(Value.allCases.map(\.rawValue).joined(separator: ", "))", found: json.text())
      }
      return value
    }
    self.init(
      try value("pooling_strategy", default: Strategy.max),
      try value("activation_function", default: Activation.relu))
  }

  /// The weights of one text.
  ///
  /// - Parameter scores: `[tokens, vocabulary]`.
  /// - Returns: `[vocabulary]`.
  public func weights(_ scores: Tensor) -> [Float] {
    let width = scores.columns
    var weights = [Float](repeating: 0, count: width)
    weights.withUnsafeMutableBufferPointer { weights in
      for row in 0..<scores.rows {
        let own = scores.pointer + row * width
        switch strategy {
        // What follows is the same for all and grows with the score.
        case .max: for place in 0..<width { weights[place] = Swift.max(weights[place], own[place]) }
        case .sum: for place in 0..<width where own[place] > 0 { weights[place] += logarithm(own[place]) }
        }
      }
      guard strategy == .max else { return }
      for place in 0..<width where weights[place] > 0 { weights[place] = logarithm(weights[place]) }
    }
    return weights
  }

  private func logarithm(_ score: Float) -> Float {
    activation == .relu ? log1p(score) : log1p(log1p(score))
  }
}

extension SpladePooling: CustomStringConvertible {
  public var description: String {
    activation == .relu
      ? "SPLADE \(strategy.rawValue)" : "SPLADE \(strategy.rawValue), \(activation.rawValue)"
  }
}
