import GraftTensors

/// What a pickle's objects are read as. Anything that has parts is a number in ``Pickle``'s lists, so that a
/// value owns nothing: objects may contain each other, or themselves, to any depth.
enum PickleValue: Equatable {
  case none
  case bool(Bool)
  case int(Int)
  case text(String)
  /// A tuple or a list.
  case sequence(Int)
  case dictionary(Int)
  case global(PickleGlobal)
  case storage(Int)
  case tensor(Int)
  /// An object of a class that is not looked up: it is what it is given.
  case object(Int)
  /// Something harmless that weights are not made of: a float, bytes, a large number, a set, a device.
  case other

  var isTensor: Bool { if case .tensor = self { true } else { false } }

  /// For messages, with its article.
  var description: String {
    switch self {
    case .none: "None"
    case .bool: "a bool"
    case .int: "an integer"
    case .text: "a string"
    case .sequence: "a sequence"
    case .dictionary: "a dictionary"
    case .global: "a class or function"
    case .storage: "a storage"
    case .tensor: "a tensor"
    case .object: "an object"
    case .other: "another object"
    }
  }
}

/// The names that a pickle may mention. None is looked up or called: each has a meaning here, and only here.
/// Others may be classes of objects that weights stand in or beside; a call of one is refused.
enum PickleGlobal: Equatable {
  /// An ordered, counting or plain dictionary.
  case dictionary
  /// `torch.FloatStorage`; without a type, `torch.storage.UntypedStorage`, which counts bytes.
  case storage(DType?)
  /// `torch.float32`
  case dtype(DType)
  /// `torch._utils._rebuild_tensor` and its second and third version.
  case rebuildTensor
  /// `torch._utils._rebuild_parameter`, also with state; its first argument is the tensor.
  case rebuildParameter
  /// `torch._tensor._rebuild_from_type_v2`: a function, a class, and the function's arguments.
  case rebuildFromType
  /// A set or a list of a list's items.
  case set
  /// What makes an object that weights are not made of.
  case other
  /// A name without a meaning here, by its place among those that the pickle mentions.
  case foreign(Int)

  /// - Returns: `nil` for a name without a meaning.
  init?(module: String, name: String) {
    switch (module, name) {
    case ("collections", "OrderedDict"), ("collections", "Counter"), ("collections", "defaultdict"),
      ("builtins", "dict"), ("__builtin__", "dict"):
      self = .dictionary
    case ("torch.storage", "UntypedStorage"), ("torch", "UntypedStorage"): self = .storage(nil)
    case ("torch._utils", "_rebuild_tensor"), ("torch._utils", "_rebuild_tensor_v2"),
      ("torch._utils", "_rebuild_tensor_v3"):
      self = .rebuildTensor
    case ("torch._utils", "_rebuild_parameter"), ("torch._utils", "_rebuild_parameter_with_state"),
      ("torch.nn.parameter", "Parameter"):
      self = .rebuildParameter
    case ("torch._tensor", "_rebuild_from_type_v2"): self = .rebuildFromType
    case ("builtins", "set"), ("__builtin__", "set"), ("builtins", "list"), ("__builtin__", "list"):
      self = .set
    case ("torch", "Tensor"), ("torch", "Size"), ("torch", "device"), ("torch.serialization", "_get_layout"),
      ("_codecs", "encode"), ("re", "_compile"), ("builtins", "bytearray"),
      ("builtins", "complex"), ("argparse", "Namespace"), ("numpy", "dtype"),
      ("numpy.core.multiarray", "scalar"), ("numpy._core.multiarray", "scalar"):
      self = .other
    case ("torch", _):
      if let dtype = DType(torchStorage: name) {
        self = .storage(dtype)
      } else if let dtype = DType(rawValue: name) {
        self = .dtype(dtype)
      } else {
        return nil
      }
    default: return nil
    }
  }
}

extension DType {
  /// The class of a storage of this type, where there is one; the others came after classes went out of use.
  var torchStorage: String? {
    switch self {
    case .bool: "BoolStorage"
    case .uint8: "ByteStorage"
    case .int8: "CharStorage"
    case .int16: "ShortStorage"
    case .int32: "IntStorage"
    case .int64: "LongStorage"
    case .float16: "HalfStorage"
    case .bfloat16: "BFloat16Storage"
    case .float32: "FloatStorage"
    case .float64: "DoubleStorage"
    case .uint16, .uint32, .uint64: nil
    }
  }

  init?(torchStorage name: String) {
    guard let dtype = DType.allCases.first(where: { $0.torchStorage == name }) else { return nil }
    self = dtype
  }
}
