import Foundation
import GraftCore
import GraftTensors
import TestSupport
import Testing
import TokenizerCases
import Zlib

@testable import Pipeline

/// The repository's `Fixtures/pipeline`.
let pipelineFixtures = fixtures.appending(path: "pipeline")

/// The bytes of SentencePiece's normalization rule `nmt_nfkc`.
func charsmap() throws -> [UInt8] {
  try Gzip.decompress(file: pipelineFixtures.appendingPathComponent("nmt_nfkc.charsmap.gz"), limit: 1 << 24)
}

/// The tokenizer of some files, by name.
func load(_ files: [String: String]) throws -> PipelineTokenizer? {
  try withTemporaryDirectory { directory in
    for (name, text) in files {
      try Data(text.utf8).write(to: directory.appendingPathComponent(name))
    }
    return try PipelineTokenizer.load(from: directory)
  }
}

extension JSON {
  /// The document with the bytes of charsmaps in the places of their names.
  func resolved(_ charsmap: String) -> JSON {
    switch self {
    case .array(let elements): .array(elements.map { $0.resolved(charsmap) })
    case .object, .members:
      JSON(
        members: (members ?? []).map {
          let isCharsmap = $0.key == "precompiled_charsmap" && $0.value == "nmt_nfkc"
          return JSON.Member($0.key, isCharsmap ? .string(charsmap) : $0.value.resolved(charsmap))
        })
    default: self
    }
  }

  /// The object with other members in the place of some; `null` does not take one out.
  func changed(_ changes: [String: JSON]) -> JSON {
    var members = object ?? [:]
    for (key, value) in changes { members[key] = value }
    return .object(members)
  }
}

/// A pipeline of the goldens, and the lines of its cases.
struct Golden {
  let name: String
  /// `tokenizer.json`.
  let document: JSON
  var lines: [ArraySlice<UInt8>] = []

  /// The pipelines in a file.
  static func read(_ name: String, in directory: URL = pipelineFixtures) throws -> [Golden] {
    let bytes = try Gzip.decompress(
      file: directory.appendingPathComponent("\(name).jsonl.gz"), limit: 1 << 31)
    let charsmap = Data(try charsmap()).base64EncodedString()
    var goldens: [Golden] = []
    for line in bytes.split(separator: UInt8(ascii: "\n")) {
      if line.starts(with: #"{"tokenizers""#.utf8) {
        let header = try JSON(parsing: line)
        let document = try #require(header["document"]).resolved(charsmap)
        goldens.append(Golden(name: try #require(header["name"]?.string), document: document))
      } else {
        goldens[goldens.count - 1].lines.append(line)
      }
    }
    return goldens
  }

  /// Compares a tokenizer with the cases.
  func check(_ tokenizer: any Tokenizer, decodes: Bool = true) throws {
    var differing = 0
    for line in lines {
      let golden = try TokenizerCase(parsing: line)
      guard let difference = golden.difference(from: tokenizer, decodes: decodes) else { continue }
      differing += 1
      if differing <= 3 { Issue.record("\(name): \(difference)") }
    }
    #expect(differing == 0, "\(name), of \(lines.count)")
    #expect(!lines.isEmpty)
  }
}
