import Foundation
import GraftCompute
import GraftTensors
import OrderedCollections

/// A format whose files are whole models: weights, and what a runtime needs beside them, be it settings and a
/// tokenizer (GGUF) or what is computed (ONNX). A container of tensors alone is a `WeightFormat`.
public protocol ModelFormat: FileFormat {
  /// The one ``Dialect/name`` whose names the tensors have.
  static var dialect: String { get }

  /// Whether the files hold what the model computes.
  static var holdsGraph: Bool { get }

  /// Reads what a file says of its model, and no tensor's bytes, if the file is in this format.
  ///
  /// - Parameter file: The file, opened once for recognising and reading.
  /// - Returns: `nil` when the file is in another format.
  /// - Throws: `GraftError` when the file breaks the format, or cannot be read.
  func open(_ file: RandomAccessFile) throws -> ModelFile?

  /// Writes a model, streaming each tensor once.
  ///
  /// - Parameters:
  ///   - model: What is written. Weights alone, such as a parked head's, have neither attributes nor a graph.
  ///   - url: The file.
  ///   - limit: The most bytes of tensors in one file, unless a single tensor is larger; `nil` is what is usual
  ///     for the format. Where there are more, they stand in files beside it.
  /// - Throws: `GraftError` when the file cannot be written, the format cannot hold a tensor, or it keeps all
  ///   tensors in one file and they are more than the limit.
  func write(_ model: ModelFile, to url: URL, limit: Int?) throws
}

/// What a file of a ``ModelFormat`` holds.
public struct ModelFile: Sendable {
  /// The tensors, in the layout that the graph's steps expect.
  public var weights: Weights
  /// What the file says of the model beside the tensors: its numbers and its tokenizer, or the texts of
  /// `config.json` and the tokenizer's files, under their names.
  public var attributes: OrderedDictionary<String, JSON>
  /// What the model computes, over parameters by the names of ``weights``; `nil` when it is not known.
  public var graph: ModelGraph?
  /// What tensors are to be written as, by name; others as they were stored in a file of the same format, or as
  /// their elements.
  public var storageTypes: [String: StorageType]
  /// What else a person should know of a file that was read.
  public var notes: [String]

  public init(
    _ weights: Weights = Weights(), attributes: OrderedDictionary<String, JSON> = [:],
    graph: ModelGraph? = nil, storageTypes: [String: StorageType] = [:]
  ) {
    self.weights = weights
    self.attributes = attributes
    self.graph = graph
    self.storageTypes = storageTypes
    notes = weights.notes
  }
}

extension ModelFormat {
  /// Opens a file that has to be in this format.
  ///
  /// - Throws: `GraftError` that says what the file is instead, or what is wrong with it.
  public func open(_ url: URL) throws -> ModelFile {
    let file = try RandomAccessFile(url)
    guard let model = try open(file) else { throw try Self.mismatch(file) }
    return model
  }
}

/// A format that a checkpoint's weights can stand in, of either kind.
public enum CheckpointFormat: Sendable {
  case container(any WeightFormat.Type)
  case model(any ModelFormat.Type)

  public var type: any FileFormat.Type {
    switch self {
    case .container(let type): type
    case .model(let type): type
    }
  }

  public var name: String { type.name }
  public var fileNames: [String] { type.fileNames }
  public var pathSuffixes: [String] { type.pathSuffixes }

  /// The one dialect whose names the tensors have; `nil` for a container of any names.
  public var dialect: String? {
    if case .model(let type) = self { type.dialect } else { nil }
  }

  /// Whether a tensor of two names is stored once, under both.
  public var sharesTensors: Bool {
    if case .container(let type) = self { type.sharesTensors } else { false }
  }

  /// Opens a file, if it is in this format.
  ///
  /// - Returns: The tensors, and what else there is; `nil` for another format's file.
  /// - Throws: `GraftError` when the file breaks the format, or cannot be read.
  public func open(_ file: RandomAccessFile) throws -> ModelFile? {
    let model =
      switch self {
      case .container(let type):
        try type.init().open(file).map { weights in
          let text = weights.configuration.map { JSON.string($0) }
          return ModelFile(weights, attributes: text.map { [ModelDirectory.configurationName: $0] } ?? [:])
        }
      case .model(let type): try type.init().open(file)
      }
    try model?.weights.checkSize()
    return model
  }

  /// Writes a model; to a container its weights.
  ///
  /// - Parameters:
  ///   - model: The model to write.
  ///   - url: The file to create.
  ///   - limit: The most bytes of tensors in one file; `nil` is what is usual for the format.
  /// - Throws: `GraftError` when a file cannot be written or the format cannot hold a tensor.
  public func write(_ model: ModelFile, to url: URL, limit: Int? = nil) throws {
    switch self {
    case .container(let type): try type.init().write(model.weights, to: url, limit: limit)
    case .model(let type): try type.init().write(model, to: url, limit: limit)
    }
  }
}

extension Registry {
  /// The formats of both kinds: containers of tensors, then whole models.
  public var checkpointFormats: [CheckpointFormat] {
    formats.values.map { .container($0) } + modelFormats.values.map { .model($0) }
  }

  /// The format of a name, of either kind.
  ///
  /// - Throws: `GraftError` that lists the known names.
  public func checkpointFormat(_ name: String) throws -> CheckpointFormat {
    let known = checkpointFormats
    guard let format = known.first(where: { $0.name == name }) else {
      let names = known.map(\.name)
      let nearest = NearestName.find(name, among: names).map { " Did you mean '\($0)'?" } ?? ""
      throw GraftError(
        .unknownName, "unknown \(formats.kind) '\(name)'",
        advice: "Known: \(names.joined(separator: ", ")).\(nearest)")
    }
    return format
  }
}
