import GraftCore
import GraftTensors
import OrderedCollections

/// The files of a tokenizer that is being learnt: what a recipe says, and what the options change in it.
public struct TrainingDocument: Sendable {
  public let normalizer: (any Normalizer)?
  public let preTokenizer: (any PreTokenizer)?
  /// Have the first ids, in this order.
  public let specialTokens: [AddedToken]
  private let document: OrderedDictionary<String, JSON>
  private let configuration: OrderedDictionary<String, JSON>

  /// - Throws: `GraftError` for a component that is not known, and for special tokens that are empty or given twice.
  public init(_ recipe: TokenizerRecipe, _ options: TokenizerTrainingOptions) throws {
    var document = recipe.document
    var configuration = recipe.configuration
    if let lowercase = options.lowercase {
      let old = document["normalizer"] ?? .null
      let new = try Self.normalizer(old, lowercase: lowercase)
      document["normalizer"] = new
      // A class of transformers that makes the pipeline by itself would make another one.
      if new != old, old["type"]?.string != BertNormalizer.kind {
        configuration["tokenizer_class"] = "PreTrainedTokenizerFast"
      }
    }
    if !options.furtherSpecialTokens.isEmpty {
      configuration["extra_special_tokens"] = .array(options.furtherSpecialTokens.map { .string($0) })
    }
    self.document = document
    self.configuration = configuration
    normalizer = try Normalizers.read(document["normalizer"] ?? .null)
    preTokenizer = try PreTokenizers.read(document["pre_tokenizer"] ?? .null)
    let all = recipe.specialTokens + options.furtherSpecialTokens.map { .string($0) }
    var seen: Set<[UInt8]> = []
    specialTokens = try all.enumerated().map { id, token in
      guard let content = token.string ?? token["content"]?.string, !content.isEmpty else {
        throw GraftError(.malformed, "a special token without text", option: "special-tokens")
      }
      guard seen.insert(Array(content.utf8)).inserted else {
        let isOwn = recipe.specialTokens.contains { ($0.string ?? $0["content"]?.string) == content }
        throw GraftError(
          .malformed,
          "the special token '\(content)' is \(isOwn ? "one of the family's own" : "given twice")",
          option: "special-tokens")
      }
      return try AddedToken(
        id: Int32(id), content: content, flags: token.object.map { .object($0) } ?? [:], isSpecial: true)
    }
  }

  /// The token with a role in `tokenizer_config.json`, such as `unk_token`.
  public func token(_ role: String) -> String? { configuration[role]?.string }

  /// A normalizer after which letters are lower case, or as they were.
  private static func normalizer(_ json: JSON, lowercase: Bool) throws -> JSON {
    switch json["type"]?.string {
    case BertNormalizer.kind:
      var normalizer = json.object ?? [:]
      normalizer["lowercase"] = JSON(lowercase)
      return .object(normalizer)
    case SequenceNormalizer.kind:
      var parts = json["normalizers"]?.array ?? []
      let hasLowercase = parts.contains { $0["type"]?.string == LowercaseNormalizer.kind }
      if !lowercase { parts.removeAll { $0["type"]?.string == LowercaseNormalizer.kind } }
      if lowercase, !hasLowercase { parts.append(LowercaseNormalizer().json) }
      return ["type": .string(SequenceNormalizer.kind), "normalizers": .array(parts)]
    case LowercaseNormalizer.kind: return lowercase ? json : .null
    case nil: return lowercase ? LowercaseNormalizer().json : .null
    default:
      return lowercase
        ? [
          "type": .string(SequenceNormalizer.kind),
          "normalizers": .array([json, LowercaseNormalizer().json]),
        ] : json
    }
  }

  /// The texts of the files, as ``TokenizerDocument/read(_:defaults:_:)`` reads them.
  ///
  /// - Parameters:
  ///   - model: The settings of the model, with its type.
  ///   - tokens: By id; the special tokens come first.
  ///   - scores: By id, where the model has scores.
  ///   - merges: Where the model has merges.
  /// - Throws: `GraftError` when the tokens cannot be numbered.
  public func attributes(
    model: OrderedDictionary<String, JSON>, tokens: [String], scores: [Double]? = nil,
    merges: [TokenizerDocument.Merge]? = nil
  ) throws -> OrderedDictionary<String, JSON> {
    let vocabulary = try Vocabulary(
      tokens.enumerated().map { ($1, $0) }, added: specialTokens.map { ($0.content, Int($0.id)) })
    var settings = model
    settings["vocab"] = scores == nil ? [:] : []
    if merges != nil { settings["merges"] = [] }
    let json: JSON = [
      "version": "1.0", "truncation": .null, "padding": .null,
      "added_tokens": .array(specialTokens.map(\.json)), "normalizer": document["normalizer"] ?? .null,
      "pre_tokenizer": document["pre_tokenizer"] ?? .null,
      "post_processor": document["post_processor"] ?? .null,
      "decoder": document["decoder"] ?? .null, "model": .object(settings),
    ]
    return [
      TokenizerDocument.fileName: .string(
        TokenizerDocument.text(json, vocabulary, scores: scores, merges: merges)),
      TokenizerSettings.configurationName: .string(JSON.object(configuration).text(.sorted)),
    ]
  }
}
