import Foundation
import GraftCore
import GraftTensors

/// A published data set that is known by its name: which files it has, how they are read, and what they hold.
///
///     let data = try NamedDataSet.agNews.read("test", in: NamedDataSet.directories(), options: DataOptions())
public struct NamedDataSet: Sendable {
  /// What is typed, other spellings of it last.
  public let names: [String]
  /// The labels in their order.
  public let labels: [String]
  /// The number of the first label in the files.
  public let labelBase: Int
  /// Which columns are the text and the label.
  public let options: DataOptions
  /// The first is what the name alone means.
  public let splits: [Split]

  /// One file of a data set.
  public struct Split: Sendable {
    public let name: String
    public let fileName: String
    /// Its rows; each label has as many as any other.
    public let rows: Int
  }

  public var name: String { names[0] }

  /// AG News as first published: class 1 to 4, title, description; no header.
  public static let agNews = NamedDataSet(
    names: ["ag_news", "fancyzhx/ag_news"],
    labels: ["World", "Sports", "Business", "Sci/Tech"],
    labelBase: 1,
    options: DataOptions(
      textColumns: [.number(2), .number(3)], labelColumns: [.number(1)], hasHeader: false, format: .csv),
    splits: [
      Split(name: "train", fileName: "train.csv", rows: 120_000),
      Split(name: "test", fileName: "test.csv", rows: 7600),
    ])

  public static let all = [agNews]

  /// The data set and the split that `NAME` or `NAME:SPLIT` means, or `nil` when no data set has that name.
  ///
  /// - Throws: `GraftError` when the data set has no such split.
  public static func find(_ reference: String) throws -> (dataSet: NamedDataSet, split: Split)? {
    let parts = reference.split(separator: ":", maxSplits: 1, omittingEmptySubsequences: false)
    guard let set = all.first(where: { $0.names.contains(String(parts[0])) }) else { return nil }
    guard parts.count == 2 else { return (set, set.splits[0]) }
    guard let split = set.splits.first(where: { $0.name == parts[1] }) else {
      throw GraftError(
        .unknownName, "the data set '\(set.name)' has no part of that name",
        expected: "one of \(set.splits.map(\.name).joined(separator: ", "))", found: "'\(parts[1])'")
    }
    return (set, split)
  }

  /// Where data sets are looked for, each in a directory of its name: `GRAFT_DATA`, the working directory and
  /// Graft's cache, in this order.
  ///
  /// - Parameter environment: The process's variables.
  public static func directories(
    _ environment: [String: String] = ProcessInfo.processInfo.environment
  ) -> [URL] {
    func variable(_ name: String) -> String? { environment[name].flatMap { $0.isEmpty ? nil : $0 } }
    let cache = variable("XDG_CACHE_HOME") ?? (variable("HOME") ?? NSHomeDirectory()) + "/.cache"
    return [variable("GRAFT_DATA"), ".", cache + "/graft/data"].compactMap { $0 }
      .map { URL(fileURLWithPath: $0, isDirectory: true) }
  }

  /// Where a split is, compressed or not.
  ///
  /// - Throws: `GraftError` saying where it was looked for.
  public func locate(_ split: Split, in directories: [URL]) throws -> URL {
    let places = directories.map { $0.appendingPathComponent(name) }
    let files = places.flatMap { place in
      [split.fileName, split.fileName + ".gz"].map { place.appendingPathComponent($0) }
    }
    if let file = files.first(where: { FileManager.default.fileExists(atPath: $0.path) }) { return file }
    throw GraftError(
      .missing, "the data set's file \(split.fileName) is not on this machine", subject: "'\(name)'",
      expected: "it in one of \(places.map(\.path).joined(separator: ", "))",
      advice: "Put the original CSV file there, or name the directory above with GRAFT_DATA.")
  }

  /// The rows of a split, checked against what was published, then shuffled and taken from.
  ///
  /// - Parameters:
  ///   - split: One of ``splits``.
  ///   - directories: Where to look; see ``directories(_:)``.
  ///   - selection: `shuffleSeed` and `take` count; the columns are the data set's own.
  /// - Throws: `GraftError` when the file is missing, broken, or not the one that was published.
  public func read(_ split: Split, in directories: [URL], selection: DataOptions) throws -> TrainingData {
    let file = try locate(split, in: directories)
    let rows = try DataSource(reading: [file], options: options).rows()
    try check(rows, of: split, file: file)
    var data = TrainingData(
      selection.selected(from: rows), named: ["\(name):\(split.name)"], labelBase: labelBase)
    data.isLabelBaseGiven = false
    return data
  }

  /// Copies that differ in the last line ending are in circulation, so counts decide and no hash.
  private func check(_ rows: [TextRow], of split: Split, file: URL) throws {
    func fail(_ expected: String, _ found: String) -> GraftError {
      GraftError(
        .mismatch, "not the data set '\(name)' as it was published", file: file.path, expected: expected,
        found: found, advice: "Get the original file, or give the path and the columns of this one.")
    }
    guard rows.count == split.rows else { throw fail("\(split.rows) rows", "\(rows.count)") }
    let counts = Dictionary(grouping: rows, by: \.label).mapValues(\.count)
    for number in labels.indices.map({ $0 + labelBase }) {
      let found = counts[.text(String(number))] ?? 0
      guard found == split.rows / labels.count else {
        throw fail("\(split.rows / labels.count) rows of class \(number)", "\(found)")
      }
    }
  }
}
