import Foundation
import GraftCore
import GraftKit
import GraftTensors

/// Heads as `inspect` and `head list` show them.
struct HeadTable {
  private struct Row {
    let name: String
    let state: String
    let parameters: Int
    let history: Component.History
    let labels: [String]?
  }

  private let rows: [Row]

  /// The heads of a checkpoint.
  init(_ heads: [Inspection.Part]) {
    rows = heads.map { head in
      Row(
        name: head.name, state: head.isActive ? "active" : "parked", parameters: head.parameters,
        history: head.history ?? .untrained, labels: head.labels)
    }
  }

  /// The parts of a head that stands alone.
  ///
  /// - Throws: `GraftError` when its labels are broken.
  init(_ head: DetachedHead) throws {
    rows = try head.components.map { component in
      Row(
        name: component.id, state: "detached", parameters: component.weights.elementCount,
        history: component.history ?? .untrained,
        labels: component.task?.hasLabels == true ? try component.settings.labels() : nil)
    }
  }

  func text(indent: Int = 0) -> String {
    guard !rows.isEmpty else { return String(repeating: " ", count: indent) + "none: the bare encoder" }
    return Format.table(
      rows.map { row in
        [
          row.name, row.state, Format.grouped(row.parameters), abbreviated(row.labels ?? []),
          row.history.displayText,
        ]
      },
      header: ["head", "state", "parameters", "labels", "training"], alignments: [.left, .left, .right],
      indent: indent)
  }

  var json: JSON {
    .array(
      rows.map { row in
        [
          "name": .string(row.name), "state": .string(row.state), "parameters": JSON(row.parameters),
          "trained": JSON(row.history.isTrained), "history": .string(row.history.displayText),
          "labels": row.labels.map { .list($0) } ?? .null,
        ]
      })
  }

  private func abbreviated(_ labels: [String]) -> String {
    let shown = labels.prefix(8).joined(separator: ", ")
    return labels.count > 8 ? "\(shown), … (\(labels.count))" : shown
  }
}

extension Component.History {
  /// The description, with paths as a person would type them.
  fileprivate var displayText: String {
    switch self {
    case .untrained: return description
    case .imported(let source):
      return Component.History.imported(from: source.relativeToWorkingDirectory).description
    case .trained(var training):
      training.data = training.data.map(\.relativeToWorkingDirectory)
      return Component.History.trained(on: training).description
    }
  }
}
