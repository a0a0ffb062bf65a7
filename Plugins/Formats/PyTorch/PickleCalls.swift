import GraftTensors

// What a pickle's names and calls mean: nothing is looked up, nothing runs.

extension Pickle {
  mutating func global(_ module: PickleValue, _ name: PickleValue) throws -> PickleValue {
    guard case .text(let module) = module, case .text(let name) = name else {
      throw Self.broken("a name is not text")
    }
    guard let global = PickleGlobal(module: module, name: name) else {
      if module == "torch" {
        throw GraftError(
          .unsupported, "the pickle has 'torch.\(name.prefix(80))', which is no type that Graft reads",
          advice: "Convert it before saving: tensor.float().")
      }
      foreign.append((module, name))
      // Nothing that models are made of is there.
      if ["builtins", "__builtin__"].contains(module), let refusal = refusal(foreign.count - 1) {
        throw refusal
      }
      return .global(.foreign(foreign.count - 1))
    }
    return .global(global)
  }

  /// The error for what the pickle is made of or calls, and has no meaning here.
  func refusal(_ index: Int = 0) -> GraftError? {
    guard foreign.indices.contains(index) else { return nil }
    let name = "\(foreign[index].module).\(foreign[index].name)".prefix(80)
    return GraftError(
      .refused, "the pickle asks for '\(name)', which is no part of weights",
      advice: "Graft runs no code of a file. \(Self.saveAgain)")
  }

  /// An object of a class, before it is given anything: no code of the class has a part in it.
  mutating func new(_ type: PickleValue, _ arguments: PickleValue) throws -> PickleValue {
    guard case .global(.foreign) = type else { return try call(type, arguments) }
    states.append(.none)
    return .object(states.count - 1)
  }

  mutating func call(_ function: PickleValue, _ arguments: PickleValue) throws -> PickleValue {
    guard case .global(let function) = function, case .sequence(let index) = arguments else {
      throw Self.broken("it calls \(function.description) with \(arguments.description)")
    }
    let arguments = sequences[index]
    switch function {
    case .dictionary: return try makeDictionary(arguments.first)
    case .rebuildTensor: return try rebuildTensor(arguments)
    case .rebuildParameter: return arguments.first ?? .other
    case .rebuildFromType:
      guard arguments.count >= 3,
        arguments[0] == .global(.rebuildTensor) || arguments[0] == .global(.rebuildParameter)
      else { throw Self.broken("a tensor is made in an unknown way") }
      return try call(arguments[0], arguments[2])
    case .set:
      guard let items = arguments.first, case .sequence = items else { return .other }
      return items
    case .other: return .other
    case .foreign(let index): throw refusal(index) ?? Self.broken("it calls nothing")
    case .storage, .dtype: throw Self.broken("it calls a type")
    }
  }

  /// A dictionary of what it is made from: nothing, a list of pairs, another one, or a factory of values.
  private mutating func makeDictionary(_ content: PickleValue?) throws -> PickleValue {
    guard let content, case .sequence(let index) = content else {
      if case .dictionary? = content { return content ?? .other }
      return try dictionary()
    }
    var items: [PickleValue] = []
    for pair in sequences[index] {
      guard case .sequence(let pair) = pair, sequences[pair].count == 2 else {
        throw Self.broken("a dictionary is made of something else than pairs")
      }
      items += sequences[pair]
    }
    objects += items.count
    return try dictionary(items)
  }

  /// `("storage", class, key, device, count)`, and in the stream form a view of it or None. The latter has classes of
  /// modules as well, `("module", class, file, source)`.
  mutating func storage(_ id: PickleValue) throws -> PickleValue {
    let id = try items(id, "a storage's description")
    if id.count == 4, id[0] == .text("module"), case .global = id[1] { return id[1] }
    guard id.count >= 5, id[0] == .text("storage"), case .global(.storage(let dtype)) = id[1],
      case .text(let key) = id[2], case .int(let count) = id[4], count >= 0
    else { throw Self.broken("a storage's description is not one") }
    var storage = Storage(key: key, dtype: dtype, count: count, offset: 0)
    if id.count > 5, id[5] != .none {
      let view = try items(id[5], "a storage's view")
      guard view.count == 3, case .int(let offset) = view[1], case .int(let part) = view[2], offset >= 0,
        part >= 0, offset <= count, part <= count - offset
      else { throw Self.broken("a storage's view reaches beyond it") }
      storage = Storage(key: key, dtype: dtype, count: count, offset: offset)
    }
    storages.append(storage)
    return .storage(storages.count - 1)
  }

  /// `(storage, offset, shape, strides, …)`; the third version has the type as its seventh argument.
  private mutating func rebuildTensor(_ arguments: [PickleValue]) throws -> PickleValue {
    guard arguments.count >= 4, case .storage(let index) = arguments[0], case .int(let offset) = arguments[1]
    else { throw Self.broken("a tensor is made of something else than a storage") }
    let storage = storages[index]
    let shape = try integers(arguments[2], "shape")
    let strides = try integers(arguments[3], "strides")
    var metadata = 6
    var dtype = storage.dtype
    if dtype == nil, arguments.count > 6, case .global(.dtype(let named)) = arguments[6] {
      (dtype, metadata) = (named, 7)
    }
    guard let dtype else { throw Self.broken("a tensor has no element type") }
    if arguments.count > metadata, case .dictionary(let flags) = arguments[metadata],
      !dictionaries[flags].isEmpty
    {
      throw GraftError(
        .unsupported, "a tensor is stored conjugated or negated", advice: "Save a copy of it: tensor.clone()."
      )
    }
    let (start, overflow) = storage.offset.addingReportingOverflow(offset)
    guard !overflow, offset >= 0, shape.count == strides.count else {
      throw Self.broken("a tensor's offset, shape and strides contradict each other")
    }
    objects += shape.count + strides.count
    tensors.append(Tensor(storage: storage, dtype: dtype, offset: start, shape: shape, strides: strides))
    return .tensor(tensors.count - 1)
  }

  private func items(_ value: PickleValue, _ what: String) throws -> [PickleValue] {
    guard case .sequence(let index) = value else {
      throw Self.broken("\(what) is \(value.description), not a tuple")
    }
    return sequences[index]
  }

  private func integers(_ value: PickleValue, _ what: String) throws -> [Int] {
    let items = try items(value, "a tensor's \(what)")
    guard items.count <= TensorSpec.maximumRank else {
      throw Self.broken("a tensor has more than \(TensorSpec.maximumRank) extents")
    }
    return try items.map {
      guard case .int(let number) = $0, number >= 0 else {
        throw Self.broken("a tensor's \(what) has \($0.description) where a size should be")
      }
      return number
    }
  }
}
