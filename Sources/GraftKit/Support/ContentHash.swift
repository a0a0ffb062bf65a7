import Crypto
import Foundation
import GraftCore
import GraftTensors

/// SHA-256 over parts, each with its length, so that no two lists of parts run together.
package struct ContentHash {
  private var hash = SHA256()

  package init() {}

  package mutating func add(_ text: String) {
    var text = text
    text.withUTF8 { bytes in
      add(count: bytes.count)
      hash.update(bufferPointer: UnsafeRawBufferPointer(bytes))
    }
  }

  package mutating func add(_ text: String?) {
    add(count: text == nil ? 0 : 1)
    if let text { add(text) }
  }

  /// A row's texts and its label as it is written.
  package mutating func add(_ row: TextRow) {
    add(row.text)
    add(row.pair)
    switch row.label {
    case .text(let text): add("text" + text)
    case .list(let items): add(JSON.array(items.map { .string($0) }).text())
    case .columns(let columns): for column in columns { add(column.name + "=" + column.text) }
    case nil: add("")
    }
    if !row.isTextNamed, !row.text.isEmpty, !row.fields.isEmpty { add("text that nobody named") }
    for (name, value) in row.fields {
      add(name)
      add(value.text())
    }
  }

  package mutating func add(_ label: (any ExampleLabel)?) { add(label?.json.text()) }

  /// Names, types, shapes and bytes.
  package mutating func add(_ weights: Weights) throws {
    for name in weights.tensors.keys.sorted() {
      guard let tensor = weights[name] else { continue }
      add(name)
      add(tensor.spec.description)
      try tensor.stream { hash.update(bufferPointer: $0) }
    }
  }

  /// Names, types and shapes, not bytes.
  package mutating func addSpecifications(_ weights: Weights) {
    for (name, tensor) in weights.tensors {
      add(name)
      add(tensor.spec.description)
    }
  }

  private mutating func add(count: Int) {
    withUnsafeBytes(of: UInt64(count).littleEndian) { hash.update(bufferPointer: $0) }
  }

  /// In hexadecimal digits.
  package var text: String { hash.finalize().hexadecimal }

  /// The hash of some parts.
  package static func of(_ parts: [String]) -> String {
    var hash = ContentHash()
    for part in parts { hash.add(part) }
    return hash.text
  }
}

extension Checkpoint {
  /// What results depend on: the configuration, the tokenizer and every tensor, whatever files they stand in.
  ///
  /// - Throws: `GraftError` when a tensor cannot be read.
  package func contentHash() throws -> String {
    var checkpoint = self
    try checkpoint.confirmCopies()
    var hash = ContentHash()
    hash.add(checkpoint.specificationHash)
    for component in checkpoint.components { try hash.add(component.weights) }
    try hash.add(checkpoint.extra)
    if let layers = checkpoint.sentences?.weights, !layers.tensors.isEmpty { try hash.add(layers) }
    return hash.text
  }

  /// What a run is resumed with: the configuration, the tokenizer and every tensor's type and shape.
  var specificationHash: String {
    var hash = ContentHash()
    hash.add(architecture)
    hash.add(configuration.text)
    if let tokenizer {
      for id in 0..<Int32(clamping: tokenizer.vocabularySize) { hash.add(tokenizer.token(of: id) ?? "") }
      // Settings, such as whether case is kept, show in what becomes of a text.
      for id in tokenizer.encode("Él said: naïve 東京, WORDS").ids { hash.add(String(id)) }
    }
    for component in components {
      hash.add(component.id)
      hash.add(component.settings.text)
      hash.addSpecifications(component.weights)
    }
    hash.addSpecifications(extra)
    return hash.text
  }
}
