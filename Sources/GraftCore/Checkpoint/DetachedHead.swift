import Foundation
import GraftTensors
import OrderedCollections

/// A head without a backbone, as `graft head detach` writes it: a weight file, and a `config.json` with its
/// labels and the facts of the backbone that it has to fit.
public struct DetachedHead: Sendable {
  /// The head; a combination has a record for each part.
  public let type: any Head.Type
  public var records: [HeadRecord]
  /// The configuration of the model it came from, with the head's own settings.
  public var configuration: Configuration

  /// The width of the hidden states that it reads.
  public var hiddenSize: Int

  /// A head of a checkpoint.
  ///
  /// - Throws: ``GraftError`` when the checkpoint's configuration is not usable.
  public init(_ type: any Head.Type, _ records: [HeadRecord], of checkpoint: Checkpoint) throws {
    let configuration = records.reduce(checkpoint.configuration) { $0.applying($1) }
    self.init(type, records, configuration, hiddenSize: try checkpoint.makeBackbone().hiddenSize)
  }

  fileprivate init(
    _ type: any Head.Type, _ records: [HeadRecord], _ configuration: Configuration, hiddenSize: Int
  ) {
    self.type = type
    self.records = records
    self.configuration = configuration
    self.configuration.values["architectures"] = nil
    self.hiddenSize = hiddenSize
  }

  /// Writes the files of a detached head into a directory that exists.
  ///
  /// - Parameters:
  ///   - directory: Where they go.
  ///   - options: The format, the dialect and the type of what is written.
  ///   - tally: Counts values that are not finite in what is written.
  /// - Throws: ``GraftError`` when a file cannot be written or the dialect cannot name a tensor.
  public func write(
    into directory: URL, _ options: Checkpoint.WriteOptions, counting tally: NonFiniteTally? = nil
  ) throws {
    try FileWriter.write(
      directory.appendingPathComponent(ModelDirectory.configurationName),
      text: configuration.text
    )
    var weights = Weights()
    for record in records { weights.tensors.merge(record.weights.tensors) { first, _ in first } }
    let stored = try NameTable(options.dialect, on: nil, heads: type.parts).encode(
      weights, options, architecture: type.architecture, withHead: true)
    let fileName = try options.format.type.fileName()
    try options.write(stored, to: directory.appendingPathComponent(fileName), counting: tally)
    try FileWriter.write(
      directory.appendingPathComponent(ModelDirectory.recordName),
      text: HeadRecord.document(
        type.name, records, ["detached": true, "hidden_size": JSON(hiddenSize)])
    )
  }
}

extension Registry {
  /// Opens what ``DetachedHead/write(into:_:)`` wrote.
  ///
  /// - Throws: ``GraftError`` when the directory is no detached head, or is broken.
  public func openHead(_ url: URL) throws -> DetachedHead {
    let directory = try ModelDirectory(url, formats: checkpointFormats)
    guard let record = try directory.record(), let name = record["head"]?.string,
      record["detached"]?.bool == true, let hiddenSize = record["hidden_size"]?.int
    else {
      throw GraftError(
        .mismatch,
        "not a detached head",
        file: url.path,
        expected: "a directory written by 'graft head detach'",
        found: "no \(ModelDirectory.recordName) that names a head"
      )
    }
    let type = try heads.find(name)
    let configuration = try directory.configuration()
    let stored = try openWeights(directory.weights).weights
    let tables = dialects.values.map { NameTable($0, on: nil, heads: type.parts) }
    guard let table = tables.max(by: { $0.matches(stored.tensors.keys) < $1.matches(stored.tensors.keys) })
    else {
      throw GraftError(.unsupported, "no dialect is registered", file: url.path)
    }
    var report = LoadReport()
    let decoded = try table.decode(stored, report: &report)
    guard report.unexpected.isEmpty else {
      throw GraftError(
        .mismatch,
        "tensors that are not the head's",
        file: url.path,
        found: LoadReport.sample(report.unexpected),
        advice: "This looks like a whole checkpoint; detach its head first."
      )
    }
    let records = try type.parts.map { part in
      guard let weights = decoded[part.name] else {
        throw GraftError(.missing, "no tensor of the head '\(part.name)'", file: url.path)
      }
      return HeadRecord(
        part,
        settings: configuration.settings(of: part),
        weights: weights,
        history: HeadRecord.History(record["heads"]?[part.name], source: directory.name)
      )
    }
    return DetachedHead(type, records, configuration, hiddenSize: hiddenSize)
  }
}
