import GraftCompute
import GraftCore
import GraftData
import GraftTensors
import OrderedCollections

/// What one head is trained and evaluated on.
public struct HeadTraining: Sendable {
  /// The head as the list of heads shows it; `nil` is what is active.
  public var head: String?
  /// What it is trained on.
  public var data: TrainingData
  /// What it is evaluated on.
  public var evaluationData: TrainingData?
  /// Further sets to evaluate it on, by names that their scores bear: `eval_HEAD_NAME_loss`.
  public var evaluationSets: OrderedDictionary<String, TrainingData>

  public init(
    _ head: String, _ data: TrainingData, evaluating evaluationData: TrainingData? = nil,
    evaluatingSets evaluationSets: OrderedDictionary<String, TrainingData> = [:]
  ) {
    self.init(.some(head), data, evaluating: evaluationData, evaluatingSets: evaluationSets)
  }

  /// - Parameter head: `nil` is what is active.
  package init(
    _ head: String?, _ data: TrainingData, evaluating evaluationData: TrainingData?,
    evaluatingSets evaluationSets: OrderedDictionary<String, TrainingData>
  ) {
    self.head = head
    self.data = data
    self.evaluationData = evaluationData
    self.evaluationSets = evaluationSets
  }

  /// What the names of its scores have after `eval_`.
  fileprivate var evaluationNames: [String] {
    (evaluationData == nil ? [] : [head ?? ""]) + evaluationSets.keys.map { name(of: $0) }
  }

  /// What the scores of one of several sets are called by.
  func name(of set: String) -> String { head.map { "\($0)_\(set)" } ?? set }
}

extension [HeadTraining] {
  /// Makes sure that there are heads, each once, and that the options go with several of them.
  package func checkNames(_ options: TrainingOptions) throws {
    guard !isEmpty else { throw GraftError(.missing, "there is no head to train") }
    guard count > 1 else { return try checkScores() }
    var known: Set<String> = []
    for head in self {
      guard let name = head.head else {
        throw GraftError(.missing, "each of several heads needs a name", option: "data")
      }
      guard known.insert(name).inserted else {
        throw GraftError(.refused, "the head '\(name)' is given twice", option: "data")
      }
    }
    try checkScores()
    try options.checkSeveralHeads()
  }

  /// Makes sure that no two sets have scores of one name.
  private func checkScores() throws {
    var scored: Set<String> = []
    for name in flatMap(\.evaluationNames) where !scored.insert(name).inserted {
      throw GraftError(
        .refused, "two sets to evaluate on have scores of one name, 'eval_\(name)_loss'", option: "eval-data",
        advice: "Give one of them another name.")
    }
  }
}

extension Checkpoint {
  /// The checkpoint as each of some heads has it, with what the options settle for that head.
  ///
  /// - Throws: `GraftError` when it has no such head, or a setting makes sense for none of them.
  package func settled(for heads: [HeadTraining], _ options: TrainingOptions) throws -> [Checkpoint] {
    var selected = try heads.map { head in
      try head.head.map { try selecting(head: $0) } ?? self
    }
    try selected.settle(options.pairLoss != nil, for: { try $0.givesOneNumber }) {
      try $0.settlePairs(options)
    }
    for (index, head) in heads.enumerated() {
      try selected[index].settleActivation(learningFrom: head.data.rows)
    }
    try selected.settle(options.longTexts != nil, for: { $0.hasSetting(LongTexts.key) }) {
      try $0.setLongTexts(options.longTexts)
    }
    for index in selected.indices { try selected[index].settleSentences(options) }
    try selected.settleTagging(labelsAllTokens: options.labelsAllTokens, scheme: options.tagScheme)
    for index in selected.indices { selected[index].settleLearntTokens() }
    return selected
  }

  /// Whether the active head learns from texts alone, so that they can be packed.
  var learnsFromTexts: Bool {
    let tasks = activeHead?.tasks ?? []
    return tasks.contains { $0.needsTokens } && !tasks.contains { $0.readsLabels }
  }

  /// Whether the active head's task has a setting.
  func hasSetting(_ key: String) -> Bool {
    activeHead?.tasks.contains { $0.settingKeys.contains(key) } == true
  }
}

extension [Checkpoint] {
  /// Changes each checkpoint whose head a given setting makes sense for. Where there is none, the change of the first one
  /// throws.
  fileprivate mutating func settle(
    _ isGiven: Bool, for canHave: (Checkpoint) throws -> Bool, _ change: (inout Checkpoint) throws -> Void
  ) throws {
    let able = try map { try isGiven ? canHave($0) : true }
    for index in indices where able[index] || !able.contains(true) { try change(&self[index]) }
  }

  fileprivate mutating func settleTagging(labelsAllTokens: Bool = false, scheme: String?) throws {
    try settle(labelsAllTokens || scheme != nil, for: { $0.hasSetting("tag_scheme") }) {
      try $0.setTagging(labelsAllTokens: labelsAllTokens, scheme: scheme)
    }
  }

  /// Makes sure that one of the heads can read tags in a scheme, before data are read.
  ///
  /// - Throws: `GraftError` when none labels tokens, or there is no such scheme.
  package func checkTagging(scheme: String?) throws {
    var heads = self
    try heads.settleTagging(scheme: scheme)
  }
}

extension [Model] {
  /// What fills hidden tokens for each model whose head wants that.
  ///
  /// - Throws: `GraftError` when one is wanted and not given, or the other way round.
  func generators(
    _ options: TrainingOptions, _ backend: any ComputeBackend, _ registry: Registry
  ) throws -> [TokenGenerator?] {
    let isWanted = map { model in model.heads.contains { type(of: $0.task).readsGenerator } }
    return try zip(self, isWanted).map { model, wanted in
      // Where a generator is given and no head wants one, the first head's error says so.
      guard wanted || !isWanted.contains(true) else { return nil }
      return try TokenGenerator(
        at: options.generator, for: model, learns: options.trainsGenerator, dropout: options.dropout,
        backend: backend, registry: registry)
    }
  }
}
