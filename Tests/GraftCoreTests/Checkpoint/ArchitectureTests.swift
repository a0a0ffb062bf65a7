import GraftCompute
import GraftTensors
import Testing

@testable import GraftCore

/// A task with nothing but a name.
private protocol PaperTask: Task {}

extension PaperTask {
  static var outputs: [TaskOutput] { [TaskOutput("logits", rows: .sequences)] }
  func outputCount(on backbone: any Backbone) -> Int { 1 }
  func prepare(_ batch: inout PreparedBatch, _ examples: [Example], _ context: BatchContext) throws {}
  func loss(_ scores: Variable, _ batch: PreparedBatch, _ tape: Tape) throws -> Variable { scores }
}

/// One linear layer.
private struct Short: PaperTask {
  static let name = "short"
  static let classSuffix = "ForShort"
  init(_ configuration: Configuration) throws {}
}

/// A dense layer and the other's linear one.
private struct Long: PaperTask {
  static let name = "long"
  static let classSuffix = "ForLong"
  init(_ configuration: Configuration) throws {}
}

/// Stored as the first is.
private struct Twin: PaperTask {
  static let name = "twin"
  static let classSuffix = "ForTwin"
  init(_ configuration: Configuration) throws {}
}

/// Shares no name with the others.
private struct Apart: PaperTask {
  static let name = "apart"
  static let classSuffix = "ForApart"
  init(_ configuration: Configuration) throws {}
}

private struct NoBackbone: Backbone {
  let hiddenSize = 2
  let vocabularySize = 2
  let maximumLength = 2
  let layerCount = 1
  let parameters: [ParameterSpec] = []
  init(_ configuration: Configuration) throws {}
  func forward(_ batch: Batch, _ scope: Scope, _ tape: Tape) throws -> Variable {
    try scope[wordEmbedding].parameter
  }
}

/// Which heads a file has, whatever the order in which they are registered.
@Suite struct ArchitectureTests {
  /// A dialect that has rows for some tasks, registered or not.
  private static func dialect(_ tasks: Set<String>) -> Dialect {
    let heads = [
      "short": Dialect.Row.linear("short", "classifier"), "twin": Dialect.Row.linear("twin", "classifier"),
      "long": Dialect.Row.linear("long.dense", "dense") + Dialect.Row.linear("long.output", "classifier"),
      "apart": Dialect.Row.linear("apart", "apart"),
    ]
    return Dialect(
      name: "paper",
      backbone: [[.init("embeddings.word.weight", "tok.weight")]],
      pooler: Dialect.Row.linear("pooler", "pooler"),
      heads: heads.filter { tasks.contains($0.key) })
  }

  private let classifier = ["classifier.weight", "classifier.bias"]
  private let dense = ["dense.weight", "dense.bias"]
  private let apart = ["apart.weight", "apart.bias"]
  private let pooler = ["pooler.weight", "pooler.bias"]

  private func architecture(
    named name: String? = nil, _ tasks: [any Task.Type], _ names: [String], others: Set<String> = []
  ) -> Architecture {
    var sets = tasks.map { HeadSet(name: $0.name, classSuffix: $0.classSuffix, tasks: [$0]) }
    sets.append(HeadSet(name: "both", classSuffix: "ForBoth", tasks: [Short.self, Apart.self]))
    var configuration = Configuration()
    if let name { configuration["architectures"] = [.string(name)] }
    let dialect = Self.dialect(others.union(tasks.map { $0.name }))
    let family = Family(
      name: "paper", classPrefix: "Paper", backbone: NoBackbone.self, heads: [],
      combinations: [HeadCombination("some", classSuffix: "ForSome", tasks: ["apart", "absent"])],
      dialects: [dialect])
    return Architecture(configuration, family, dialect, sets, names: ["tok.weight"] + names)
  }

  private func likely(
    named name: String? = nil, _ tasks: [any Task.Type], _ names: [String],
    poolerFor needing: Set<String> = [], unfit: Set<String> = []
  ) -> [String] {
    architecture(named: name, tasks, names).likelyTasks(
      needsPooler: { needing.contains($0.name) }, fits: { !unfit.contains($0.name) }
    ).tasks.map { $0.name }
  }

  @Test("of heads that share names, the one that explains more is recognised")
  func more() {
    let orders: [[any Task.Type]] = [
      [Short.self, Long.self, Apart.self], [Apart.self, Long.self, Short.self],
    ]
    for tasks in orders {
      #expect(likely(tasks, dense + classifier) == ["long"])
      #expect(likely(tasks, classifier) == ["short"])
      #expect(likely(tasks, dense) == [])
      #expect(Set(likely(tasks, classifier + apart)) == ["short", "apart"])
    }
  }

  @Test("heads that a file cannot tell apart are not guessed; a class that is named tells")
  func ambiguous() {
    #expect(likely([Short.self, Twin.self], classifier) == [])
    let found = architecture([Short.self, Twin.self], classifier)
    let undecided = found.likelyTasks(needsPooler: { _ in false }, fits: { _ in true }).undecided
    #expect(undecided.map { $0.name } == ["short", "twin"])
    #expect(
      found.note(onUndecided: undecided)
        == "the heads 'short' and 'twin' have the same names of tensors here, and none is taken. The class decides, in the "
        + "configuration: \"architectures\": [\"PaperForShort\"] or \"architectures\": [\"PaperForTwin\"]")
    #expect(found.note(onUndecided: []) == nil)
    // The file's tensors have other numbers of outputs than one of them.
    #expect(likely([Short.self, Twin.self], classifier, unfit: ["twin"]) == ["short"])
    // One of them need not be registered: it has names in the dialect.
    let unregistered = architecture([Short.self], classifier, others: ["twin"])
    #expect(unregistered.likelyTasks(needsPooler: { _ in false }, fits: { _ in true }).tasks.isEmpty)
    #expect(
      architecture([Short.self], classifier, others: ["long"]).likelyTasks(
        needsPooler: { _ in false }, fits: { _ in true }
      ).tasks.count == 1)
    #expect(likely(named: "PaperForTwin", [Short.self, Twin.self], classifier).first == "twin")
    #expect(likely(named: "PaperForShort", [Long.self, Short.self], dense + classifier).first == "short")
  }

  @Test("a class that is named claims first, whatever the order of registration; the others follow")
  func claimOrder() {
    let orders: [[any Task.Type]] = [
      [Short.self, Twin.self, Long.self, Apart.self], [Apart.self, Long.self, Twin.self, Short.self],
    ]
    for tasks in orders {
      for (name, first) in [("Short", "short"), ("Twin", "twin"), ("Long", "long")] {
        let found = likely(named: "PaperFor\(name)", tasks, dense + classifier + apart)
        #expect(found.first == first)
        #expect(found.dropFirst() == tasks.map { $0.name }.filter { $0 != first }[...])
      }
      // Of a combination, every part.
      #expect(Set(likely(named: "PaperForBoth", tasks, classifier + apart).prefix(2)) == ["short", "apart"])
    }
  }

  @Test("of heads that a file of an unknown class has apart, the one that is registered first is active")
  func severalOfAnUnknownClass() {
    for (tasks, first) in [([Apart.self, Long.self], "apart"), ([Long.self, Apart.self], "long")]
      as [([any Task.Type], String)]
    {
      // The file's own order does not count.
      for names in [dense + classifier + apart, apart + dense + classifier] {
        let found = architecture(named: "MyModel", tasks, names)
        let likely = found.likelyTasks(needsPooler: { _ in false }, fits: { _ in true }).tasks.map { $0.name }
        #expect(Set(likely) == ["long", "apart"])
        var report = LoadReport()
        #expect(found.active(holding: likely, note: &report)?.name == first)
        #expect(found.active(holding: likely.reversed(), note: &report)?.name == first)
      }
    }
  }

  @Test("of a class with several heads, the one that is registered is used")
  func part() {
    let other = architecture(named: "PaperForSome", [Short.self, Apart.self], classifier + apart)
    #expect(
      other.likelyTasks(needsPooler: { _ in false }, fits: { _ in true }).tasks.map { $0.name } == ["apart"])
    var report = LoadReport()
    #expect(other.active(holding: ["apart"], note: &report)?.name == "apart")
    #expect(other.active(holding: [], note: &report) == nil)
    #expect(other.note(nil) == "no plugin implements all heads of PaperForSome; apart is used")
    #expect(likely(named: "PaperForSome", [Short.self], classifier) == [])
  }

  @Test("a class that nothing implements is not taken for another; a class of somebody's own is")
  func unknown() {
    #expect(likely(named: "PaperForSomething", [Short.self], classifier) == [])
    let other = architecture(named: "PaperForSomething", [Short.self], classifier)
    var report = LoadReport()
    #expect(other.active(holding: ["short"], note: &report) == nil)
    #expect(other.note(nil)?.contains("PaperForSomething") == true)
    #expect(likely(named: "MyClassifier", [Short.self], classifier) == ["short"])
    #expect(likely(named: "PaperModel", [Short.self], classifier) == ["short"])
  }

  @Test("a head that reads the pooler is recognised where there is one")
  func pooled() {
    #expect(likely([Short.self], classifier, poolerFor: ["short"]) == [])
    #expect(likely([Short.self], classifier + pooler, poolerFor: ["short"]) == ["short"])
  }

  @Test("a file that holds more than its class names has the heads that it holds")
  func richer() {
    let named = architecture(named: "PaperForShort", [Short.self, Apart.self], classifier + apart)
    var report = LoadReport()
    #expect(named.active(holding: ["short", "apart"], note: &report)?.name == "both")
    #expect(report.notes.count == 1)
    report = LoadReport()
    #expect(named.active(holding: ["short"], note: &report)?.name == "short")
    #expect(report.notes.isEmpty)
    // What is missing starts anew: the class says that it belongs there.
    #expect(named.active(holding: [], note: &report)?.name == "short")
  }
}
