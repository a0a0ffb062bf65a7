import GraftCore
import GraftTensors

/// The `post_processor` of a `tokenizer.json`.
extension PostProcessor {
  /// - Throws: `GraftError` for a kind that is not known, and for one that does not fit the vocabulary.
  public init(json: JSON, vocabularySize: Int) throws {
    try self.init(json: json, vocabularySize: vocabularySize, depth: 0)
  }

  fileprivate init(json: JSON, vocabularySize: Int, depth: Int) throws {
    let reader = PostProcessorReader(json: json, vocabularySize: vocabularySize, depth: depth)
    switch (json, json["type"]?.string) {
    case (.null, _):
      self = .none
    case (_, "TemplateProcessing"):
      self.init(single: try reader.template("single"), pair: try reader.template("pair"))
    case (_, "BertProcessing"):
      self = .bert(classification: try reader.last("cls"), separator: try reader.last("sep"))
    case (_, "RobertaProcessing"):
      self = .roberta(
        classification: try reader.last("cls"), separator: try reader.last("sep"),
        trimmings: try reader.trimmings())
    case (_, "ByteLevel"):
      self = .none
      trimmings = try reader.trimmings()
    case (_, "Sequence"):
      self = try reader.sequence()
    default:
      throw TokenizerDocument.unsupported(
        "post_processor", json,
        expected: "TemplateProcessing, BertProcessing, RobertaProcessing, ByteLevel or a Sequence of them")
    }
  }
}

private struct PostProcessorReader {
  let json: JSON
  let vocabularySize: Int
  /// How many a `Sequence` stands in.
  let depth: Int

  /// `trim_offsets` and `add_prefix_space`, both on unless the file says otherwise.
  func trimmings() throws -> [PostProcessor.Trimming] {
    guard try json.flag("trim_offsets") ?? true else { return [] }
    return [PostProcessor.Trimming(addsPrefixSpace: try json.flag("add_prefix_space") ?? true)]
  }

  /// The processors of a `Sequence`, of which only one may add tokens.
  func sequence() throws -> PostProcessor {
    var result = PostProcessor.none
    var adds = false
    guard depth < ComponentReader.maximumDepth else {
      throw GraftError(
        .unsupported, "a Sequence in too many others", subject: "key 'post_processor'",
        expected: "at most \(ComponentReader.maximumDepth)")
    }
    for part in try list("processors") {
      let processor = try PostProcessor(json: part, vocabularySize: vocabularySize, depth: depth + 1)
      if processor.single != PostProcessor.none.single || processor.pair != PostProcessor.none.pair {
        guard !adds else {
          throw TokenizerDocument.unsupported(
            "post_processor.processors", part, expected: "one processor that adds tokens")
        }
        adds = true
        (result.single, result.pair) = (processor.single, processor.pair)
      }
      result.trimmings += processor.trimmings
      // Every token is trimmed by each.
      guard result.trimmings.count <= ComponentReader.maximumCount else {
        throw GraftError(
          .unsupported, "too many processors", subject: "key 'post_processor'",
          expected: "at most \(ComponentReader.maximumCount)")
      }
    }
    return result
  }

  /// The id at the end of a `["[SEP]", 3]`.
  func last(_ key: String) throws -> Int32 {
    let entry = try list(key)
    guard entry.count == 2, entry[0].string != nil else {
      throw GraftError(
        .malformed, "wrong value", subject: "key 'post_processor.\(key)'", expected: "a token and its id",
        found: "a list of \(entry.count)")
    }
    return try id(entry[1], key)
  }

  private func list(_ key: String) throws -> [JSON] {
    guard let list = json[key]?.array else {
      throw GraftError(
        .malformed, "wrong value", subject: "key 'post_processor.\(key)'", expected: "a list",
        found: json[key]?.kind ?? "nothing")
    }
    return list
  }

  private func id(_ value: JSON?, _ key: String) throws -> Int32 {
    guard let id = value?.int, (0..<vocabularySize).contains(id) else {
      throw GraftError(
        .malformed, "not the id of a token", subject: "key 'post_processor.\(key)'",
        expected: "a number below \(vocabularySize)", found: value?.kind ?? "nothing")
    }
    return Int32(id)
  }

  func template(_ key: String) throws -> [PostProcessor.Element] {
    func error(_ problem: String, expected: String) -> GraftError {
      GraftError(.malformed, problem, subject: "key 'post_processor.\(key)'", expected: expected)
    }
    var elements: [PostProcessor.Element] = []
    for json in try list(key) {
      let part = json["SpecialToken"] ?? json["Sequence"]
      guard json.members?.count == 1, let name = part?["id"]?.string,
        let type = (part?["type_id"] ?? 0).int.flatMap(Int32.init(exactly:))
      else { throw error("wrong element", expected: "SpecialToken or Sequence with an id") }
      if json["Sequence"] != nil {
        let names = key == "single" ? ["A"] : ["A", "B"]
        guard names.contains(name) else {
          throw error("unknown sequence '\(name.prefix(80))'", expected: names.joined(separator: " or "))
        }
        elements.append(.sequence(isPair: name == "B", type: type))
      } else {
        elements += try specialIDs(name).map { .special(id: $0, type: type) }
      }
      // Every text gets all of this, so a short file must not ask for much.
      guard elements.count <= 1000 else { throw error("too long", expected: "at most 1000 tokens") }
    }
    for isPair in [false, true] {
      let uses = elements.count { if case .sequence(isPair, _) = $0 { true } else { false } }
      guard uses <= 1 else { throw error("a sequence is used twice", expected: "A and B once each") }
    }
    return elements
  }

  private func specialIDs(_ name: String) throws -> [Int32] {
    guard let ids = json["special_tokens"]?[name]?["ids"]?.array else {
      throw GraftError(
        .malformed, "unknown special token '\(name)'", subject: "key 'post_processor'",
        expected: "one of 'post_processor.special_tokens'")
    }
    return try ids.map { try id($0, "special_tokens") }
  }
}

extension PostProcessor {
  /// BERT's processor as `TemplateProcessing`.
  ///
  /// - Parameters:
  ///   - addedTokens: Include the other two.
  ///   - secondType: The type of the second sequence's tokens.
  public static func bertTemplate(
    classification: String, separator: String, _ addedTokens: [AddedToken], secondType: Int = 1
  ) -> JSON {
    return template(
      single: [special(classification), sequence("A"), special(separator)],
      rest: [sequence("B", secondType), special(separator, secondType)],
      [classification, separator], addedTokens)
  }

  /// RoBERTa's processor as `TemplateProcessing`.
  ///
  /// - Parameter addedTokens: Include the other two.
  public static func robertaTemplate(classification: String, separator: String, _ addedTokens: [AddedToken])
    -> JSON
  {
    template(
      single: [special(classification), sequence("A"), special(separator)],
      rest: [special(separator), sequence("B"), special(separator)], [classification, separator], addedTokens)
  }

  private static func special(_ token: String, _ type: Int = 0) -> JSON {
    ["SpecialToken": ["id": .string(token), "type_id": JSON(type)]]
  }

  private static func sequence(_ name: JSON, _ type: Int = 0) -> JSON {
    ["Sequence": ["id": name, "type_id": JSON(type)]]
  }

  /// - Parameters:
  ///   - single: What one text becomes.
  ///   - rest: What a second one adds to it.
  ///   - specials: The special tokens in them.
  private static func template(
    single: [JSON], rest: [JSON], _ specials: [String], _ addedTokens: [AddedToken]
  ) -> JSON {
    func entry(_ token: String) -> JSON.Member {
      let id = addedTokens.first { $0.content == token }?.id ?? 0
      return JSON.Member(
        token, ["id": .string(token), "ids": [JSON(Int(id))], "tokens": [.string(token)]])
    }
    return [
      "type": "TemplateProcessing",
      "single": .array(single),
      "pair": .array(single + rest),
      "special_tokens": JSON(members: Set(specials).sorted().map(entry)),
    ]
  }

  /// RoBERTa's processor.
  public static func robertaProcessing(
    classification: String, separator: String, _ addedTokens: [AddedToken], trimsOffsets: Bool,
    addsPrefixSpace: Bool
  ) -> JSON {
    func entry(_ token: String) -> JSON {
      [.string(token), JSON(Int(addedTokens.first { $0.content == token }?.id ?? 0))]
    }
    return [
      "type": "RobertaProcessing", "sep": entry(separator), "cls": entry(classification),
      "trim_offsets": JSON(trimsOffsets), "add_prefix_space": JSON(addsPrefixSpace),
    ]
  }
}
