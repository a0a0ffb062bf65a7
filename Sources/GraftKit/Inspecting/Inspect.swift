import Foundation
import GraftCore
import GraftTensors

/// What inspecting tells of a checkpoint.
public struct Inspection: Sendable {
  public struct Part: Sendable {
    public let name: String
    /// The number of weights.
    public let parameters: Int
    /// What is known of a head's training; `nil` for the backbone.
    public let history: Component.History?
    public let isActive: Bool
    public let labels: [String]?
  }

  public let format: String
  public let dialect: String
  public let architecture: String
  public let layers: Int
  public let hiddenSize: Int
  public let vocabularySize: Int
  public let maximumLength: Int
  /// The number of all weights: of the backbone, its heads, and the dense layers that make vectors.
  public let parameters: Int
  public let tokenizer: String?
  /// How it makes one vector for a text, where its folder says so.
  public let sentences: SentencePipeline?
  public let backbone: Part
  public let heads: [Part]
  /// The number of tensors by the type that they are stored in.
  public let types: [(name: String, count: Int)]
  /// Stored tensors that are copies of others.
  public let ties: [String]
  /// How the checkpoint came to be, the first step first.
  public let lineage: [LineageStep]
  public let report: LoadReport
  /// The stored tensors in their order.
  public let tensors: [(name: String, tensor: LazyTensor)]
}

/// Describes a checkpoint.
///
/// - Parameters:
///   - source: A checkpoint directory or weight file.
///   - check: Whether every tensor is read, which holds it against its checksum and finds values that are not
///     finite. Without, only headers are read.
///   - registry: The plugins.
/// - Throws: `GraftError` when it cannot be opened, or a tensor is damaged.
public func inspect(_ source: URL, check: Bool = false, registry: Registry) throws -> Inspection {
  var opened = try registry.open(source)
  if check {
    try opened.confirmCopies()
    let tally = NonFiniteTally()
    for tensor in tally.watching(opened.stored).tensors.values { try tensor.stream { _ in } }
    opened.report.nonFinite = tally.found
  }
  let checkpoint = opened.checkpoint
  let backbone = try checkpoint.makeBackbone()
  let active = Set(checkpoint.activeHeads.map(\.id))
  let counts = Dictionary(grouping: opened.stored.tensors.values, by: \.storedTypeName).mapValues(\.count)
  let encoder = checkpoint.components.filter { !$0.isHead }
  let backbonePart = Inspection.Part(
    name: checkpoint.family.name, parameters: encoder.reduce(0) { $0 + $1.weights.elementCount },
    history: nil, isActive: true, labels: nil)
  let heads = try checkpoint.heads.map { head in
    Inspection.Part(
      name: head.id, parameters: head.weights.elementCount, history: head.history,
      isActive: active.contains(head.id),
      labels: head.task?.hasLabels == true ? try head.settings.labels() : nil)
  }
  return Inspection(
    format: opened.format, dialect: opened.dialect.name, architecture: checkpoint.architecture,
    layers: backbone.layerCount, hiddenSize: backbone.hiddenSize, vocabularySize: backbone.vocabularySize,
    maximumLength: backbone.maximumLength,
    parameters: ([backbonePart] + heads).reduce(checkpoint.sentences?.weights.elementCount ?? 0) {
      $0 + $1.parameters
    },
    tokenizer: checkpoint.tokenizer.map { type(of: $0).name },
    sentences: checkpoint.sentences, backbone: backbonePart, heads: heads,
    // Types of equal counts by name, as a dictionary's order is another in every run.
    types: counts.map { ($0.key, $0.value) }.sorted { ($1.1, $0.0) < ($0.1, $1.0) },
    ties: opened.report.dropped.filter(\.isTied).map(\.name), lineage: checkpoint.lineage,
    report: opened.report, tensors: opened.stored.tensors.map { ($0.key, $0.value) })
}

/// What is known of a checkpoint that cannot be opened.
public struct Diagnosis: Sendable {
  /// The file or directory at fault.
  public let file: URL
  /// `safetensors`, or whatever else it is: "a Git LFS pointer"; `nil` when nothing knows it, or it is missing.
  public let kind: String?
  /// The size in bytes of a file.
  public let size: Int?
  /// What is wrong, how much could be read, and what to do.
  public let error: GraftError
}

/// Looks at the file that an error is about.
public func diagnose(_ error: GraftError, of source: URL, registry: Registry) -> Diagnosis {
  let url = error.file.map { URL(filePath: $0) } ?? source
  guard let file = try? RandomAccessFile(url) else {
    let isThere = FileManager.default.fileExists(atPath: url.path)
    return Diagnosis(file: url, kind: isThere ? "a directory" : nil, size: nil, error: error)
  }
  return Diagnosis(file: url, kind: kind(of: file, registry), size: file.size, error: error)
}

/// The format of a file, whole or broken, or what else it is; `nil` when nothing knows it.
private func kind(of file: RandomAccessFile, _ registry: Registry) -> String? {
  for format in registry.checkpointFormats {
    do {
      if try format.open(file) != nil { return format.name }
    } catch {
      // Only a format that recognises a file finds fault with it.
      return format.name
    }
  }
  // A file that cannot be read is of no known kind; the error that is diagnosed says why.
  return (try? file.head()).flatMap { FileKind($0)?.description }
}
