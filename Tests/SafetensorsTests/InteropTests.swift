import Foundation
import GraftTensors
import Safetensors
import Testing

/// Leaves a file for the reference library to read, where `GRAFT_INTEROP_DIR` says: see
/// `Fixtures/interop/check_safetensors.py`.
@Suite struct InteropTests {
  static let directory = ProcessInfo.processInfo.environment["GRAFT_INTEROP_DIR"]

  @Test(.enabled(if: directory != nil)) func writesEveryTypeForTheReference() throws {
    var weights = Weights(metadata: ["format": "np", "größe": "\"1\"\n"])
    for dtype in DType.allCases {
      for shape in [[], [0, 3], [5], [2, 3, 1]] {
        let spec = TensorSpec(dtype, shape)
        let bytes = (0..<spec.byteCount).map { UInt8($0 % (dtype == .bool ? 2 : 113)) }
        weights["\(dtype.rawValue) \(shape.map(String.init).joined(separator: "x")) 重み"] = LazyTensor(
          spec, bytes: bytes)
      }
    }
    let url = URL(fileURLWithPath: try #require(Self.directory)).appendingPathComponent("types.safetensors")
    try SafetensorsFormat().write(weights, to: url)
  }
}
