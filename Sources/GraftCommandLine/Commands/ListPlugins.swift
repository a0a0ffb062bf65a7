import ArgumentParser
import GraftCore
import GraftTensors

/// `graft plugins`
struct ListPlugins: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "plugins",
    abstract: "List what is registered, by kind.",
    discussion: """
      The names are those that --format, --dialect, --to, --type, --optimizer, --report-to and --backend take.

      EXAMPLES
        graft plugins
        graft plugins --json
      """)

  @OptionGroup var output: OutputFlags

  func run() throws {
    let registry = try GraftTool.registry()
    let kinds: [(title: String, key: String, entries: [(name: String, detail: String)])] = [
      (
        "weight formats", "formats",
        registry.checkpointFormats.map { ($0.name, $0.fileNames.joined(separator: ", ")) }
      ),
      (
        "families", "families",
        registry.families.values.map { family in
          (family.name, registry.heads(of: family).map(\.name).joined(separator: ", "))
        }
      ),
      (
        "dialects", "dialects",
        registry.dialects.map { ($0.dialect.name, "of \($0.family.name)") }
      ),
      ("tasks", "tasks", registry.tasks.values.map { ($0.name, $0.classSuffix) }),
      ("tokenizers", "tokenizers", registry.tokenizers.values.map { ($0.name, "") }),
      (
        "tokenizer types", "tokenizer_trainers",
        registry.tokenizerTrainers.values.map { ($0.name, "can be trained") }
      ),
      ("optimizers", "optimizers", registry.optimizers.values.map { ($0.name, "") }),
      ("metrics writers", "metrics_writers", registry.metricsWriters.values.map { ($0.name, "") }),
      ("compute backends", "backends", registry.backends.values.map { ($0.name, "") }),
    ]
    if output.json {
      let members = kinds.map { kind in
        (kind.key, JSON.array(kind.entries.map { ["name": .string($0.name), "detail": .string($0.detail)] }))
      }
      try Output.print(.object(members))
      return
    }
    let rows = kinds.flatMap { kind in
      kind.entries.enumerated().map { index, entry in
        [index == 0 ? kind.title : "", entry.name, entry.detail]
      }
    }
    try Output.print(Format.table(rows))
  }
}
