import Foundation
import GraftCompute
import GraftCore
import GraftKit
import GraftTensors
import TestSupport
import Testing

/// A session answers as the model does, and for each text alone.
@Suite("Every family's inference session") struct InferenceConformance {
  private static func model(_ fixtures: FamilyFixtures) throws -> Model {
    try FamilyFixtures.registry.get().open(fixtures.directory.appending(path: "base")).checkpoint.makeModel()
  }

  /// Texts of several lengths, from ids alone.
  private static func texts(_ model: Model) -> [[Int32]] {
    let vocabulary = Int32(model.backbone.vocabularySize)
    return [1, 9, 3, 14, 9, 2, 6].enumerated().map { number, length in
      (0..<Int32(min(length, model.backbone.maximumLength))).map {
        (Int32(number) * 31 + $0 * 17 + 5) % (vocabulary - 5) + 4
      }
    }
  }

  private static func batch(_ texts: [[Int32]]) -> Batch {
    var batch = Batch()
    for ids in texts {
      batch.append(ids: ids, tokenTypes: ids.map { _ in 0 }, positions: Array(0..<Int32(ids.count)))
    }
    return batch
  }

  /// The hidden states of each text.
  private static func states(_ session: InferenceSession, _ texts: [[Int32]]) throws -> [[Float]] {
    let batch = batch(texts)
    return try session.run { tape in
      let states = try session.model.encode(batch, tape).hiddenStates.value
      return zip(batch.offsets, batch.offsets.dropFirst()).map {
        Array(states.buffer[$0 * states.columns..<$1 * states.columns])
      }
    }
  }

  /// Every backend in float32.
  private static let backends = BackendCandidate.all.filter { $0.precision == .float32 }

  @Test("float32 is what the model computes without packing", arguments: FamilyFixtures.all, backends)
  func float32(_ fixtures: FamilyFixtures, _ candidate: BackendCandidate) throws {
    let backend = try candidate.make(threads: 2)
    let model = try Self.model(fixtures)
    let texts = Self.texts(model)
    let plain = try Self.states(InferenceSession(changing: model, backend: backend), texts)
    let session = InferenceSession(model, backend: backend)
    #expect(session.precision == .float32)
    for (found, expected) in zip(try Self.states(session, texts), plain) {
      let largest = expected.map(abs).max() ?? 0
      #expect(zip(found, expected).allSatisfy { abs($0 - $1) <= 1e-5 * max(1, largest) })
    }
    #expect(session.packedByteCount > 0)
  }

  /// What is given up cannot be read: that stops the test.
  @Test("nothing but packing reads the weights of linear layers", arguments: FamilyFixtures.all)
  func weightsThatAreNotKept(_ fixtures: FamilyFixtures) throws {
    let backend = try FamilyFixtures.registry.get().makeBackend(threads: 2)
    let model = try Self.model(fixtures)
    let texts = Self.texts(model)
    let expected = try Self.states(InferenceSession(model, backend: backend), texts)
    for precision in WeightPrecision.allCases {
      let model = try Self.model(fixtures)
      let session = InferenceSession(model, backend: backend, precision: precision, keepsWeights: false)
      let first = try Self.states(session, texts)
      if session.precision == .float32 { #expect(first == expected) }
      #expect(try Self.states(session, texts) == first)
      #expect(model.parameters.names.contains { model.parameters[$0]?.value.isDiscarded == true })
      let second = InferenceSession(model, backend: backend)
      let error = #expect(throws: GraftError.self) { try Self.states(second, texts) }
      #expect(error?.problem == "another session has taken the model's weights")
    }
  }

  /// Tiny models have widths of 32, where rounding shows more than in a real one.
  @Test("bfloat16 and int8 are near float32", arguments: FamilyFixtures.all)
  func rounded(_ fixtures: FamilyFixtures) throws {
    let backend = try FamilyFixtures.registry.get().makeBackend(threads: 2)
    let model = try Self.model(fixtures)
    let texts = Self.texts(model)
    let exact = try Self.states(InferenceSession(model, backend: backend), texts).flatMap { $0 }
    let size = exact.reduce(0) { $0 + $1 * $1 }
    // bfloat16 has 8 bits of precision, and int8 about as many of the largest number of a row.
    for (precision, bound) in [(WeightPrecision.bfloat16, Float(0.02)), (.int8, 0.1)] {
      let session = InferenceSession(model, backend: backend, precision: precision)
      guard session.precision == precision else { continue }
      let found = try Self.states(session, texts).flatMap { $0 }
      let error = zip(found, exact).reduce(0) { $0 + ($1.0 - $1.1) * ($1.0 - $1.1) }
      #expect(error > 0 && error < bound * bound * size, "\(precision): \((error / size).squareRoot())")
    }
  }

  /// From memory and from disk; the last layer is not among the rounded ones the second time.
  @Test("int8 answers the same from a quantized checkpoint", arguments: FamilyFixtures.all, backends)
  func quantized(_ fixtures: FamilyFixtures, _ candidate: BackendCandidate) throws {
    let backend = try candidate.make(threads: 2)
    let registry = try FamilyFixtures.registry.get()
    var checkpoint = try registry.open(fixtures.directory.appending(path: "base")).checkpoint
    let model = try checkpoint.makeModel()
    let texts = Self.texts(model)
    let session = InferenceSession(model, backend: backend, precision: .int8)
    guard session.precision == .int8 else { return }
    let expected = try Self.states(session, texts)
    let exact = try Self.states(InferenceSession(model, backend: backend), texts).flatMap { $0 }

    let layers = try checkpoint.quantize().layers
    #expect(!layers.isEmpty)
    try withTemporaryDirectory { directory in
      let url = directory.appending(path: "quantized")
      try checkpoint.write(to: url, registry: registry)
      let stored = try registry.open(url)
      for checkpoint in [checkpoint, stored.checkpoint] {
        #expect(checkpoint.quantizedCount == layers.reduce(0) { $0 + $1.parameters.count })
        let found = try Self.states(
          InferenceSession(
            checkpoint.makeModel(), backend: backend, precision: .int8, keepsWeights: false), texts)
        #expect(found == expected)
        let plain = try checkpoint.makeModel()
        let rounded = try Self.states(InferenceSession(plain, backend: backend), texts).flatMap { $0 }
        let size = exact.reduce(0) { $0 + $1 * $1 }
        let error = zip(rounded, exact).reduce(0) { $0 + ($1.0 - $1.1) * ($1.0 - $1.1) }
        #expect(error > 0 && error < 0.01 * size)
      }
      let weights = stored.stored.tensors.values.filter { $0.quantized != nil }
      let whole = try RandomAccessFile(url.appending(path: "model.safetensors")).size
      let plain = try RandomAccessFile(fixtures.directory.appending(path: "base/model.safetensors")).size
      #expect(plain - whole > weights.reduce(0) { $0 + $1.spec.elementCount } * 2)
    }
  }

  @Test(
    "a text's result does not depend on its neighbours, their order, the batch size or the threads",
    arguments: FamilyFixtures.all, backends)
  func independence(_ fixtures: FamilyFixtures, _ candidate: BackendCandidate) throws {
    let (one, three) = (try candidate.make(threads: 1), try candidate.make(threads: 3))
    let model = try Self.model(fixtures)
    let texts = Self.texts(model)
    for precision in WeightPrecision.allCases {
      let session = InferenceSession(model, backend: one, precision: precision)
      guard session.precision == precision else { continue }
      let alone = try texts.map { try Self.states(session, [$0])[0] }
      #expect(try Self.states(session, texts) == alone, "\(precision): together")
      #expect(try Self.states(session, texts.reversed()) == alone.reversed(), "\(precision): reversed")
      let other = InferenceSession(model, backend: three, precision: precision)
      #expect(try Self.states(other, texts) == alone, "\(precision): threads")
      // Enough for each thread to take parts of it through all layers, now that the weights are packed.
      let many = [[[Int32]]](repeating: texts, count: 12).flatMap { $0 }
      let expected = [[[Float]]](repeating: alone, count: 12).flatMap { $0 }
      #expect(try Self.states(other, many) == expected, "\(precision): parts")
    }
  }
}

/// What sessions promise, on a head of BERT.
@Suite struct InferenceSessionTests {
  private let registry: Registry
  private let backend: any ComputeBackend

  init() throws {
    registry = try FamilyFixtures.registry.get()
    backend = try registry.makeBackend(threads: 2)
  }

  private func model(_ name: String) throws -> Model {
    try registry.open(fixtures.appending(path: "bert-tiny/\(name)")).checkpoint.makeModel()
  }

  private func batch(_ number: Int) -> PreparedBatch {
    var batch = Batch()
    let ids = (0..<Int32(3 + number % 4)).map { 5 + (Int32(number) * 7 + $0 * 3) % 60 }
    batch.append(ids: ids, tokenTypes: ids.map { _ in 0 }, positions: Array(0..<Int32(ids.count)))
    return PreparedBatch(batch)
  }

  @Test("many tasks may ask at once") func concurrentCalls() async throws {
    let session = InferenceSession(try model("sequence-classification"), backend: backend, precision: .int8)
    let expected = try (0..<40).map { try session.scores(batch($0)).mapValues(\.values) }
    let fresh = InferenceSession(session.model, backend: backend, precision: .int8)
    try await withThrowingTaskGroup(of: (Int, [String: [Float]]).self) { group in
      for number in 0..<40 {
        group.addTask { (number, try fresh.scores(batch(number)).mapValues(\.values)) }
      }
      for try await (number, found) in group { #expect(found == expected[number]) }
    }
  }

  @Test("weights are packed once, and memory is used again") func memory() throws {
    let session = InferenceSession(try model("masked-lm"), backend: backend)
    func capacity() throws -> Int { try session.run { $0.pool?.capacity ?? 0 } }
    for number in 0..<4 { _ = try session.scores(batch(number)) }
    let (packed, used) = (session.packedByteCount, try capacity())
    #expect(packed > 0 && used > 0)
    for number in 0..<8 { _ = try session.scores(batch(number)) }
    #expect(session.packedByteCount == packed)
    #expect(try capacity() == used)
  }

  @Test("int8 takes a quarter of the encoder's memory, and leaves heads and embeddings as they are")
  func packedSize() throws {
    func bytes(_ precision: WeightPrecision) throws -> Int {
      let session = InferenceSession(try model("base"), backend: backend, precision: precision)
      _ = try session.run { try session.model.encode(batch(1).inputs, $0).hiddenStates.value.rows }
      return session.packedByteCount
    }
    let (whole, quarter) = (try bytes(.float32), try bytes(.int8))
    #expect(quarter < whole / 2)
  }

  @Test("a weight that is not finite is named") func brokenWeights() throws {
    for value in [Float.nan, .infinity] {
      let model = try model("sequence-classification")
      let name = "layers.1.feed_forward.output.weight"
      try #require(model.parameters[name]).value.pointer[3] = value
      let session = InferenceSession(model, backend: backend, precision: .int8)
      let error = #expect(throws: GraftError.self) { try session.scores(batch(1)) }
      #expect(error?.subject == "parameter '\(name)'")
      #expect(error?.problem.contains("no scale for int8") == true)
    }
  }

  @Test("the precision of a backend is taken where none is named, and float32 where the CPU lacks another")
  func precisions() throws {
    let model = try model("base")
    let rounding = try ReferenceBackend(threads: 1, precision: .bfloat16)
    #expect(InferenceSession(model, backend: rounding).precision == .bfloat16)
    #expect(InferenceSession(changing: model, backend: rounding).precision == .bfloat16)
    #expect(InferenceSession(model, backend: rounding, precision: .int8).precision == .int8)
    #expect(InferenceSession(model, backend: PlainBackend()).precision == .float32)
    #expect(InferenceSession(model, backend: PlainBackend(), precision: .bfloat16).precision == .float32)
  }
}

/// A backend on a CPU without bfloat16.
private struct PlainBackend: ComputeBackend {
  static let name = "plain"
  let threads = ThreadPool(count: 1)
  let kernels: any Kernels = PlainKernels()

  init() {}
  init(threads: Int) throws {}

  func gemm(
    _ product: MatrixProduct, _ a: UnsafePointer<Float>, lda: Int, _ b: UnsafePointer<Float>, ldb: Int,
    to c: UnsafeMutablePointer<Float>, ldc: Int, accumulating: Bool
  ) {
    preconditionFailure("not asked for here")
  }
}

private struct PlainKernels: Kernels {
  func panels(for precision: WeightPrecision) -> (any PanelKernels)? {
    precision == .bfloat16 ? nil : ReferencePanelKernels(precision)
  }
}
