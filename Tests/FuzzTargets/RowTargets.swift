import Foundation
import GraftCore
import GraftData
import GraftTensors

extension FuzzTarget {
  /// For each layout of data its files, one for files that do not say theirs, and for each task its rows.
  static func rows(_ registry: Registry) throws -> [FuzzTarget] {
    let url = URL(filePath: "/dev/shm/rows")
    let columns = Set(registry.tasks.values.flatMap { $0.columns }).sorted { $0.name < $1.name }
    let formats: [DataFormat?] = DataFormat.allCases + [nil]
    let files = formats.map { format in
      FuzzTarget(reading: "rows-\(format?.rawValue ?? "unknown")") { bytes in
        var options = DataOptions(fields: columns, format: format)
        options.wantsTexts = false
        let file = RandomAccessFile(bytes, named: url)
        var count = 0
        try DataSource(reading: [url], options: options).forEachRow(of: file) { row in
          // Reading is linear, and so are rows: of a compressed file there may be more.
          count += row.text.utf8.count + (row.pair?.utf8.count ?? 0)
          try Fault.unless(count <= file.budget.work, "rows of more than \(count) bytes")
        }
      }
    }
    let tasks = registry.tasks.values.map { task in
      FuzzTarget("task-\(task.name)") { bytes in
        var options = DataOptions(fields: task.columns, format: .jsonLines)
        options.wantsTexts = false
        if String(decoding: bytes, as: UTF8.self).contains("text_pair") {
          options.pairColumn = .name("text_pair")
        }
        var rows: [TextRow] = []
        try DataSource(reading: [url], options: options)
          .forEachRow(of: RandomAccessFile(bytes, named: url)) { rows.append($0) }
        return try readsLabels(of: rows, task) ? .read : .refused
      }
    }
    return files + tasks
  }

  /// Whether the heads of a task read rows: with labels of their own, with two that are given, or to find out which.
  private static func readsLabels(of rows: [TextRow], _ task: any Task.Type) throws -> Bool {
    let named = Configuration(["id2label": ["0": "0", "1": "1"], "label2id": ["0": 0, "1": 1]])
    var isRead = false
    func attempt(_ body: () throws -> Void) throws {
      do {
        try body()
        isRead = true
      } catch let error as GraftError {
        try Fault.check(error)
      }
    }
    for configuration in [Configuration(), named] {
      for base in [nil, 0, 1] {
        try attempt {
          let head = try task.init(configuration)
          _ = head.note(on: rows, LabelReading(base: base))
          _ = try head.labels(of: rows, LabelReading(base: base))
        }
      }
    }
    try attempt { _ = try task.inferredLabels(of: rows, nil) }
    return isRead
  }
}
