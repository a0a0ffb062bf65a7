import GraftCompute
import GraftCore
import GraftTensors
import TestSupport
import Testing

/// An encoder on paper whose tables begin with two positions that no token has.
private struct CountingBackbone: Backbone {
  init(_ configuration: Configuration) throws {}

  var hiddenSize: Int { 3 }
  var vocabularySize: Int { 5 }
  var maximumLength: Int { 4 }
  var layerCount: Int { 0 }

  var parameters: [ParameterSpec] {
    [
      ParameterSpec(wordEmbedding, [5, 3], .zeros), ParameterSpec("positions", [6, 3], .zeros),
      ParameterSpec("types", [1, 3], .zeros),
    ]
  }

  func forward(_ batch: Batch, _ scope: Scope, _ tape: Tape) throws -> Variable {
    try scope[wordEmbedding].parameter
  }
}

@Suite("Rows of positions that frameworks store otherwise")
struct PositionRowTests {
  private let backbone: any Backbone
  private let positions = (0..<18).map { Float($0) + 0.5 }
  private let types: [Float] = [100, 200, 300]

  init() throws { backbone = try CountingBackbone(Configuration()) }

  private func weights(_ dtype: DType = .float32) -> Weights {
    Weights([
      "embeddings.word.weight": LazyTensor([Float](repeating: 1, count: 15), shape: [5, 3]),
      "positions": LazyTensor(positions, shape: [6, 3]).converted(to: dtype),
      "types": LazyTensor(types, shape: [1, 3]).converted(to: dtype),
    ])
  }

  private func table(_ rows: [Dialect.Row]) -> NameTable {
    let dialect = Dialect(name: "paper", backbone: [[Dialect.Row("embeddings.word.weight", "words")], rows])
    return NameTable(dialect, on: backbone, heads: [])
  }

  private func backboneWeights(_ stored: Weights, _ table: NameTable) throws -> Weights {
    var report = LoadReport()
    let decoded = try table.decode(stored, report: &report)
    #expect(report.unexpected.isEmpty)
    return try #require(decoded.components[Component.backbone])
  }

  @Test("positions that no token reaches are not stored, and zero when the others are read")
  func reachable() throws {
    let table = table([Dialect.Row("positions", "table", .reachablePositions), Dialect.Row("types", "types")])
    let stored = try table.encode(weights(), architecture: "PaperModel", withHead: false)
    #expect(stored["table"]?.spec.shape == [4, 3])
    #expect(try stored["table"]?.floats() == Array(positions[6...]))
    let read = try backboneWeights(stored, table)
    #expect(read["positions"]?.spec.shape == [6, 3])
    #expect(try read["positions"]?.floats() == [Float](repeating: 0, count: 6) + positions[6...])
    #expect(try read["types"]?.floats() == types)
  }

  @Test("a row that is added to a table is zero when the sum is read", arguments: [DType.float32, .float16])
  func sum(_ dtype: DType) throws {
    let table = table([.sum("positions", adding: "types", "table", .reachablePositions)])
    let stored = try table.encode(weights(dtype), architecture: "PaperModel", withHead: false)
    let sums = positions.enumerated().map { $1 + types[$0 % 3] }[6...]
    #expect(stored["table"]?.spec == TensorSpec(dtype, [4, 3]))
    #expect(try stored["table"]?.floats() == sums.map { dtype == .float16 ? Float(Float16($0)) : $0 })
    let read = try backboneWeights(stored, table)
    #expect(try read["positions"]?.floats().suffix(12) == stored["table"]?.floats()[...])
    #expect(try read["types"]?.floats() == [0, 0, 0])
    // What was read is written again as it was.
    let again = try table.encode(read, architecture: "PaperModel", withHead: false)
    #expect(try again["table"]?.bytes() == stored["table"]?.bytes())
  }

  @Test("a sum with a row of zeros is the table bit for bit")
  func bits() throws {
    let special: [UInt32] = [0x8000_0000, 0x7F80_0001, 0xFFC1_2345]
    let table = LazyTensor(special.map { Float(bitPattern: $0) }, shape: [1, 3])
    let zeros = LazyTensor(zeros: TensorSpec(.float32, [1, 3]))
    #expect(try zeros.floats() == [0, 0, 0])
    #expect(try LazyTensor(table, addingRow: zeros, "sum").bytes() == table.bytes())
  }

  @Test("tables of several windows are summed row by row")
  func windows() throws {
    let count = LazyTensor.windowSize / 4
    let table = LazyTensor((0..<3 * count).map { Float($0 % 251) }, shape: [count, 3])
    let sum = try LazyTensor(table, addingRow: LazyTensor(types, shape: [1, 3]), "sum").floats()
    #expect(sum.indices.allSatisfy { sum[$0] == Float($0 % 251) + types[$0 % 3] })
  }

  @Test("two rows cannot be added to one, and a table needs more rows than are left out")
  func refused() throws {
    let sums = table([.sum("positions", adding: "types", "table")])
    var wrong = weights()
    wrong["types"] = LazyTensor(types + types, shape: [2, 3])
    var error = #expect(throws: GraftError.self) {
      try sums.encode(wrong, architecture: "PaperModel", withHead: false)
    }
    #expect(
      error?.description
        == "tensor 'table': a tensor that is no single row to add to another; expected float32 [1, 3] for "
        + "float32 [6, 3], found float32 [2, 3].")
    let reachable = table([Dialect.Row("positions", "table", .reachablePositions)])
    wrong["types"] = nil
    wrong["positions"] = LazyTensor(types + types, shape: [2, 3])
    error = #expect(throws: GraftError.self) {
      try reachable.encode(wrong, architecture: "PaperModel", withHead: false)
    }
    #expect(error?.expected == "more than 2 rows")
    var report = LoadReport()
    for rows in [
      [Dialect.Row("positions", "table", .reachablePositions)], [.sum("positions", adding: "types", "table")],
    ] {
      let flat = Weights(["table": LazyTensor(types, shape: [3])])
      error = #expect(throws: GraftError.self) { try table(rows).decode(flat, report: &report) }
      #expect(error?.description == "tensor 'table': wrong shape; expected two extents, found float32 [3].")
    }
    // Nothing, of a width of which two rows are larger than any tensor.
    let wide = Weights(["table": LazyTensor(zeros: TensorSpec(.float32, [0, 1 << 54]))])
    error = #expect(throws: GraftError.self) { try reachable.decode(wide, report: &report) }
    #expect(error?.expected == "rows of at most \(1 << 55) bytes")
  }
}
