import Foundation
import GraftCore
import GraftKit
import GraftTensors

/// Sparse vectors in a file: a line of JSON for each text, `{"token": weight}`, the largest weight first.
enum SparseFile {
  /// The line of a vector.
  static func line(of vector: SparseVector, tokenizer: any Tokenizer) -> [UInt8] {
    let members = vector.entries.map { JSON.Member(name(of: $0.id, tokenizer), JSON($0.weight)) }
    return Array((JSON.members(members).text() + "\n").utf8)
  }

  /// What a token is called; a row of the model that has none, by its number.
  private static func name(of id: Int32, _ tokenizer: any Tokenizer) -> String {
    tokenizer.token(of: id) ?? "<\(id)>"
  }

  /// Whether a file begins as such a file does.
  ///
  /// - Throws: `GraftError` when it cannot be read.
  static func isOne(_ url: URL) throws -> Bool {
    try RandomAccessFile(url).head(1).first == UInt8(ascii: "{")
  }

  /// Reads vectors.
  ///
  /// - Throws: `GraftError` naming the line that is none, and the token that the tokenizer does not have.
  static func read(_ url: URL, tokenizer: any Tokenizer) throws -> [SparseVector] {
    let bytes = try RandomAccessFile(url).bytesOfWholeFile(limit: 4 << 30)
    var lines = bytes.split(separator: UInt8(ascii: "\n"), omittingEmptySubsequences: false)
    // The last line ends with a line end too.
    if lines.last?.isEmpty == true { lines.removeLast() }
    return try lines.enumerated().map { line, bytes in
      func wrong(_ problem: String, _ expected: String, _ found: String) -> GraftError {
        GraftError(
          .malformed, problem, file: url.path, subject: "line \(line + 1)", expected: expected, found: found)
      }
      let json: JSON
      do { json = try JSON(parsing: bytes) } catch let error as GraftError {
        throw error.at("line \(line + 1)", of: url.path)
      }
      guard let members = json.members else {
        throw wrong("not a sparse vector", "an object of tokens with their weights", json.kind)
      }
      return SparseVector(
        try members.map { member in
          guard let id = tokenizer.id(of: member.key) ?? number(member.key) else {
            throw wrong("a token that the model does not have", "tokens of its vocabulary", "'\(member.key)'")
          }
          guard let weight = member.value.double.map({ Float($0) }), weight.isFinite, weight > 0 else {
            throw wrong("wrong weight of '\(member.key)'", "a positive number", member.value.text())
          }
          return SparseVector.Entry(id: id, weight: weight)
        })
    }
  }

  /// What stands between `<` and `>`.
  private static func number(_ name: String) -> Int32? {
    name.hasPrefix("<") && name.hasSuffix(">") ? Int32(name.dropFirst().dropLast()) : nil
  }
}

extension GraftError {
  /// This error with a line of a file, before what it says itself.
  fileprivate func at(_ line: String, of file: String) -> GraftError {
    var error = self
    (error.file, error.subject) = (file, subject.map { "\(line), \($0)" } ?? line)
    return error
  }
}
