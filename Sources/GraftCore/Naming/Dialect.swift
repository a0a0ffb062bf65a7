import GraftTensors

/// How a framework names and lays out one architecture's tensors inside a container. Data, not code.
///
/// The dialect holds a backbone's rows and the conventions of the framework; a ``Head`` brings its own rows
/// for each dialect it knows. Together they make a ``NameTable``, which serves reading and writing.
public struct Dialect: Sendable {
  /// The name on the command line: `--dialect NAME`. Another backbone may have a dialect of the same name.
  public let name: String
  /// The ``Backbone/name`` that the rows belong to.
  public let backbone: String
  /// The weight formats that are written in this dialect unless another is asked for.
  public let formats: [String]
  /// What may stand before the names of the backbone's tensors, the same for all of a file. The first is
  /// written when the model has a head; the last, when it is a backbone alone.
  public let backbonePrefixes: [String]
  /// What may stand before every name, such as the `module.` of a data-parallel wrapper. Never written.
  public let wrappers: [String]
  /// Older spellings of the ends of names.
  public let synonyms: [Synonym]
  /// Tensors that are dropped on purpose: buffers, optimizer slots.
  public let dropped: [Dropped]
  /// How the canonical names end of what the framework has in float32 only, whatever the others are stored as.
  public let float32: [String]
  /// Whether an active head without rows, and a pooler that no head reads, are left out of what is written;
  /// otherwise such a head is an error, and such a pooler belongs to the encoder.
  public let leavesOutHeads: Bool
  /// What `{scope}` in stored names begins with; the class in snake case follows: `tf_bert_for_masked_lm`.
  public let scopePrefix: String
  /// What weight files in this dialect carry beside their tensors.
  public let metadata: [String: String]
  /// The files of a checkpoint, where the framework names or writes them its own way.
  public let files: CheckpointFiles
  /// The backbone's rows, with `{}` for the number of a layer; see ``Row/init(_:_:_:_:)``.
  public let rows: [Row]
  /// Rows of heads, by name, in the place of the ones that the heads bring.
  public let headRows: [String: [Row]]

  public init(
    name: String,
    backbone: String,
    formats: [String] = [],
    backbonePrefixes: [String] = [""],
    wrappers: [String] = [],
    synonyms: [Synonym] = [],
    dropped: [Dropped] = [],
    float32: [String] = [],
    leavesOutHeads: Bool = false,
    scopePrefix: String = "",
    metadata: [String: String] = [:],
    files: CheckpointFiles = CheckpointFiles(),
    rows: [Row],
    headRows: [String: [Row]] = [:]
  ) {
    self.name = name
    self.backbone = backbone
    self.formats = formats
    self.backbonePrefixes = backbonePrefixes
    self.wrappers = wrappers
    self.synonyms = synonyms
    self.dropped = dropped
    self.float32 = float32
    self.leavesOutHeads = leavesOutHeads
    self.scopePrefix = scopePrefix
    self.metadata = metadata
    self.files = files
    self.rows = rows
    self.headRows = headRows
  }

  /// Backbone and name: `bert/transformers`.
  public var id: String { "\(backbone)/\(name)" }

  /// The rows of a head.
  func rows(of head: any Head.Type) -> [Row] { headRows[head.name] ?? head.rows[id] ?? [] }

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
    }

    public let pattern: Pattern
    public let reason: String

    public init(_ pattern: Pattern, _ reason: String) {
      self.pattern = pattern
      self.reason = reason
    }

    func matches(_ name: String) -> Bool {
      switch pattern {
      case .ending(let ending): name.hasSuffix(ending)
      case .beginning(let beginning): name.hasPrefix(beginning)
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
  }

  /// Whether a tensor has to be there.
  public enum Presence: Sendable, Hashable {
    case required
    /// Some checkpoints lack it; nothing is wrong then.
    case optional
    /// A copy of another parameter, by canonical name. When it is stored and equal it is read once; when it
    /// differs it is a parameter of its own; it is written only then.
    case tied(to: String)
    /// The same parameter once more, which has to be equal to the first where it is stored. It is written too:
    /// the framework would miss it.
    case copy
  }

  /// One tensor: its canonical name, its stored name, and the way between them.
  public struct Row: Sendable, Hashable {
    public let canonical: String
    public let stored: String
    public let layout: Layout
    public let presence: Presence

    /// - Parameters:
    ///   - canonical: The canonical name; `{}` stands for the number of a layer.
    ///   - stored: The stored name. `{}` is the number of a layer; `{_}` is nothing for the first layer and
    ///     `_1`, `_2`, … for the others; `{scope}` is the class that wrote the file, and may be absent.
    public init(
      _ canonical: String,
      _ stored: String,
      _ layout: Layout = .same,
      _ presence: Presence = .required
    ) {
      self.canonical = canonical
      self.stored = stored
      self.layout = layout
      self.presence = presence
    }

    /// A weight and its bias: `NAME.weight`, `NAME.bias` on both sides.
    public static func linear(_ canonical: String, _ stored: String, _ presence: Presence = .required)
      -> [Row]
    {
      pair(canonical, stored, .torch, presence)
    }

    /// A weight and its bias, as a framework calls them.
    ///
    /// - Parameters:
    ///   - canonical: What `.weight` and `.bias` follow.
    ///   - stored: What the framework's two endings follow.
    public static func pair(
      _ canonical: String, _ stored: String, _ names: PairNames, _ presence: Presence = .required
    ) -> [Row] {
      [
        Row("\(canonical).weight", stored + names.weight, names.weightLayout, presence),
        Row("\(canonical).bias", stored + names.bias, names.biasLayout, presence),
      ]
    }

    /// The row of one layer.
    func numbered(_ layer: Int) -> Row {
      // The standard library's `replacing` would take a fifth of the time of opening a checkpoint.
      func fill(_ name: Substring) -> String {
        guard let start = name.utf8.firstIndex(of: UInt8(ascii: "{")),
          let end = name.utf8[start...].firstIndex(of: UInt8(ascii: "}"))
        else { return String(name) }
        let number =
          switch name[start...end] {
          case "{}": String(layer)
          case "{_}": layer == 0 ? "" : "_\(layer)"
          case let other: String(other)
          }
        return name[..<start] + number + fill(name[name.utf8.index(after: end)...])
      }
      return Row(fill(canonical[...]), fill(stored[...]), layout, presence)
    }

    var isPerLayer: Bool { canonical.contains("{}") }

    var isCopy: Bool { presence == .copy }

    /// The parameter that this is a copy of.
    var target: String? {
      if case .tied(let target) = presence { return target }
      return nil
    }
  }
}

extension Dialect {
  /// What weights are stored as, by their canonical names: in the type that was asked for, but for what the
  /// framework has in float32 only. Those that are not named keep their elements.
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
