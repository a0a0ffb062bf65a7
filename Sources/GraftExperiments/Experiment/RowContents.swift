import GraftCore
import GraftKit
import GraftTensors

/// What tasks read of the rows of a data set, as hashes, which are the same within a process.
struct RowContents: Sendable {
  /// For each row, by the name of a task that reads columns of its own; `nil` where it can read nothing of the row.
  private var own: [String: [Int?]] = [:]
  /// What all other tasks read.
  private let usual: [Int?]

  /// - Parameter tasks: Those that read columns of their own.
  /// - Throws: `GraftError` when a task cannot be made of no settings.
  init(_ rows: [TextRow], _ tasks: [any GraftCore.Task.Type]) throws {
    func hashes(_ task: (any GraftCore.Task)?) -> [Int?] {
      rows.map { row in
        do {
          return try RepeatedRows.Content(row, for: task).hashValue
        } catch {
          // What is wrong with a row is said where its task checks all rows.
          return nil
        }
      }
    }
    usual = hashes(nil)
    for task in tasks { own[task.name] = hashes(try task.init(Configuration())) }
  }

  func hashes(for task: String) -> [Int?] { own[task] ?? usual }
}

extension DataFacts {
  /// The hashes of what a task reads of its rows, or of those of the part.
  private func contents(for task: String) -> [Int?] {
    let all = contents.hashes(for: task)
    return places.map { $0.map { all[$0] } } ?? all
  }

  /// That rows are scored whose text is trained on; `nil` where none is.
  ///
  /// - Parameters:
  ///   - sets: What is trained on.
  ///   - task: The name of the task that reads the rows.
  ///   - fold: Which part of the data the rows are, from 0.
  func repetitions(of sets: [DataFacts], as task: String, fold: Int?) -> String? {
    let rows = contents(for: task)
    var isRepeated = [Bool](repeating: false, count: rows.count)
    var names: [String] = []
    for set in sets {
      let known = Set(set.contents(for: task).compactMap { $0 })
      let found = rows.indices.filter { rows[$0].map(known.contains) == true }
      if !found.isEmpty { names.append(set.name) }
      for place in found { isRepeated[place] = true }
    }
    guard !names.isEmpty else { return nil }
    return RepeatedRows.sentence(
      isRepeated.count(where: \.self), of: rows.count, in: name, fold: fold, trainedIn: names)
  }
}
