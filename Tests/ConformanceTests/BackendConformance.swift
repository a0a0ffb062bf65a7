import GraftCore
import Testing

@testable import graft

/// A compute backend in the registry.
struct BackendCandidate: CustomTestStringConvertible, Sendable {
  let testDescription: String
  let type: any ComputeBackend.Type

  static let all: [BackendCandidate] =
    ((try? Registry(builtInPlugins))?.backends.values ?? []).map {
      BackendCandidate(testDescription: $0.name, type: $0)
    }
}

/// Every compute backend in the registry that starts on this machine.
@Suite("Every backend") struct BackendConformance {
  @Test("there are some: an empty list would pass every test below")
  func notEmpty() throws {
    #expect(BackendCandidate.all.count == (try Registry(builtInPlugins).backends.names.count))
    #expect(BackendCandidate.all.contains { $0.testDescription == "reference" })
  }

  @Test("starts, or says what to install", arguments: BackendCandidate.all)
  func starts(_ candidate: BackendCandidate) {
    do {
      let backend = try candidate.type.init(threads: 2)
      #expect(backend.threads.count == 2)
      #expect(!backend.summary.isEmpty)
    } catch {
      let advice = (error as? GraftError)?.advice ?? ""
      #expect(advice.contains("Install"), "\(error)")
    }
  }

  @Test("gemm agrees with the naive one", arguments: BackendCandidate.all)
  func gemm(_ candidate: BackendCandidate) throws {
    guard let backend = try? candidate.type.init(threads: 1) else { return }
    let reference = try ReferenceBackend(threads: 1)
    for (m, n, k) in [(1, 1, 1), (3, 5, 7), (17, 33, 16), (49, 49, 32), (1, 70, 20), (65, 1, 9), (4, 4, 0)] {
      for (transposesA, transposesB) in [(false, false), (false, true), (true, false), (true, true)] {
        for (alpha, beta): (Float, Float) in [(1, 0), (1, 1), (0.5, -2)] {
          let product = MatrixProduct(m: m, n: n, k: k, transposesA: transposesA, transposesB: transposesB)
          // Rows with gaps between them.
          let (lda, ldb, ldc) = ((transposesA ? m : k) + 3, (transposesB ? k : n) + 2, n + 5)
          let a = Samples((transposesA ? k : m) * lda + 1, seed: 1)
          let b = Samples((transposesB ? n : k) * ldb + 1, seed: 2)
          // When beta is 0, C is not read.
          let c = beta == 0 ? Samples([Float](repeating: .nan, count: m * ldc)) : Samples(m * ldc, seed: 3)
          let (found, expected) = (c.copy, c.copy)
          backend.gemm(
            product, alpha: alpha, a.pointer, lda: lda, b.pointer, ldb: ldb, beta: beta, found.pointer,
            ldc: ldc)
          reference.gemm(
            product, alpha: alpha, a.pointer, lda: lda, b.pointer, ldb: ldb, beta: beta, expected.pointer,
            ldc: ldc)
          #expect(found.wallStands)
          for row in 0..<m {
            for column in 0..<ldc {
              let (x, y) = (found.pointer[row * ldc + column], expected.pointer[row * ldc + column])
              let same = column < n ? abs(x - y) <= 1e-5 * max(1, abs(y)) : x.bitPattern == y.bitPattern
              #expect(same, "\(product), alpha \(alpha), beta \(beta), [\(row), \(column)]: \(x), not \(y)")
            }
          }
        }
      }
    }
  }

  @Test("multiply, addBias and sumColumns on whole tensors", arguments: BackendCandidate.all)
  func wholeTensors(_ candidate: BackendCandidate) throws {
    guard let backend = try? candidate.type.init(threads: 2) else { return }
    // Whole numbers: exact in any order, so that every tile can be checked by value.
    let (m, n, k) = (candidate.testDescription == "reference" ? (140, 90, 5) : (600, 1100, 200))
    let a = Tensor((0..<m * k).map { Float($0 % 7) - 3 }, shape: [m, k])
    let b = Tensor((0..<n * k).map { Float($0 % 5) - 2 }, shape: [n, k])
    let bias = Tensor((0..<n).map { Float($0 % 3) }, shape: [n])
    let product = MatrixProduct(m: m, n: n, k: k, transposesB: true)
    let (c, biased) = (Tensor(uninitialized: [m, n]), Tensor(uninitialized: [m, n]))
    backend.multiply(product, a, b, to: c)
    backend.multiply(product, a, b, bias: bias, to: biased)
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
    backend.addBias(bias, to: c)
    #expect(c.values == biased.values)
    backend.multiply(product, a, b, to: c, accumulating: true)
    backend.sumColumns(of: c, to: found, accumulating: false)
    #expect(found.values == zip(expected, bias.values).map { 2 * $0 + Float(m) * $1 })
  }

  @Test("forward and backward give the same bits on 1, 2 and 4 threads", arguments: BackendCandidate.all)
  func threads(_ candidate: BackendCandidate) throws {
    guard (try? candidate.type.init(threads: 1)) != nil else { return }
    let results = try [1, 2, 4].map { count in
      let backend = try candidate.type.init(threads: count)
      return try BackendSample(hidden: 96, tokens: 400).run(backend).map { $0.map(\.bitPattern) }
    }
    #expect(results[0].count == BackendSample.gradientCount + 2)
    #expect(results[1] == results[0])
    #expect(results[2] == results[0])
  }

  @Test("forward and backward agree with the reference backend", arguments: BackendCandidate.all)
  func agrees(_ candidate: BackendCandidate) throws {
    guard let backend = try? candidate.type.init(threads: 2) else { return }
    let sample = BackendSample(hidden: 48, tokens: 60)
    let found = try sample.run(backend)
    let expected = try sample.run(ReferenceBackend(threads: 2))
    for (number, (found, expected)) in zip(found, expected).enumerated() {
      // The gradient of the keys' bias is 0 but for rounding.
      let largest = expected.reduce(1e-4) { max($0, abs($1)) }
      let error = zip(found, expected).reduce(0) { max($0, abs($1.0 - $1.1)) }
      #expect(error <= 2e-5 * largest, "result \(number)")
    }
  }
}
