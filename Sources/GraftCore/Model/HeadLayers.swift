import GraftCompute
import GraftTensors

/// A head as data: what it reads, and the layers that follow.
///
///     // RoBERTa's classifier
///     HeadLayers(.firstToken, [
///       .dropout(["classifier_dropout", "hidden_dropout_prob"]),
///       .linear("dense", activation: .fixed(.tanh)),
///       .dropout(["classifier_dropout", "hidden_dropout_prob"]),
///       .linear("output", width: .outputs),
///     ])
public struct HeadLayers: Sendable {
  public let input: Input
  public let layers: [Layer]

  public init(_ input: Input, _ layers: [Layer]) {
    self.input = input
    self.layers = layers
  }

  /// What the first layer reads.
  public enum Input: Sendable {
    /// The pooler's result, `[sequences, hidden]`.
    case pooled
    /// The hidden state of each sequence's first token, `[sequences, hidden]`.
    case firstToken
    /// The mean of each sequence's hidden states, `[sequences, hidden]`.
    case mean
    /// The hidden states of the tokens that are predicted, `[tokens, hidden]`.
    case tokens
  }

  public enum Layer: Sendable {
    /// Dropout with the probability of the first key that the configuration has, or else `fallback`.
    case dropout(_ keys: [String], default: Double = 0.1)
    /// `y = f(x · Wᵀ + b)`. The name follows the head's; an empty one is the head itself.
    case linear(
      _ name: String, width: Width = .hidden, activation: ActivationChoice? = nil, bias: Bool = true)
    /// LayerNorm with the epsilon of the first key that the configuration has, or else `fallback`.
    case norm(
      _ name: String, epsilon: [String] = ["layer_norm_eps"], default: Double = 1e-12, bias: Bool = true)
    /// A linear layer to the vocabulary whose weight is the word embedding, unless the configuration's
    /// `tie_word_embeddings` is false: then `decoder.weight` is its own, and `decoder.bias` too in classes that tie
    /// the bias along with the weight.
    case tiedDecoder(tiesBias: Bool = true, bias: Bool = true)
  }

  public enum Width: Sendable {
    case hidden, embedding, outputs
  }

  /// Which activation follows a linear layer.
  public enum ActivationChoice: Sendable {
    case fixed(Activation)
    /// The name under the first key that the configuration has, or else the default.
    case configured(_ keys: [String], default: String = "gelu")
  }

  /// The head of a model.
  ///
  /// - Throws: `GraftError` naming the key of the configuration that is wrong.
  public func head(_ context: HeadContext) throws -> any Head { try SequentialHead(self, context) }
}

extension HeadLayers {
  /// A linear layer behind dropout.
  public static func linear(
    on input: Input, dropout keys: [String], default fallback: Double = 0.1
  ) -> HeadLayers {
    HeadLayers(input, [.dropout(keys, default: fallback), .linear("", width: .outputs)])
  }

  /// One linear layer.
  public static func linear(on input: Input) -> HeadLayers {
    HeadLayers(input, [.linear("", width: .outputs)])
  }

  /// A dense layer with an activation, dropout, and an output layer, on the first token.
  ///
  /// - Parameters:
  ///   - activation: What follows the dense layer.
  ///   - keys: The configuration's keys of the dropout, the first one that is set.
  ///   - fallback: The dropout when none is set.
  ///   - dropsInput: Whether there is dropout before the dense layer too.
  public static func dense(
    _ activation: ActivationChoice, dropout keys: [String], default fallback: Double = 0.1, dropsInput: Bool
  ) -> HeadLayers {
    let dropout = Layer.dropout(keys, default: fallback)
    return HeadLayers(
      .firstToken,
      (dropsInput ? [dropout] : [])
        + [.linear("dense", activation: activation), dropout, .linear("output", width: .outputs)])
  }

  /// A masked-language-model head: transform, activation, LayerNorm, and a decoder tied to the word embedding.
  /// Devlin et al., arXiv:1810.04805, 3.1.
  public static func tiedDecoder(
    activation: ActivationChoice, epsilon keys: [String] = ["layer_norm_eps"],
    default fallback: Double = 1e-12,
    tiesBias: Bool = true
  ) -> HeadLayers {
    HeadLayers(
      .tokens,
      [
        .linear("transform", width: .embedding, activation: activation),
        .norm("norm", epsilon: keys, default: fallback), .tiedDecoder(tiesBias: tiesBias),
      ])
  }
}

/// ``HeadLayers`` on a model: every number is known.
private struct SequentialHead: Head {
  private enum Step {
    case dropout(Float)
    case linear(String, Activation?, bias: Bool)
    case norm(String, Float, bias: Bool)
    case decoder(hasWeight: Bool, bias: String?)
  }

  let parameters: [ParameterSpec]
  let outputWeight: String?
  private let input: HeadLayers.Input
  private let steps: [Step]
  private let scope: String

  var readsPooled: Bool { input == .pooled }
  var readsFirstTokens: Bool { input == .firstToken }

  init(_ layers: HeadLayers, _ context: HeadContext) throws {
    let (configuration, backbone) = (context.configuration, context.backbone)
    let deviation = try configuration.number("initializer_range", default: 0.02)
    func path(_ name: String) -> String { name.isEmpty ? context.scope : "\(context.scope).\(name)" }
    var width = backbone.hiddenSize
    var (specs, steps, outputWeight) = ([ParameterSpec](), [Step](), String?.none)
    for layer in layers.layers {
      switch layer {
      case .dropout(let keys, let fallback):
        let key = configuration.first(of: keys)
        steps.append(.dropout(try configuration.probability(key, default: fallback)))
      case .linear(let name, let outputs, let choice, let bias):
        let out =
          switch outputs {
          case .hidden: backbone.hiddenSize
          case .embedding: backbone.embeddingSize
          case .outputs: context.outputs
          }
        specs += ParameterSpec.linear(path(name), in: width, out: out, deviation: deviation, hasBias: bias)
        if case .outputs = outputs { outputWeight = "\(path(name)).weight" }
        steps.append(.linear(name, try choice.map { try $0.activation(configuration) }, bias: bias))
        width = out
      case .norm(let name, let keys, let fallback, let bias):
        specs += ParameterSpec.layerNorm(path(name), width, hasBias: bias)
        let epsilon = try configuration.number(configuration.first(of: keys), default: fallback)
        steps.append(.norm(name, Float(epsilon), bias: bias))
      case .tiedDecoder(let tiesBias, let bias):
        let isTied = try configuration.bool("tie_word_embeddings", default: true)
        let hasOwnBias = bias && tiesBias && !isTied
        if bias { specs.append(ParameterSpec(path("bias"), [backbone.vocabularySize], .zeros)) }
        if !isTied {
          specs += ParameterSpec.linear(
            path("decoder"), in: width, out: backbone.vocabularySize, deviation: deviation,
            hasBias: hasOwnBias)
        }
        steps.append(
          .decoder(hasWeight: !isTied, bias: bias ? hasOwnBias ? "decoder.bias" : "bias" : nil))
      }
    }
    (parameters, self.outputWeight, input, self.steps) = (specs, outputWeight, layers.input, steps)
    scope = context.scope
  }

  func forward(
    _ states: BackboneOutput, _ batch: Batch, selection: [Int32]?, _ scope: Scope, _ tape: Tape
  ) throws -> Variable {
    let scope = scope[self.scope]
    var x = try read(states, batch, selection, tape)
    for step in steps {
      switch step {
      case .dropout(let probability): x = tape.dropout(x, probability: probability)
      case .linear(let name, let activation, let bias):
        let layer = name.isEmpty ? scope : scope[name]
        x = tape.linear(
          x, weight: try layer.weight, bias: bias ? try layer.bias : nil, activation: activation)
      case .norm(let name, let epsilon, let bias):
        x = try tape.layerNorm(x, scope[name], epsilon: epsilon, hasBias: bias)
      case .decoder(let hasWeight, let bias):
        x = tape.linear(
          x, weight: hasWeight ? try scope["decoder"].weight : states.wordEmbedding,
          bias: try bias.map { try scope[$0].parameter })
      }
    }
    return x
  }

  private func read(
    _ states: BackboneOutput, _ batch: Batch, _ selection: [Int32]?, _ tape: Tape
  ) throws -> Variable {
    switch input {
    case .pooled:
      guard let pooled = states.pooled else {
        throw GraftError(.missing, "the head reads the pooler's output, and the model has no pooler")
      }
      return pooled
    case .firstToken: return tape.gatherRows(states.hiddenStates, batch.firstTokens)
    case .mean: return tape.sequenceMean(states.hiddenStates, offsets: batch.offsets)
    case .tokens:
      return selection.map { tape.gatherRows(states.hiddenStates, RowIndices($0)) } ?? states.hiddenStates
    }
  }
}

extension HeadLayers.ActivationChoice {
  fileprivate func activation(_ configuration: Configuration) throws -> Activation {
    switch self {
    case .fixed(let activation): activation
    case .configured(let keys, let fallback):
      try configuration.activation(configuration.first(of: keys), default: fallback)
    }
  }
}

extension Configuration {
  /// The first of some keys that has a value; the last when none has.
  fileprivate func first(of keys: [String]) -> String {
    keys.first { self[$0] != nil } ?? keys.last ?? ""
  }
}
