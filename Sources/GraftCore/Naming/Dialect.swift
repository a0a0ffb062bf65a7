import GraftTensors

/// How a framework names and lays out a family's tensors inside a container. Data, not code.
///
/// The rows of each component, the encoder, the pooler and every head, make a ``NameTable`` together, which serves
/// reading and writing.
public struct Dialect: Sendable {
  /// The name that the dialect is chosen by. Other families have dialects of the same name.
  public let name: String
  /// What may stand before the names of the backbone's and the pooler's tensors, the same for all of a file. The
  /// first is written when the model has a head; the last, when it is a backbone alone.
  public let backbonePrefixes: [String]
  /// What may stand before every name, such as the `module.` of a data-parallel wrapper. Never written.
  public let wrappers: [String]
  /// Older spellings of the ends of names.
  public let synonyms: [Synonym]
  /// Tensors that are dropped on purpose: buffers, optimizer slots.
  public let dropped: [Dropped]
  /// How the canonical names end of what the framework has in float32 only, whatever the others are stored as.
  public let float32: [String]
  /// What the framework computes otherwise with a head, in a sentence, by the name of its task.
  public let differences: [String: String]
  /// Whether an active head without rows, and a pooler that no head reads, are left out of what is written;
  /// otherwise such a head is an error, and such a pooler belongs to the encoder.
  public let leavesOutHeads: Bool
  /// Whether no class of the framework has the pooler: ``pooler`` names it in a file beside the weights.
  public let storesPoolerBeside: Bool
  /// Whether a model without a pooler gets a new one, for a framework whose encoder always has it.
  public let initializesPooler: Bool
  /// Refuses a configuration that the framework's classes cannot have, where tensors alone do not tell.
  public let check: (@Sendable (Configuration) throws -> Void)?
  /// What the class's name begins with, which `{scope}` in stored names is in snake case: `TF` for
  /// `tf_bert_for_masked_lm`.
  public let scopePrefix: String
  /// What tells a head from a layer of the same name that is no part of the framework's model.
  public let headEvidence: HeadEvidence
  /// What weight files in this dialect carry beside their tensors.
  public let metadata: [String: String]
  /// The files of a checkpoint, where the framework names or writes them its own way.
  public let files: CheckpointFiles
  /// The rows of the encoder, with a `{}` for each number of a layer; see ``Row``.
  public let backbone: [Row]
  /// The rows of the pooler.
  public let pooler: [Row]
  /// The rows of heads, by the name of their task. A head without rows cannot be stored in this dialect.
  public internal(set) var heads: [String: [Row]]

  public init(
    name: String,
    backbonePrefixes: [String] = [""],
    wrappers: [String] = [],
    synonyms: [Synonym] = [],
    dropped: [Dropped] = [],
    float32: [String] = [],
    leavesOutHeads: Bool = false,
    differences: [String: String] = [:],
    storesPoolerBeside: Bool = false,
    initializesPooler: Bool = false,
    check: (@Sendable (Configuration) throws -> Void)? = nil,
    scopePrefix: String = "",
    headEvidence: HeadEvidence = .name,
    metadata: [String: String] = [:],
    files: CheckpointFiles = CheckpointFiles(),
    backbone: [[Row]],
    pooler: [Row] = [],
    heads: [String: [Row]] = [:]
  ) {
    self.name = name
    self.backbonePrefixes = backbonePrefixes
    self.wrappers = wrappers
    self.synonyms = synonyms
    self.dropped = dropped
    self.float32 = float32
    self.leavesOutHeads = leavesOutHeads
    self.differences = differences
    self.storesPoolerBeside = storesPoolerBeside
    self.initializesPooler = initializesPooler
    self.check = check
    self.scopePrefix = scopePrefix
    self.headEvidence = headEvidence
    self.metadata = metadata
    self.files = files
    self.backbone = backbone.flatMap { $0 }
    self.pooler = pooler
    self.heads = heads
  }

  /// Whether the dialect has names for heads.
  public func knows(_ heads: HeadSet) -> Bool { heads.taskNames.allSatisfy { self.heads[$0] != nil } }

  /// Whether the framework's classes always have a pooler.
  var requiresPooler: Bool { pooler.contains { $0.presence == .required } }

  /// What tells a head from a layer of the same name, such as Keras gives a layer by its class.
  public enum HeadEvidence: Sendable {
    /// The name alone: nobody calls something else so.
    case name
    /// That it stands beside the encoder where the framework's model does. Other people's models have all of that
    /// behind a prefix, and their own layers without it.
    case place
    /// That a document says so, such as Keras writes: that in which the configuration stands, or the file beside it, has one
    /// of these values of a key. A configuration that names the class with the head, and a weight file of its own for the
    /// heads, say so as well.
    case classes(key: String, values: [String], file: String)
  }

  /// A stored ending and what it is called today: `LayerNorm.gamma` is `LayerNorm.weight`.
  public struct Synonym: Sendable {
    public let stored: String
    public let current: String

    public init(_ stored: String, _ current: String) {
      self.stored = stored
      self.current = current
    }
  }

  /// Stored names that are not parameters, and the reason that the report gives.
  public struct Dropped: Sendable {
    public enum Pattern: Sendable {
      case ending(String)
      case beginning(String)
      /// What stands below the whole name of a parameter and has its shape, as the slots of optimizers do.
      case below
    }

    public let pattern: Pattern
    public let reason: String

    public init(_ pattern: Pattern, _ reason: String) {
      self.pattern = pattern
      self.reason = reason
    }

    /// - Parameter isParameter: Whether a name is that of a parameter which has the tensor's shape.
    func matches(_ name: String, isParameter: (String) -> Bool) -> Bool {
      switch pattern {
      case .ending(let ending): name.hasSuffix(ending)
      case .beginning(let beginning): name.hasPrefix(beginning)
      case .below:
        name.indices.reversed().lazy.filter { name[$0] == "/" }.prefix(2).contains {
          isParameter(String(name[..<$0]))
        }
      }
    }
  }

  /// How a stored tensor's elements are arranged, compared with the canonical `[out, in]`.
  public enum Layout: Sendable, Hashable {
    case same
    /// `[in, out]`.
    case transposed
    /// `[in, heads, head]`: the outputs divided among the attention heads.
    case outputsSplit
    /// `[heads, head, out]`: the inputs divided among the attention heads.
    case inputsSplit
    /// `[heads, head]` of a canonical `[out]`.
    case biasSplit
    /// A table of positions without the first rows, which no token reaches: as many rows as a sequence may have
    /// tokens. The others are zero when it is read.
    case reachablePositions
    /// `[width, in, out]` of a convolution's canonical `[out, in, width]`.
    case convolution
  }

  /// Whether a tensor has to be there.
  public enum Presence: Sendable, Hashable {
    case required
    /// Some checkpoints lack it; nothing is wrong then.
    case optional
    /// A copy of another parameter, by canonical name. When it is stored and equal it is read once; when it
    /// differs it is a parameter of its own; it is written only then.
    case tied(to: String)
    /// The same parameter once more, which has to be equal to the first where both are stored. It is written too:
    /// the framework would miss it.
    case copy
  }

  /// One stored tensor: its canonical names, its stored name, and the way between them.
  public struct Row: Sendable, Hashable {
    /// What it is here: one parameter, or several whose rows are stored one after another, or as their sum.
    public let parameters: [String]
    public let stored: String
    public let layout: Layout
    public let presence: Presence
    /// Whether the stored name never has the backbone's prefix.
    public let isAtRoot: Bool
    /// Whether the second parameter, of one row, is added to each row of the first. Read, the first is the sum, and
    /// the second is zero.
    public let isSum: Bool

    /// - Parameters:
    ///   - canonical: The canonical name; each `{}` stands for the number of a layer, see ``Backbone/storedLayers``.
    ///   - stored: The stored name. A `{}` is the number of a layer; `{_}` is nothing for the first layer and
    ///     `_1`, `_2`, … for the others; `{_*}` is the same for layers in groups, which are counted through;
    ///     `{_NAME}` is `_1` where the encoder has a parameter of that canonical name, whose row has the same stored
    ///     name without a number then, and nothing where it does not;
    ///     `{scope}` is the class that wrote the file, and may be absent.
    ///   - layout: How the stored elements are arranged.
    ///   - presence: Whether the tensor has to be there.
    ///   - isAtRoot: Whether the stored name never has the backbone's prefix.
    public init(
      _ canonical: String,
      _ stored: String,
      _ layout: Layout = .same,
      _ presence: Presence = .required,
      isAtRoot: Bool = false
    ) {
      self.init(parameters: [canonical], stored, layout, presence, isAtRoot)
    }

    /// Parameters that are stored as one tensor, the rows of one after those of another: query, key and value.
    ///
    /// - Parameters:
    ///   - parameters: The canonical names, in the order of their rows.
    ///   - stored: The stored name, as in ``init(_:_:_:_:isAtRoot:)``.
    ///   - layout: How the elements of all parameters together are arranged: `same` or `transposed`.
    ///   - presence: Whether the tensor has to be there: `required` or `optional`.
    ///   - isAtRoot: Whether the stored name never has the backbone's prefix.
    /// - Precondition: The layout does not divide among attention heads, and the tensor is no copy of another.
    public static func stacked(
      _ parameters: [String], _ stored: String, _ layout: Layout = .same, _ presence: Presence = .required,
      isAtRoot: Bool = false
    ) -> Row {
      precondition(layout == .same || layout == .transposed, "'\(stored)' is stacked and divided among heads")
      precondition(presence == .required || presence == .optional, "'\(stored)' is stacked and a copy")
      return Row(parameters: parameters, stored, layout, presence, isAtRoot)
    }

    /// A table to each row of which the only row of another is added, such as positions with the token type that all
    /// tokens have.
    ///
    /// - Parameters:
    ///   - table: The canonical name of the table, `[rows, width]`.
    ///   - addend: The canonical name of the other, `[1, width]`.
    ///   - stored: The stored name.
    ///   - layout: How the elements of the sum are arranged.
    public static func sum(
      _ table: String, adding addend: String, _ stored: String, _ layout: Layout = .same
    ) -> Row {
      Row(parameters: [table, addend], stored, layout, .required, false, isSum: true)
    }

    private init(
      parameters: [String], _ stored: String, _ layout: Layout, _ presence: Presence, _ isAtRoot: Bool,
      isSum: Bool = false
    ) {
      self.parameters = parameters
      self.stored = stored
      self.layout = layout
      self.presence = presence
      self.isAtRoot = isAtRoot
      self.isSum = isSum
    }

    /// The canonical name, of a row that is one parameter; the first of several.
    public var canonical: String { parameters[0] }

    /// A weight and its bias: `NAME.weight`, `NAME.bias` on both sides.
    ///
    /// - Parameters:
    ///   - canonical: What `.weight` and `.bias` follow.
    ///   - stored: The same in the file.
    ///   - presence: Whether the weight has to be there.
    ///   - bias: Whether the bias has to be there; `nil` for as the weight.
    ///   - isAtRoot: Whether the stored names never have the backbone's prefix.
    public static func linear(
      _ canonical: String, _ stored: String, _ presence: Presence = .required, bias: Presence? = nil,
      isAtRoot: Bool = false
    ) -> [Row] {
      [
        Row("\(canonical).weight", "\(stored).weight", .same, presence, isAtRoot: isAtRoot),
        Row("\(canonical).bias", "\(stored).bias", .same, bias ?? presence, isAtRoot: isAtRoot),
      ]
    }

    /// A weight and its bias, as a framework calls them.
    ///
    /// - Parameters:
    ///   - canonical: What `.weight` and `.bias` follow.
    ///   - stored: What the framework's two endings follow.
    ///   - names: The framework's two endings, and its layouts.
    ///   - presence: Whether the pair has to be there.
    ///   - isAtRoot: Whether the stored names never have the backbone's prefix.
    public static func pair(
      _ canonical: String, _ stored: String, _ names: PairNames, _ presence: Presence = .required,
      isAtRoot: Bool = false
    ) -> [Row] {
      [
        Row("\(canonical).weight", stored + names.weight, names.weightLayout, presence, isAtRoot: isAtRoot),
        Row("\(canonical).bias", stored + names.bias, names.biasLayout, presence, isAtRoot: isAtRoot),
      ]
    }

    /// The same row under another stored name.
    package func renamed(_ stored: String) -> Row {
      Row(parameters: parameters, stored, layout, presence, isAtRoot, isSum: isSum)
    }

    /// The row of one layer, or of what is no layer.
    ///
    /// - Parameters:
    ///   - numbers: A number for each `{}`, in order; a name may have fewer. Empty for what is no layer.
    ///   - place: How many layers come before it.
    ///   - hasParameter: Whether the encoder has a parameter of a canonical name.
    func numbered(_ numbers: [Int], place: Int, hasParameter: (String) -> Bool) -> Row {
      func filled(_ name: String) -> String {
        Row.fill(name[...], numbers[...], place: place, hasParameter: hasParameter)
      }
      return Row(
        parameters: parameters.map(filled), filled(stored), layout, presence, isAtRoot, isSum: isSum)
    }

    // The standard library's `replacing` would take a fifth of the time of opening a checkpoint.
    private static func fill(
      _ name: Substring, _ numbers: ArraySlice<Int>, place: Int, hasParameter: (String) -> Bool
    ) -> String {
      guard let start = name.utf8.firstIndex(of: UInt8(ascii: "{")),
        let end = name.utf8[start...].firstIndex(of: UInt8(ascii: "}"))
      else { return String(name) }
      func suffix(_ number: Int) -> String { number == 0 ? "" : "_\(number)" }
      let text: String
      var left = numbers
      switch (name[start...end], numbers.first) {
      case ("{}", let number?): (text, left) = (String(number), numbers.dropFirst())
      case ("{_}", let number?): (text, left) = (suffix(number), numbers.dropFirst())
      case ("{_*}", _): text = suffix(place)
      case (let other, _) where other.hasPrefix("{_"):
        text = suffix(hasParameter(String(other.dropFirst(2).dropLast())) ? 1 : 0)
      case (let other, _): text = String(other)
      }
      let rest = fill(
        name[name.utf8.index(after: end)...], left, place: place, hasParameter: hasParameter)
      return name[..<start] + text + rest
    }

    /// How many numbers of layers are in its name.
    var depth: Int { canonical.utf8.count { $0 == UInt8(ascii: "{") } }

    var isCopy: Bool { presence == .copy }

    /// The parameter that this is a copy of.
    var target: String? {
      if case .tied(let target) = presence { return target }
      return nil
    }
  }
}

extension Dialect {
  /// The stored types of weights, by canonical name: the type that was asked for, except for what the framework
  /// has in float32 only. Those that are not named keep their elements.
  ///
  /// - Parameters:
  ///   - weights: Tensors in canonical names.
  ///   - type: `nil` keeps each as it is, but for float64 in such a framework, which becomes float32.
  func storageTypes(of weights: Weights, as type: StorageType?) -> [String: StorageType] {
    var types: [String: StorageType] = [:]
    for (name, tensor) in weights.tensors where tensor.spec.dtype.isFloatingPoint {
      let isWide = tensor.spec.dtype == .float64 && type == nil && !float32.isEmpty
      let isFloat32 = isWide || float32.contains { name.hasSuffix($0) }
      types[name] = isFloat32 ? .float32 : type
    }
    return types
  }
}
