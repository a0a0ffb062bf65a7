import ArgumentParser
import Foundation
import GraftCore
import GraftKit
import GraftTensors
import OrderedCollections

/// `graft inspect`
struct Inspect: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "inspect",
    abstract: "Describe a checkpoint: format, dialect, architecture, heads, parameters, types, ties.",
    discussion: """
      Reads headers only, so it is quick whatever the model's size; --check reads every tensor, compares \
      checksums and counts NaN and infinite values. For a detached head use 'graft head list'.

      EXAMPLES
        graft inspect bert-base-uncased
        graft inspect bert-base-uncased --tensors
        graft inspect news --lineage
        graft inspect model.safetensors --json
      """)

  @OptionGroup var checkpoint: CheckpointArgument

  @Flag(help: "List every stored tensor with its type and shape.")
  var tensors = false

  @Flag(help: "Tell how the checkpoint came to be: imports, training, heads.")
  var lineage = false

  @Flag(help: "Read every tensor and report damage and values that are not finite.")
  var check = false

  @OptionGroup var output: OutputFlags

  func run() throws {
    let registry = try GraftTool.registry()
    let url = try checkpoint.locate(registry, output.console)
    do {
      try inspect(url, registry)
    } catch let error as GraftError {
      try explain(diagnose(error, of: url, registry: registry), url)
      throw error
    }
  }

  private func inspect(_ url: URL, _ registry: Registry) throws {
    guard try !registry.isDetachedHead(url) else {
      throw GraftError(
        .mismatch, "a head alone, without a backbone", file: url.path,
        advice: "'graft head list' describes it, 'graft head attach' puts it on a checkpoint.")
    }
    let inspection = try GraftKit.inspect(url, check: check, registry: registry)
    if output.json {
      try Output.print(json(inspection, url))
    } else {
      try show(inspection, url)
    }
  }

  /// Prints what is known of a broken checkpoint; the sentence about it goes to standard error.
  private func explain(_ found: Diagnosis, _ url: URL) throws {
    let error = found.error.inCommandLineWords
    guard output.json else {
      var rows = [["checkpoint", url.displayPath], ["file", found.file.displayPath]]
      if let kind = found.kind { rows.append(["kind", kind]) }
      if let size = found.size { rows.append(["size", Format.count(size, "byte")]) }
      return try Output.print(Format.table(rows))
    }
    func text(_ text: String?) -> JSON { text.map { .string($0) } ?? .null }
    try Output.print(
      .object([
        ("checkpoint", JSON(url)), ("file", JSON(found.file)), ("kind", text(found.kind)),
        ("size", found.size.map { JSON($0) } ?? .null),
        (
          "error",
          [
            "message": .string(error.description), "subject": text(error.subject),
            "problem": .string(error.problem), "expected": text(error.expected), "found": text(error.found),
            "advice": text(error.advice?.description),
          ]
        ),
      ]))
  }

  private func show(_ found: Inspection, _ url: URL) throws {
    let size = [
      Format.count(found.layers, "layer"), "hidden \(found.hiddenSize)",
      "vocabulary \(Format.grouped(found.vocabularySize))", "up to \(found.maximumLength) tokens",
    ]
    var rows = [
      ["checkpoint", url.displayPath],
      ["format", found.format],
      ["dialect", found.dialect],
      ["architecture", found.architecture],
      ["size", size.joined(separator: ", ")],
      ["tokenizer", found.tokenizer ?? "none"],
      ["parameters", Format.grouped(found.parameters)],
      [
        "types",
        found.types.map { "\($0.name) (\(Format.count($0.count, "tensor")))" }.joined(separator: ", "),
      ],
    ]
    if let sentences = found.sentences {
      let width = width(of: sentences, in: found)
      let limit = sentences.maximumLength.map { ", of up to \($0) tokens" } ?? ""
      rows.append(["vectors", "\(sentences): \(Format.count(width, "number"))\(limit)"])
      if !sentences.prompts.isEmpty {
        rows.append(["prompts", sentences.prompts.keys.joined(separator: ", ")])
      }
    }
    if check {
      let isFinite = found.report.nonFinite.isEmpty
      let values = isFinite ? "all values are finite" : "not all values are finite"
      rows.append(["checked", "\(Format.count(found.tensors.count, "tensor")) read whole, \(values)"])
    }
    if !found.ties.isEmpty { rows.append(["tied copies", found.ties.joined(separator: ", ")]) }
    try Output.print(Format.table(rows))
    try Output.print("\nbackbone")
    try Output.print(
      Format.table([[found.backbone.name, Format.grouped(found.backbone.parameters)]], indent: 2))
    try Output.print("\nheads")
    try Output.print(HeadTable(found.heads).text(indent: 2))
    try Output.print("\ntensors")
    for line in found.report.description.split(separator: "\n") { try Output.print("  \(line)") }
    if lineage {
      try Output.print("\nlineage")
      let steps = found.lineage.flatMap(\.rows)
      try Output.print(Format.table(steps.isEmpty ? [["unknown"]] : steps, indent: 2))
    }
    guard tensors else { return }
    try Output.print("")
    try Output.print(
      Format.table(
        found.tensors.map { [$0.name, $0.tensor.storedTypeName, "\($0.tensor.spec.shape)"] },
        header: ["name", "type", "shape"], indent: 2))
  }

  /// How many numbers a vector has; a sparse one, how many there may be.
  private func width(of sentences: SentencePipeline, in found: Inspection) -> Int {
    sentences.splade == nil ? sentences.width(hiddenSize: found.hiddenSize) : found.vocabularySize
  }

  private func json(_ found: Inspection, _ url: URL) -> JSON {
    var members: [(String, JSON)] = [
      ("checkpoint", JSON(url)), ("format", .string(found.format)),
      ("dialect", .string(found.dialect)), ("architecture", .string(found.architecture)),
      ("layers", JSON(found.layers)), ("hidden_size", JSON(found.hiddenSize)),
      ("vocabulary_size", JSON(found.vocabularySize)), ("maximum_length", JSON(found.maximumLength)),
      ("tokenizer", found.tokenizer.map { .string($0) } ?? .null),
      ("parameters", JSON(found.parameters)),
      (
        "backbone",
        ["name": .string(found.backbone.name), "parameters": JSON(found.backbone.parameters)]
      ),
      ("heads", HeadTable(found.heads).json),
      ("dtypes", .object(found.types.map { ($0.name, JSON($0.count)) })),
      ("tied_copies", .list(found.ties)), ("report", found.report.json),
    ]
    if let sentences = found.sentences {
      members.append(
        (
          "sentences",
          [
            "modules": .list(sentences.modules.map(\.description)),
            "width": JSON(width(of: sentences, in: found)),
            "maximum_length": sentences.maximumLength.map { JSON($0) } ?? .null,
            "prompts": .object(sentences.prompts.mapValues { .string($0) }),
            "similarity": sentences.similarity.map { .string($0) } ?? .null,
          ]
        ))
    }
    if lineage { members.append(("lineage", .array(found.lineage.map(\.json)))) }
    if tensors {
      let list = found.tensors.map { name, tensor -> JSON in
        [
          "name": .string(name), "dtype": .string(tensor.storedTypeName),
          "shape": .array(tensor.spec.shape.map { JSON($0) }),
        ]
      }
      members.append(("tensors", .array(list)))
    }
    return .object(members)
  }
}

extension LineageStep {
  /// What was done with what, then a row for each file and each of several heads.
  fileprivate var rows: [[String]] {
    let files = facts["files"]?.object ?? [:]
    let heads = facts["heads"]?.array?.compactMap(\.object) ?? []
    return [[action, Self.text(facts.filter { !["files", "heads"].contains($0.key) })]]
      + heads.map { ["", Self.text($0)] }
      + files.map { ["", "\($0.value.string?.prefix(12) ?? "")  \($0.key)"] }
  }

  private static func text(_ facts: OrderedDictionary<String, JSON>) -> String {
    func text(_ value: JSON) -> String {
      value.array?.map(text).joined(separator: "|") ?? value.int.map(Format.grouped) ?? value.string
        ?? value.text()
    }
    return facts.map { "\($0.key) \(text($0.value))" }.joined(separator: ", ")
  }
}
