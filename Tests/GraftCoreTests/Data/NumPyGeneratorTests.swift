import Foundation
import GraftData
import GraftTensors
import TestSupport
import Testing

@Suite struct NumPyGeneratorTests {
  /// Goldens written by NumPy: `Fixtures/numpy/make.py`.
  @Test func permutationsAreNumPys() throws {
    let file = fixtures.appendingPathComponent("numpy/permutations.json")
    let goldens = try JSON(parsing: Array(Data(contentsOf: file))).array ?? []
    #expect(goldens.count == 60)
    for golden in goldens {
      let seed = try #require(golden["seed"]?.string.flatMap(UInt64.init))
      let size = try #require(golden["size"]?.int)
      let order = NumPyGenerator(seed: seed).permutation(size)
      #expect(order.prefix(5).map { JSON($0) } == golden["first"]?.array)
      #expect(order.suffix(5).map { JSON($0) } == golden["last"]?.array)
      let hash = order.reduce(UInt64(0)) { 31 &* $0 &+ UInt64($1) }
      #expect(golden["hash"]?.string == String(hash), "seed \(seed), size \(size)")
    }
  }

  @Test func aPrefixIsTheStartOfTheWhole() {
    let generator = NumPyGenerator(seed: 7)
    #expect(generator.permutation(100, first: 10) == Array(generator.permutation(100).prefix(10)))
    #expect(generator.permutation(0) == [])
  }
}
