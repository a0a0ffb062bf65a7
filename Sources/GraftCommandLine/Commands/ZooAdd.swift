import ArgumentParser
import Foundation
import GraftCore
import GraftHub
import GraftKit
import GraftTensors

/// `graft zoo add`
struct ZooAdd: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "add",
    abstract: "Register a checkpoint of this machine under a name.",
    discussion: """
      The name stands for the checkpoint wherever one is expected. It is kept in $GRAFT_ZOO or \
      ~/.config/graft/zoo.json; the same name again replaces it, and 'graft zoo remove' takes it away.

      EXAMPLES
        graft zoo add news models/news --about 'sorts AG News'
        graft predict news 'Stocks fell on Monday'
      """)

  @Argument(help: ArgumentHelp("The name: NAME or ORG/NAME.", valueName: "NAME"))
  var name: String

  @Argument(help: ArgumentHelp("A checkpoint directory or weight file.", valueName: "PATH"))
  var path: Path

  @Option(help: ArgumentHelp("What it is, in a few words.", valueName: "TEXT"))
  var about: String?

  @OptionGroup var output: OutputFlags

  func validate() throws {
    guard let parsed = ModelName(name), parsed.id == name else {
      throw ValidationError(
        "'\(name)' cannot be a name: it is NAME or ORG/NAME, of letters, digits, '-', '_' and '.'.")
    }
  }

  func run() throws {
    // Before it is registered it has to be a checkpoint.
    let registry = try GraftTool.registry()
    _ = try registry.open(path.url)
    let file = ModelCatalogue.userFile()
    if let entry = try ModelCatalogue(registry).find(name), entry.path == nil {
      output.console.warn(
        "\(name) stands for \(path.url.displayPath) now, and no more for the published model of that name")
    }
    try ModelCatalogue.register(name, path: path.url, about: about, in: file)
    if output.json {
      try Output.print(
        .object([("name", .string(name)), ("path", JSON(path.url)), ("catalogue", JSON(file))]))
    } else {
      try Output.print("registered \(name) in \(file.displayPath)")
    }
  }
}
