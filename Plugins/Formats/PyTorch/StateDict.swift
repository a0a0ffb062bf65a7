import GraftTensors
import OrderedCollections

/// The tensors that a pickle's result is made of, by name.
struct StateDict {
  private(set) var tensors: OrderedDictionary<String, Pickle.Tensor> = [:]

  /// Keys under which training scripts put the weights among other things.
  static let wrappers = ["state_dict", "model_state_dict", "model", "module"]

  /// Finds the weights in a pickle: the dictionary that it holds, or the one under a well-known key of it.
  ///
  /// What is no tensor is left out: counters and the optimizer's settings are no weights.
  ///
  /// - Throws: ``GraftError`` when there is no dictionary of tensors.
  init(of pickle: Pickle) throws {
    guard case .dictionary(var index) = pickle.result else {
      throw GraftError(
        .unsupported, "no weights: the file holds \(pickle.result.description), not a dictionary of tensors",
        advice: Advice(Pickle.saveAgain))
    }
    // A dictionary may hold itself.
    for _ in 0..<Self.wrappers.count {
      guard let inner = Self.wrapped(pickle, index) else { break }
      index = inner
    }
    for (key, value) in pickle.dictionaries[index] {
      guard case .tensor(let tensor) = value else { continue }
      guard case .text(let name) = key else {
        throw GraftError(.malformed, "a tensor's name is \(key.description), not a string")
      }
      if let index = tensors.index(forKey: name), !tensors.keys[index].utf8.elementsEqual(name.utf8) {
        throw GraftError(
          .malformed, "another tensor's name has the same characters in another encoding",
          subject: "tensor '\(name)'")
      }
      tensors[name] = pickle.tensors[tensor]
    }
    guard !tensors.isEmpty || pickle.dictionaries[index].isEmpty else {
      let names = pickle.dictionaries[index].compactMap { key, _ in
        if case .text(let name) = key { "'\(name.prefix(40))'" } else { nil }
      }
      throw GraftError(
        .unsupported, "no weights: the file's dictionary holds no tensors",
        expected: "tensors, or one of \(Self.wrappers.joined(separator: ", "))",
        found: names.prefix(8).joined(separator: ", "), advice: Advice(Pickle.saveAgain))
    }
  }

  private static func wrapped(_ pickle: Pickle, _ index: Int) -> Int? {
    for wrapper in wrappers {
      if let (_, value) = pickle.dictionaries[index].last(where: { $0.key == .text(wrapper) }),
        case .dictionary(let inner) = value
      {
        return inner
      }
    }
    return nil
  }

  /// The tensors over the storages that hold them.
  ///
  /// - Parameter storage: The storage of a key as a tensor of one axis.
  /// - Throws: ``GraftError`` that names the tensor which does not fit.
  func weights(_ storage: (Pickle.Storage, DType) throws -> LazyTensor) throws -> Weights {
    var weights = Weights()
    var sizes: [String: Int] = [:]
    for (name, tensor) in tensors {
      do {
        let storage = try storage(tensor.storage, tensor.dtype)
        sizes[tensor.storage.key] = storage.spec.byteCount
        weights[name] = try Self.view(storage, tensor)
      } catch var error as GraftError {
        error.subject = "tensor '\(name)'" + (error.subject.map { ": \($0)" } ?? "")
        throw error
      }
    }
    // One number can be expanded to any shape, and any storage be viewed any number of times.
    try weights.checkExpansion(of: sizes.values, advice: "Save a copy of it: tensor.contiguous().")
    return weights
  }

  private static func view(_ storage: LazyTensor, _ tensor: Pickle.Tensor) throws -> LazyTensor {
    guard let view = storage.strided(tensor.shape, strides: tensor.strides, from: tensor.offset) else {
      throw GraftError(
        .malformed, "the tensor reaches beyond its storage",
        expected: "\(storage.spec.elementCount) elements",
        found: "shape \(tensor.shape), strides \(tensor.strides), offset \(tensor.offset)")
    }
    return view
  }
}
