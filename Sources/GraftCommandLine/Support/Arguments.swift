import ArgumentParser
import Foundation
import GraftCore
import GraftKit
import GraftTensors

/// A path on the command line.
struct Path: ExpressibleByArgument {
  let url: URL

  init?(argument: String) {
    guard !argument.isEmpty else { return nil }
    url = URL(fileURLWithPath: argument)
  }

  static var defaultCompletionKind: CompletionKind { .file() }
}

extension String {
  /// The names between commas, without the spaces around them.
  var commaSeparatedNames: [String] {
    split(separator: ",").map { $0.trimmingCharacters(in: .whitespaces) }.filter { !$0.isEmpty }
  }
}

/// A size on the command line: `5GB`, `200MB`, `1000`; powers of 1000, as transformers counts.
struct ByteCount: ExpressibleByArgument {
  let value: Int

  init?(argument: String) {
    let units = ["GB": 1_000_000_000, "MB": 1_000_000, "KB": 1000, "B": 1]
    let text = argument.uppercased()
    let unit = ["GB", "MB", "KB", "B"].first { text.hasSuffix($0) }
    let digits = unit.map { text.dropLast($0.count) } ?? text[...]
    guard let number = Int(digits), number > 0 else { return nil }
    let (value, overflow) = number.multipliedReportingOverflow(by: unit.flatMap { units[$0] } ?? 1)
    guard !overflow else { return nil }
    self.value = value
  }
}

extension RankList: ExpressibleByArgument {
  package init?(argument: String) { self.init(text: argument) }
}

/// The name of a type that some registered format stores weights as.
struct StorageTypeName: ExpressibleByArgument {
  let name: String

  init?(argument: String) {
    guard Self.allValueStrings.contains(argument) else { return nil }
    name = argument
  }

  static var allValueStrings: [String] {
    let formats = RegisteredNames.registry?.checkpointFormats ?? []
    return formats.flatMap { $0.type.storageTypes.map(\.name) }.reduce(into: []) { names, name in
      if !names.contains(name) { names.append(name) }
    }
  }
}

/// Names that arguments may have, for help and for shells to complete.
enum RegisteredNames {
  static var tokenizerTypes: [String] { registry?.tokenizerTrainers.names ?? [] }
  static var families: [String] { registry?.families.names ?? [] }

  static var formats: [String] { registry?.checkpointFormats.map { $0.type.name } ?? [] }
  static var dialects: [String] {
    (registry?.families.values ?? []).flatMap { $0.dialects.map(\.name) }.unique
  }
  static var heads: [String] { registry?.headNames ?? [] }
  static var backends: [String] { ["auto"] + (registry?.backends.names ?? []) }
  static var optimizers: [String] { registry?.optimizers.names ?? [] }
  static var metricsWriters: [String] { ["none"] + (registry?.metricsWriters.names ?? []) }
  /// Those of the catalogue; none where it cannot be read, as commands then say.
  static var models: [String] {
    registry.flatMap { try? ModelCatalogue($0) }?.entries.map(\.name) ?? []
  }

  /// Without a registry every command fails, and says why.
  static var registry: Registry? { try? GraftTool.registry() }
}

extension CompletionKind {
  /// Names that are asked for when somebody completes, so that no other command has to know them.
  static func names(_ names: @escaping @Sendable () -> [String]) -> CompletionKind {
    .custom { _, _, _ in names() }
  }

  /// The catalogue's models, and files.
  static var checkpoints: CompletionKind { namesAndFiles { RegisteredNames.models } }

  /// Names, and files.
  static func namesAndFiles(_ names: @escaping @Sendable () -> [String]) -> CompletionKind {
    .custom { _, _, prefix in
      let path = URL(fileURLWithPath: prefix)
      let directory =
        prefix.isEmpty || prefix.hasSuffix("/") ? path.path : path.deletingLastPathComponent().path
      let typed =
        prefix.hasSuffix("/")
        ? prefix
        : String(
          prefix.prefix(
            prefix.lastIndex(of: "/").map { prefix.distance(from: prefix.startIndex, to: $0) + 1 } ?? 0))
      // A directory that cannot be listed has nothing to complete.
      let files = (try? FileManager.default.contentsOfDirectory(atPath: directory)) ?? []
      return names() + files.sorted().filter { !$0.hasPrefix(".") }.map { typed + $0 }
    }
  }
}

extension Sequence where Element: Hashable {
  /// Each element once, where it stands first.
  fileprivate var unique: [Element] {
    var seen: Set<Element> = []
    return filter { seen.insert($0).inserted }
  }
}

extension SentencePooling.Mode: ExpressibleByArgument {}

/// The kinds of labels, in the words of this field.
enum ProblemTypeArgument: String, ExpressibleByArgument, CaseIterable {
  case singleLabel = "single-label"
  case multiLabel = "multi-label"
  case regression

  var problemType: ProblemType {
    switch self {
    case .singleLabel: .singleLabel
    case .multiLabel: .multiLabel
    case .regression: .regression
    }
  }
}
