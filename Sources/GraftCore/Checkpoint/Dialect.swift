/// How a framework names and lays out one architecture's tensors inside a container. Data, not code.
///
/// The dialect holds a backbone's rows and the conventions of the framework; a ``Head`` brings its own rows
/// for each dialect it knows. Together they make a ``NameTable``, which serves reading and writing.
public struct Dialect: Sendable {
  /// The name on the command line: `--dialect NAME`. Another backbone may have a dialect of the same name.
  public let name: String
  /// The ``Backbone/name`` that the rows belong to.
  public let backbone: String
  /// What may stand before a backbone tensor's name. The first is written when the model has a head; the
  /// last, when it is a backbone alone.
  public let backbonePrefixes: [String]
  /// What may stand before every name, such as the `module.` of a data-parallel wrapper. Never written.
  public let wrappers: [String]
  /// Older spellings of the ends of names.
  public let synonyms: [Synonym]
  /// Tensors that are dropped on purpose, by the end of their names: buffers, optimizer slots.
  public let dropped: [Dropped]
  /// The backbone's rows, with `{}` for the number of a layer.
  public let rows: [Row]
  /// Rows of heads, by name, in the place of the ones that the heads bring.
  public let headRows: [String: [Row]]

  public init(
    name: String,
    backbone: String,
    backbonePrefixes: [String] = [""],
    wrappers: [String] = [],
    synonyms: [Synonym] = [],
    dropped: [Dropped] = [], rows: [Row], headRows: [String: [Row]] = [:]
  ) {
    self.name = name
    self.backbone = backbone
    self.backbonePrefixes = backbonePrefixes
    self.wrappers = wrappers
    self.synonyms = synonyms
    self.dropped = dropped
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

  /// A stored ending that is not a parameter, and the reason that the report gives.
  public struct Dropped: Sendable {
    public let ending: String
    public let reason: String

    public init(_ ending: String, _ reason: String) {
      self.ending = ending
      self.reason = reason
    }
  }

  /// How a stored tensor's elements are arranged, compared with the canonical `[out, in]`.
  public enum Layout: Sendable, Hashable {
    case same
    /// `[in, out]`.
    case transposed
  }

  /// Whether a tensor has to be there.
  public enum Presence: Sendable, Hashable {
    case required
    /// Some checkpoints lack it; nothing is wrong then.
    case optional
    /// A copy of another parameter, by canonical name. When it is stored and equal it is read once; when it
    /// differs it is a parameter of its own; it is written only then.
    case tied(to: String)
  }

  /// One tensor: its canonical name, its stored name, and the way between them.
  public struct Row: Sendable, Hashable {
    public let canonical: String
    public let stored: String
    public let layout: Layout
    public let presence: Presence

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
      [
        Row("\(canonical).weight", "\(stored).weight", .same, presence),
        Row("\(canonical).bias", "\(stored).bias", .same, presence),
      ]
    }

    /// The row of one layer: `{}` replaced by its number.
    func numbered(_ layer: Int) -> Row {
      func fill(_ name: String) -> String {
        guard let range = name.firstRange(of: "{}") else { return name }
        return name.replacingCharacters(in: range, with: String(layer))
      }
      return Row(fill(canonical), fill(stored), layout, presence)
    }

    var isPerLayer: Bool { canonical.contains("{}") }

    /// The parameter that this is a copy of.
    var target: String? {
      if case .tied(let target) = presence { return target }
      return nil
    }
  }
}

extension String {
  fileprivate func replacingCharacters(in range: Range<Index>, with text: String) -> String {
    String(self[..<range.lowerBound]) + text + String(self[range.upperBound...])
  }
}
