import Foundation
import GraftTensors

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
  /// Where a task finds what its checkpoint says, and no file does: see ``settings``.
  private static let keys = (activation: "cross_encoder_activation", length: "cross_encoder_max_length")

  /// What a task may know of it, beside the configuration.
  var settings: Configuration {
    var settings = Configuration()
    settings[Self.keys.activation] = .string(activation.rawValue)
    settings[Self.keys.length] = maximumLength.map { JSON($0) }
    return settings
  }

  /// What ``Checkpoint/makeHead(_:_:on:)`` says to a task of a cross-encoder; `nil` of another checkpoint.
  public init?(of configuration: Configuration) {
    guard let activation = configuration[Self.keys.activation]?.string.flatMap(Activation.init) else {
      return nil
    }
    self.init(
      activation: activation, maximumLength: configuration[Self.keys.length]?.int, files: nil)
  }
}

extension Checkpoint {
  /// Whether its active head gives each pair of texts one score from 0 to 1, and learns it by cross-entropy: a
  /// cross-encoder with one label, of which nothing says that it is a number.
  public var scoresPairs: Bool {
    guard crossEncoder != nil, activeHead?.hasLabels == true, configuration["problem_type"] == nil else {
      return false
    }
    return (configuration["id2label"]?.object?.count ?? configuration["num_labels"]?.int) == 1
  }

  /// Makes the active head, of one label, one that learns scores of pairs by cross-entropy. A checkpoint that is no
  /// cross-encoder becomes one, whose scores are probabilities.
  ///
  /// - Parameter maximumLength: The most tokens of a pair, for a new cross-encoder.
  public mutating func scorePairs(maximumLength: Int) {
    setProblemType(nil)
    crossEncoder =
      crossEncoder
      ?? CrossEncoder(new: .sigmoid, maximumLength: maximumLength, task: activeHead?.name ?? "")
  }

  /// Makes the active head, of one label, one that learns numbers by squared error. The scores of a cross-encoder are then
  /// its logits.
  public mutating func predictNumbers() {
    setProblemType(.regression)
    guard var own = crossEncoder else { return }
    own.activation = .identity
    let name = JSON(CrossEncoder.Activation.identity.className)
    if var files = own.files?.configuration?.object {
      files["activation_fn"] = name
      own.files?.configuration = .object(files)
    }
    crossEncoder = own
    // What the configuration says counts before the folder's own file.
    configuration["sentence_transformers"] = ["activation_fn": name]
    configuration.values[CrossEncoder.olderKey] = nil
  }

  private mutating func setProblemType(_ type: ProblemType?) {
    for head in activeHeads where head.task?.hasLabels == true {
      self[head.id]?.settings.values["problem_type"] = type.map { .string($0.rawValue) }
    }
  }
}

extension CrossEncoder {
  /// What a checkpoint's folder says, in the spelling of any version; `nil` where nothing does.
  ///
  /// - Parameters:
  ///   - directory: The folder.
  ///   - configuration: What `config.json` says.
  /// - Throws: `GraftError` for files that are broken, and for an activation that is not known.
  init?(in directory: URL, _ configuration: Configuration) throws {
    let own = try JSON(fileIfPresent: SentenceFiles.configurationName, in: directory)
    let isCrossEncoder = own?["model_type"]?.string == "CrossEncoder"
    let places = [
      (
        "config.json", "sentence_transformers.activation_fn",
        configuration["sentence_transformers"]?["activation_fn"]
      ),
      ("config.json", Self.olderKey, configuration[Self.olderKey]),
      (SentenceFiles.configurationName, "activation_fn", isCrossEncoder ? own?["activation_fn"] : nil),
    ]
    let said = places.first { $0.2 != nil && $0.2 != .null }
    guard isCrossEncoder || said != nil else { return nil }
    let activation = try said.map { file, key, value in
      let name = value?.string?.split(separator: ".").last.map(String.init) ?? ""
      guard let activation = Activation(rawValue: name) else {
        throw GraftError(
          .unsupported, "an activation that is not known", file: directory.appending(path: file).path,
          subject: "key '\(key)'",
          expected: "one of \(Activation.allCases.map(\.rawValue).joined(separator: ", "))",
          found: value?.text() ?? "nothing")
      }
      return activation
    }
    let transformer = isCrossEncoder ? try SentenceFiles.transformerSettings(in: directory) : nil
    let modules = isCrossEncoder ? try SentenceModuleEntry.list(in: directory) : nil
    if let modules, modules.entries.map(\.kind) != ["Transformer"] || modules.entries[0].path != "" {
      throw GraftError(
        .unsupported, "modules that are not supported",
        file: directory.appending(path: SentenceFiles.modulesName).path,
        expected: "a Transformer alone, in the folder itself",
        found: modules.entries.map(\.kind).joined(separator: ", "),
        advice: "Without modules.json the classifier is read alone.")
    }
    self.init(
      activation: try activation ?? Self.usual(configuration.labels().count),
      maximumLength: transformer?.settings["max_seq_length"]?.int,
      files: modules.map {
        SentenceFiles(modules: $0.json, configuration: own, transformer: transformer, folders: [:])
      })
  }

  /// Where versions before 4 say the activation.
  fileprivate static let olderKey = "sbert_ce_default_activation_function"
}
