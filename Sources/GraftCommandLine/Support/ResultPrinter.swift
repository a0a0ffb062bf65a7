import ArgumentParser
import Foundation
import GraftKit
import GraftTensors

/// How results for many texts are printed for programs.
struct ResultFlags: ParsableArguments {
  @Flag(help: "Print one JSON object a line, as results come.")
  var jsonLines = false

  func printer(_ output: OutputFlags) throws -> ResultPrinter {
    guard !output.json || !jsonLines else {
      throw ValidationError("Give --json for one document or --json-lines for one object a line, not both.")
    }
    return ResultPrinter(form: output.json ? .document : jsonLines ? .lines : nil)
  }
}

/// What is printed of a text.
struct PrintedAnswer: RowAnswer, Codable {
  /// The text of an object, or lines.
  let results: [String]
  /// The most tokens that were read of it, where it has more; one for each head.
  var limits: [Int?] = []
}

/// Prints results while there are more to come: as text, as the elements of one JSON document, or as JSON Lines.
struct ResultPrinter {
  enum Form { case document, lines }

  /// `nil` is text.
  let form: Form?
  private var isFirst = true

  init(form: Form?) { self.form = form }

  /// Whether objects are printed instead of text.
  var isJSON: Bool { form != nil }

  /// A result as it is printed.
  func text(of result: JSON) -> String {
    form == .lines
      ? result.text() : "  " + result.text(.pretty).replacingOccurrences(of: "\n", with: "\n  ")
  }

  /// Prints some results: texts of objects, or lines.
  ///
  /// - Throws: as ``Output/stream(_:)``.
  mutating func print(_ results: [String]) throws {
    guard !results.isEmpty else { return }
    if form == .document {
      try Output.stream((isFirst ? "[\n" : ",\n") + results.joined(separator: ",\n"))
    } else {
      try Output.stream(results.map { $0 + "\n" }.joined())
    }
    isFirst = false
  }

  /// Prints what `body` prints, and ends the document. One that was begun is ended before an error too, so that it can be
  /// read.
  ///
  /// - Throws: what `body` throws, and as ``Output/stream(_:)``.
  mutating func whole(_ body: (inout ResultPrinter) throws -> Void) throws {
    do {
      try body(&self)
    } catch {
      if !isFirst { try end() }
      throw error
    }
    try end()
  }

  private func end() throws {
    guard form == .document, GraftTool.group.leads else { return }
    try Output.stream(isFirst ? "[]\n" : "\n]\n")
  }
}
