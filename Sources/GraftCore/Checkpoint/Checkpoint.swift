import Foundation
import GraftTensors

/// A model as data: configuration, components, tokenizer.
///
/// Tensors are lazy and in canonical names; nothing is read before a model is made or a file is written.
/// A head may be *active*, or several together: it is what the checkpoint predicts with and what its architecture
/// names. The others are *parked*: kept, and put back by swapping heads.
public struct Checkpoint: Sendable {
  /// The configuration without what belongs to heads.
  private var base: Configuration
  public let family: Family
  /// The backbone first, then the pooler when there is one, then every head, active ones first. No head is a
  /// combination: its parts are listed instead.
  public var components: [Component]
  /// The heads that are active together.
  public var activeHead: HeadSet?
  public var tokenizer: (any Tokenizer)? {
    didSet { unreadTokenizer = nil }
  }
  /// Its tokenizer where that cannot be read.
  public internal(set) var unreadTokenizer: UnreadTokenizer?
  /// How it makes one vector for a text, where its folder says so.
  public var sentences: SentencePipeline?
  /// Settings of the active task that hold in this process, such as its loss, and are no part of the model: nothing writes
  /// them.
  public var runSettings = Configuration()
  /// Tensors that nothing recognises, in their stored names.
  public var extra: Weights
  /// Its `README.md`, which is copied with the checkpoint.
  public var card: ModelCard?
  /// What it was opened from, by the name that cards give it.
  public var source: String?
  /// How the checkpoint came to be, as far as Graft knows; the first step first.
  public var lineage: [LineageStep] = []

  public init(
    configuration: Configuration,
    family: Family,
    components: [Component],
    activeHead: HeadSet? = nil,
    tokenizer: (any Tokenizer)? = nil,
    extra: Weights = Weights()
  ) {
    base = family.adopting(configuration)
    self.family = family
    self.components = components
    self.activeHead = activeHead
    self.tokenizer = tokenizer
    self.extra = extra
  }

  /// What `config.json` says: the model's configuration with the active heads' settings.
  public var configuration: Configuration {
    get {
      let neutral = heads.reduce(base) { $0.removingSettings(of: $1) }
      return activeHeads.reduce(neutral) { $0.applying($1) }
    }
    set {
      base = family.adopting(newValue)
      let active = Set(activeHeads.map(\.id))
      for index in components.indices where active.contains(components[index].id) {
        components[index].settings = newValue.settings(of: components[index])
      }
    }
  }

  /// The class that the configuration names: `BertForMaskedLM`; `BertModel` without a head.
  public var architecture: String { family.classPrefix + (activeHead?.classSuffix ?? "Model") }

  /// The backbone that the configuration describes.
  ///
  /// - Throws: `GraftError` when the configuration is not usable.
  public func makeBackbone() throws -> any Backbone { try family.makeBackbone(configuration) }

  /// What it does, as the Hub calls it; without a head, what the bare encoder does.
  public var pipelineTag: String? {
    scoresPairs ? "text-ranking" : activeHead.map { $0.pipelineTag } ?? "feature-extraction"
  }

  /// How its active head scores pairs of texts, where its files say so.
  public internal(set) var crossEncoder: CrossEncoder? {
    get {
      for head in activeHeads {
        if case .crossEncoder(let encoder) = head.sentenceFiles { return encoder }
      }
      return nil
    }
    set {
      guard let head = activeHeads.first(where: { $0.task?.readsCrossEncoder == true }) else { return }
      self[head.id]?.sentenceFiles = newValue.map(HeadFiles.crossEncoder)
    }
  }

  // MARK: Components

  /// The component of an id.
  public subscript(id: String) -> Component? {
    get { components.first { $0.id == id } }
    set {
      let index = components.firstIndex { $0.id == id }
      switch (newValue, index) {
      case (let component?, let index?): components[index] = component
      case (let component?, nil): components.append(component)
      case (nil, let index?): components.remove(at: index)
      case (nil, nil): break
      }
    }
  }

  /// Every head, active ones first.
  public var heads: [Component] { components.filter(\.isHead) }

  /// The active heads.
  public var activeHeads: [Component] {
    (activeHead?.tasks ?? []).compactMap { task in
      components.first { $0.id == task.name } ?? sentenceHead(of: task)
    }
  }

  /// The dense layers of the modules that make vectors, as the head of a task that learns from these.
  private func sentenceHead(of task: any Task.Type) -> Component? {
    guard task.readsSentenceVectors else { return nil }
    return Component(head: task, weights: sentences?.weights ?? Weights(), history: nil)
  }

  /// The other heads.
  public var parkedHeads: [Component] {
    let active = Set(activeHead?.taskNames ?? [])
    return heads.filter { !active.contains($0.id) }
  }

  /// The components that the active architecture is made of: without a pooler that its class does not have.
  ///
  /// - Parameter dialect: The framework whose class it is; `nil` is transformers.
  /// - Throws: `GraftError` when the configuration is not usable.
  public func activeComponents(_ dialect: Dialect? = nil) throws -> [Component] {
    let hasPooler = try usesPooler(dialect)
    return components.filter { !$0.isHead && ($0.id != Component.pooler || hasPooler) } + activeHeads
  }

  /// The tensors that the active architecture is made of, in canonical names.
  ///
  /// - Parameter dialect: The framework whose class it is; `nil` is transformers.
  /// - Throws: `GraftError` when the configuration is not usable.
  public func activeWeights(_ dialect: Dialect? = nil) throws -> Weights {
    var weights = Weights(metadata: self[Component.backbone]?.weights.metadata ?? [:])
    for component in try activeComponents(dialect) {
      weights.tensors.merge(component.weights.tensors) { first, _ in first }
    }
    return weights
  }

  /// Whether the active architecture has a place for the pooler.
  func usesPooler(_ dialect: Dialect?) throws -> Bool {
    if (dialect ?? family.dialects.first)?.storesPoolerBeside == true { return false }
    if dialect?.requiresPooler == true { return true }
    guard activeHead != nil else { return dialect?.leavesOutHeads != true }
    return try activeHeadReadsPooler()
  }

  /// Whether an active head reads what the pooler makes.
  public func activeHeadReadsPooler() throws -> Bool { try readsPooler(activeHeads) }

  private func readsPooler(_ heads: [Component]) throws -> Bool {
    let backbone = try makeBackbone()
    return try heads.contains { component in
      guard let task = component.task else { return false }
      return try makeHead(task, configuration, on: backbone).head.readsPooled
    }
  }

  /// A task of the family, and the head that it has there.
  ///
  /// - Throws: `GraftError` when the family has none, or the configuration is not usable.
  public func makeHead(
    _ task: any Task.Type, _ configuration: Configuration, on backbone: any Backbone
  ) throws -> (task: any Task, head: any Head) {
    let own = try task.init(settings(of: task, configuration))
    guard task.readsSentenceVectors else {
      return (own, try family.makeHead(own, configuration, on: backbone))
    }
    return (own, SentenceHead(sentences ?? SentencePipeline(pooling: .mean)))
  }

  /// The tasks of the active heads, with all that the checkpoint's files say.
  ///
  /// - Throws: `GraftError` when a setting is wrong.
  public func makeTasks() throws -> [any Task] {
    try activeHead?.tasks.map { try $0.init(settings(of: $0, configuration)) } ?? []
  }

  /// A configuration with what other files than `config.json` say to a task.
  private func settings(of task: any Task.Type, _ configuration: Configuration) -> Configuration {
    var settings = configuration
    if task.readsSentenceVectors {
      settings.taskSettings = (sentences ?? SentencePipeline(pooling: .mean)).settings
      settings.taskSettings.merge(runSettings.taskSettings) { _, new in new }
    } else if let crossEncoder, task.readsCrossEncoder {
      settings.taskSettings = crossEncoder.settings
    }
    return settings
  }

  /// A head alone, to be the active one; `nil` for a head that no plugin knows.
  public func headSet(of head: Component) -> HeadSet? {
    head.task.map { task in
      let suffix = family.head(for: task.name)?.classSuffix ?? task.classSuffix
      return HeadSet(name: task.name, classSuffix: suffix, tasks: [task])
    }
  }

  // MARK: Training

  /// Marks the active heads that training changed, and the pooler, as trained on something.
  ///
  /// - Parameters:
  ///   - training: What they were trained on.
  ///   - parameters: The canonical names of what was changed. A component that has none of them, such as a
  ///     next-sentence head whose rows had no labels, stays what it was.
  public mutating func markTrained(on training: Component.Training, parameters: Set<String>) {
    let active = Set([Component.pooler] + activeHeads.map(\.id))
    for index in components.indices where active.contains(components[index].id) {
      guard components[index].weights.tensors.keys.contains(where: parameters.contains) else { continue }
      components[index].history = .trained(on: training)
    }
  }

  /// Whether heads read a pooler whose weights are random.
  package func readsUntrainedPooler(_ heads: [Component]) throws -> Bool {
    try self[Component.pooler]?.isUntrained == true && readsPooler(heads)
  }

  /// Refuses to predict with a head, or through a pooler, whose weights are random.
  ///
  /// - Parameter isUsed: Which of the active heads predict; all of them by default.
  /// - Throws: `GraftError` of kind `refused` naming the head.
  public func requireTrainedHead(where isUsed: (any Task.Type) -> Bool = { _ in true }) throws {
    let heads = activeHeads.filter { $0.task.map(isUsed) ?? false }
    if let untrained = heads.first(where: \.isUntrained) {
      let trained = parkedHeads.first { $0.task?.name == untrained.task?.name && !$0.isUntrained }?.id
      throw GraftError(
        .refused, "the head '\(untrained.id)' was never trained: its predictions would be random",
        advice: trained.map {
          "Take the parked head '\($0)': \(action: .useHead($0)). Or train this one with \(action: .train)."
        } ?? "Train it with \(action: .train), or pass \(action: .allowUntrained).")
    }
    if let activeHead, try readsUntrainedPooler(heads) {
      throw GraftError(
        .refused,
        "the pooler that the head '\(activeHead.name)' reads was never trained: its predictions would be random",
        advice: "Train it with \(action: .train), or pass \(action: .allowUntrained).")
    }
  }
}

extension Family {
  /// The family's head for a task.
  ///
  /// - Throws: `GraftError` when the family has none, or the configuration is not usable.
  public func makeHead(
    _ task: any Task, _ configuration: Configuration, on backbone: any Backbone
  ) throws -> any Head {
    let name = type(of: task).name
    guard let head = head(for: name) else { throw hasNoHead(name) }
    return try head.head(adopting(configuration), on: backbone, outputs: task.outputCount(on: backbone))
  }

  /// The heads that its models can have.
  private var headNames: [String] { heads.map(\.task) + combinations.map(\.name) }

  func hasNoHead(_ task: String) -> GraftError {
    GraftError(
      .unsupported, "the family '\(name)' has no head for '\(task)'",
      advice: "It has: \(headNames.joined(separator: ", ")).")
  }

  /// What to do about a head that a checkpoint of the family lacks: to put it on, where models of the family can have it.
  func advice(onMissing head: String) -> Advice {
    headNames.contains(head)
      ? "Put it on first: \(action: .swapHead(to: head))."
      : "The heads of its family '\(name)' are: \(headNames.joined(separator: ", "))."
  }
}

extension Configuration {
  /// This configuration with a head's settings in the place of any other head's.
  public func applying(_ head: Component) -> Configuration {
    var result = removingSettings(of: head)
    result.values.merge(head.settings.values) { _, new in new }
    return result
  }

  /// This configuration without the keys that belong to a head.
  func removingSettings(of head: Component) -> Configuration {
    var result = self
    let keys = head.task?.settingKeys ?? []
    result.values.removeAll { keys.contains($0.key) }
    return result
  }

  /// The keys that belong to a head.
  public func settings(of head: Component) -> Configuration { settings(of: head.task?.settingKeys ?? []) }

  /// Some keys alone.
  public func settings(of keys: [String]) -> Configuration {
    var result = self
    result.values = values.filter { keys.contains($0.key) }
    return result
  }
}
