import GraftCompute
import GraftTensors
import Testing
import VectorKernels

@testable import AdamW

/// The vector kernel against the naive one, for every instruction set that this CPU has.
@Suite struct AdamWKernelTests {
  /// Around the width of vectors.
  private static let sizes = [1, 3, 4, 15, 16, 17, 31, 33, 49, 64, 130, 515]
  private static let wall: Float = 12345

  private let update = AdamWUpdate(
    learningRate: 0.01, beta1: 0.9, beta2: 0.999, epsilon: 1e-8, weightDecay: 0.1, biasCorrection1: 0.271,
    biasCorrection2: 0.002997, gradientScale: 0.5)

  /// Weights, moments and rounded weights, each followed by a number that has to stay.
  private struct State: Equatable {
    var weights: [Float]
    var first: [Float]
    var second: [Float]
    var rounded: [BFloat16]

    init(_ size: Int) {
      var generator = RandomKey(seed: UInt64(size)).generator
      func numbers() -> [Float] { (0..<size).map { _ in generator.normal() } + [AdamWKernelTests.wall] }
      weights = numbers()
      first = numbers()
      second = numbers().map { $0 == AdamWKernelTests.wall ? $0 : $0 * $0 }
      rounded = [BFloat16](repeating: BFloat16(AdamWKernelTests.wall), count: size + 1)
    }

    mutating func take(
      _ update: AdamWUpdate, _ gradient: [Float], _ kernel: any AdamWKernel, rounds: Bool = true
    ) {
      rounded.withUnsafeMutableBufferPointer { rounded in
        kernel.update(
          update, weights: &weights, gradient: gradient, firstMoment: &first, secondMoment: &second,
          rounded: rounds ? rounded.baseAddress : nil, count: gradient.count)
      }
    }
  }

  private func gradient(_ size: Int) -> [Float] {
    var generator = RandomKey(seed: 99, step: UInt64(size)).generator
    return (0..<size).map { _ in generator.normal() }
  }

  private func kernel(_ set: InstructionSet) throws -> VectorAdamWKernel {
    guard let kernel = VectorAdamWKernel(set) else { try Test.cancel("this CPU has no \(set)") }
    return kernel
  }

  @Test(arguments: InstructionSet.allCases)
  func vectorsAgreeWithTheFormulas(_ set: InstructionSet) throws {
    let kernel = try kernel(set)
    for size in Self.sizes {
      var (found, expected) = (State(size), State(size))
      found.take(update, gradient(size), kernel)
      expected.take(update, gradient(size), NaiveAdamWKernel())
      let numbers = expected.weights.prefix(size) + expected.first.prefix(size) + expected.second.prefix(size)
      let largest = numbers.reduce(0) { max($0, abs($1)) }
      for (found, expected) in [
        (found.weights, expected.weights), (found.first, expected.first), (found.second, expected.second),
      ] {
        for (a, b) in zip(found, expected) {
          #expect(abs(a - b) <= 1e-6 * max(abs(b), 1e-3 * largest), "of \(size)")
        }
        #expect(found.last == Self.wall)
      }
      #expect(found.rounded == found.weights.map { BFloat16($0) })
    }
  }

  @Test(arguments: InstructionSet.allCases)
  func roundingIsOptional(_ set: InstructionSet) throws {
    let kernel = try kernel(set)
    for size in Self.sizes {
      var (with, without) = (State(size), State(size))
      with.take(update, gradient(size), kernel)
      without.take(update, gradient(size), kernel, rounds: false)
      #expect(without.rounded == State(size).rounded)
      #expect(with.weights == without.weights)
    }
  }

  @Test(arguments: InstructionSet.allCases)
  func anElementDoesNotDependOnTheOthers(_ set: InstructionSet) throws {
    let kernel = try kernel(set)
    let size = 130
    let gradient = gradient(size)
    var whole = State(size)
    whole.take(update, gradient, kernel)
    for cut in [1, 16, 17, 64, 129] {
      var parts = State(size)
      for range in [0..<cut, cut..<size] {
        parts.weights.withUnsafeMutableBufferPointer { weights in
          parts.first.withUnsafeMutableBufferPointer { first in
            parts.second.withUnsafeMutableBufferPointer { second in
              gradient.withUnsafeBufferPointer { gradient in
                guard let w = weights.baseAddress, let m = first.baseAddress, let v = second.baseAddress,
                  let g = gradient.baseAddress
                else { return }
                let start = range.lowerBound
                kernel.update(
                  update, weights: w + start, gradient: g + start, firstMoment: m + start,
                  secondMoment: v + start, rounded: nil, count: range.count)
              }
            }
          }
        }
      }
      #expect(parts.weights == whole.weights)
      #expect(parts.first == whole.first)
      #expect(parts.second == whole.second)
    }
  }

  @Test func theReferenceBackendTrainsWithTheFormulas() throws {
    #expect(try ReferenceBackend(threads: 1).adamW is NaiveAdamWKernel)
  }
}
