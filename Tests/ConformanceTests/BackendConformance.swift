import Foundation
import GraftCompute
import GraftCore
import GraftTensors
import Testing
import VectorKernels

import GraftPlugins

/// A compute backend in the registry, multiplying in one precision.
struct BackendCandidate: CustomTestStringConvertible, Sendable {
  let type: any ComputeBackend.Type
  let precision: Precision

  var name: String { type.name }
  var testDescription: String { "\(name) in \(precision)" }

  static let all: [BackendCandidate] =
    ((try? Registry(builtInPlugins))?.backends.values ?? []).flatMap { type in
      Precision.allCases.map { BackendCandidate(type: type, precision: $0) }
    }

  /// The backend. Where it does not start on this machine, or does not multiply in the precision, the test is
  /// reported as skipped, with the reason.
  func make(threads: Int) throws -> any ComputeBackend {
    let backend: any ComputeBackend
    do {
      backend = try type.init(threads: threads, precision: precision)
    } catch let error as GraftError {
      try Test.cancel("\(error)")
    }
    guard backend.precision == precision else {
      let reason = backend.precisionLimit ?? "this CPU multiplies no faster in \(precision)"
      try Test.cancel("backend '\(name)': \(reason)")
    }
    return backend
  }
}

/// Every compute backend in the registry that starts on this machine, in every precision it has.
@Suite("Every backend") struct BackendConformance {
  @Test("there are some: an empty list would pass every test below")
  func notEmpty() throws {
    #expect(BackendCandidate.all.count == 2 * (try Registry(builtInPlugins).backends.names.count))
    for precision in Precision.allCases {
      let reference = BackendCandidate.all.first { $0.name == "reference" && $0.precision == precision }
      #expect(try reference?.make(threads: 1).precision == precision)
    }
  }

  @Test("the summary, which ranks compare, names the vector instructions", arguments: BackendCandidate.all)
  func summary(_ candidate: BackendCandidate) throws {
    let backend = try candidate.make(threads: 1)
    guard backend.kernels is VectorKernels else { return }
    #expect(backend.summary.contains(InstructionSet.best.rawValue), "\(backend.summary)")
  }

  @Test("starts, or says what to install or to pass", arguments: BackendCandidate.all)
  func starts(_ candidate: BackendCandidate) {
    do {
      let backend = try candidate.type.init(threads: 2, precision: candidate.precision)
      #expect(backend.threads.count == 2)
      #expect(!backend.summary.isEmpty)
    } catch {
      let advice = (error as? GraftError)?.advice ?? ""
      #expect(
        advice.description.localizedCaseInsensitiveContains("install")
          || advice.description.contains("'precision'"), "\(error)")
      // The other tests' cases are cancelled, which the console does not show.
      if candidate.precision == .float32 {
        Issue.record("backend '\(candidate.name)' is not tested: \(error)", severity: .warning)
      }
    }
  }

  @Test("gemm agrees with the naive one", arguments: BackendCandidate.all)
  func gemm(_ candidate: BackendCandidate) throws {
    let backend = try candidate.make(threads: 1)
    let reference = try ReferenceBackend(threads: 1)
    for (m, n, k) in [
      (1, 1, 1), (3, 5, 7), (17, 33, 16), (49, 49, 32), (1, 70, 20), (65, 1, 9), (4, 4, 0), (160, 130, 110),
    ] {
      for (transposesA, transposesB) in [(false, false), (false, true), (true, false), (true, true)] {
        let product = MatrixProduct(m: m, n: n, k: k, transposesA: transposesA, transposesB: transposesB)
        // Rows with gaps between them.
        let (lda, ldb, ldc) = ((transposesA ? m : k) + 3, (transposesB ? k : n) + 2, n + 5)
        let a = Samples((transposesA ? k : m) * lda + 1, seed: 1)
        let b = Samples((transposesB ? n : k) * ldb + 1, seed: 2)
        func run(_ backend: any ComputeBackend, _ c: Samples, accumulating: Bool) {
          switch candidate.precision {
          case .float32:
            backend.gemm(
              product, a.pointer, lda: lda, b.pointer, ldb: ldb, to: c.pointer, ldc: ldc,
              accumulating: accumulating)
          case .bfloat16:
            backend.gemm(
              product, a.values.map { BFloat16($0) }, lda: lda, b.values.map { BFloat16($0) }, ldb: ldb,
              to: c.pointer, ldc: ldc, accumulating: accumulating)
          }
        }
        for accumulating in [false, true] {
          // Unless it is added to, C is not read.
          let c = accumulating ? Samples(m * ldc, seed: 3) : Samples([Float](repeating: .nan, count: m * ldc))
          let (found, expected) = (c.copy, c.copy)
          run(backend, found, accumulating: accumulating)
          run(reference, expected, accumulating: accumulating)
          #expect(found.wallStands)
          for row in 0..<m {
            for column in 0..<ldc {
              let (x, y) = (found.pointer[row * ldc + column], expected.pointer[row * ldc + column])
              let same = column < n ? abs(x - y) <= 1e-5 * max(1, abs(y)) : x.bitPattern == y.bitPattern
              #expect(same, "\(product), accumulating \(accumulating), [\(row), \(column)]: \(x), not \(y)")
            }
          }
        }
      }
    }
  }

  @Test("multiply and sumColumns on whole tensors", arguments: BackendCandidate.all)
  func wholeTensors(_ candidate: BackendCandidate) throws {
    let backend = try candidate.make(threads: 2)
    // Small whole numbers: exact in any order and any precision, so that every tile can be checked by value.
    let (m, n, k) = (candidate.name == "reference" ? (140, 90, 5) : (600, 1100, 200))
    let a = Tensor((0..<m * k).map { Float($0 % 7) - 3 }, shape: [m, k])
    let b = Tensor((0..<n * k).map { Float($0 % 5) - 2 }, shape: [n, k])
    let product = MatrixProduct(m: m, n: n, k: k, transposesB: true)
    let c = Tensor(repeating: .nan, shape: [m, n])
    let (left, right) = (backend.operand(a), backend.operand(b))
    backend.multiply(product, left, right, to: c)
    // Ones times A times Bᵀ, by hand.
    var sums = [Float](repeating: 0, count: k)
    for i in 0..<m * k { sums[i % k] += a.pointer[i] }
    var expected = [Float](repeating: 0, count: n)
    for j in 0..<n {
      for l in 0..<k { expected[j] += sums[l] * b.pointer[j * k + l] }
    }
    let found = Tensor(uninitialized: [n])
    backend.sumColumns(of: c, to: found, accumulating: false)
    #expect(found.values == expected)
    backend.sumColumns(of: c, to: found, accumulating: true)
    #expect(found.values == expected.map { 2 * $0 })
    // Each tile is finished once, after it was multiplied.
    backend.multiply(product, left, right, to: c, accumulating: true) { tile in
      for row in tile.rows {
        for column in tile.columns { c.pointer[row * n + column] += Float(column % 3) }
      }
    }
    backend.sumColumns(of: c, to: found, accumulating: false)
    #expect(found.values == expected.enumerated().map { 2 * $1 + Float(m) * Float($0 % 3) })
  }

  @Test("forward and backward give the same bits on 1, 2 and 4 threads", arguments: BackendCandidate.all)
  func threads(_ candidate: BackendCandidate) throws {
    let results = try [1, 2, 4].map { count in
      let backend = try candidate.make(threads: count)
      return try BackendSample(hidden: 96, tokens: 400).run(backend).map { $0.map(\.bitPattern) }
    }
    #expect(results[0].count == BackendSample.gradientCount + 2)
    #expect(results[1] == results[0])
    #expect(results[2] == results[0])
  }

  @Test("forward and backward agree with the reference backend", arguments: BackendCandidate.all)
  func agrees(_ candidate: BackendCandidate) throws {
    let backend = try candidate.make(threads: 2)
    let sample = BackendSample(hidden: 48, tokens: 60)
    let found = try sample.run(backend)
    let results = try sample.run(ReferenceBackend(threads: 2, precision: candidate.precision))
    // A number next to the middle of two bfloat16s is rounded the other way when its last bit differs.
    let tolerance: Float = candidate.precision == .float32 ? 2e-5 : 1e-3
    for (number, (found, expected)) in zip(found, results).enumerated() {
      let largest = BackendSample.scale(of: number, in: results)
      let error = zip(found, expected).reduce(0) { max($0, abs($1.0 - $1.1)) }
      #expect(error <= tolerance * largest, "result \(number): \(error / largest)")
    }
  }

  @Test(
    "what ops round on the way is their result, rounded",
    arguments: BackendCandidate.all.filter { $0.precision == .bfloat16 })
  func roundedOnTheWay(_ candidate: BackendCandidate) throws {
    let backend = try candidate.make(threads: 2)
    // Odd sizes; several tiles and pieces, but for the slow reference.
    let (tokens, hidden) = candidate.name == "reference" ? (9, 33) : (601, 513)
    func random(_ shape: [Int], _ seed: UInt64) -> Variable {
      Variable(Tensor(Samples(shape.reduce(1, *), seed: seed).values, shape: shape), needsGradient: true)
    }
    let tape = Tape(backend, dropoutKey: RandomKey(seed: 4))
    let (x, weight) = (random([tokens, hidden], 1), random([hidden, hidden], 2))
    let (scale, bias) = (random([hidden], 3), random([hidden], 4))
    let ids = RowIndices((0..<Int32(tokens)).map { $0 * 7 % Int32(hidden) })
    for y in [
      tape.linear(x, weight: weight, bias: bias, activation: .gelu),
      tape.layerNorm(x, residual: x, dropout: 0.2, weight: scale, bias: bias, epsilon: 1e-5),
      tape.normalizedEmbeddingSum([(weight, ids)], weight: scale, bias: bias, epsilon: 1e-5, dropout: 0.2),
    ] {
      let rounded = try #require(y.rounded)
      #expect((0..<y.value.count).allSatisfy { rounded.pointer[$0] == BFloat16(y.value.pointer[$0]) })
    }
  }

  @Test("bfloat16 is as far from float32 as rounding explains, and not equal")
  func precision() throws {
    let sample = BackendSample(hidden: 48, tokens: 60)
    let results = try sample.run(ReferenceBackend(threads: 2))
    let rounded = try sample.run(ReferenceBackend(threads: 2, precision: .bfloat16))
    for (number, (exact, rounded)) in zip(results, rounded).enumerated() {
      let largest = BackendSample.scale(of: number, in: results)
      let error = zip(exact, rounded).reduce(0) { max($0, abs($1.0 - $1.1)) } / largest
      // Eight bits: 2⁻⁹ for each rounding, and some roundings follow each other.
      #expect(error < 0.05, "result \(number)")
      if number == 1 { #expect(error > 1e-4) }
    }
  }
}
