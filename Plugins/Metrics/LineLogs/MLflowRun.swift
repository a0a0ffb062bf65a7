import Foundation
import GraftCore
import GraftTensors

/// The directory of a run in MLflow's file store, and that of the experiment around it.
final class MLflowRun {
  private let root: URL
  private let identifier: String
  /// The name, beginning, end and status, as `meta.yaml` has them.
  private var name: String
  private var start = milliseconds()
  private var end: Int?
  private var status = Status.running

  /// What a run's directory has.
  enum Part: String, CaseIterable {
    case params, metrics, tags, artifacts
  }

  /// As in mlflow's `service.proto`.
  private enum Status: Int {
    case running = 1
    case finished = 3
    case failed, killed
  }

  /// MLflow's own experiment, "Default", so that runs of several directories can be put into one.
  private static let experiment = "0"
  private static let recordName = "graft-run"

  /// - Parameters:
  ///   - directory: The training run's place for such files.
  ///   - isNew: Whether it begins anew, or goes on.
  /// - Throws: `GraftError` when nothing can be written there.
  init(in directory: URL, isNew: Bool) throws {
    root = directory.appendingPathComponent("mlruns", isDirectory: true)
    name = directory.standardizedFileURL.deletingLastPathComponent().lastPathComponent
    let record = root.appendingPathComponent(Self.recordName)
    let known = try Self.text(of: record)
    let isIdentifier = known.map { $0.count == 32 && $0.allSatisfy(\.isHexDigit) } == true
    identifier =
      isIdentifier ? known ?? "" : UUID().uuidString.replacing("-", with: "").lowercased()
    try DirectoryWriter.makeDirectory(root)
    if isNew, FileManager.default.fileExists(atPath: url.path) { try DirectoryWriter.remove(url) }
    for part in Part.allCases {
      try DirectoryWriter.makeDirectory(url.appendingPathComponent(part.rawValue, isDirectory: true))
    }
    try FileWriter.write(record, text: identifier)
    if let began = try storedStart { start = began }
    try writeExperiment()
    try writeMeta()
  }

  private var url: URL {
    root.appendingPathComponent(Self.experiment, isDirectory: true)
      .appendingPathComponent(identifier, isDirectory: true)
  }

  /// The file of a setting, a score or a tag.
  func file(_ name: String, under part: Part) -> URL {
    url.appendingPathComponent(part.rawValue, isDirectory: true).appendingPathComponent(name)
  }

  /// The longest value that MLflow takes.
  private static let longestValue = 6000

  /// - Throws: `GraftError` when it cannot be written.
  func write(_ value: String, _ name: String, under part: Part) throws {
    let file = file(Self.key(name), under: part)
    try DirectoryWriter.makeDirectory(file.deletingLastPathComponent())
    try FileWriter.write(file, text: String(value.prefix(Self.longestValue)))
  }

  /// The scores that have been written.
  var scores: [String] {
    get throws {
      let place = url.appendingPathComponent(Part.metrics.rawValue, isDirectory: true)
      return try files(below: place).sorted()
    }
  }

  private func files(below directory: URL) throws -> [String] {
    try directoryContents(directory).flatMap { name -> [String] in
      let url = directory.appendingPathComponent(name)
      var isDirectory = ObjCBool(false)
      guard FileManager.default.fileExists(atPath: url.path, isDirectory: &isDirectory) else { return [] }
      return isDirectory.boolValue ? try files(below: url).map { "\(name)/\($0)" } : [name]
    }
  }

  /// Names the run, which goes on.
  func describe(name: String) throws {
    self.name = name
    (end, status) = (nil, .running)
    try writeMeta()
    let tags = ["runName": name, "source.name": "graft", "source.type": "LOCAL", "user": NSUserName()]
    for (tag, value) in tags { try write(value, "mlflow.\(tag)", under: .tags) }
  }

  /// Notes how it ended.
  func end(_ end: RunEnd) throws {
    status =
      switch end {
      case .finished: .finished
      case .interrupted: .killed
      case .failed: .failed
      }
    self.end = Self.milliseconds()
    try writeMeta()
  }

  // MARK: meta.yaml

  private static let metaName = "meta.yaml"

  private func writeExperiment() throws {
    let directory = root.appendingPathComponent(Self.experiment, isDirectory: true)
    let file = directory.appendingPathComponent(Self.metaName)
    guard !FileManager.default.fileExists(atPath: file.path) else { return }
    try write(
      [
        ("artifact_location", Self.quoted(directory)), ("creation_time", "\(start)"),
        ("experiment_id", "'\(Self.experiment)'"), ("last_update_time", "\(start)"),
        ("lifecycle_stage", "active"), ("name", "Default"),
      ], to: file)
  }

  private func writeMeta() throws {
    let artifacts = url.appendingPathComponent(Part.artifacts.rawValue, isDirectory: true)
    try write(
      [
        ("artifact_uri", Self.quoted(artifacts)), ("end_time", end.map(String.init) ?? "null"),
        ("entry_point_name", "''"), ("experiment_id", "'\(Self.experiment)'"), ("lifecycle_stage", "active"),
        ("run_id", "'\(identifier)'"), ("run_name", JSON(name).text()), ("source_name", "''"),
        // A program on this machine.
        ("source_type", "4"),
        ("source_version", "''"), ("start_time", "\(start)"), ("status", "\(status.rawValue)"),
        ("tags", "[]"), ("user_id", JSON(NSUserName()).text()),
      ], to: url.appendingPathComponent(Self.metaName))
  }

  /// Texts in quotes are as in JSON, which YAML takes.
  private func write(_ members: [(String, String)], to file: URL) throws {
    try FileWriter.write(file, text: members.map { "\($0): \($1)\n" }.joined())
  }

  private static func quoted(_ directory: URL) -> String {
    let uri = directory.standardizedFileURL.absoluteString
    return JSON(uri.hasSuffix("/") ? String(uri.dropLast()) : uri).text()
  }

  /// When a run that goes on began.
  private var storedStart: Int? {
    get throws {
      let text = try Self.text(of: url.appendingPathComponent(Self.metaName))
      let line = text?.split(separator: "\n").first { $0.hasPrefix("start_time: ") }
      return line.flatMap { Int($0.dropFirst("start_time: ".count)) }
    }
  }

  /// The text of a small file; `nil` where there is none.
  private static func text(of file: URL) throws -> String? {
    guard FileManager.default.fileExists(atPath: file.path) else { return nil }
    return String(decoding: try RandomAccessFile(file).bytesOfWholeFile(limit: 1 << 20), as: UTF8.self)
  }

  /// A name with `_` for what MLflow takes in none.
  static func key(_ name: String) -> String {
    let scalars = name.unicodeScalars.map { scalar -> Character in
      let isFine = scalar.properties.isAlphabetic || scalar.properties.numericType != nil
      return isFine || "/_-. :".unicodeScalars.contains(scalar) ? Character(scalar) : "_"
    }
    let parts = String(scalars).split(separator: "/", omittingEmptySubsequences: false).map { part in
      part.isEmpty || part.allSatisfy { $0 == "." } ? "_" : String(part)
    }
    return String(parts.joined(separator: "/").prefix(250))
  }

  static func milliseconds() -> Int { Int((Date().timeIntervalSince1970 * 1000).rounded()) }
}
