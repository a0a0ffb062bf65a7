import Foundation
import GraftCompute
import GraftCore
import GraftTensors

/// What stands beside an array of vectors, as FILE.npy.json: how they were made, and of which texts. Queries are made in
/// the same way.
struct IndexRecord {
  /// The checkpoint: an absolute path, or a published model's name.
  var checkpoint: String
  /// The head that made sparse vectors, where it was not the active one.
  var head: String?
  /// How tokens became one vector, where that was not left to the checkpoint.
  var pooling: SentencePooling.Mode?
  var maxLength: Int?
  var width: Int?
  var normalizes = false
  var precision = WeightPrecision.float32
  /// The texts, or pairs, by their rows; of a record that is written, none.
  private(set) var texts: [String] = []

  static func file(beside array: URL) -> URL { URL(fileURLWithPath: array.path + ".json") }

  /// Keeps the name for vectors that are about to be written, and that of their record.
  ///
  /// - Throws: `GraftError` of kind `refused` when there are vectors, or beside them a file that is not a record of vectors,
  ///   or another process is writing them.
  static func claim(_ array: URL) throws -> FileClaim {
    let claim = try FileClaim(array)
    // A record stands beside the array, so that it has to be a file.
    try DirectoryWriter.checkVacant(array)
    do {
      // A record whose vectors are gone is of no use: it is replaced.
      _ = try IndexRecord(beside: array)
    } catch var error as GraftError {
      error.advice = "Choose another name or remove it first."
      throw error
    }
    return claim
  }

  /// Writes the record, whose texts come one after another.
  ///
  /// - Parameter body: Is given what adds texts.
  /// - Throws: what `body` throws, and `GraftError` when the file cannot be written.
  func write<Result>(
    beside array: URL, adding body: (_ add: ([String]) throws -> Void) throws -> Result
  ) throws -> Result {
    let document: JSON = [
      "checkpoint": .string(checkpoint), "head": head.map { .string($0) } ?? .null,
      "pooling": pooling.map { .string($0.rawValue) } ?? .null,
      "max_length": maxLength.map { JSON($0) } ?? .null, "truncate_dim": width.map { JSON($0) } ?? .null,
      "normalize": JSON(normalizes), "precision": .string(precision.rawValue), "texts": [],
    ]
    return try FileWriter.write(Self.file(beside: array)) { file in
      // Ends with the brackets of the texts and of the document.
      try file.append(Array(document.text(.pretty).utf8.dropLast(3)))
      var isFirst = true
      let result = try body { texts in
        for text in texts {
          try file.append(Array(((isFirst ? "" : ",") + "\n    " + JSON.string(text).text()).utf8))
          isFirst = false
        }
      }
      try file.append(Array((isFirst ? "]\n}\n" : "\n  ]\n}\n").utf8))
      return result
    }
  }

  /// What stands beside an array; `nil` when nothing does.
  ///
  /// - Throws: `GraftError` when the file is there and is no such record.
  init?(beside array: URL) throws {
    let url = Self.file(beside: array)
    guard FileManager.default.fileExists(atPath: url.path) else { return nil }
    do {
      let json = try JSON(parsing: RandomAccessFile(url).bytesOfWholeFile(limit: 4 << 30))
      guard let checkpoint = json["checkpoint"]?.string, let texts = json["texts"]?.array?.map(\.string),
        !texts.contains(nil)
      else {
        throw GraftError(
          .malformed, "not the record of an index", expected: "'checkpoint' and 'texts'", found: json.kind)
      }
      self.checkpoint = checkpoint
      self.texts = texts.compactMap(\.self)
      pooling = try Self.name("pooling", in: json).map { name in
        guard let mode = SentencePooling.Mode(rawValue: name) else {
          throw GraftError(
            .unsupported, "a pooling mode that is not known",
            expected: "one of \(SentencePooling.Mode.allCases.map(\.rawValue).joined(separator: ", "))",
            found: "'\(name)'")
        }
        return mode
      }
      head = try Self.name("head", in: json)
      maxLength = try Self.number("max_length", in: json)
      width = try Self.number("truncate_dim", in: json)
      normalizes = try Self.value("normalize", in: json, "true or false", \.bool) ?? false
      // An older record has none.
      precision =
        try Self.name("precision", in: json).map { name in
          guard let precision = WeightPrecision(rawValue: name) else {
            throw GraftError(
              .unsupported, "a precision that is not known",
              expected: "one of \(WeightPrecision.allCases.map(\.rawValue).joined(separator: ", "))",
              found: "'\(name)'")
          }
          return precision
        } ?? .float32
    } catch let error as GraftError {
      throw error.inFile(url.path)
    }
  }

  private static func name(_ key: String, in json: JSON) throws -> String? {
    try value(key, in: json, "a name", \.string)
  }

  private static func number(_ key: String, in json: JSON) throws -> Int? {
    try value(key, in: json, "a whole number of at least 1") { $0.int.flatMap { $0 > 0 ? $0 : nil } }
  }

  /// - Returns: `nil` where a record says nothing.
  private static func value<Value>(
    _ key: String, in json: JSON, _ expected: String, _ read: (JSON) -> Value?
  ) throws -> Value? {
    guard let written = json[key], written != .null else { return nil }
    guard let value = read(written) else {
      throw GraftError(
        .malformed, "not the record of an index", subject: "key '\(key)'", expected: expected,
        found: written.kind)
    }
    return value
  }

  init(
    checkpoint: String, head: String?, pooling: SentencePooling.Mode?, maxLength: Int?, width: Int?,
    normalizes: Bool, precision: WeightPrecision
  ) {
    (self.checkpoint, self.head, self.pooling, self.maxLength) = (checkpoint, head, pooling, maxLength)
    (self.width, self.normalizes, self.precision) = (width, normalizes, precision)
  }
}

extension ModelSource {
  /// What names it from any directory: an absolute path, or a published model's name.
  var anywhere: String {
    let url = URL(fileURLWithPath: text)
    return FileManager.default.fileExists(atPath: url.path) ? url.standardizedFileURL.path : text
  }
}
