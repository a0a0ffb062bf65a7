/// The field numbers of the messages that Graft reads and writes.
/// https://github.com/onnx/onnx/blob/v1.17.0/onnx/onnx.proto
enum Field {
  enum Model {
    static let irVersion: UInt64 = 1
    static let producerName: UInt64 = 2
    static let graph: UInt64 = 7
    static let opsetImport: UInt64 = 8
    static let metadata: UInt64 = 14
  }

  enum Opset {
    static let version: UInt64 = 2
  }

  enum Graph {
    static let node: UInt64 = 1
    static let name: UInt64 = 2
    static let initializer: UInt64 = 5
    static let input: UInt64 = 11
    static let output: UInt64 = 12
    static let sparseInitializer: UInt64 = 15
  }

  enum Node {
    static let input: UInt64 = 1
    static let output: UInt64 = 2
    static let name: UInt64 = 3
    static let operation: UInt64 = 4
    static let attribute: UInt64 = 5
    static let domain: UInt64 = 7
    static let metadata: UInt64 = 9
  }

  enum Attribute {
    static let name: UInt64 = 1
    static let float: UInt64 = 2
    static let integer: UInt64 = 3
    static let tensor: UInt64 = 5
    static let floats: UInt64 = 7
    static let integers: UInt64 = 8
    static let type: UInt64 = 20
  }

  enum Tensor {
    static let dimensions: UInt64 = 1
    static let type: UInt64 = 2
    static let segment: UInt64 = 3
    static let floats: UInt64 = 4
    static let int32s: UInt64 = 5
    static let strings: UInt64 = 6
    static let int64s: UInt64 = 7
    static let name: UInt64 = 8
    static let raw: UInt64 = 9
    static let doubles: UInt64 = 10
    static let uint64s: UInt64 = 11
    static let externalData: UInt64 = 13
    static let location: UInt64 = 14
  }

  /// `StringStringEntryProto`.
  enum Entry {
    static let key: UInt64 = 1
    static let value: UInt64 = 2
  }

  enum ValueInfo {
    static let name: UInt64 = 1
    static let type: UInt64 = 2
  }

  enum TypeInfo {
    static let tensor: UInt64 = 1
    static let elementType: UInt64 = 1
    static let shape: UInt64 = 2
  }

  enum Shape {
    static let dimension: UInt64 = 1
    static let value: UInt64 = 1
    static let parameter: UInt64 = 2
  }
}
