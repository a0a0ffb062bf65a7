import GraftTensors

/// The tensors of a module of PyTorch's that was pickled whole, by the names that its `state_dict` has.
///
/// Nothing of its class is known or run: what it was given has `_parameters`, `_buffers` and `_modules`.
/// https://github.com/pytorch/pytorch/blob/v2.9.0/torch/nn/modules/module.py
struct ModuleTree {
  /// The most modules in one another.
  private static let maximumDepth = 64
  /// The most attributes and bytes of names in all, with what a name takes beside its bytes: one module may stand in any
  /// number of others.
  private static let maximumWork = 1 << 24
  private static let nameSize = 64

  /// Names, and numbers of tensors.
  private(set) var tensors: [(name: String, tensor: Int)] = []
  private let pickle: Pickle
  private var work = 0

  /// - Returns: `nil` when the value is no module.
  /// - Throws: ``GraftError`` when modules contain themselves, or are too many.
  init?(_ value: PickleValue, in pickle: Pickle) throws {
    guard Self.isModule(value, in: pickle) else { return nil }
    self.pickle = pickle
    try visit(value, "", depth: 0)
  }

  static func isModule(_ value: PickleValue, in pickle: Pickle) -> Bool {
    let attributes = attributes(of: value, in: pickle)
    return attributes?["_modules"] != nil && attributes?["_parameters"] != nil
  }

  private static func attributes(of value: PickleValue, in pickle: Pickle) -> [String: PickleValue]? {
    guard case .object(let index) = value, case .dictionary(let state) = pickle.states[index] else {
      return nil
    }
    return named(pickle.dictionaries[state])
  }

  private static func named(_ items: [(key: PickleValue, value: PickleValue)]) -> [String: PickleValue] {
    Dictionary(
      items.compactMap { key, value in if case .text(let name) = key { (name, value) } else { nil } },
      uniquingKeysWith: { $1 })
  }

  private mutating func visit(_ module: PickleValue, _ prefix: String, depth: Int) throws {
    guard depth < Self.maximumDepth else {
      throw GraftError(
        .unsupported, "more than \(Self.maximumDepth) modules in one another",
        advice: Advice(Pickle.saveAgain))
    }
    guard let attributes = Self.attributes(of: module, in: pickle) else { return }
    try count(attributes.count)
    // Buffers that the module makes anew are not stored with its weights.
    var left: Set<String> = []
    if case .sequence(let index)? = attributes["_non_persistent_buffers_set"] {
      try count(pickle.sequences[index].count)
      left = Set(pickle.sequences[index].compactMap { if case .text(let name) = $0 { name } else { nil } })
    }
    for key in ["_parameters", "_buffers"] {
      for (name, value) in try items(attributes[key]) {
        guard case .tensor(let tensor) = value, key == "_parameters" || !left.contains(name) else { continue }
        try count(prefix, name)
        tensors.append((prefix + name, tensor))
      }
    }
    for (name, value) in try items(attributes["_modules"]) {
      try count(prefix, name)
      try visit(value, prefix + name + ".", depth: depth + 1)
    }
  }

  private mutating func items(_ value: PickleValue?) throws -> [(name: String, value: PickleValue)] {
    guard case .dictionary(let index)? = value else { return [] }
    let items = pickle.dictionaries[index]
    try count(items.count)
    return items.compactMap { key, value in if case .text(let name) = key { (name, value) } else { nil } }
  }

  /// Counts a name that is about to be put together.
  private mutating func count(_ prefix: String, _ name: String) throws {
    try count(prefix.utf8.count + name.utf8.count + Self.nameSize)
  }

  private mutating func count(_ items: Int) throws {
    work += 1 + items
    guard work <= Self.maximumWork else {
      throw GraftError(
        .unsupported, "modules that stand in one another too many times", advice: Advice(Pickle.saveAgain))
    }
  }
}
