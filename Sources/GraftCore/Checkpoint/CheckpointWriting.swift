import Foundation
import OrderedCollections

extension ModelDirectory {
  /// The name of the file of kept tensors in a format: `kept.safetensors` beside `model.safetensors`.
  static func keptName(_ fileName: String) -> String {
    let parts = fileName.split(separator: ".", maxSplits: 1)
    return parts.count == 2 ? "\(keptStem).\(parts[1])" : keptStem
  }
}

extension Checkpoint {
  /// How a checkpoint is written.
  public struct WriteOptions: Sendable {
    public var format: any WeightFormat.Type
    public var dialect: Dialect
    /// Converts floating-point tensors; `nil` keeps each as it is.
    public var dtype: DType?
    /// The most bytes of tensors in one file.
    public var shardLimit: Int

    public init(
      format: any WeightFormat.Type,
      dialect: Dialect,
      dtype: DType? = nil,
      shardLimit: Int = 5_000_000_000
    ) {
      self.format = format
      self.dialect = dialect
      self.dtype = dtype
      self.shardLimit = shardLimit
    }
  }

  /// Writes the files of a checkpoint into a directory that exists.
  ///
  /// `config.json`, the weights and the tokenizer are exactly what the active architecture's class loads.
  /// What it has no place for stands beside them: parked heads under `heads/`, a pooler that the class does
  /// not have and unrecognised tensors in `kept.…`, and what is known of the heads in `graft.json`.
  ///
  /// - Throws: ``GraftError`` when a file cannot be written or the dialect cannot name a tensor.
  public func write(into directory: URL, _ options: WriteOptions) throws {
    var configuration = configuration
    configuration["architectures"] = [.string(architecture)]
    configuration["model_type"] = .string(backboneType.name)
    if let dtype = options.dtype ?? backbone.tensors.values.first?.spec.dtype {
      // transformers 5 writes `dtype`; older files have `torch_dtype`.
      configuration.values["torch_dtype"] = nil
      configuration["dtype"] = .string(dtype.rawValue)
    }
    try FileWriter.write(
      directory.appendingPathComponent(ModelDirectory.configurationName),
      text: configuration.text
    )

    let fileName = try options.format.fileName()
    try ShardIndex.write(
      try encodedWeights(options), to: directory.appendingPathComponent(fileName), limit: options.shardLimit,
      format: options.format.init())

    let unused = try unusedBackboneParameters()
    var kept = try encoded(Weights(backbone.tensors.filter { unused.contains($0.key) }), options)
    kept.tensors.merge(extra.tensors) { first, _ in first }
    if !kept.tensors.isEmpty {
      try options.format.init().write(
        kept,
        to: directory.appendingPathComponent(ModelDirectory.keptName(fileName))
      )
    }
    for record in parkedRecords {
      let folder = directory.appendingPathComponent(ModelDirectory.headsName).appendingPathComponent(
        record.id
      )
      try DirectoryWriter.makeDirectory(folder)
      try DetachedHead(record.type, [record], of: self).write(into: folder, options)
    }
    try FileWriter.write(
      directory.appendingPathComponent(ModelDirectory.recordName),
      text: HeadRecord.document(
        activeHead?.name, activeRecords, poolerHistory.map { ["pooler": $0.json] } ?? [:])
    )
    try tokenizer?.write(to: directory)
  }
}

extension Checkpoint {
  /// The tensors of the active architecture as a dialect stores them.
  ///
  /// - Throws: ``GraftError`` when the dialect cannot name a tensor.
  public func encodedWeights(_ options: WriteOptions) throws -> Weights {
    try encoded(try activeWeights(), options)
  }

  private func encoded(_ weights: Weights, _ options: WriteOptions) throws -> Weights {
    let table = NameTable(
      options.dialect, layers: try makeBackbone().layerCount, heads: activeHead?.parts ?? [])
    return try table.encode(
      options.dtype.map { weights.converted(to: $0) } ?? weights, withHead: activeHead != nil)
  }
}

extension HeadRecord {
  /// The text of `graft.json`: the head, its parts' histories, and other members.
  static func document(
    _ head: String?, _ records: [HeadRecord], _ others: OrderedDictionary<String, JSON>
  ) -> String {
    let histories = records.map { ($0.type.name, $0.history.json) }
    let document: OrderedDictionary<String, JSON> = [
      "head": head.map { .string($0) } ?? .null,
      "heads": .object(OrderedDictionary(uniqueKeysWithValues: histories)),
    ]
    return JSON.object(document.merging(others) { first, _ in first }).text(.pretty) + "\n"
  }
}
