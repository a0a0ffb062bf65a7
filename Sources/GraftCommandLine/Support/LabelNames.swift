import ArgumentParser
import Foundation
import GraftCore
import GraftTensors

/// The names of labels in the value of a flag: `A,B,C`, or a JSON list of names with commas.
enum LabelNames {
  /// - Throws: `ValidationError` for an empty name, or one that comes twice.
  static func read(_ text: String) throws -> [String] {
    let list: [JSON]?
    do {
      list = text.hasPrefix("[\"") ? try JSON(parsing: Array(text.utf8)).array : nil
    } catch {
      throw ValidationError("--labels begins as a JSON list of names and is none: \(error)")
    }
    if list?.contains(where: { $0.string == nil }) == true {
      throw ValidationError("--labels is a JSON list of something else than names.")
    }
    let names =
      list?.compactMap(\.string)
      ?? text.split(separator: ",", omittingEmptySubsequences: false).map {
        String($0).trimmingCharacters(in: .whitespaces)
      }
    if names.contains("") { throw ValidationError("--labels has an empty name.") }
    if let twice = LabelColumn.repeatedName(names) {
      throw ValidationError("--labels names '\(twice)' twice.")
    }
    return names
  }
}
