import GraftCore
import GraftKit

/// Heads as `inspect` and `head list` show them.
enum HeadTable {
  static func text(_ heads: [Inspection.Part], indent: Int = 0) -> String {
    let rows = heads.map { head in
      [
        head.name, head.isActive ? "active" : "parked", Format.grouped(head.parameters),
        head.history?.description ?? "", labels(head.labels ?? []),
      ]
    }
    return Format.table(
      rows, header: ["head", "state", "parameters", "training", "labels"], alignments: [.left, .left, .right],
      indent: indent)
  }

  static func json(_ heads: [Inspection.Part]) -> JSON {
    .array(
      heads.map { head in
        [
          "name": .string(head.name), "active": JSON(head.isActive), "parameters": JSON(head.parameters),
          "trained": JSON(head.history?.isTrained ?? false),
          "history": .string(head.history?.description ?? ""),
          "labels": head.labels.map { .list($0) } ?? .null,
        ]
      })
  }

  private static func labels(_ labels: [String]) -> String {
    let shown = labels.prefix(8).joined(separator: ", ")
    return labels.count > 8 ? "\(shown), … (\(labels.count))" : shown
  }
}
