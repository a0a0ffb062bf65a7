import Foundation
import GraftCore
import GraftKit
import GraftTensors
import TestSupport
import Testing

@testable import GraftCompute

/// Attention that no pullback follows has a kernel of its own, for heads whose width fills vectors. Those of the tiny
/// models have other widths.
@Suite("Heads as wide as those of real models") struct WideHeadsConformance {
  static let backends = BackendCandidate.all.filter { $0.precision == .float32 }

  // MARK: The op

  struct Shape: Sendable {
    let heads: Int
    let width: Int
    var lengths: [Int] = [1, 0, 3, 17, 16, 63, 130]
    var window: Int?
    /// Where tokens stand in their sequences; `nil` is one after the other.
    var columns: [Int32]?

    var offsets: [Int] { lengths.reduce(into: [0]) { $0.append($0[$0.count - 1] + $1) } }
  }

  static let shapes = [
    Shape(heads: 1, width: 16), Shape(heads: 3, width: 16), Shape(heads: 2, width: 32),
    Shape(heads: 2, width: 48), Shape(heads: 1, width: 64), Shape(heads: 2, width: 80),
    Shape(heads: 2, width: 16, lengths: [515, 2]),
    Shape(heads: 2, width: 16, window: 0), Shape(heads: 3, width: 32, window: 5),
    Shape(heads: 2, width: 16, window: 129), Shape(heads: 2, width: 16, window: 700),
    Shape(heads: 2, width: 16, lengths: [515, 2], window: 64),
    Shape(heads: 2, width: 16, lengths: [4, 3], columns: [0, 1, 5, 6, 2, 3, 9]),
    Shape(heads: 2, width: 16, lengths: [4, 3], window: 2, columns: [0, 1, 5, 6, 2, 3, 9]),
  ]

  /// Queries, keys and values: `[tokens, heads · width]`.
  private func inputs(_ shape: Shape) -> [Tensor] {
    var generator = RandomKey(seed: 5).generator
    let (rows, hidden) = (shape.offsets[shape.lengths.count], shape.heads * shape.width)
    return (0..<3).map { _ in
      // Scores large enough that some weights are near 1.
      Tensor((0..<rows * hidden).map { _ in 2 * generator.normal() }, shape: [rows, hidden])
    }
  }

  private func attention(
    _ shape: Shape, _ inputs: [Tensor], _ backend: any ComputeBackend, isRecording: Bool
  ) -> [Float] {
    let variables = inputs.map { Variable($0, needsGradient: isRecording) }
    let tape = Tape(backend, recording: isRecording)
    let y = tape.attention(
      query: variables[0], key: variables[1], value: variables[2], heads: shape.heads, offsets: shape.offsets,
      dropout: 0, window: shape.window, columns: shape.columns.map { RowIndices($0) })
    return y.value.values
  }

  /// Some of the rows in float64: each number with its place.
  private func exact(_ shape: Shape, _ inputs: [Tensor]) -> [(place: Int, value: Double)] {
    let (hidden, width) = (shape.heads * shape.width, shape.width)
    let (query, key, value) = (inputs[0].pointer, inputs[1].pointer, inputs[2].pointer)
    var found: [(Int, Double)] = []
    for (start, end) in zip(shape.offsets, shape.offsets.dropFirst()) {
      let rows = (start..<end).filter { end - start < 40 || ($0 - start) % 47 == 0 || $0 == end - 1 }
      for row in rows {
        let seen = (start..<end).filter { other in
          guard let window = shape.window else { return true }
          let columns = [row, other].map { shape.columns?[$0] ?? Int32($0) }
          return abs(columns[0] - columns[1]) <= window
        }
        for first in stride(from: 0, to: hidden, by: width) {
          let scores = seen.map { other in
            var sum = 0.0
            for column in first..<first + width {
              sum += Double(query[row * hidden + column]) * Double(key[other * hidden + column])
            }
            return sum / Double(width).squareRoot()
          }
          let largest = scores.max() ?? 0
          let weights = scores.map { exp($0 - largest) }
          let sum = weights.reduce(0, +)
          for column in first..<first + width {
            var total = 0.0
            for index in seen.indices {
              total += weights[index] * Double(value[seen[index] * hidden + column])
            }
            found.append((row * hidden + column, total / sum))
          }
        }
      }
    }
    return found
  }

  @Test("attention is what recording computes, and near float64, for any number of threads")
  func attention() throws {
    let candidates = try Self.backends.map {
      (name: $0.testDescription, one: try $0.make(threads: 1), three: try $0.make(threads: 3))
    }
    for shape in Self.shapes {
      let inputs = inputs(shape)
      let exact = exact(shape, inputs)
      #expect(!exact.isEmpty)
      for (name, one, three) in candidates {
        let found = attention(shape, inputs, one, isRecording: false)
        #expect(
          attention(shape, inputs, three, isRecording: false) == found, "\(name), \(shape): threads")
        let recorded = attention(shape, inputs, one, isRecording: true)
        let differences = found.indices.map { abs(found[$0] - recorded[$0]) }
        #expect(differences.allSatisfy { $0 <= 1e-5 }, "\(name), \(shape): recorded")
        #expect(exact.allSatisfy { abs($0.value - Double(found[$0.place])) <= 1e-5 }, "\(name), \(shape)")
      }
    }
  }

  // MARK: Models

  /// A family's tiny model with heads of 16, of new weights large enough that tokens look at one another.
  private func model(_ fixtures: FamilyFixtures) throws -> Model {
    let registry = try FamilyFixtures.registry.get()
    return try withTemporaryDirectory { directory in
      let file = fixtures.directory.appending(path: "base/config.json")
      var configuration = try Configuration(parsing: Array(Data(contentsOf: file)))
      let counts = ["num_attention_heads", "n_heads"].compactMap { configuration.values[$0]?.int }
      let heads = try #require(counts.first)
      for (key, size) in [
        ("hidden_size", 16 * heads), ("dim", 16 * heads), ("pooler_hidden_size", 16 * heads),
        ("head_dim", 16), ("max_position_embeddings", 700),
      ] where configuration.values[key] != nil {
        configuration.values[key] = JSON(size)
      }
      configuration.values["initializer_range"] = 0.3
      try FileWriter.write(
        directory.appending(path: "config.json"), text: JSON.object(configuration.values).text())
      return try initializeModel(from: directory, head: nil, registry: registry).makeModel()
    }
  }

  private func batch(_ lengths: [Int], _ model: Model) -> Batch {
    var batch = Batch()
    let vocabulary = Int32(model.backbone.vocabularySize)
    for (number, length) in lengths.enumerated() {
      let ids = (0..<Int32(length)).map { (Int32(number % 7) * 31 + $0 * 17 + 5) % (vocabulary - 5) + 4 }
      batch.append(ids: ids, tokenTypes: ids.map { _ in 0 }, positions: Array(0..<Int32(length)))
    }
    return batch
  }

  private func states(_ session: InferenceSession, _ batch: Batch) throws -> [Float] {
    try session.run { try session.model.encode(batch, $0).hiddenStates.value.values }
  }

  private func expectNear(_ found: [Float], _ expected: [Float], _ name: String) {
    #expect(found.count == expected.count, "\(name)")
    var (size, error) = (0.0, 0.0)
    for index in expected.indices {
      size += Double(expected[index]) * Double(expected[index])
      error += Double(found[index] - expected[index]) * Double(found[index] - expected[index])
    }
    #expect(error <= 1e-10 * size, "\(name): \((error / size).squareRoot())")
  }

  @Test("a session computes what a tape that records does", arguments: FamilyFixtures.all, backends)
  func models(_ fixtures: FamilyFixtures, _ candidate: BackendCandidate) throws {
    let backend = try candidate.make(threads: 2)
    let model = try model(fixtures)
    let batch = batch([1, 9, 3, 40, 17], model)
    let recorded = try model.encode(batch, Tape(backend)).hiddenStates.value.values
    expectNear(try states(InferenceSession(model, backend: backend), batch), recorded, "packed")
    expectNear(try states(InferenceSession(changing: model, backend: backend), batch), recorded, "in place")
  }

  @Test(
    "so it does of long texts, and the same for each text alone, in parts and by any number of threads",
    arguments: FamilyFixtures.all)
  func texts(_ fixtures: FamilyFixtures) throws {
    let registry = try FamilyFixtures.registry.get()
    let (one, three) = (try registry.makeBackend(threads: 1), try registry.makeBackend(threads: 3))
    let model = try model(fixtures)
    let long = batch([530, 2], model)
    let recorded = try model.encode(long, Tape(three)).hiddenStates.value.values
    expectNear(try states(InferenceSession(model, backend: three), long), recorded, "long")

    let lengths = [Int](repeating: 0, count: 84).indices.map { [1, 9, 3, 14, 9, 2, 6][$0 % 7] }
    let many = batch(lengths, model)
    #expect(BatchParts(many.offsets, threads: 3).ranges.count > 1)
    for precision in WeightPrecision.allCases {
      let session = InferenceSession(model, backend: one, precision: precision)
      guard session.precision == precision else { continue }
      let alone = try (0..<7).map { try states(session, many.part($0..<$0 + 1)) }
      let other = InferenceSession(model, backend: three, precision: precision)
      let expected = lengths.indices.flatMap { alone[$0 % 7] }
      // Packing is the first call's; the second is cut into parts.
      for call in ["whole", "in parts"] {
        #expect(try states(other, many) == expected, "\(precision), \(call)")
      }
    }
  }
}
