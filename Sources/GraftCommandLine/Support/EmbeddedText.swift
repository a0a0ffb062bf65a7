import GraftCompute
import GraftCore
import GraftKit
import GraftTensors

/// A text's vector as it is written.
struct EmbeddedText: RowAnswer {
  /// Numbers of float32, or a line of JSON.
  let content: [UInt8]
  /// How many numbers or weights it has.
  let count: Int
  /// The most tokens that were read of the text, where it has more.
  var limit: Int?

  private init(_ content: [UInt8], count: Int) { (self.content, self.count) = (content, count) }

  /// A dense vector.
  fileprivate init(_ numbers: UnsafeBufferPointer<Float>) {
    self.init(Array(UnsafeRawBufferPointer(numbers)), count: numbers.count)
  }

  /// A sparse vector.
  init(_ vector: SparseVector, tokenizer: any Tokenizer) {
    self.init(SparseFile.line(of: vector, tokenizer: tokenizer), count: vector.entries.count)
  }

  /// The limit, the number of weights, the content.
  func bytes() -> [UInt8] {
    [limit ?? -1, count].flatMap { withUnsafeBytes(of: Int64($0).littleEndian, Array.init) } + content
  }

  init(bytes: [UInt8]) {
    func number(at offset: Int) -> Int {
      bytes.withUnsafeBytes {
        Int(Int64(littleEndian: $0.loadUnaligned(fromByteOffset: offset, as: Int64.self)))
      }
    }
    self.init(Array(bytes[16...]), count: number(at: 8))
    if number(at: 0) >= 0 { limit = number(at: 0) }
  }
}

extension Tensor {
  /// Its rows.
  var vectors: [EmbeddedText] {
    (0..<rows).map { row in
      EmbeddedText(UnsafeBufferPointer(rebasing: buffer[row * columns..<(row + 1) * columns]))
    }
  }
}
