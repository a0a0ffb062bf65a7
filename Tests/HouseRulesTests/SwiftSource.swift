import Foundation
import TestSupport

/// A Swift file, taken apart as far as the rules need: what it imports, what its string literals say, and its code
/// without comments and without the text of literals.
struct SwiftSource {
  /// What stands in a literal's text where a value is put in: the object replacement character.
  static let interpolation = "\u{FFFC}"

  /// The path below the repository's root: `Sources/GraftCore/Registry.swift`.
  let path: String
  let text: String
  let literals: [String]
  /// The code: each literal is `""` with its interpolations behind it, comments are gone.
  let code: String
  let comments: String

  init(path: String, text: String) {
    var scanner = Scanner(text)
    scanner.scanCode()
    (self.path, self.text) = (path, text)
    (literals, code, comments) = (scanner.literals, scanner.code, scanner.comments)
  }

  /// The modules that are imported, whatever stands before `import` and whatever part of a module is named.
  var imports: [String] {
    code.matches(
      of: /(?m)^[@\w() ]*\bimport (?:(?:struct|class|enum|protocol|func|var|let|typealias) )?(\w+)/
    ).map { String($0.1) }
  }

  /// The lines of code that a pattern matches, without the white space around them.
  func lines(matching pattern: some RegexComponent) -> [String] {
    code.split(separator: "\n").filter { $0.contains(pattern) }.map {
      $0.trimmingCharacters(in: .whitespaces)
    }
  }

  /// Every Swift file below some folders of the repository.
  static func all(in folders: String...) throws -> [SwiftSource] {
    try folders.flatMap { folder in
      let names = FileManager.default.enumerator(atPath: repository.appending(path: folder).path)?
        .compactMap { $0 as? String }.filter { $0.hasSuffix(".swift") }.sorted()
      return try (names ?? []).map { name in
        let path = "\(folder)/\(name)"
        return SwiftSource(
          path: path, text: try String(contentsOf: repository.appending(path: path), encoding: .utf8))
      }
    }
  }
}

/// Walks over the bytes of a file once. It knows comments, which nest, and string literals: of one line or several,
/// raw or not, with code inside `\( )`. Regular expressions in slashes are taken for code.
private struct Scanner {
  let bytes: [UInt8]
  var position = 0
  private var (literalBytes, codeBytes, commentBytes) = ([[UInt8]](), [UInt8](), [UInt8]())

  init(_ text: String) { bytes = Array(text.utf8) }

  var literals: [String] { literalBytes.map { String(decoding: $0, as: UTF8.self) } }
  var code: String { String(decoding: codeBytes, as: UTF8.self) }
  var comments: String { String(decoding: commentBytes, as: UTF8.self) }

  /// Scans to the end of the file, or to the parenthesis that closes an interpolation.
  mutating func scanCode(isInterpolation: Bool = false) {
    var depth = 0
    while position < bytes.count {
      switch bytes[position] {
      case Self.slash where starts(with: "//"):
        while position < bytes.count, bytes[position] != Self.newline { commentBytes.append(next()) }
        commentBytes.append(Self.newline)
        continue
      case Self.slash where starts(with: "/*"):
        scanBlockComment()
        continue
      case Self.quote, Self.hash:
        guard let hashes = literalStart() else { break }
        scanLiteral(hashes)
        continue
      case UInt8(ascii: "("): depth += 1
      case UInt8(ascii: ")"):
        if isInterpolation, depth == 0 { return }
        depth -= 1
      default: break
      }
      codeBytes.append(next())
    }
  }

  private static let (slash, quote, hash, newline) = (
    UInt8(ascii: "/"), UInt8(ascii: "\""), UInt8(ascii: "#"), UInt8(ascii: "\n")
  )

  private func starts(with text: String) -> Bool { bytes[position...].starts(with: text.utf8) }

  private mutating func next() -> UInt8 {
    defer { position += 1 }
    return bytes[position]
  }

  private mutating func scanBlockComment() {
    var depth = 0
    repeat {
      if starts(with: "/*") {
        depth += 1
        commentBytes.append(next())
      } else if starts(with: "*/") {
        depth -= 1
        commentBytes.append(next())
      }
      commentBytes.append(next())
    } while depth > 0 && position < bytes.count
  }

  /// How many number signs stand before the quotation mark of a literal that begins here; `nil` where none does.
  private func literalStart() -> Int? {
    let hashes = bytes[position...].prefix { $0 == Self.hash }.count
    return position + hashes < bytes.count && bytes[position + hashes] == Self.quote ? hashes : nil
  }

  private mutating func scanLiteral(_ hashes: Int) {
    let marks = String(repeating: "#", count: hashes)
    position += hashes
    let quote = starts(with: "\"\"\"") ? "\"\"\"" : "\""
    position += quote.count
    let (end, escape) = (quote + marks, "\\" + marks)
    var text: [UInt8] = []
    codeBytes += "\"\"".utf8
    while position < bytes.count {
      switch bytes[position] {
      case Self.quote where starts(with: end):
        position += end.utf8.count
        literalBytes.append(text)
        return
      case UInt8(ascii: "\\") where starts(with: escape):
        position += escape.utf8.count
        scanEscape(&text)
      default: text.append(next())
      }
    }
  }

  /// What follows a backslash: an interpolation, for which ``SwiftSource/interpolation`` stands, or a character, for
  /// which a space stands.
  private mutating func scanEscape(_ text: inout [UInt8]) {
    guard position < bytes.count else { return }
    if bytes[position] == UInt8(ascii: "(") {
      codeBytes.append(next())
      scanCode(isInterpolation: true)
      if position < bytes.count { codeBytes.append(next()) }
      text += SwiftSource.interpolation.utf8
    } else {
      position += 1
      text.append(UInt8(ascii: " "))
    }
  }
}
