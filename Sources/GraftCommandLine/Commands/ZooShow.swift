import ArgumentParser
import GraftCore
import GraftKit
import GraftTensors

/// `graft zoo show`
struct ZooShow: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "show",
    abstract: "Describe a model of the catalogue.",
    discussion: """
      EXAMPLES
        graft zoo show bert-base-uncased
      """)

  @Argument(
    help: ArgumentHelp("A name of 'graft zoo list'.", valueName: "NAME"),
    completion: .names { RegisteredNames.models })
  var name: String

  @OptionGroup var output: OutputFlags

  func run() throws {
    let registry = try GraftTool.registry()
    let entry = try ModelCatalogue(registry).require(name)
    if output.json { return try Output.print(entry.json(registry, place: entry.path ?? "")) }
    var rows = [["name", entry.names.joined(separator: ", ")]]
    if let about = entry.about { rows.append(["about", about]) }
    if let path = entry.path { rows.append(["path", path]) }
    if let license = entry.license { rows.append(["license", license]) }
    if let plain = entry.configuration {
      let family = try registry.family(of: plain)
      rows.append(["family", family.name])
      let configuration = family.adopting(plain)
      func size(_ key: String) throws -> Int { try configuration.size(key) }
      rows.append([
        "size",
        "\(Format.count(try size("num_hidden_layers"), "layer")), hidden \(try size("hidden_size")), "
          + "\(Format.count(try size("num_attention_heads"), "attention head")), "
          + "feed-forward \(try size("intermediate_size")), vocabulary \(Format.grouped(try size("vocab_size")))",
      ])
    }
    if let count = try entry.parameterCount(registry) {
      rows.append(["backbone", "\(Format.grouped(count)) parameters"])
    }
    if let heads = entry.heads {
      rows.append(["heads", heads.isEmpty ? "none" : heads.joined(separator: ", ")])
    }
    if let tokenizer = entry.tokenizer { rows.append(["tokenizer", tokenizer]) }
    if let revision = entry.revision { rows.append(["revision", revision]) }
    if !entry.golden.isEmpty {
      rows.append(["golden values", Set(entry.golden.map(\.output)).sorted().joined(separator: ", ")])
    }
    try Output.print(Format.table(rows))
    guard !entry.files.isEmpty else { return }
    try Output.print("\nfiles")
    try Output.print(
      Format.table(
        entry.files.map { [$0.name, Format.grouped($0.bytes), $0.sha256] },
        header: ["name", "bytes", "SHA-256"],
        alignments: [.left, .right], indent: 2))
  }
}

extension ModelCatalogue {
  /// The model of a name.
  ///
  /// - Throws: `GraftError` when no model has it.
  func require(_ name: String) throws -> Entry {
    guard let entry = find(name) else {
      let nearest =
        NearestName.find(name, among: entries.flatMap(\.names)).map { "Did you mean '\($0)'? " } ?? ""
      throw GraftError(
        .unknownName, "no model of that name in the catalogue", subject: name,
        advice: "\(nearest)'graft zoo list' shows them; other models of the Hub work by name as well.")
    }
    return entry
  }
}
