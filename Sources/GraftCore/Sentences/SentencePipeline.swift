import GraftCompute
import GraftTensors
import OrderedCollections

/// How the states of a text's tokens become one vector, as a folder of sentence-transformers says it.
///
/// A checkpoint has one from its folder, and folders that are written have it again, to the byte where nothing was
/// changed: https://sbert.net/docs/package_reference/sentence_transformer/modules.html.
public struct SentencePipeline: Sendable {
  /// A step from the encoder's states to the vector.
  public enum Module: Sendable {
    case pooling(SentencePooling)
    case dense(SentenceDense)
    /// Divides a vector by its length.
    case normalize
  }

  /// The steps in their order; the first pools.
  public let modules: [Module]
  /// The most tokens of a text, special ones included; `nil` is the encoder's own limit.
  public let maximumLength: Int?
  /// Whether texts are lower-cased before they are split into tokens.
  public let lowercases: Bool
  /// Texts that are put before another, by their names.
  public let prompts: OrderedDictionary<String, String>
  /// The name of the prompt that is used where none is chosen.
  public let defaultPrompt: String?
  /// How vectors are compared: `cosine`, `dot`, `euclidean` or `manhattan`; `nil` where the folder does not say.
  public let similarity: String?
  /// What is written again.
  let files: SentenceFiles?

  init(
    modules: [Module], maximumLength: Int? = nil, lowercases: Bool = false,
    prompts: OrderedDictionary<String, String> = [:], defaultPrompt: String? = nil, similarity: String? = nil,
    files: SentenceFiles? = nil
  ) {
    self.modules = modules
    self.maximumLength = maximumLength
    self.lowercases = lowercases
    self.prompts = prompts
    self.defaultPrompt = defaultPrompt
    self.similarity = similarity
    self.files = files
  }

  /// Pooling alone, of an encoder that says nothing of vectors for texts.
  public init(pooling mode: SentencePooling.Mode) {
    self.init(modules: [.pooling(SentencePooling([mode]))])
  }

  /// How many numbers a vector has.
  ///
  /// - Parameter hiddenSize: How many a token's state has.
  public func width(hiddenSize: Int) -> Int {
    modules.reduce(hiddenSize) { width, module in
      switch module {
      case .pooling(let pooling): width * pooling.modes.count
      case .dense(let dense): dense.outputs
      case .normalize: width
      }
    }
  }

  /// The prompt of a name; that of ``defaultPrompt`` for none, and nothing where there is none.
  ///
  /// - Throws: `GraftError` of kind `unknownName` listing the known ones.
  public func prompt(_ name: String? = nil) throws -> String {
    guard let name = name ?? defaultPrompt else { return "" }
    guard let prompt = prompts[name] else {
      throw GraftError(
        .unknownName, "no prompt '\(name)'",
        advice: prompts.isEmpty
          ? "The checkpoint has no prompts." : "Known: \(prompts.keys.joined(separator: ", ")).")
    }
    return prompt
  }
}

extension SentencePipeline: CustomStringConvertible {
  /// The steps in a few words: `mean, dense 384 → 128 (tanh), normalize`.
  public var description: String { modules.map(\.description).joined(separator: ", ") }
}

extension SentencePipeline.Module: CustomStringConvertible {
  public var description: String {
    switch self {
    case .pooling(let pooling): pooling.modes.map(\.rawValue).joined(separator: " + ")
    case .dense(let dense): "dense \(dense.inputs) → \(dense.outputs) (\(dense.activation.rawValue))"
    case .normalize: "normalize"
    }
  }
}

/// What is taken of the states of a text's tokens; vectors of several modes stand one after another.
public struct SentencePooling: Sendable {
  /// The names are those of sentence-transformers 6.
  public enum Mode: String, Sendable, CaseIterable {
    /// The first token's state.
    case cls
    /// The largest of each number over all tokens.
    case max
    /// The mean over all tokens.
    case mean
    /// The sum over all tokens, divided by the square root of their number.
    case meanSqrtLength = "mean_sqrt_len_tokens"
    /// The mean, in which a token weighs as much as its place, counted from 1.
    case weightedMean = "weightedmean"
    /// The last token's state.
    case last = "lasttoken"
  }

  public let modes: [Mode]
  /// Whether the tokens of a prompt count as well.
  public let includesPrompt: Bool

  /// - Precondition: There is a mode.
  public init(_ modes: [Mode], includesPrompt: Bool = true) {
    precondition(!modes.isEmpty)
    self.modes = modes
    self.includesPrompt = includesPrompt
  }
}

/// A linear layer with an activation, `y = f(x · Wᵀ + b)`.
public struct SentenceDense: Sendable {
  /// `[outputs, inputs]`.
  public let weight: LazyTensor
  /// `[outputs]`; `nil` without one.
  public let bias: LazyTensor?
  public let activation: Activation

  public var inputs: Int { weight.spec.shape[1] }
  public var outputs: Int { weight.spec.shape[0] }
}
