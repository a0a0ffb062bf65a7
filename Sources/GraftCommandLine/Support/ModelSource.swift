import ArgumentParser
import Foundation
import GraftCore
import GraftHub
import GraftKit
import GraftTensors
import OrderedCollections

/// A checkpoint on the command line: a path, or the name of a published model.
struct ModelSource: ExpressibleByArgument {
  let text: String

  init(_ text: String) { self.text = text }

  init?(argument: String) {
    guard !argument.isEmpty else { return nil }
    text = argument
  }

  static var defaultCompletionKind: CompletionKind { .checkpoints }
}

/// How models that are given by name are found.
struct HubFlags: ParsableArguments {
  @Flag(help: "Open no connection: take models by name from the cache. So does HF_HUB_OFFLINE=1.")
  var offline = false

  /// What the help of commands says about names.
  static let help = """
    A name such as bert-base-uncased, or ORG/NAME@REVISION, is a model of the Hugging Face Hub, which is fetched \
    once into the cache that other tools use as well; a path that exists wins.
    """

  /// Where a checkpoint is, after fetching it when it is a name and not here yet.
  ///
  /// - Throws: `GraftError` when there is no such path and no such model.
  func locate(_ source: ModelSource, _ registry: Registry, _ console: Console) throws -> URL {
    try find(source, registry, console).url
  }

  /// Where a checkpoint is, and which model of the Hub it is, if it is one.
  ///
  /// - Throws: as ``locate(_:_:_:)``.
  func find(
    _ source: ModelSource, _ registry: Registry, _ console: Console
  ) throws -> (url: URL, model: Hub.Model?) {
    let path = URL(fileURLWithPath: source.text)
    let formats = registry.checkpointFormats
    let suffixes = [""] + formats.flatMap { $0.pathSuffixes }
    let isPath = suffixes.contains { FileManager.default.fileExists(atPath: path.path + $0) }
    let extensions = formats.flatMap { $0.fileNames }.map { ($0 as NSString).pathExtension }
    if !isPath, let registered = try registered(source.text, registry, console) { return (registered, nil) }
    // A mistyped file is no model's name.
    guard !isPath, !extensions.contains(path.pathExtension), let name = ModelName(source.text) else {
      return (path, nil)
    }
    do {
      let model = try fetch(name, registry, console)
      return (model.directory, model)
    } catch let error as GraftError where error.isAboutTheName(name) {
      let known = try ModelCatalogue(registry).entries.flatMap(\.names)
      if let nearest = path.nearestSibling?.relativeToWorkingDirectory
        ?? (known.contains(source.text) ? nil : NearestName.find(source.text, among: known))
      {
        throw GraftError(
          error.kind, "no such file or directory, and no model of that name was found", file: source.text,
          found: error.found,
          advice: Advice(
            "Did you mean '\(nearest)'? The Hub: \(error.problem)."
              + (error.advice.map { " \($0.commandLineText)" } ?? "")))
      }
      throw GraftError(
        error.kind, "no such file or directory, and \(error.problem)", file: source.text, found: error.found,
        advice: error.advice)
    }
  }

  /// The checkpoint of this machine that has a name by 'graft zoo add', which the console is told.
  ///
  /// - Throws: `GraftError` when the catalogue cannot be read.
  func registered(_ name: String, _ registry: Registry, _ console: Console) throws -> URL? {
    guard let path = try ModelCatalogue(registry).find(name)?.path else { return nil }
    console.note("\(name): a local checkpoint, registered as \(path.relativeToWorkingDirectory)")
    return URL(fileURLWithPath: path)
  }

  /// Brings a model to this machine and says where it came from.
  ///
  /// - Parameter check: How far files that are in the cache are trusted.
  /// - Throws: `GraftError` when it cannot be had.
  func fetch(
    _ name: ModelName, _ registry: Registry, _ console: Console, checking check: Hub.Check = .none
  ) throws -> Hub.Model {
    var settings = try HubSettings()
    if offline { settings.isOffline = true }
    let hub = try Hub(settings, registry)
    let display = FetchDisplay(name, console)
    defer { display.close() }
    let model = try hub.model(name, checking: check, observe: display.show)
    display.close()
    let left = model.resumed > 0 ? ", \(Format.bytes(model.resumed)) of it were there" : ""
    let isFetched = model.fetched + model.resumed > 0
    let origin = isFetched ? "fetched \(Format.bytes(model.fetched))\(left)" : "from the cache"
    console.note("\(name.id): \(name.revision.prefix(12)) is \(model.commit.prefix(12)), \(origin)")
    return model
  }
}

extension Hub {
  /// The Hub with the weights that can be read, and the names of the catalogue.
  ///
  /// - Throws: `GraftError` when the catalogue cannot be read.
  init(_ settings: HubSettings, _ registry: Registry) throws {
    self.init(
      settings, weightNames: registry.checkpointFormats.flatMap { $0.fileNames },
      configurationNames: registry.configurationNames,
      tokenizerNames: registry.tokenizers.values.map { $0.fileNames },
      synonyms: try ModelCatalogue(registry).entries.filter { $0.path == nil }.map(\.names))
  }
}

extension LineageStep {
  /// The step of a checkpoint that is imported: where it came from, and what exactly that was.
  static func importing(_ source: ModelSource, _ url: URL, _ model: Hub.Model?) -> LineageStep {
    var facts: OrderedDictionary<String, JSON> = [
      "source": .string(source.text), "graft": .string(Graft.version),
    ]
    if let model {
      facts["repository"] = .string(model.name.id)
      facts["commit"] = .string(model.commit)
    }
    return LineageStep("import", facts)
  }
}

extension GraftError {
  /// Whether the model as a whole was not found, and not one of its files.
  fileprivate func isAboutTheName(_ name: ModelName) -> Bool {
    subject == nil && file == name.description && name.revision == ModelName.defaultRevision
      && (kind == .missing || kind == .system)
  }
}

/// Shows what is fetched while it is.
private final class FetchDisplay {
  private let name: ModelName
  private let console: Console
  private var bar: (bar: ProgressBar, total: Int)?

  init(_ name: ModelName, _ console: Console) {
    self.name = name
    self.console = console
  }

  func show(_ event: Hub.Event) {
    switch event {
    case .progress(let received, let total):
      if bar?.total != total {
        bar?.bar.clear()
        let megabytes = ProgressBar(
          "fetching", unit: "MB", total: total / 1_000_000, startCount: received / 1_000_000, console: console
        )
        bar = (megabytes, total)
      }
      bar?.bar.update(received / 1_000_000)
    case .waiting(let file): line("waiting for another process that fetches \(file) of \(name.id)")
    case .unreachable(let error): line("\(error.problem); what is in the cache is used")
    }
  }

  func close() {
    bar?.bar.clear()
    bar = nil
  }

  private func line(_ text: String) {
    close()
    console.note(text)
  }
}
