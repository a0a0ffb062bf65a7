import ArgumentParser
import GraftKit
import GraftTensors

/// `graft zoo remove`
struct ZooRemove: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "remove",
    abstract: "Remove a name that 'graft zoo add' gave.",
    discussion: """
      The checkpoint stays where it is. A published model of the same name is found under it again.

      EXAMPLES
        graft zoo remove news
      """)

  @Argument(
    help: ArgumentHelp("A name that was added.", valueName: "NAME"),
    completion: .names { RegisteredNames.models })
  var name: String

  @OptionGroup var output: OutputFlags

  func run() throws {
    let file = ModelCatalogue.userFile()
    try ModelCatalogue.unregister(name, in: file)
    if output.json {
      try Output.print(.object([("name", .string(name)), ("catalogue", JSON(file))]))
    } else {
      try Output.print("removed \(name) from \(file.displayPath)")
    }
  }
}
