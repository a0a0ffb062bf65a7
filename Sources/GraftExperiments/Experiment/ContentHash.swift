import Crypto
import Foundation
import GraftCore
import GraftKit
import GraftTensors

/// SHA-256 over parts, each with its length, so that no two lists of parts run together.
struct ContentHash {
  private var hash = SHA256()

  mutating func add(_ text: String) {
    var text = text
    text.withUTF8 { bytes in
      add(count: bytes.count)
      hash.update(bufferPointer: UnsafeRawBufferPointer(bytes))
    }
  }

  mutating func add(_ text: String?) {
    add(count: text == nil ? 0 : 1)
    if let text { add(text) }
  }

  mutating func add(_ label: WrittenLabel?) {
    switch label {
    case .text(let text): add("text" + text)
    case .list(let items): add(JSON.array(items.map { .string($0) }).text())
    case nil: add("")
    }
  }

  /// Names, types, shapes and bytes.
  mutating func add(_ weights: Weights) throws {
    for name in weights.tensors.keys.sorted() {
      guard let tensor = weights[name] else { continue }
      add(name)
      add(tensor.spec.description)
      try tensor.stream { hash.update(bufferPointer: $0) }
    }
  }

  private mutating func add(count: Int) {
    withUnsafeBytes(of: UInt64(count).littleEndian) { hash.update(bufferPointer: $0) }
  }

  /// In hexadecimal digits.
  var text: String { hash.finalize().hexadecimal }

  /// The hash of some parts.
  static func of(_ parts: [String]) -> String {
    var hash = ContentHash()
    for part in parts { hash.add(part) }
    return hash.text
  }
}

extension Checkpoint {
  /// What results depend on: the configuration, the tokenizer and every tensor, whatever files they stand in.
  ///
  /// - Throws: `GraftError` when a tensor cannot be read.
  func contentHash() throws -> String {
    var hash = ContentHash()
    hash.add(CheckpointStore.description(of: self))
    try hash.add(backbone)
    for head in heads { try hash.add(head.weights) }
    try hash.add(extra)
    return hash.text
  }
}
