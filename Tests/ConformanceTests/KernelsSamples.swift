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
    pointer.update(from: values, count: count)
  }

  convenience init(_ count: Int, seed: UInt64, scale: Float = 1, offset: Float = 0) {
    var generator = RandomKey(seed: seed).generator
    self.init((0..<count).map { _ in offset + scale * generator.normal() })
  }

  deinit { (pointer - Samples.wall).deallocate() }

  var values: [Float] { Array(UnsafeBufferPointer(start: pointer, count: count)) }
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
    [self].expectSame(
      samples, within: tolerance, floor: floor, what, sourceLocation: sourceLocation, kernel)
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

extension [KernelsCandidate] {
  /// ``KernelsCandidate/expectSame(_:within:floor:_:sourceLocation:_:)`` of each, where the reference takes long.
  func expectSame(
    _ samples: Samples, within tolerance: Float, floor: Float = 1e-3, _ what: String,
    sourceLocation: SourceLocation = #_sourceLocation,
    _ kernel: (any Kernels, UnsafeMutablePointer<Float>) -> Void
  ) {
    let expected = samples.copy
    kernel(ReferenceKernels(), expected.pointer)
    let largest = expected.values.reduce(0) { Swift.max($0, abs($1)) }
    for candidate in self {
      let found = samples.copy
      kernel(candidate.kernels, found.pointer)
      #expect(
        found.wallStands, "\(what): \(candidate.testDescription) writes outside",
        sourceLocation: sourceLocation)
      for i in 0..<samples.count {
        let (a, b) = (found.pointer[i], expected.pointer[i])
        // Near the smallest normal number, 1.2e-38, an exponential may be 0.
        guard a != b,
          abs(a - b) > Swift.max(1e-36, tolerance * Swift.max(abs(b), floor * largest)) || a.isNaN
        else { continue }
        Issue.record(
          "\(what): element \(i) of \(samples.count) by \(candidate.testDescription) is \(a), not \(b)",
          sourceLocation: sourceLocation)
        break
      }
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
