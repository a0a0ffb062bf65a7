import ArgumentParser
import GraftCore
import GraftHub
import GraftKit
import GraftTensors

/// `graft zoo list`
struct ZooList: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "list",
    abstract: "List the models that have a name.",
    discussion: """
      EXAMPLES
        graft zoo list
        graft zoo list --family roberta
        graft zoo list --json
      """)

  @Option(
    help: ArgumentHelp("Only models of this family; 'graft plugins' lists them.", valueName: "NAME"),
    completion: .list(RegisteredNames.families))
  var family: String?

  @OptionGroup var output: OutputFlags

  func run() throws {
    let registry = try GraftTool.registry()
    let catalogue = try ModelCatalogue(registry)
    let hub = try Hub(HubSettings(), registry)
    let wanted = try family.map { try registry.families.find($0).name }
    let entries = catalogue.entries.filter { wanted == nil || $0.family == wanted }
    func place(_ entry: ModelCatalogue.Entry) throws -> String {
      if let path = entry.path { return path }
      do {
        return try ModelName(entry.name).flatMap(hub.cached) == nil ? "" : "in the cache"
      } catch is GraftError {
        return "damaged in the cache"
      }
    }
    if output.json {
      return try Output.print(.array(entries.map { try $0.json(registry, place: place($0)) }))
    }
    let rows = try entries.map { entry in
      let parameters = try entry.parameterCount(registry)
      return [
        entry.name, entry.family ?? "", parameters.map { Format.grouped($0) } ?? "",
        entry.heads?.joined(separator: ", ") ?? "", try place(entry),
      ]
    }
    try Output.print(
      Format.table(
        rows, header: ["name", "family", "parameters", "heads", "where"],
        alignments: [.left, .left, .right]))
  }
}

extension ModelCatalogue.Entry {
  /// The name of its family.
  var family: String? { configuration?["model_type"]?.string }

  /// The weights of the backbone, counted from its configuration as `graft inspect` counts them.
  ///
  /// - Parameter withPooler: Whether the family's pooler counts, which not every file of a model has; `nil` counts it
  ///   where the class of the bare encoder has it.
  func parameterCount(_ registry: Registry, withPooler: Bool? = nil) throws -> Int? {
    guard let configuration else { return nil }
    let family = try registry.family(of: configuration)
    let backbone = try family.makeBackbone(configuration)
    let pooler =
      withPooler ?? family.baseHasPooler
      ? try family.makePooler(configuration, on: backbone)?.parameters ?? [] : []
    return (backbone.parameters + pooler).reduce(0) { $0 &+ $1.shape.reduce(1, &*) }
  }

  func json(_ registry: Registry, place: String) throws -> JSON {
    var members: [(String, JSON)] = [("name", .string(name)), ("names", .list(names))]
    if let about { members.append(("about", .string(about))) }
    if let license { members.append(("license", .string(license))) }
    if let configuration { members.append(("configuration", .object(configuration.values))) }
    if let parameters = try parameterCount(registry) { members.append(("parameters", JSON(parameters))) }
    if let family { members.append(("family", .string(family))) }
    if let tokenizer { members.append(("tokenizer", .string(tokenizer))) }
    if let heads { members.append(("heads", .list(heads))) }
    if let revision { members.append(("revision", .string(revision))) }
    if !files.isEmpty {
      let list = files.map { file -> JSON in
        ["name": .string(file.name), "bytes": JSON(file.bytes), "sha256": .string(file.sha256)]
      }
      members.append(("files", .array(list)))
    }
    if !place.isEmpty { members.append(("where", .string(place))) }
    return .object(members)
  }
}
