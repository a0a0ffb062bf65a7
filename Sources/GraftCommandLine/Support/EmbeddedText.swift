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

  private init(_ content: [UInt8], count: Int, limit: Int? = nil) {
    (self.content, self.count, self.limit) = (content, count, limit)
  }

  /// A dense vector.
  fileprivate init(_ numbers: UnsafeBufferPointer<Float>) {
    self.init(Array(UnsafeRawBufferPointer(numbers)), count: numbers.count)
  }

  /// A sparse vector.
  init(_ vector: SparseVector, tokenizer: any Tokenizer) {
    self.init(SparseFile.line(of: vector, tokenizer: tokenizer), count: vector.entries.count)
  }

  /// Of each the limit, the number of weights and the length of the content, then the content.
  static func bytes(of answers: [EmbeddedText]) -> [UInt8] {
    answers.flatMap { answer -> [UInt8] in
      [answer.limit ?? -1, answer.count, answer.content.count].flatMap {
        withUnsafeBytes(of: Int64($0).littleEndian, Array.init)
      } + answer.content
    }
  }

  static func answers(of bytes: [UInt8]) -> [EmbeddedText] {
    var (answers, start) = ([EmbeddedText](), 0)
    while start < bytes.count {
      let numbers = bytes.withUnsafeBytes { bytes in
        (0..<3).map {
          Int(Int64(littleEndian: bytes.loadUnaligned(fromByteOffset: start + 8 * $0, as: Int64.self)))
        }
      }
      start += 24 + numbers[2]
      answers.append(
        EmbeddedText(
          Array(bytes[start - numbers[2]..<start]), count: numbers[1],
          limit: numbers[0] < 0 ? nil : numbers[0]))
    }
    return answers
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
