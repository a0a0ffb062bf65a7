import GraftTensors

/// One architecture as it is published: its configuration, its encoder, the heads of its tasks, and a dialect for
/// each framework that names its tensors. Data, except for the encoder's forward pass.
///
///     extension Family {
///       static let mine = Family(
///         name: "mine",                                  // config.json's model_type
///         classPrefix: "Mine",                           // MineModel, MineForMaskedLM, …
///         backbone: MineBackbone.self,
///         heads: [FamilyHead("masked-lm", .tiedDecoder(activation: .fixed(.gelu)))],
///         dialects: [.transformersMine])
///     }
public struct Family: Sendable {
  /// `model_type` in `config.json`.
  public let name: String
  /// What class names begin with: `Bert` in `BertForMaskedLM`.
  public let classPrefix: String
  /// Classes that config.json files name and that are the family's under another name: those of a model's own code.
  public let classAliases: [String: String]
  /// The encoder.
  public let backbone: any Backbone.Type
  /// What turns hidden states into ``BackboneOutput/pooled``, `[sequences, hidden]`; `nil` where no class of the
  /// family has a pooler.
  public let pooler: HeadLayers?
  /// Whether the class of the bare encoder has the pooler, or classes with a head alone do.
  public let baseHasPooler: Bool
  /// The heads of the family's classes; one for a task.
  public private(set) var heads: [FamilyHead]
  /// Classes with several heads.
  public let combinations: [HeadCombination]
  /// How the family spells keys of the configuration, by their usual names: `attribute_map` in transformers.
  public let configurationKeys: [String: String]
  /// Other spellings of keys that files may have in place of the usual ones. They are kept as they are, and never written
  /// where a file does not have them.
  public let legacyKeys: [String: String]
  /// Values that keys of a configuration have here whatever a file says, where they are there: of what is read in
  /// several spellings and written in one.
  public let settledConfiguration: [String: JSON]
  /// The configuration's keys that are probabilities of dropout, as the family spells them.
  public let dropoutKeys: [String]
  /// How frameworks name the family's tensors; the first is the usual one.
  public private(set) var dialects: [Dialect]
  /// The published models of the family, as JSON: `{"models": [{"names": […], "configuration": {…}, …}]}`.
  public let catalogue: [UInt8]
  /// How a model of the family begins from nothing, as JSON; see ``ScratchRecipe``. Empty where nothing says it.
  public let scratch: [UInt8]

  public init(
    name: String,
    classPrefix: String,
    classAliases: [String: String] = [:],
    backbone: any Backbone.Type,
    pooler: HeadLayers? = nil,
    baseHasPooler: Bool = true,
    heads: [FamilyHead],
    combinations: [HeadCombination] = [],
    configurationKeys: [String: String] = [:],
    legacyKeys: [String: String] = [:],
    settledConfiguration: [String: JSON] = [:],
    dropoutKeys: [String] = ["hidden_dropout_prob", "attention_probs_dropout_prob", "classifier_dropout"],
    dialects: [Dialect],
    catalogue: [UInt8] = [],
    scratch: [UInt8] = []
  ) {
    self.name = name
    self.classPrefix = classPrefix
    self.classAliases = classAliases
    self.backbone = backbone
    self.pooler = pooler
    self.baseHasPooler = baseHasPooler
    self.heads = heads
    self.combinations = combinations
    self.configurationKeys = configurationKeys
    self.legacyKeys = legacyKeys
    self.settledConfiguration = settledConfiguration
    self.dropoutKeys = dropoutKeys
    self.dialects = dialects
    self.catalogue = catalogue
    self.scratch = scratch
  }

  /// The family's head for a task.
  public func head(for task: String) -> FamilyHead? { heads.first { $0.task == task } }

  /// Gives the family a head for another task.
  ///
  /// - Parameters:
  ///   - head: The head.
  ///   - rows: What frameworks call its parameters, by the name of the dialect.
  /// - Throws: `GraftError` when the family has a head for the task, or no dialect of a name.
  mutating func add(_ head: FamilyHead, rows: [String: [Dialect.Row]]) throws {
    guard self.head(for: head.task) == nil else {
      throw GraftError(.refused, "the family '\(name)' has a head for '\(head.task)' already")
    }
    heads.append(head)
    for (dialect, rows) in rows {
      guard let index = dialects.firstIndex(where: { $0.name == dialect }) else {
        throw GraftError(
          .unknownName, "the family '\(name)' has no dialect '\(dialect)'",
          advice: "Known: \(dialects.map(\.name).joined(separator: ", ")).")
      }
      dialects[index].heads[head.task] = rows
    }
  }

  /// The encoder that a configuration describes.
  ///
  /// - Throws: `GraftError` when the configuration is not usable.
  public func makeBackbone(_ configuration: Configuration) throws -> any Backbone {
    try backbone.init(adopting(configuration))
  }

  /// The same configuration, in which usual keys find the family's own, with ``settledConfiguration``.
  public func adopting(_ configuration: Configuration) -> Configuration {
    var adopted = configuration
    adopted.aliases = configurationKeys
    for (usual, legacy) in legacyKeys where adopted.values[usual] == nil && adopted.values[legacy] != nil {
      adopted.aliases[usual] = legacy
    }
    for (key, value) in settledConfiguration where adopted.values[key] != nil { adopted.values[key] = value }
    return adopted
  }

  /// The pooler on a backbone; `nil` for a family without one.
  ///
  /// - Throws: `GraftError` when the configuration is not usable.
  public func makePooler(_ configuration: Configuration, on backbone: any Backbone) throws -> (any Head)? {
    try pooler?.head(
      HeadContext(
        configuration: adopting(configuration), backbone: backbone, outputs: 0, scope: Component.pooler))
  }
}

extension Family {
  /// A configuration with every probability of dropout replaced.
  public func overridingDropout(_ probability: Double, in configuration: Configuration) -> Configuration {
    var copy = configuration
    for key in dropoutKeys { copy.values[key] = JSON(probability) }
    return copy
  }
}

/// The head that a family has for a task.
public struct FamilyHead: Sendable {
  /// The ``Task/name``.
  public let task: String
  /// What the class's name ends with, where the family's is not the task's usual one.
  public let classSuffix: String?
  private let make: @Sendable (HeadContext) throws -> any Head

  /// A head that is a list of layers.
  public init(_ task: String, classSuffix: String? = nil, _ layers: HeadLayers) {
    self.init(task, classSuffix: classSuffix) { try layers.head($0) }
  }

  /// A head with a forward pass of its own.
  public init(
    _ task: String, classSuffix: String? = nil, make: @escaping @Sendable (HeadContext) throws -> any Head
  ) {
    self.task = task
    self.classSuffix = classSuffix
    self.make = make
  }

  /// The head of a model.
  ///
  /// - Parameters:
  ///   - configuration: The checkpoint's, with the settings of the task.
  ///   - backbone: The encoder.
  ///   - outputs: How many columns its result has, as the task says.
  /// - Throws: `GraftError` when the configuration and the head do not go together.
  public func head(
    _ configuration: Configuration, on backbone: any Backbone, outputs: Int
  ) throws -> any Head {
    try make(
      HeadContext(
        configuration: configuration, backbone: backbone, outputs: outputs, scope: FamilyHead.scope(task)))
  }

  /// What the canonical names of a head's parameters begin with: `masked_lm` of `masked-lm`.
  public static func scope(_ task: String) -> String { String(task.map { $0 == "-" ? "_" : $0 }) }
}

/// What a head is made of.
public struct HeadContext: Sendable {
  /// The checkpoint's configuration, with the settings of the head's task.
  public let configuration: Configuration
  public let backbone: any Backbone
  /// How many columns the head's result has.
  public let outputs: Int
  /// What the canonical names of its parameters begin with.
  public let scope: String
}

/// Heads that one class has together, such as the two that BERT was pretrained with.
public struct HeadCombination: Sendable {
  /// The name on the command line.
  public let name: String
  /// What the class's name ends with: `ForPreTraining`.
  public let classSuffix: String
  /// The tasks, the one that is scored first. The loss is the sum of theirs.
  public let tasks: [String]

  public init(_ name: String, classSuffix: String, tasks: [String]) {
    self.name = name
    self.classSuffix = classSuffix
    self.tasks = tasks
  }
}

/// Heads of a family that can be active together: one, or a combination.
public struct HeadSet: Sendable {
  /// The name on the command line: a task's, or a combination's.
  public let name: String
  /// What the class's name ends with.
  public let classSuffix: String
  public let tasks: [any Task.Type]

  /// The names of the tasks.
  public var taskNames: [String] { tasks.map { $0.name } }
  /// Whether it is one head.
  public var isSingle: Bool { tasks.count == 1 }
  /// Whether outputs are the labels of the configuration.
  public var hasLabels: Bool { tasks.contains { $0.hasLabels } }
  /// The columns that its tasks read beside the text, the pair and the label.
  public var columns: [TaskColumn] { tasks.flatMap { $0.columns } }
  /// Whether it learns from one vector for each text; see ``Task/readsSentenceVectors``.
  public var readsSentenceVectors: Bool { tasks.contains { $0.readsSentenceVectors } }
  /// What it does, as the Hugging Face Hub calls it, such as `text-classification`; `nil` for none.
  public var pipelineTag: String? { isSingle ? tasks[0].pipelineTag : nil }
}
