import Foundation
import GraftCompute
import Testing
import VectorKernels

/// Numbers with a wall around them, to notice kernels that write where they should not.
final class Samples {
  let count: Int
  let pointer: UnsafeMutablePointer<Float>
  private static let wall = 40
  private static let brick: Float = 12345

  init(_ values: [Float]) {
    count = values.count
    let start = UnsafeMutablePointer<Float>.allocate(capacity: count + 2 * Samples.wall)
    start.initialize(repeating: Samples.brick, count: count + 2 * Samples.wall)
    pointer = start + Samples.wall
    for (i, value) in values.enumerated() { pointer[i] = value }
  }

  convenience init(_ count: Int, seed: UInt64, scale: Float = 1, offset: Float = 0) {
    var generator = RandomKey(seed: seed).generator
    self.init((0..<count).map { _ in offset + scale * generator.normal() })
  }

  deinit { (pointer - Samples.wall).deallocate() }

  var values: [Float] { (0..<count).map { pointer[$0] } }
  var copy: Samples { Samples(values) }
  var wallStands: Bool {
    (1...Samples.wall).allSatisfy {
      pointer[-$0] == Samples.brick && pointer[count + $0 - 1] == Samples.brick
    }
  }
}

extension KernelsCandidate {
  /// Runs a kernel, here and in the reference, on copies of the same numbers, and compares what it leaves.
  ///
  /// - Parameters:
  ///   - tolerance: The largest difference allowed, as a share of the number.
  ///   - floor: The share of the largest number below which numbers need not be more exact: 0.1 for gradients
  ///     that are differences of larger numbers.
  func expectSame(
    _ samples: Samples, within tolerance: Float, floor: Float = 1e-3, _ what: String,
    sourceLocation: SourceLocation = #_sourceLocation,
    _ kernel: (any Kernels, UnsafeMutablePointer<Float>) -> Void
  ) {
    let (found, expected) = (samples.copy, samples.copy)
    kernel(kernels, found.pointer)
    kernel(ReferenceKernels(), expected.pointer)
    #expect(found.wallStands, "\(what): writes outside", sourceLocation: sourceLocation)
    let largest = expected.values.reduce(0) { max($0, abs($1)) }
    for (i, (a, b)) in zip(found.values, expected.values).enumerated() {
      // Near the smallest normal number, 1.2e-38, an exponential may be 0.
      guard abs(a - b) > max(1e-36, tolerance * max(abs(b), floor * largest)) || a.isNaN else { continue }
      Issue.record(
        "\(what): element \(i) of \(samples.count) is \(a), not \(b)", sourceLocation: sourceLocation)
      return
    }
  }

  /// Runs a kernel on all rows at once and on some at a time, and expects the same bits.
  func expectSplittable(
    _ samples: Samples, rows: Int, sourceLocation: SourceLocation = #_sourceLocation,
    _ kernel: (any Kernels, UnsafeMutablePointer<Float>, Range<Int>) -> Void
  ) {
    let columns = samples.count / rows
    let whole = samples.copy
    kernel(kernels, whole.pointer, 0..<rows)
    for cut in 1..<rows {
      let parts = samples.copy
      kernel(kernels, parts.pointer, 0..<cut)
      kernel(kernels, parts.pointer + cut * columns, cut..<rows)
      #expect(parts.values == whole.values, "cut at row \(cut)", sourceLocation: sourceLocation)
    }
  }
}

extension VectorKernels.Function {
  /// Where the function is used, and its value in double precision.
  var truth: (ClosedRange<Float>, @Sendable (Double) -> Double) {
    switch self {
    case .exp: (-87...88, { Foundation.exp($0) })
    case .normalDistribution: (-12.5...12.5, { 0.5 * erfc(-$0 * 0.5.squareRoot()) })
    case .tanh: (-20...20, { Foundation.tanh($0) })
    }
  }
}
