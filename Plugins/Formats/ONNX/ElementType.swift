import GraftCompute
import GraftTensors

extension DType {
  /// The number in `TensorProto.DataType`.
  var onnxType: Int {
    switch self {
    case .float32: 1
    case .uint8: 2
    case .int8: 3
    case .uint16: 4
    case .int16: 5
    case .int32: 6
    case .int64: 7
    case .bool: 9
    case .float16: 10
    case .float64: 11
    case .uint32: 12
    case .uint64: 13
    case .bfloat16: 16
    }
  }

  /// The field of a `TensorProto` for elements of this type that are not raw.
  var listField: UInt64 {
    switch self {
    case .float32: Field.Tensor.floats
    case .float64: Field.Tensor.doubles
    case .int64: Field.Tensor.int64s
    case .uint32, .uint64: Field.Tensor.uint64s
    default: Field.Tensor.int32s
    }
  }

  init?(onnxType: UInt64) {
    guard let dtype = DType.allCases.first(where: { UInt64($0.onnxType) == onnxType }) else { return nil }
    self = dtype
  }
}
