import GraftTensors
import OrderedCollections

/// The tensors that a pickle's result is made of, by name.
struct StateDict {
  private(set) var tensors: OrderedDictionary<String, Pickle.Tensor> = [:]

  /// Keys under which training scripts put the weights among other things.
  static let wrappers = ["state_dict", "model_state_dict", "model", "module"]

  /// What a training script keeps beside its weights is no more than this.
  private static let mostKeys = 64

  /// What else a person should know.
  private var notes: [String] = []

  /// Finds the weights in a pickle: the dictionary or the module that it holds, or the one under a well-known key, or
  /// the only one under any.
  ///
  /// What is no tensor is left out: counters and the optimizer's settings are no weights.
  ///
  /// - Throws: ``GraftError`` when there is neither a dictionary of tensors nor a module.
  init(of pickle: Pickle) throws {
    var content = pickle.result
    // A dictionary may hold itself.
    for _ in 0..<Self.wrappers.count {
      guard let inner = Self.wrapped(pickle, content) else { break }
      content = inner
    }
    if let tree = try ModuleTree(content, in: pickle) {
      for (name, tensor) in tree.tensors { try add(pickle.tensors[tensor], name) }
      notes = ["a whole model was saved: its tensors are read, and none of its code is run"]
      return
    }
    guard case .dictionary(let index) = content else {
      throw pickle.refusal()
        ?? GraftError(
          .unsupported, "no weights: the file holds \(content.description), not a dictionary of tensors",
          advice: Advice(Pickle.saveAgain))
    }
    for (key, value) in pickle.dictionaries[index] {
      guard case .tensor(let tensor) = value else { continue }
      guard case .text(let name) = key else {
        throw GraftError(.malformed, "a tensor's name is \(key.description), not a string")
      }
      try add(pickle.tensors[tensor], name)
    }
    guard !tensors.isEmpty || pickle.dictionaries[index].isEmpty else {
      let names = pickle.dictionaries[index].compactMap { key, _ in
        if case .text(let name) = key { "'\(name.prefix(40))'" } else { nil }
      }
      throw pickle.refusal()
        ?? GraftError(
          .unsupported, "no weights: the file's dictionary holds no tensors",
          expected: "tensors, or one of \(Self.wrappers.joined(separator: ", "))",
          found: names.prefix(8).joined(separator: ", "), advice: Advice(Pickle.saveAgain))
    }
  }

  private mutating func add(_ tensor: Pickle.Tensor, _ name: String) throws {
    if let index = tensors.index(forKey: name), !tensors.keys[index].utf8.elementsEqual(name.utf8) {
      throw GraftError(
        .malformed, "another tensor's name has the same characters in another encoding",
        subject: "tensor '\(name)'")
    }
    tensors[name] = tensor
  }

  /// The weights under a well-known key, or, in a dictionary without tensors, the only ones under any; else any dictionary
  /// under a well-known key.
  private static func wrapped(_ pickle: Pickle, _ content: PickleValue) -> PickleValue? {
    guard case .dictionary(let index) = content else { return nil }
    let items = pickle.dictionaries[index]
    func holdsWeights(_ value: PickleValue) -> Bool {
      guard case .dictionary(let inner) = value else { return ModuleTree.isModule(value, in: pickle) }
      return pickle.dictionaries[inner].contains { $0.value.isTensor }
    }
    func holdsWrapper(_ value: PickleValue) -> Bool {
      guard case .dictionary(let inner) = value else { return false }
      return pickle.dictionaries[inner].contains { key, _ in wrappers.contains { key == .text($0) } }
    }
    let wellKnown = wrappers.compactMap { wrapper in items.last { $0.key == .text(wrapper) }?.value }
      .filter { value in
        if case .dictionary = value { true } else { ModuleTree.isModule(value, in: pickle) }
      }
    if let weights = wellKnown.first(where: { holdsWeights($0) || holdsWrapper($0) }) { return weights }
    guard items.count <= mostKeys, !items.contains(where: { $0.value.isTensor }) else {
      return wellKnown.first
    }
    let holders = items.map(\.value).filter(holdsWeights)
    return holders.count == 1 ? holders[0] : wellKnown.first
  }

  /// The tensors over the storages that hold them.
  ///
  /// - Parameter storage: The storage of a key as a tensor of one axis.
  /// - Throws: ``GraftError`` that names the tensor which does not fit.
  func weights(_ storage: (Pickle.Storage, DType) throws -> LazyTensor) throws -> Weights {
    var weights = Weights()
    weights.notes = notes
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
