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
    /// A sparse vector from the scores of a masked-language-model head; it is the only step.
    case splade(SpladePooling)
    case dense(SentenceDense)
    /// Divides a vector by its length.
    case normalize
  }

  /// The steps in their order; the first pools.
  public internal(set) var modules: [Module]
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
  ///
  /// - Parameters:
  ///   - mode: How tokens become one vector.
  ///   - maximumLength: The most tokens of a text; `nil` is the encoder's own limit.
  public init(pooling mode: SentencePooling.Mode, maximumLength: Int? = nil) {
    self.init(modules: [.pooling(SentencePooling([mode]))], maximumLength: maximumLength)
  }

  /// How sparse vectors are made; `nil` where vectors are dense.
  public var splade: SpladePooling? {
    if case .splade(let pooling)? = modules.first { pooling } else { nil }
  }

  /// How many numbers a dense vector has.
  ///
  /// - Parameter hiddenSize: How many a token's state has.
  public func width(hiddenSize: Int) -> Int {
    modules.reduce(hiddenSize) { width, module in
      switch module {
      case .pooling(let pooling): width * pooling.modes.count
      case .dense(let dense): dense.outputs
      case .normalize, .splade: width
      }
    }
  }

  /// The prompt of a name; that of ``defaultPrompt`` for none, and nothing where there is none.
  ///
  /// - Throws: `GraftError` listing the known ones; of kind `unknownName` where one was asked for.
  public func prompt(_ name: String? = nil) throws -> String {
    guard let wanted = name ?? defaultPrompt else { return "" }
    guard let prompt = prompts[wanted] else {
      throw GraftError(
        name == nil ? .mismatch : .unknownName, "no prompt '\(wanted)'",
        advice: prompts.isEmpty
          ? "The checkpoint has no prompts." : "Known: \(prompts.keys.joined(separator: ", ")).")
    }
    return prompt
  }
}

extension SentencePipeline {
  /// What stands before a query: the prompt `query`, or else that of ``defaultPrompt``.
  public var queryPrompt: String { usualPrompt(["query"]) }

  /// What stands before a text that is searched: the prompt `document`, `passage` or `corpus`, or else that of
  /// ``defaultPrompt``.
  public var documentPrompt: String { usualPrompt(["document", "passage", "corpus"]) }

  private func usualPrompt(_ names: [String]) -> String {
    let name = names.first { prompts[$0] != nil } ?? defaultPrompt
    return name.flatMap { prompts[$0] } ?? ""
  }

  /// What stands before texts that are compared.
  public struct TextPrompts: Sendable, Equatable {
    /// Before an anchor that searches, before texts that are searched, and before both of two texts with a score.
    public let query, document, either: String

    private static let key = "prompts_of_texts"

    init(query: String, document: String, either: String) {
      (self.query, self.document, self.either) = (query, document, either)
    }

    /// What ``Checkpoint/usePrompts()`` says to a task; `nil` of a checkpoint without it.
    public init?(of configuration: Configuration) {
      guard let texts = configuration.taskSettings[Self.key]?.array?.compactMap(\.string), texts.count == 3
      else {
        return nil
      }
      self.init(query: texts[0], document: texts[1], either: texts[2])
    }

    var settings: OrderedDictionary<String, JSON> {
      [Self.key: [.string(query), .string(document), .string(either)]]
    }
  }

  /// Whether pooling leaves out the tokens of a prompt.
  private var skipsPrompts: Bool {
    modules.contains { module in
      if case .pooling(let pooling) = module { !pooling.includesPrompt } else { false }
    }
  }

  /// The prompts of texts that are compared; `nil` where there are none, or pooling leaves their tokens out.
  var textPrompts: TextPrompts? {
    let either = defaultPrompt.flatMap { prompts[$0] } ?? ""
    let own = TextPrompts(query: queryPrompt, document: documentPrompt, either: either)
    return skipsPrompts || [own.query, own.document, own.either].allSatisfy(\.isEmpty) ? nil : own
  }

  /// What tasks are told of it, in the keys of its files; see ``Configuration/taskSettings``.
  var settings: OrderedDictionary<String, JSON> {
    var settings: OrderedDictionary<String, JSON> = ["do_lower_case": JSON(lowercases)]
    settings["max_seq_length"] = maximumLength.map { JSON($0) }
    settings["similarity_fn_name"] = similarity.map { .string($0) }
    return settings
  }
}

extension Checkpoint {
  /// Puts the folder's prompts before texts that are compared, as sentence-transformers' evaluators do: `query` before
  /// anchors, `document` before what they search, and the default one before pairs with scores. Nothing happens where there
  /// are none, or where pooling leaves out the tokens of a prompt.
  public mutating func usePrompts() {
    guard let prompts = sentences?.textPrompts else { return }
    runSettings.taskSettings.merge(prompts.settings) { _, new in new }
  }

  /// Makes another head or task the active one: a parked head, or a task that learns from one vector for each text: the
  /// named one or, of a checkpoint without a head whose folder says how it makes vectors, the registered one. An active head
  /// is parked.
  ///
  /// - Parameters:
  ///   - name: A head's, as the list of heads shows it, or a task's; `nil` leaves the choice to the checkpoint.
  ///   - registry: The plugins.
  /// - Throws: `GraftError` when there is no such task, or it is that of a head that the checkpoint does not have.
  public mutating func selectTask(_ name: String? = nil, registry: Registry) throws {
    if let name, activeHead?.name == name { return }
    if let name, parkedHeads.contains(where: { $0.id == name }) {
      self = try selecting(head: name)
      return
    }
    var task: (any Task.Type)?
    if let name {
      task = try registry.tasks.find(name)
    } else if activeHead == nil, sentences != nil {
      task = registry.tasks.values.first { $0.readsSentenceVectors }
    }
    guard let task else { return }
    if task.readsSentenceVectors, let splade = sentences?.splade {
      throw GraftError(
        .unsupported, "sparse vectors are neither learnt nor scored",
        expected: "a checkpoint whose vectors are dense", found: "\(splade)",
        advice: "Texts can be found with them: \(action: .search).")
    }
    guard task.readsSentenceVectors else {
      throw GraftError(
        .mismatch, "the head of another task is active", option: "task", expected: "'\(task.name)'",
        found: activeHead.map { "'\($0.name)'" } ?? "no head",
        advice: family.advice(onMissing: task.name))
    }
    activeHead = HeadSet(name: task.name, classSuffix: task.classSuffix, tasks: [task])
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
    case .splade(let pooling): pooling.description
    case .dense(let dense): "dense \(dense.inputs) → \(dense.outputs) (\(dense.activation.rawValue))"
    case .normalize: "normalize"
    }
  }
}

/// What is taken of the states of a text's tokens; vectors of several modes stand one after another.
public struct SentencePooling: Sendable {
  public typealias Mode = SequencePooling

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
  /// Where its files are, from the folder's root.
  let path: String
  /// Whether its weights are others than those of its files.
  var isTrained = false

  public var inputs: Int { weight.spec.shape[1] }
  public var outputs: Int { weight.spec.shape[0] }
}
