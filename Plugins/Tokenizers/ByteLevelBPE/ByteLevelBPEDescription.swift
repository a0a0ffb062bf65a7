import Foundation
import GraftCore
import GraftTensors
import OrderedCollections
import TokenizerKit

/// All that the files of a directory say about a byte-level BPE tokenizer.
struct ByteLevelBPEDescription {
  var vocabulary: Vocabulary
  var merges: [TokenizerDocument.Merge]
  var model: ByteMergeModel
  var addedTokens: [AddedToken]
  /// Whether text that does not begin with a space gets one.
  var addsPrefixSpace: Bool
  /// Whether text is split into words; otherwise it is one.
  var splitsWords: Bool
  var postProcessor: PostProcessor
  /// Whether tokens are bytes when they are decoded; otherwise they stand apart as they are.
  var decodesBytes: Bool
  var specialTokens: SpecialTokens
  /// `tokenizer.json` without its large lists.
  var document: JSON
  /// `tokenizer_config.json`.
  var configuration: JSON
  /// What was decided where files disagree, in sentences.
  var notes: [String]
}

extension ByteLevelBPEDescription {
  static let vocabularyName = "vocab.json"
  static let mergesName = "merges.txt"

  /// What the tokens with a role are called where nothing says it.
  static let defaultTokens = [
    "bos_token": "<s>", "eos_token": "</s>", "unk_token": "<unk>", "sep_token": "</s>", "pad_token": "<pad>",
    "cls_token": "<s>", "mask_token": "<mask>",
  ]

  /// Reads the texts of `tokenizer.json` and `tokenizer_config.json` that a weight file carries.
  ///
  /// - Returns: `nil` when it carries none, or of another kind.
  init?(attributes: OrderedDictionary<String, JSON>) throws {
    let description = try TokenizerDocument.read(attributes, defaults: Self.defaultTokens) {
      try Self(parsing: $0, $1, model: [:])
    }
    guard let description else { return nil }
    self = description
  }

  /// Reads the files of a directory.
  ///
  /// - Returns: `nil` when there is neither `tokenizer.json` nor `vocab.json` with `merges.txt`, or
  ///   `tokenizer.json` is of another kind.
  /// - Throws: ``GraftError`` that names the file and what is wrong in it.
  init?(directory url: URL) throws {
    let directory = TokenizerDirectory(url)
    if let description = try KerasTokenizer.description(url) {
      self = description
    } else if let bytes = try directory.read(TokenizerDocument.fileName) {
      let settings = try directory.settings(defaults: Self.defaultTokens)
      guard
        let description = try directory.inFile(
          TokenizerDocument.fileName,
          { try Self(parsing: bytes, settings, model: directory.readObject("config.json")) })
      else { return nil }
      self = description
    } else if directory.has(Self.vocabularyName), directory.has(Self.mergesName) {
      self = try Self(
        Self.vocabularyName, Self.mergesName, in: directory,
        directory.settings(defaults: Self.defaultTokens))
    } else {
      return nil
    }
  }

  /// Reads a file of the vocabulary and one of the merges.
  ///
  /// - Throws: ``GraftError`` that names the file and what is wrong in it.
  init(
    _ vocabularyName: String, _ mergesName: String, in directory: TokenizerDirectory,
    _ settings: TokenizerSettings
  ) throws {
    let entries = try directory.inFile(vocabularyName) {
      var reader = JSONReader(try directory.read(vocabularyName) ?? [])
      defer { _ = reader }
      let entries = try Vocabulary.entries(&reader)
      try reader.finish()
      return entries
    }
    let merges = try directory.inFile(mergesName) {
      try Self.merges(lines: try directory.read(mergesName) ?? [])
    }
    let (document, notes) = try directory.inFile(TokenizerSettings.configurationName) {
      try ByteLevelBPEDocument.make(settings, entries)
    }
    self = try directory.inFile(vocabularyName) {
      try Self(document: document, entries: entries, merges: merges, settings, notes: notes)
    }
  }

  /// What a `tokenizer.json` means, to the class of transformers that files ask for.
  ///
  /// - Parameter model: `config.json`.
  /// - Returns: `nil` when its model is not BPE, or not one of bytes without other rules.
  init?(parsing bytes: [UInt8], _ settings: TokenizerSettings, model: @autoclosure () throws -> JSON) throws {
    guard let file = try TokenizerDocument(parsing: bytes, ifModelIs: "BPE") else { return nil }
    // Files of before 2020 do not name the type; only BPE has merges.
    guard try file.modelType() != nil || file.json["model"]?["merges"] != nil else { return nil }
    guard ByteLevelBPEDocument.isOfBytes(file.json) else { return nil }
    guard !file.entries.isEmpty else {
      throw GraftError(.malformed, "the vocabulary is empty", subject: "key 'model.vocab'")
    }
    let table = PieceTable(file.entries)
    let (document, _, notes) = try file.addingTokens(of: settings, table)
    let whole = try Self(
      document: document, entries: file.entries, merges: file.merges, settings, notes: notes, table: table)
    guard try Self.isRoBERTa(settings, model: model()) else {
      self = whole
      return
    }
    // `added_tokens_decoder` takes the place of the file's list there.
    let listed = try settings.decoderTokens() == nil ? AddedToken.list(of: file.json) : []
    let (own, more) = try ByteLevelBPEDocument.make(settings, file.entries, listed: listed, table: table)
    // Before the tables of another tokenizer are made, which is rarely another.
    if try whole.isMade(by: own) {
      self = whole
      return
    }
    let made = try Self(
      document: own, entries: file.entries, merges: file.merges, settings, notes: more, table: table)
    let differences = made.differences(from: whole)
    self = differences.isEmpty ? whole : made
    if !differences.isEmpty {
      let name = settings.configuration["tokenizer_class"]?.string ?? "the family's class"
      self.notes.append(
        "\(name) goes by tokenizer_config.json and not by tokenizer.json, as in transformers: "
          + differences.joined(separator: ", "))
    }
  }

  /// Whether a document of the class's own means this tokenizer.
  private func isMade(by own: JSON) throws -> Bool {
    let model = document["model"] ?? [:]
    let processor = try PostProcessor(
      json: own["post_processor"] ?? .null, vocabularySize: vocabulary.tokens.count)
    return try postProcessor == processor && AddedToken.list(of: own) == addedTokens
      && own["pre_tokenizer"]?["add_prefix_space"]?.bool == addsPrefixSpace && splitsWords && decodesBytes
      && model["unk_token"]?.string == nil && model["ignore_merges"] != true
  }

  /// Whether the class of transformers that files ask for is RoBERTa's, which takes the vocabulary, the merges and the
  /// settings, and nothing else of a `tokenizer.json`.
  private static func isRoBERTa(_ settings: TokenizerSettings, model: JSON) -> Bool {
    let classes = ["RobertaTokenizer", "BartTokenizer", "LEDTokenizer", "LongformerTokenizer"]
    return settings.className(model: model, among: classes).map(classes.contains) == true
  }

  /// What another tokenizer of the same vocabulary and merges does otherwise, in a few words each.
  private func differences(from other: ByteLevelBPEDescription) -> [String] {
    var result: [String] = []
    func note(_ text: String, _ isSame: Bool) { if !isSame { result.append(text) } }
    note(
      addsPrefixSpace ? "texts begin with a space" : "no space is put before texts",
      addsPrefixSpace == other.addsPrefixSpace)
    note("text is split into words", splitsWords == other.splitsWords)
    let (mine, others) = (postProcessor, other.postProcessor)
    note(
      "special tokens stand around texts as RoBERTa's do",
      mine.single == others.single && mine.pair == others.pair)
    note(
      mine.trimmings.isEmpty
        ? "offsets keep the space before a word" : "offsets leave out the space before a word",
      mine.trimmings == others.trimmings || addsPrefixSpace != other.addsPrefixSpace)
    note("the added tokens are others", addedTokens == other.addedTokens)
    func rules(_ description: Self) -> [Bool] {
      let model = description.document["model"] ?? [:]
      return [model["unk_token"]?.string != nil, model["ignore_merges"] == true, description.decodesBytes]
    }
    note("no token stands for what is unknown, and all words are merged", rules(self) == rules(other))
    return result
  }

  /// - Throws: ``GraftError`` for parts that do not fit together, or that are of a kind that is not known here.
  init(
    document: JSON, entries: [Vocabulary.Entry], merges: [TokenizerDocument.Merge],
    _ settings: TokenizerSettings, notes: [String] = [], table: PieceTable? = nil
  ) throws {
    self.notes = notes
    let model = document["model"] ?? [:]
    let unknownToken = try ComponentReader(model, "model").optionalString("unk_token")
    let added = try AddedToken.list(of: document)
    vocabulary = try Vocabulary(entries, added: added.map { ($0.content, Int($0.id)) }, table: table)
    addedTokens = added
    self.merges = merges
    self.document = document
    var unknown: ByteMergeModel.Unknown?
    specialTokens = settings.specialTokens(in: vocabulary)
    if let token = unknownToken {
      guard let id = vocabulary.model.find(token) else {
        throw GraftError(
          .malformed, "the vocabulary has no token '\(token)'", subject: "key 'model.vocab'",
          expected: "the token that 'model.unk_token' names")
      }
      unknown = ByteMergeModel.Unknown(id: id, isFused: try model.flag("fuse_unk") ?? false)
      specialTokens.unknown = id
    }
    self.model = try ByteMergeModel(
      vocabulary, merges: merges, unknown: unknown, keepsWholeWords: try model.flag("ignore_merges") ?? false)
    let preTokenizer = document["pre_tokenizer"] ?? [:]
    addsPrefixSpace = try preTokenizer.flag("add_prefix_space") ?? true
    splitsWords = try preTokenizer.flag("use_regex") ?? true
    postProcessor = try PostProcessor(
      json: document["post_processor"] ?? .null, vocabularySize: vocabulary.tokens.count)
    decodesBytes = document["decoder"]?["type"] == "ByteLevel"
    let roles = unknownToken.map { ["unk_token": $0] } ?? [:]
    var members = try settings.updatedConfiguration(for: vocabulary, added: added, roles).object ?? [:]
    members["add_prefix_space"] = JSON(addsPrefixSpace)
    members["trim_offsets"] = JSON(!postProcessor.trimmings.isEmpty)
    configuration = .object(members)
    if members["tokenizer_class"] == nil || !followsSettings {
      members["tokenizer_class"] = "PreTrainedTokenizerFast"
      configuration = .object(members)
    }
  }

  /// Whether a class of transformers that makes its tokenizer from the settings alone comes out the same; the
  /// others take the document as it is.
  private var followsSettings: Bool {
    guard let classification = specialTokens.classification, let separator = specialTokens.separator else {
      return false
    }
    let trimmings = [PostProcessor.Trimming(addsPrefixSpace: addsPrefixSpace)]
    let expected = PostProcessor.roberta(
      classification: classification, separator: separator,
      trimmings: postProcessor.trimmings.isEmpty ? [] : trimmings)
    let model = document["model"] ?? [:]
    return postProcessor == expected && splitsWords && decodesBytes && model["unk_token"]?.string == nil
      && model["ignore_merges"] != true
  }

  /// The pairs of a `merges.txt`: one a line, with a space between.
  ///
  /// - Throws: ``GraftError`` that names the line.
  static func merges(lines bytes: [UInt8]) throws -> [TokenizerDocument.Merge] {
    var merges: [TokenizerDocument.Merge] = []
    var number = 0
    var bytes = bytes[...]
    while !bytes.isEmpty {
      let end = bytes.firstIndex(of: UInt8(ascii: "\n")) ?? bytes.endIndex
      var line = bytes[bytes.startIndex..<end]
      bytes = bytes[end...].dropFirst()
      number += 1
      if line.last == UInt8(ascii: "\r") { line.removeLast() }
      if line.starts(with: "#version".utf8) { continue }
      guard let text = String(validating: line, as: UTF8.self) else {
        throw GraftError(.malformed, "not UTF-8 text", subject: "line \(number)")
      }
      do {
        merges.append(try TokenizerDocument.Merge(text))
      } catch var error as GraftError {
        error.subject = "line \(number)"
        throw error
      }
    }
    return merges
  }
}
