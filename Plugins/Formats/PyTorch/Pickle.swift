import GraftTensors

/// One pickle, interpreted and never executed.
///
/// A pickle is a program for a stack machine. This one has the opcodes of protocols 0 to 5 that build data;
/// it resolves a name to a meaning of its own, from ``PickleGlobal``'s short list. Of other classes objects may be made,
/// which are what they are given; whatever else is called is refused.
/// What it makes are numbers into the lists below, so nothing that a pickle nests can nest here. Reference:
/// Python's `pickletools.py`, and `torch/_weights_only_unpickler.py` for what PyTorch itself allows.
struct Pickle {
  /// Objects, marks and memo entries in all: a hundred times what a large model's table has.
  static let maximumObjects = 1_000_000

  /// What is known of a storage, the flat array that tensors are views of.
  struct Storage: Equatable {
    /// Its name in the file.
    let key: String
    /// `nil` when the storage counts bytes, and the tensor says what they are.
    let dtype: DType?
    let count: Int
    /// Where in the storage `key` this one begins, for one that is part of it.
    let offset: Int
  }

  struct Tensor: Equatable {
    let storage: Storage
    let dtype: DType
    /// In elements, from the beginning of the storage.
    let offset: Int
    let shape: [Int]
    let strides: [Int]
  }

  private(set) var result = PickleValue.none
  private(set) var sequences: [[PickleValue]] = []
  private(set) var dictionaries: [[(key: PickleValue, value: PickleValue)]] = []
  /// What each object was given: its attributes, or nothing.
  var states: [PickleValue] = []
  /// The names that have no meaning here.
  var foreign: [(module: String, name: String)] = []
  var storages: [Storage] = []
  var tensors: [Tensor] = []

  private var stack: [PickleValue] = []
  /// The heights of the stack that were marked.
  private var marks: [Int] = []
  private var memo: [Int: PickleValue] = [:]
  var objects = 0

  /// Interprets one pickle, up to its end mark.
  ///
  /// - Throws: ``GraftError`` when the pickle is broken, is too large, or asks for what weights do not need.
  init(_ bytes: inout PickleBytes) throws {
    let start = bytes.position
    while true {
      let code = try bytes.byte()
      guard code != Self.textualPersistentID else {
        throw GraftError(
          .unsupported, "a pickle of protocol 0, which has its tensors' storages as text",
          advice: "Save it again without pickle_protocol=0.")
      }
      guard let opcode = Opcode(rawValue: code) else {
        throw GraftError(
          .unsupported, "the pickle has an opcode that weights do not need",
          found: "0x\(String(code, radix: 16)) at byte \(bytes.position - 1 - start)",
          advice: Advice(Self.saveAgain))
      }
      if opcode == .stop { break }
      try run(opcode, &bytes)
      guard objects <= Self.maximumObjects, bytes.position - start <= PickleBytes.limit else {
        throw GraftError(
          .unsupported, "the pickle is too large for a table of weights",
          expected: "at most \(Self.maximumObjects) objects", advice: Advice(Self.saveAgain))
      }
    }
    result = try pop()
  }

  /// The opcode by which protocol 0 names what is stored elsewhere.
  private static let textualPersistentID = UInt8(ascii: "P")

  static let saveAgain = "Save the weights alone: torch.save(model.state_dict(), FILE)."
}

// MARK: - The stack

extension Pickle {
  static func broken(_ what: String) -> GraftError {
    GraftError(.malformed, "the pickle is broken: \(what)", advice: "Copy or download it again.")
  }

  private mutating func push(_ value: PickleValue) {
    stack.append(value)
    objects += 1
  }

  private mutating func pop() throws -> PickleValue {
    guard stack.count > marks.last ?? 0, let value = stack.popLast() else {
      throw Self.broken("its stack is empty")
    }
    return value
  }

  private func top() throws -> PickleValue {
    guard stack.count > marks.last ?? 0, let value = stack.last else {
      throw Self.broken("its stack is empty")
    }
    return value
  }

  /// What was pushed since the last mark.
  private mutating func popMark() throws -> [PickleValue] {
    guard let mark = marks.popLast() else { throw Self.broken("a mark is missing") }
    defer { stack.removeSubrange(mark...) }
    return Array(stack[mark...])
  }

  private mutating func sequence(_ items: [PickleValue]) -> PickleValue {
    sequences.append(items)
    return .sequence(sequences.count - 1)
  }

  mutating func dictionary(_ items: [PickleValue] = []) throws -> PickleValue {
    dictionaries.append([])
    try insert(items, into: .dictionary(dictionaries.count - 1))
    return .dictionary(dictionaries.count - 1)
  }

  /// Adds keys and values, one after the other.
  private mutating func insert(_ items: [PickleValue], into target: PickleValue) throws {
    guard items.count.isMultiple(of: 2) else { throw Self.broken("a key has no value") }
    switch target {
    case .dictionary(let index):
      for start in stride(from: 0, to: items.count, by: 2) {
        dictionaries[index].append((items[start], items[start + 1]))
      }
    case .other, .object: break
    default: throw Self.broken("\(target.description) is used as a dictionary")
    }
  }

  private mutating func append(_ items: [PickleValue], to target: PickleValue) throws {
    switch target {
    case .sequence(let index): sequences[index] += items
    case .other, .object: break
    default: throw Self.broken("\(target.description) is used as a list")
    }
  }

  private mutating func remember(_ index: Int) throws {
    memo[index] = try top()
    objects += 1
  }

  private func recall(_ index: Int) throws -> PickleValue {
    guard let value = memo[index] else { throw Self.broken("it recalls what it did not store") }
    return value
  }
}

// MARK: - The opcodes

extension Pickle {
  enum Opcode: UInt8 {
    case mark = 0x28, emptyTuple = 0x29, stop = 0x2E, pop = 0x30, popMark = 0x31, duplicate = 0x32
    case bytes4 = 0x42, bytes1 = 0x43, float = 0x46, binaryFloat = 0x47, integer = 0x49, integer4 = 0x4A
    case integer1 = 0x4B, long = 0x4C, integer2 = 0x4D, none = 0x4E, persistentID = 0x51, reduce = 0x52
    case string = 0x53, string4 = 0x54, string1 = 0x55, unicode = 0x56, unicode4 = 0x58, emptyList = 0x5D
    case append = 0x61, build = 0x62, global = 0x63, dictionary = 0x64, appends = 0x65, get = 0x67
    case get1 = 0x68, get4 = 0x6A, list = 0x6C, put = 0x70, put1 = 0x71, put4 = 0x72, setItem = 0x73
    case tuple = 0x74, setItems = 0x75, emptyDictionary = 0x7D, version = 0x80, newObject = 0x81
    case tuple1 = 0x85, tuple2 = 0x86, tuple3 = 0x87, newTrue = 0x88, newFalse = 0x89, long1 = 0x8A
    case long4 = 0x8B, unicode1 = 0x8C, unicode8 = 0x8D, bytes8 = 0x8E, emptySet = 0x8F, addItems = 0x90
    case frozenSet = 0x91, stackGlobal = 0x93, memoize = 0x94, frame = 0x95, byteArray8 = 0x96
  }

  private mutating func run(_ opcode: Opcode, _ bytes: inout PickleBytes) throws {
    switch opcode {
    case .stop: break
    case .version:
      let version = try bytes.byte()
      guard version <= 5 else {
        throw GraftError(
          .unsupported, "the pickle's protocol is unknown", expected: "0 to 5", found: "\(version)")
      }
    case .frame: _ = try bytes.number(8)

    case .mark:
      marks.append(stack.count)
      objects += 1
    case .pop: if stack.count == marks.last { marks.removeLast() } else { _ = try pop() }
    case .popMark: _ = try popMark()
    case .duplicate: push(try top())
    case .get: push(try recall(Self.integer(try bytes.line())))
    case .get1: push(try recall(Int(try bytes.number(1))))
    case .get4: push(try recall(Int(try bytes.number(4))))
    case .put: try remember(Self.integer(try bytes.line()))
    case .put1: try remember(Int(try bytes.number(1)))
    case .put4: try remember(Int(try bytes.number(4)))
    case .memoize: try remember(memo.count)

    case .none: push(.none)
    case .newTrue: push(.bool(true))
    case .newFalse: push(.bool(false))
    case .integer: push(try Self.integerOrBool(try bytes.line()))
    case .integer1: push(.int(Int(try bytes.number(1))))
    case .integer2: push(.int(Int(try bytes.number(2))))
    case .integer4: push(.int(Int(Int32(truncatingIfNeeded: try bytes.number(4)))))
    case .long: push(Self.long(try bytes.line()))
    case .long1: push(Self.signed(try bytes.bytes(try bytes.length(1))))
    case .long4: push(Self.signed(try bytes.bytes(try bytes.length(4))))
    case .float:
      _ = try bytes.line()
      push(.other)
    case .binaryFloat:
      _ = try bytes.bytes(8)
      push(.other)
    case .string: push(Self.text(try bytes.line().dropFirst().dropLast()))
    case .unicode: push(Self.text(try bytes.line()))
    case .string1, .unicode1: push(Self.text(try bytes.bytes(try bytes.length(1))))
    case .string4, .unicode4: push(Self.text(try bytes.bytes(try bytes.length(4))))
    case .unicode8: push(Self.text(try bytes.bytes(try bytes.length(8))))
    case .bytes1: try other(skipping: bytes.length(1), of: &bytes)
    case .bytes4: try other(skipping: bytes.length(4), of: &bytes)
    case .bytes8, .byteArray8: try other(skipping: bytes.length(8), of: &bytes)

    case .emptyTuple, .emptyList: push(sequence([]))
    case .tuple, .list: push(sequence(try popMark()))
    case .tuple1: push(sequence([try pop()]))
    case .tuple2:
      let (second, first) = (try pop(), try pop())
      push(sequence([first, second]))
    case .tuple3:
      let (third, second, first) = (try pop(), try pop(), try pop())
      push(sequence([first, second, third]))
    case .append:
      let item = try pop()
      try append([item], to: top())
    case .appends:
      let items = try popMark()
      try append(items, to: top())
    case .emptyDictionary: push(try dictionary())
    case .dictionary: push(try dictionary(popMark()))
    case .setItem:
      let (value, key) = (try pop(), try pop())
      try insert([key, value], into: top())
    case .setItems:
      let items = try popMark()
      try insert(items, into: top())
    case .emptySet: push(sequence([]))
    case .addItems:
      let items = try popMark()
      try append(items, to: top())
    case .frozenSet: push(sequence(try popMark()))

    case .global:
      let (module, name) = (try bytes.line(), try bytes.line())
      push(try global(Self.text(module), Self.text(name)))
    case .stackGlobal:
      let (name, module) = (try pop(), try pop())
      push(try global(module, name))
    case .persistentID: push(try storage(try pop()))
    case .reduce:
      let (arguments, function) = (try pop(), try pop())
      push(try call(function, arguments))
    case .newObject:
      let (arguments, type) = (try pop(), try pop())
      push(try new(type, arguments))
    case .build:
      let state = try pop()
      switch try top() {
      case .dictionary, .tensor, .other: break
      case .object(let index): states[index] = state
      case let target: throw Self.broken("\(target.description) is given a state")
      }
    }
  }

  private mutating func other(skipping count: Int, of bytes: inout PickleBytes) throws {
    _ = try bytes.bytes(count)
    push(.other)
  }

  private static func text(_ bytes: ArraySlice<UInt8>) -> PickleValue {
    String(validating: bytes, as: UTF8.self).map { .text($0) } ?? .other
  }

  private static func integer(_ line: ArraySlice<UInt8>) throws -> Int {
    guard let value = String(validating: line, as: UTF8.self).flatMap({ Int($0) }) else {
      throw broken("a number cannot be read")
    }
    return value
  }

  /// The booleans of the first protocols are integers with a leading zero.
  private static func integerOrBool(_ line: ArraySlice<UInt8>) throws -> PickleValue {
    if line.elementsEqual("00".utf8) { return .bool(false) }
    if line.elementsEqual("01".utf8) { return .bool(true) }
    return .int(try integer(line))
  }

  private static func long(_ line: ArraySlice<UInt8>) -> PickleValue {
    let digits = line.last == UInt8(ascii: "L") ? line.dropLast() : line
    return (try? integer(digits)).map { .int($0) } ?? .other
  }

  /// A little-endian number in two's complement.
  private static func signed(_ bytes: ArraySlice<UInt8>) -> PickleValue {
    guard bytes.count <= 8 else { return .other }
    let negative = bytes.last.map { $0 >= 0x80 } ?? false
    return .int(bytes.reversed().reduce(negative ? -1 : 0) { $0 << 8 | Int($1) })
  }
}
