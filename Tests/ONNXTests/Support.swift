import Foundation
import GraftTensors
import Testing

@testable import ONNX
import GraftPlugins

/// Demands the same names, types, shapes and bytes, in any order.
func expect(_ found: Weights, equals expected: Weights) throws {
  #expect(Set(found.tensors.keys) == Set(expected.tensors.keys))
  for (name, tensor) in expected.tensors {
    #expect(found[name]?.spec == tensor.spec, "\(name)")
    #expect(try found[name]?.bytes() == tensor.bytes(), "\(name)")
  }
}
