import GraftTensors

extension Weights {
  /// The names of the tensors that are in one set of weights only, or differ in type, shape or bytes. The order
  /// of the tensors does not count.
  public func differences(from expected: Weights) throws -> [String] {
    let names = Set(tensors.keys).symmetricDifference(expected.tensors.keys).sorted()
    return try names
      + expected.tensors.filter { name, tensor in
        try self[name].map { try $0.spec != tensor.spec || $0.bytes() != tensor.bytes() } ?? false
      }.keys
  }
}
