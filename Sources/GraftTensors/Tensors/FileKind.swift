import Foundation

/// What stands under a weight file's name instead of weights, or in another format than was asked for.
///
/// The usual accidents of downloading have a sentence of their own here, shared by every weight format: a
/// format that does not recognise a file throws ``error(insteadOf:file:)`` before it complains in its own
/// terms.
public enum FileKind: Sendable, CaseIterable {
  case empty, lfsPointer, html, xml, gzip, zip, tar, hdf5, pickle, numpy, gguf, json, zeros, text

  /// What a file that begins with `head` is, or `nil` when it is none of these.
  ///
  /// - Parameter head: The first bytes of the file; 512 are enough.
  public init?(_ head: [UInt8]) {
    let kind = FileKind.allCases.first { $0.matches(head) }
    guard let kind else { return nil }
    self = kind
  }

  private func matches(_ head: [UInt8]) -> Bool {
    switch self {
    case .empty: head.isEmpty
    case .lfsPointer: head.starts(with: "version https://git-lfs.github.com/spec/".utf8)
    case .html: Self.text(head, startsWithOneOf: ["<!doctype html", "<html", "<head"])
    case .xml: Self.text(head, startsWithOneOf: ["<?xml", "<error"])
    case .gzip: head.starts(with: [0x1F, 0x8B, 0x08])
    case .zip: head.starts(with: [0x50, 0x4B, 0x03, 0x04]) || head.starts(with: [0x50, 0x4B, 0x05, 0x06])
    case .tar: head.count >= 262 && head[257..<262].elementsEqual("ustar".utf8)
    case .hdf5: head.starts(with: [0x89, 0x48, 0x44, 0x46, 0x0D, 0x0A, 0x1A, 0x0A])
    // Two bytes are a weak sign: they may be the length that a safetensors file begins with.
    case .pickle:
      head.count >= 8 && head[0] == 0x80 && (2...5).contains(head[1]) && head[2..<8].contains { $0 != 0 }
    case .numpy: head.starts(with: [0x93, 0x4E, 0x55, 0x4D, 0x50, 0x59])
    case .gguf: head.starts(with: "GGUF".utf8)
    case .json:
      Self.text(
        head, startsWithOneOf: ["{\"", "{ ", "{\n", "{\r", "{}", "[\"", "[ ", "[\n", "[\r", "[]", "[{", "[["])
    case .zeros: head.allSatisfy { $0 == 0 }
    // A character may be cut in two at the end of the head.
    case .text:
      !head.contains { $0 < 0x20 && ![0x09, 0x0A, 0x0D].contains($0) }
        && (0..<4).contains { String(validating: head.dropLast($0), as: UTF8.self) != nil }
    }
  }

  /// Whether text, after white space and a byte order mark, starts with one of some lower-case words.
  private static func text(_ head: [UInt8], startsWithOneOf words: [String]) -> Bool {
    let marked = head.starts(with: [0xEF, 0xBB, 0xBF]) ? head.dropFirst(3) : head[...]
    let start = marked.drop { [0x20, 0x09, 0x0A, 0x0D].contains($0) }
    return words.contains { word in
      start.prefix(word.utf8.count).elementsEqual(word.utf8) {
        $0 == $1 || (UInt8(ascii: "A")...UInt8(ascii: "Z") ~= $0 && $0 | 0x20 == $1)
      }
    }
  }

  /// With its article, for messages: "a Git LFS pointer".
  public var description: String {
    switch self {
    case .empty: "an empty file"
    case .lfsPointer: "a Git LFS pointer"
    case .html: "an HTML page"
    case .xml: "an XML page"
    case .gzip: "a gzip file"
    case .zip: "a zip archive"
    case .tar: "a tar archive"
    case .hdf5: "an HDF5 file"
    case .pickle: "a Python pickle"
    case .numpy: "a NumPy array"
    case .gguf: "a GGUF file"
    case .json: "a JSON text"
    case .zeros: "zeros at its beginning"
    case .text: "a text"
    }
  }

  /// What to do about it.
  var advice: String {
    switch self {
    case .empty, .zeros: "Download it again."
    case .lfsPointer: "Run 'git lfs pull' in its repository to fetch the file itself."
    case .html, .xml:
      "The download was answered with a page: download the file itself, logged in if the model asks for it."
    case .gzip, .zip, .tar: "Unpack it first."
    case .hdf5: "Keras and TensorFlow write such files; it needs the plugin for HDF5."
    case .pickle: "Load it in Python, and save the weights alone with torch.save or numpy.savez."
    case .numpy: "A single array is no checkpoint."
    case .gguf: "llama.cpp uses such files; it needs the plugin for GGUF."
    case .json: "Name the weight file, or a shard index called '*.index.json'."
    case .text: "Name the weight file."
    }
  }

  /// The error for a file of this kind where weights are wanted.
  ///
  /// - Parameters:
  ///   - wanted: What should have been there: "weights", "a safetensors file".
  ///   - file: The path.
  public func error(insteadOf wanted: String = "weights", file: String) -> GraftError {
    GraftError(.malformed, "\(description), not \(wanted)", file: file, advice: Advice(advice))
  }
}
