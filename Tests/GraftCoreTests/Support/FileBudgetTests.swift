import Foundation
import TestSupport
import Testing

@testable import GraftTensors

/// What one file may take of memory and work.
@Suite struct FileBudgetTests {
  private func withFile(_ body: (RandomAccessFile) throws -> Void) throws {
    try withTemporaryDirectory { directory in
      let url = directory.appending(path: "file")
      try FileWriter.write(url, text: "ten bytes.")
      try body(RandomAccessFile(url))
    }
  }

  @Test func memory() throws {
    let budget = FileBudget(size: 10, path: "f")
    #expect(budget.memory == 1 << 28)
    #expect(FileBudget(size: 1 << 30, path: "f").memory == 1 << 37)
    #expect(FileBudget(size: .max, path: "f").memory == .max)
    try budget.take(1 << 27, for: "rows")
    #expect(
      errorMessage { try budget.take((1 << 27) + 1, for: "rows") }?.hasPrefix(
        "f: rows would take more memory") == true)
    // What was refused or given back is free.
    try budget.holding(1 << 27, for: "a chunk") {}
    try budget.take(1 << 27, for: "rows")
  }

  @Test("of a pipe there is no file to write again") func pipe() throws {
    let budget = FileBudget(size: nil, path: "-")
    #expect(
      errorMessage { try budget.take(budget.memory + 1, for: "the rows") }
        == "-: the rows would take more than half of this machine's memory; expected at most \(budget.memory >> 20) MiB. "
        + "Send less at once.")
  }

  /// A gigabyte that can only be read whole, as compressed data are.
  private func packed(_ file: RandomAccessFile) -> LazyTensor {
    LazyTensor(
      TensorSpec(.uint8, [1 << 30]), origin: TensorOrigin(file, at: 0, byteCount: 10, isPacked: true),
      source: { _ in })
  }

  @Test("parts of what has to be unpacked whole count as the whole") func work() throws {
    try withFile { file in
      let whole = packed(file)
      func weights(_ count: Int) -> Weights {
        Weights(
          .init(uniqueKeysWithValues: (0..<count).map { ("t\($0)", whole.slice(from: $0, shape: [4])) }))
      }
      try weights(4).checkExpansion(of: [1 << 30])
      let message = errorMessage { try weights(5).checkExpansion(of: [1 << 30]) }
      #expect(message?.hasPrefix("tensor 't4': the tensors are parts of compressed data") == true)
    }
  }

  @Test("what is stored in another order is not held beyond the budget") func strides() throws {
    try withFile { file in
      let view = try #require(packed(file).strided([2, 2], strides: [1 << 28, 1 << 28], from: 0))
      let expected = "what is stored in another order would take more memory than a file of this size should"
      #expect(errorMessage { try view.stream { _ in } }?.contains(expected) == true)
      let transposed = packed(file).reshaped([1 << 15, 1 << 15]).transposed()
      #expect(errorMessage { try transposed.stream { _ in } }?.contains(expected) == true)
    }
  }
}
