import ArgumentParser
import Foundation
import GraftCore
import GraftHub
import GraftKit
import GraftTensors

/// `graft zoo verify`
struct ZooVerify: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "verify",
    abstract: "Fetch a model of the catalogue and check its files, its size and its published values.",
    discussion: """
      Files are compared with their SHA-256, where the catalogue lists it. Then the model is loaded, its \
      backbone's parameters are counted, and its tokens and outputs are compared with published values. What \
      the catalogue does not list is named. Exits 1 on a difference. A model that was added with \
      'graft zoo add' has no published values: it is only loaded.

      EXAMPLES
        graft zoo verify bert-base-uncased
      """)

  @Argument(
    help: ArgumentHelp("A name of 'graft zoo list'.", valueName: "NAME"),
    completion: .names { RegisteredNames.models })
  var name: String

  @Option(
    parsing: .unconditional,
    help: ArgumentHelp(
      "The largest absolute difference that passes, where values were not published with a larger one.",
      valueName: "X"))
  var tolerance: Float = 1e-4

  @OptionGroup var hub: HubFlags
  @OptionGroup var backend: BackendFlags
  @OptionGroup var output: OutputFlags

  /// One thing that was checked.
  private struct Check {
    let name: String
    let passes: Bool
    let detail: String
  }

  func run() throws {
    let registry = try GraftTool.registry()
    let entry = try ModelCatalogue(registry).require(name)
    let revision = entry.revision.map { "@\($0)" } ?? ""
    let source = ModelSource(entry.path ?? entry.name + revision)
    let directory = try hub.locate(source, registry, output.console)
    var checks = try entry.files.compactMap { try check($0, in: directory) }
    let opened = try registry.open(directory)
    let hasPooler = opened.checkpoint[Component.pooler] != nil
    if let expected = try entry.parameterCount(registry, withPooler: hasPooler) {
      let encoder = opened.checkpoint.components.filter { !$0.isHead }
      let found = encoder.reduce(0) { $0 + $1.weights.elementCount }
      checks.append(
        Check(
          name: "parameters", passes: found == expected, detail: "\(Format.grouped(found)) in the backbone"))
    }
    if checks.isEmpty, entry.encodings.isEmpty, entry.golden.isEmpty {
      _ = try opened.checkpoint.makeModel()
      if !output.json {
        let count = Format.grouped(try opened.checkpoint.activeWeights().elementCount)
        let sentence = "can be loaded, with \(count) parameters; there is nothing to compare it with"
        return try Output.print("\(entry.name) \(sentence)")
      }
    }
    checks += try entry.encodings.map { try check($0, opened.checkpoint) }
    let backend = try backend.make(registry, output.console)
    for golden in entry.golden {
      let difference = try golden.difference(of: opened.checkpoint, backend: backend)
      checks.append(
        Check(
          name: golden.output, passes: difference <= max(tolerance, golden.tolerance ?? 0),
          detail: "max abs diff \(Format.number(Double(difference)))"))
    }
    try show(checks)
    let absent = [
      (entry.files.isEmpty, "checksums of files"), (entry.encodings.isEmpty, "tokens"),
      (entry.golden.isEmpty, "outputs"),
    ].filter(\.0).map(\.1)
    if !absent.isEmpty {
      output.console.note("the catalogue has no published \(absent.joined(separator: ", ")) to compare with")
    }
    if !checks.allSatisfy(\.passes) { throw ExitCode.failure }
  }

  /// Compares a file with the catalogue; only the best weights are fetched, so others may not be there.
  private func check(_ file: ModelCatalogue.File, in directory: URL) throws -> Check? {
    let url = directory.appendingPathComponent(file.name)
    guard FileManager.default.fileExists(atPath: url.path) else { return nil }
    let size = try RandomAccessFile(url).size
    let hash = try sha256(of: url)
    return Check(
      name: file.name, passes: size == file.bytes && hash == file.sha256,
      detail: "\(Format.grouped(size)) bytes, SHA-256 \(hash)")
  }

  private func check(_ encoding: ModelCatalogue.Encoding, _ checkpoint: Checkpoint) throws -> Check {
    guard let tokenizer = checkpoint.tokenizer else {
      return Check(name: "tokens", passes: false, detail: "the checkpoint has no tokenizer")
    }
    let ids = tokenizer.encode(encoding.text, pair: nil, truncation: nil, addSpecialTokens: true).ids
    return Check(
      name: "tokens", passes: ids == encoding.ids,
      detail: "\(ids.map(String.init).joined(separator: " ")) of '\(encoding.text)'")
  }

  private func show(_ checks: [Check]) throws {
    guard output.json else {
      return try Output.print(Format.table(checks.map { [$0.passes ? "ok" : "FAILED", $0.name, $0.detail] }))
    }
    try Output.print(
      .array(
        checks.map { ["check": .string($0.name), "passes": .bool($0.passes), "detail": .string($0.detail)] }))
  }
}
