import Foundation
import GraftCore
import GraftTensors

/// What stands beside an array of vectors, as FILE.npy.json: how they were made, and of which texts. Queries are made in
/// the same way.
struct IndexRecord {
  /// The checkpoint: an absolute path, or a published model's name.
  var checkpoint: String
  /// How tokens became one vector, where that was not left to the checkpoint.
  var pooling: SentencePooling.Mode?
  var maxLength: Int?
  var width: Int?
  var normalizes = false
  /// The texts, or pairs, by their rows.
  var texts: [String]

  static func file(beside array: URL) -> URL { URL(fileURLWithPath: array.path + ".json") }

  /// Refuses to replace vectors, or a file beside them that is not a record of vectors.
  ///
  /// - Throws: `GraftError` of kind `refused` when there is such a file.
  static func checkVacant(_ array: URL) throws {
    // A record stands beside the array, so that it has to be a file.
    try DirectoryWriter.checkVacant(array)
    try FileWriter.checkVacant(array)
    do {
      // A record whose vectors are gone is of no use: it is replaced.
      _ = try IndexRecord(beside: array)
    } catch var error as GraftError {
      error.advice = "Choose another name or remove it first."
      throw error
    }
  }

  /// - Throws: `GraftError` when the file cannot be written.
  func write(beside array: URL) throws {
    let document: JSON = [
      "checkpoint": .string(checkpoint), "pooling": pooling.map { .string($0.rawValue) } ?? .null,
      "max_length": maxLength.map { JSON($0) } ?? .null, "truncate_dim": width.map { JSON($0) } ?? .null,
      "normalize": JSON(normalizes), "texts": .array(texts.map { .string($0) }),
    ]
    try FileWriter.write(Self.file(beside: array), text: document.text(.pretty) + "\n")
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
      pooling = try json["pooling"]?.string.map { name in
        guard let mode = SentencePooling.Mode(rawValue: name) else {
          throw GraftError(
            .unsupported, "a pooling mode that is not known",
            expected: "one of \(SentencePooling.Mode.allCases.map(\.rawValue).joined(separator: ", "))",
            found: "'\(name)'")
        }
        return mode
      }
      maxLength = json["max_length"]?.int
      width = json["truncate_dim"]?.int
      normalizes = json["normalize"]?.bool ?? false
    } catch let error as GraftError {
      throw error.inFile(url.path)
    }
  }

  init(
    checkpoint: String, pooling: SentencePooling.Mode?, maxLength: Int?, width: Int?, normalizes: Bool,
    texts: [String]
  ) {
    (self.checkpoint, self.pooling, self.maxLength) = (checkpoint, pooling, maxLength)
    (self.width, self.normalizes, self.texts) = (width, normalizes, texts)
  }
}

extension ModelSource {
  /// What names it from any directory: an absolute path, or a published model's name.
  var anywhere: String {
    let url = URL(fileURLWithPath: text)
    return FileManager.default.fileExists(atPath: url.path) ? url.standardizedFileURL.path : text
  }
}
