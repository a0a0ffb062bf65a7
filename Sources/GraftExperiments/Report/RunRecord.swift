import Foundation
import GraftKit
import GraftTensors
import OrderedCollections

/// What `experiment.json` in the directory of a finished run says: what was run, on what, and where the results
/// of every stage are.
struct RunRecord {
  static let fileName = "experiment.json"

  let name: String
  /// The version of Graft that ran it.
  let version: String
  /// The experiment file as data.
  let experiment: JSON
  /// The name of the score that the arms are compared by, where the experiment says it.
  let metric: String?
  /// ISO 8601.
  let started: String
  let seconds: Double
  /// Facts of the machine by name, such as `cpu`.
  let machine: [(name: String, value: JSON)]
  let base: Base
  let data: [DataSet]
  let arms: [Arm]
  let search: OptionSearchResults?

  /// The checkpoint that every arm starts from.
  struct Base {
    let path: String
    /// Of the weights.
    let sha256: String
    let parameters: Int
  }

  /// One set of rows.
  struct DataSet {
    let name: String
    let files: [String]
    let sha256: String
    let rows: Int
    /// At most a hundred.
    let labels: [String]
    /// Where all labels are numbers.
    let labelRange: ClosedRange<Double>?
  }

  /// One way to train, with every seed, and every fold of the data from 1, that it was done with.
  struct Arm {
    let name: String
    let seeds: [(seed: UInt64, fold: Int?, stages: [Stage])]
  }

  /// One step of an arm.
  struct Stage {
    /// `train`, `evaluate` or another.
    let kind: String
    let name: String
    let head: String?
    /// Whether the head predicts tokens.
    let isLanguageModel: Bool
    /// Relative to the run's directory.
    let directory: String?
    let isCached: Bool
    let seconds: Double?
    let trainerState: URL?
    let predictions: URL?
    let results: URL?
    /// The k of top-k accuracies that were asked for.
    let topRanks: [Int]
    /// What there is to say of its data.
    let notes: [String]
  }

  /// Reads the record of a run's directory.
  ///
  /// - Throws: `GraftError` when it is missing, not such a record, or names a file outside the directory.
  init(_ run: URL) throws {
    let file = run.appendingPathComponent(RunRecord.fileName)
    guard FileManager.default.fileExists(atPath: file.path) else {
      throw GraftError(
        .missing, "not the directory of a finished run", file: run.path,
        expected: "\(RunRecord.fileName) in it", advice: "Give the output directory of an experiment.")
    }
    let root = JSONFields(try JSON(file: file), file: file.path)
    name = try root.string("name")
    version = try root.string("graft")
    experiment = root.json["experiment"] ?? .null
    metric = root.json["metric"]?.string
    started = try root.string("started")
    seconds = try root.number("seconds")
    machine = (root.json["machine"]?.object ?? [:]).map { ($0.key, $0.value) }
    let base = try root.object("base")
    self.base = Base(
      path: try base.string("path"), sha256: try base.string("sha256"),
      parameters: try base.integer("parameters"))
    data = try root.list("data").map { set in
      DataSet(
        name: try set.string("name"), files: try set.strings("files"), sha256: try set.string("sha256"),
        rows: try set.integer("rows"), labels: set.json["labels"] == nil ? [] : try set.strings("labels"),
        labelRange: try set.range("label_range"))
    }
    arms = try root.list("arms").map { arm in
      Arm(
        name: try arm.string("name"),
        seeds: try arm.list("seeds").map { seed in
          (
            try seed.seed("seed"), seed.json["fold"]?.int,
            try seed.list("stages").map { try Stage($0, in: run) }
          )
        })
    }
    search = root.json["search"]?.object == nil ? nil : try OptionSearchResults(root.object("search"))
    guard !arms.isEmpty, arms.allSatisfy({ !$0.seeds.isEmpty }) else {
      throw GraftError(
        .malformed, "not the record of a run", file: file.path, expected: "at least one arm with a seed")
    }
  }
}

extension RunRecord {
  /// The heads whose predictions are kept, in the order of their stages, where an arm tests several; else none.
  var testedHeads: [String] {
    let arms = arms.map { arm in
      OrderedSet((arm.seeds.first?.stages ?? []).filter { $0.predictions != nil }.compactMap(\.head))
    }
    guard arms.contains(where: { $0.count > 1 }) else { return [] }
    return OrderedSet(arms.joined()).elements
  }

  /// The score that the arms are compared by, where the experiment says it.
  var chosenMetric: ChosenMetric? {
    let tests = arms.flatMap(\.seeds).flatMap(\.stages).filter { $0.kind == "evaluate" }
    return metric.map { ChosenMetric($0, among: tests.compactMap(\.head)) }
  }

  /// What there is to say of the data of all stages, once.
  var notes: [String] {
    OrderedSet(arms.flatMap(\.seeds).flatMap(\.stages).flatMap(\.notes)).elements
  }

  /// The k of top-k accuracies that stages ask for.
  var topRanks: [Int] {
    Set(arms.flatMap(\.seeds).flatMap(\.stages).flatMap(\.topRanks)).sorted()
  }

  /// The names of training stages that several seeds of an arm share.
  var sharedStages: [String] {
    var names: [String] = []
    for arm in arms {
      let stages = arm.seeds.flatMap(\.stages).filter { $0.kind == "train" }
      for (index, stage) in stages.enumerated() where !names.contains(stage.name) {
        if stages[..<index].contains(where: {
          $0.trainerState != nil && $0.trainerState == stage.trainerState
        }) {
          names.append(stage.name)
        }
      }
    }
    return names
  }
}

extension RunRecord.Stage {
  fileprivate init(_ fields: JSONFields, in run: URL) throws {
    func path(_ key: String) throws -> String? {
      guard let value = fields.json[key], value != .null else { return nil }
      let path = try fields.string(key)
      guard !path.hasPrefix("/"), !path.split(separator: "/").contains("..") else {
        throw fields.wrong(key, "a path inside the run's directory", value)
      }
      return path
    }
    func file(_ key: String) throws -> URL? { try path(key).map { run.appendingPathComponent($0) } }
    kind = try fields.string("kind")
    name = try fields.string("name")
    head = fields.json["head"]?.string
    isLanguageModel = fields.json["language_model"]?.bool ?? false
    directory = try path("directory")
    isCached = fields.json["cached"]?.bool ?? false
    seconds = fields.json["seconds"]?.double
    trainerState = try file("trainer_state")
    predictions = try file("predictions")
    results = try file("results")
    topRanks = fields.json["top_k"]?.array?.compactMap(\.int) ?? []
    notes = fields.json["notes"] == nil ? [] : try fields.strings("notes")
  }
}

/// A JSON object whose members are read by name, with errors that say which one is wrong.
struct JSONFields {
  let json: JSON
  private let file: String
  private let path: String

  init(_ json: JSON, file: String, path: String = "") {
    self.json = json
    self.file = file
    self.path = path
  }

  func string(_ key: String) throws -> String { try value(key, "a string", \.string) }
  func integer(_ key: String) throws -> Int { try value(key, "a whole number", \.int) }

  /// An unsigned 64-bit number, read without rounding.
  func seed(_ key: String) throws -> UInt64 {
    try value(key, "a whole number") { json in
      if case .number(let text) = json { UInt64(text) } else { nil }
    }
  }

  func seeds(_ key: String) throws -> [UInt64] {
    try value(key, "a list of whole numbers") { json in
      let seeds = json.array?.compactMap { if case .number(let text) = $0 { UInt64(text) } else { nil } }
      return seeds?.count == json.array?.count ? seeds : nil
    }
  }

  func number(_ key: String) throws -> Double {
    try value(key, "a number") { $0.double.flatMap { $0.isFinite ? $0 : nil } }
  }

  /// A lower and an upper bound; `nil` when there are none.
  func range(_ key: String) throws -> ClosedRange<Double>? {
    guard let json = json[key], json != .null else { return nil }
    return try value(key, "two numbers in order") { json in
      let ends = json.array?.compactMap(\.double) ?? []
      return ends.count == 2 && ends[0] <= ends[1] ? ends[0]...ends[1] : nil
    }
  }

  func strings(_ key: String) throws -> [String] {
    try value(key, "a list of strings") { json in
      let strings = json.array?.compactMap(\.string)
      return strings?.count == json.array?.count ? strings : nil
    }
  }

  func object(_ key: String) throws -> JSONFields {
    _ = try value(key, "an object", \.object)
    return JSONFields(json[key] ?? .null, file: file, path: "\(path)\(key).")
  }

  func list(_ key: String) throws -> [JSONFields] {
    try value(key, "a list", \.array).enumerated().map { index, element in
      JSONFields(element, file: file, path: "\(path)\(key)[\(index)].")
    }
  }

  func wrong(_ key: String, _ expected: String, _ value: JSON?) -> GraftError {
    GraftError(
      .malformed, "wrong value", file: file, subject: "key '\(path)\(key)'", expected: expected,
      found: value?.kind ?? "nothing")
  }

  private func value<Value>(_ key: String, _ expected: String, _ read: (JSON) -> Value?) throws -> Value {
    guard let value = json[key].flatMap(read) else { throw wrong(key, expected, json[key]) }
    return value
  }
}
