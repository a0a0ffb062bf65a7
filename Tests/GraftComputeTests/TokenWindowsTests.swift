import GraftCompute
import TestSupport
import Testing

@Suite("Windows of tokens") struct TokenWindowsTests {
  private func windows(_ x: Variable, width: Int, _ batch: Batch) throws -> [Float] {
    let tape = Tape(try ReferenceBackend(threads: 2), recording: false)
    let y = tape.tokenWindows(x, width: width, batch)
    #expect(y.shape == [x.value.rows, x.value.columns * width])
    return y.value.values
  }

  @Test("zeros stand beyond the ends of a sequence")
  func ends() throws {
    let x = Variable(Tensor([1, 10, 2, 20, 3, 30], shape: [3, 2]))
    let batch = Batch(offsets: [0, 2, 2, 3])
    #expect(try windows(x, width: 3, batch) == [0, 1, 2, 0, 10, 20, 1, 2, 0, 10, 20, 0, 0, 3, 0, 0, 30, 0])
    #expect(try windows(x, width: 1, batch) == x.value.values)
  }

  @Test("and in the places of tokens that were left out of a padded row")
  func holes() throws {
    let x = Variable(Tensor([1, 2, 3], shape: [3, 1]))
    var batch = Batch()
    batch.append(
      paddedRow: [7, 7, 0, 7], tokenTypes: [0, 0, 0, 0], mask: [true, true, false, true])
    #expect(try windows(x, width: 3, batch) == [0, 1, 2, 1, 2, 0, 0, 3, 0])
    #expect(try windows(x, width: 5, batch) == [0, 0, 1, 2, 0, 0, 1, 2, 0, 3, 2, 0, 3, 0, 0])
  }

  @Test(arguments: [1, 3, 5])
  func gradients(_ width: Int) throws {
    let x = randomVariable([9, 3], seed: 1)
    let weight = randomVariable([2, 3, width], seed: 2)
    var batch = Batch(offsets: [0, 3, 3, 4, 9])
    try expectGradientsMatchDifferences(of: [x, weight]) {
      $0.linear($0.tokenWindows(x, width: width, batch), weight: weight, bias: nil)
    }
    batch.positions.values[7] = 4
    batch.positions.values[8] = 7
    try expectGradientsMatchDifferences(of: [x]) { tape in
      tape.tokenWindows(tape.add(x, x), width: width, batch)
    }
  }
}

extension Batch {
  /// Sequences of ids that are all 0.
  init(offsets: [Int]) {
    self.init()
    for (start, end) in zip(offsets, offsets.dropFirst()) {
      let zeros = [Int32](repeating: 0, count: end - start)
      append(ids: zeros, tokenTypes: zeros, positions: Array(0..<Int32(end - start)))
    }
  }
}
