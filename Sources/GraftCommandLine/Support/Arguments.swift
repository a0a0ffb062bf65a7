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

  /// Without a registry every command fails, and says why.
  static var registry: Registry? { try? GraftTool.registry() }
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
