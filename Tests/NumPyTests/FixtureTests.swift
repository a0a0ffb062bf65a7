import TestSupport
import Foundation
import GraftTensors
import NumPy
import Safetensors
import Testing

/// Files written by NumPy: what is read is what NumPy made of them, bit for bit.
@Suite struct FixtureTests {
  static let folder = fixtures.appendingPathComponent("numpy")

  @Test(arguments: ["types", "orders", "versions", "empty"]) func readsWhatNumPyReads(_ name: String) throws {
    let url = Self.folder.appendingPathComponent("\(name).npz")
    #expect(try NPZFormat().open(url).differences(from: Self.truth(name)) == [])
  }

  @Test func readsWhatIsDeflated() throws {
    var read = try NPZFormat().open(Self.folder.appendingPathComponent("deflated.npz"))
    let zeros = try #require(read["zeros"])
    read["zeros"] = nil
    #expect(try read.differences(from: Self.truth("types")) == [])
    #expect(zeros.spec == TensorSpec(.float32, [200, 700]))
    #expect(try zeros.bytes() == [UInt8](repeating: 0, count: zeros.spec.byteCount))
  }

  /// Bytes at any place, which is how two tensors are compared.
  @Test(arguments: ["types", "orders"]) func comparesWithoutReadingWhole(_ name: String) throws {
    let read = try NPZFormat().open(Self.folder.appendingPathComponent("\(name).npz"))
    for (name, tensor) in try Self.truth(name).tensors {
      #expect(try tensor.isIdentical(to: #require(read[name])), "\(name)")
    }
  }

  static func truth(_ name: String) throws -> Weights {
    try SafetensorsFormat().open(folder.appendingPathComponent("\(name).safetensors"))
  }
}
