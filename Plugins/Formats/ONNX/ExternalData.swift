import Foundation
import GraftTensors

/// The files beside a model that hold tensors. https://onnx.ai/onnx/repo-docs/ExternalData.html
final class ExternalData {
  private let directory: URL
  private var files: [String: RandomAccessFile] = [:]

  /// The sizes of the files that tensors were found in.
  var sizes: [Int] { files.values.map(\.size) }

  init(beside url: URL) { directory = url.deletingLastPathComponent() }

  /// What a tensor says of where it is.
  struct Place {
    private(set) var location = ""
    private(set) var offset = 0
    /// `nil` is as many as the tensor has.
    private(set) var length: Int?

    mutating func set(_ key: String, _ value: String) throws {
      func number() throws -> Int {
        guard let number = Int(value), number >= 0 else {
          throw GraftError(.malformed, "the \(key) of its external data is no number", found: "'\(value)'")
        }
        return number
      }
      switch key {
      case "location": location = value
      case "offset": offset = try number()
      case "length": length = try number()
      default: break
      }
    }
  }

  /// A tensor of one of the files.
  ///
  /// - Throws: `GraftError` when the file is missing, not below the model's directory, or too short.
  func tensor(_ spec: TensorSpec, at place: Place) throws -> LazyTensor {
    let parts = place.location.split(separator: "/", omittingEmptySubsequences: false)
    guard !place.location.contains("\0"), parts.allSatisfy({ !$0.isEmpty && $0 != "." && $0 != ".." }) else {
      throw GraftError(
        .malformed, "its external data is not beside the model", expected: "a file name",
        found: "'\(place.location)'")
    }
    guard place.length == nil || place.length == spec.byteCount else {
      throw GraftError(
        .malformed, "the data does not have the length of \(spec)", expected: "\(spec.byteCount) bytes",
        found: place.length.map(String.init))
    }
    let file = try files[place.location] ?? RandomAccessFile(directory.appendingPathComponent(place.location))
    files[place.location] = file
    let (end, overflow) = place.offset.addingReportingOverflow(spec.byteCount)
    guard !overflow, end <= file.size else {
      throw GraftError(
        .malformed, "truncated: the tensor ends behind its data file", file: file.url.path,
        expected: overflow ? "more than \(Int.max) bytes" : "at least \(end) bytes", found: "\(file.size)",
        advice: "Copy or download it again.")
    }
    return LazyTensor(spec, in: file, at: place.offset)
  }
}
