import ArgumentParser

/// `graft zoo`
struct Zoo: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "zoo",
    abstract: "List, describe, verify and register models that have a name.",
    discussion: """
      Wherever a checkpoint is expected, the names listed here can be given, and any other name of a model of \
      the Hugging Face Hub. A catalogue of your own, $GRAFT_ZOO or ~/.config/graft/zoo.json, is merged over the \
      one that Graft has.
      """,
    subcommands: [ZooList.self, ZooShow.self, ZooVerify.self, ZooAdd.self, ZooRemove.self])
}
