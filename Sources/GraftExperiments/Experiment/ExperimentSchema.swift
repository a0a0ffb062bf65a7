import Foundation
import GraftCore
import GraftData
import GraftKit
import GraftTensors
import OrderedCollections

extension Experiment {
  /// Reads an experiment.
  ///
  /// - Parameters:
  ///   - file: YAML. Paths in it are relative to its directory.
  ///   - base: Takes the place of the base checkpoint that the file names.
  ///   - seeds: Take the place of the file's.
  ///   - dataDirectory: Where named data sets are, unless the file says so.
  ///   - registry: The plugins, whose names it may use.
  ///   - locate: Finds checkpoints that are no path, such as published ones; called when nothing else is wrong.
  /// - Throws: One `GraftError` that lists all mistakes with line, column and the nearest valid name.
  public init(
    file: URL, base: URL? = nil, seeds: [UInt64]? = nil, dataDirectory: URL? = nil, registry: Registry,
    locate: ((String) throws -> URL)? = nil
  ) throws {
    do {
      try self.init(
        parsing: RandomAccessFile(file).bytesOfWholeFile(limit: 1 << 24),
        relativeTo: file.deletingLastPathComponent(), base: base, seeds: seeds, dataDirectory: dataDirectory,
        registry: registry, locate: locate)
      self.file = file
    } catch let error as GraftError {
      throw error.inFile(file.path)
    }
  }

  /// Reads an experiment from memory.
  ///
  /// - Parameter directory: What paths are relative to.
  /// - Throws: As ``init(file:base:seeds:dataDirectory:registry:)``, without the file's name.
  public init(
    parsing bytes: [UInt8], relativeTo directory: URL, base: URL? = nil, seeds: [UInt64]? = nil,
    dataDirectory: URL? = nil, registry: Registry, locate: ((String) throws -> URL)? = nil
  ) throws {
    let diagnostics = Diagnostics()
    let root = try YAMLValue(parsing: bytes)
    let keys = MappingReader(root, "an experiment", diagnostics)
    let schema = ExperimentSchema(
      directory: directory, diagnostics: diagnostics, registry: registry, keys: keys,
      dataDirectory: dataDirectory,
      locate: locate.map(LocatedCheckpoints.init)?.locate)

    name = keys.read("name") ?? "experiment"
    _ = (keys["base"], keys["seeds"])
    self.base = base ?? directory
    self.seeds = seeds ?? keys.list("seeds") ?? [TrainingOptions().seed]
    if Set(self.seeds).count < self.seeds.count {
      diagnostics.add(keys.place(of: "seeds"), "a seed is given twice")
    }
    let metric: String? = keys.read("metric")
    (self.metric, metricPlace) = (metric.map(TestMetric.key), keys.place(of: "metric"))
    data = schema.dataSets()
    stages = schema.stages()
    arms = schema.arms(stages)
    document = root.json
    schema.checkFolds(self)
    search = schema.search(self)
    if base == nil { self.base = schema.base() }
    keys.finish()
    try diagnostics.check()
  }
}

/// Finds each checkpoint once, however often a search reads the stage that imports it.
private final class LocatedCheckpoints {
  private var known: [String: URL] = [:]
  private let find: (String) throws -> URL

  init(_ find: @escaping (String) throws -> URL) { self.find = find }

  func locate(_ name: String) throws -> URL {
    if let url = known[name] { return url }
    let url = try find(name)
    known[name] = url
    return url
  }
}

/// How the parts of an experiment are read.
struct ExperimentSchema {
  let directory: URL
  let diagnostics: Diagnostics
  let registry: Registry
  let keys: MappingReader
  let dataDirectory: URL?
  let locate: ((String) throws -> URL)?

  func url(_ path: String) -> URL {
    let path = (path as NSString).expandingTildeInPath
    let url = path.hasPrefix("/") ? URL(fileURLWithPath: path) : directory.appending(path: path)
    return url.standardizedFileURL
  }

  /// A path at which something has to be.
  func existing(_ path: String, _ place: YAMLValue.Place) -> URL {
    let url = url(path)
    if !FileManager.default.fileExists(atPath: url.path) {
      diagnostics.add(place, "there is no '\(path)' (\(url.path))")
    }
    return url
  }

  /// The files of a path or a pattern.
  func matching(_ path: String, _ place: YAMLValue.Place) -> [URL] {
    do {
      let files = try FilePattern.files(url(path))
      return files == [url(path)] ? [existing(path, place)] : files
    } catch {
      diagnostics.add(place, "no file matches '\(path)' (\(url(path).path))")
      return []
    }
  }

  /// A checkpoint at a path, or of a name. Nothing is fetched for a file that has mistakes.
  func checkpoint(_ name: String, _ place: YAMLValue.Place) -> URL {
    let path = url(name)
    if isCheckpoint(path) { return path }
    guard let locate, !isPath(name) else { return existing(name, place) }
    guard diagnostics.isEmpty else { return path }
    do {
      let located = try locate(name)
      return isCheckpoint(located) ? located : existing(name, place)
    } catch {
      diagnostics.add(place, error)
      return path
    }
  }

  /// Whether something is at a path, or at what a format's files add to it.
  private func isCheckpoint(_ url: URL) -> Bool {
    ([""] + registry.checkpointFormats.flatMap { $0.pathSuffixes }).contains { suffix in
      FileManager.default.fileExists(atPath: url.path + suffix)
    }
  }

  /// Whether a text cannot be a model's name, `NAME` or `ORG/NAME@REVISION`.
  private func isPath(_ text: String) -> Bool {
    ["/", "~", "."].contains { text.hasPrefix($0) } || text.prefix { $0 != "@" }.count { $0 == "/" } > 1
  }

  func base() -> URL {
    guard keys.required("base") != nil, let path: String = keys.read("base") else { return directory }
    return checkpoint(path, keys.place(of: "base"))
  }

  // MARK: Names

  /// The names that stand under a key, whatever is wrong with what they name.
  func names(under key: String) -> [String] {
    guard case .mapping(let members)? = keys[key]?.content else { return [] }
    return members.compactMap(\.key.text)
  }

  /// The value of a key that has to be one of some names.
  func name(
    _ key: String, of kind: String, _ known: [String], _ keys: MappingReader, isOptional: Bool = false
  ) -> String? {
    if isOptional, keys[key] == nil { return nil }
    guard let name: String = keys.read(key) else { return nil }
    if known.contains(name) { return name }
    diagnostics.add(
      keys.place(of: key), "there is no \(kind) '\(name)'\(NearestName.suggestion(for: name, among: known))")
    return nil
  }

  func require(_ condition: Bool, _ key: String, _ expected: String, _ keys: MappingReader) {
    if !condition { diagnostics.add(keys.place(of: key), "'\(key)' has to be \(expected)") }
  }

  // MARK: Folds

  /// Notes what cannot be cross-validated.
  func checkFolds(_ experiment: Experiment) {
    guard let name = experiment.foldedData, let value = keys["data"] else { return }
    let sets = MappingReader(value, "'data'", diagnostics).entries
    func place(_ set: String) -> YAMLValue.Place { sets.first { $0.name == set }?.place ?? value.place }
    for (other, set) in experiment.data where set.folds != nil && other != name {
      diagnostics.add(place(other), "only one data set may have folds, and '\(name)' has")
    }
    for (arm, names) in experiment.arms {
      let stages = names.compactMap { experiment.stages[$0] }
      var (isTrained, isTested) = (false, false)
      for stage in stages {
        switch stage.task {
        case .train(let training):
          if training.heads.contains(where: { $0.data == name }) { isTrained = true }
          if training.evaluations.contains(name) {
            diagnostics.add(
              stage.place,
              "the folds of '\(name)' are test sets; the stage '\(stage.name)' evaluates with 'eval-split' instead of 'eval-data'"
            )
          }
        case .evaluate(let scoring):
          if scoring.data == name { isTested = true }
          if scoring.data != name {
            diagnostics.add(
              stage.place,
              "the folds of '\(name)' are test sets; the stage '\(stage.name)' has another, '\(scoring.data)'"
            )
          }
        case .importing, .swap, .export: break
        }
      }
      if !isTrained || !isTested {
        diagnostics.add(
          place(name), "'\(name)' has folds; the arm '\(arm)' has to train and to evaluate on it")
      }
    }
  }

  // MARK: Search

  func search(_ experiment: Experiment) -> Experiment.Search? {
    guard let value = keys["search"] else { return nil }
    // Its points are stages that are read again: what is wrong with them is told apart from all else.
    let own = Diagnostics()
    let schema = ExperimentSchema(
      directory: directory, diagnostics: own, registry: registry, keys: keys, dataDirectory: dataDirectory,
      // Nothing is fetched for a file that has mistakes.
      locate: diagnostics.isEmpty ? locate : nil)
    defer { diagnostics.add(own) }
    var stages: [String: YAMLValue] = [:]
    if case .mapping(let members)? = keys["stages"]?.content {
      for (key, value) in members { stages[key.text ?? ""] = value }
    }
    let search = SearchSchema(
      keys: MappingReader(value, "'search'", own), diagnostics: own, experiment: experiment, stages: stages,
      readStages: { schema.stages($0, $1.place, $1) }
    ).read()
    return own.isEmpty ? search : nil
  }

  // MARK: Arms

  /// - Parameter all: The stages, of which those of one group have one name here.
  func arms(_ all: OrderedDictionary<String, Experiment.Stage>) -> OrderedDictionary<String, [String]> {
    guard let value = keys.required("arms") else { return [:] }
    var result: OrderedDictionary<String, [String]> = [:]
    let arms = MappingReader(value, "'arms'", diagnostics)
    let stages = names(under: "stages")
    for (name, place, value) in arms.entries {
      // Links to models bear it.
      if name.utf8.count > 100 || name.utf8.contains(where: { $0 < 0x20 || $0 == UInt8(ascii: "/") }) {
        diagnostics.add(place, "an arm's name has to be at most 100 bytes, none of them '/'")
      }
      guard case .list(let items) = value.content, !items.isEmpty else {
        let found = value.isEmptyList ? "an empty one" : value.kind
        diagnostics.add(value.place, "an arm has to be a list of stages; found \(found)")
        continue
      }
      result[name] = items.flatMap { item -> [String] in
        guard let stage = item.text else {
          diagnostics.add(item.place, "an arm names stages, which stand under 'stages'; found \(item.kind)")
          return []
        }
        if !stages.contains(stage) {
          diagnostics.add(
            item.place, "there is no stage '\(stage)'\(NearestName.suggestion(for: stage, among: stages))")
        }
        let group = all.values.filter { $0.group == stage }.map(\.name)
        return group.isEmpty ? [stage] : group
      }
    }
    if result.isEmpty { diagnostics.add(arms.place, "an experiment needs an arm") }
    return result
  }
}
