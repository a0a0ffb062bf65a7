import ArgumentParser

/// `graft head`
struct HeadCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "head",
    abstract: "List, swap, label, detach and attach heads; the backbone stays bit-identical.",
    discussion: """
      A head turns the backbone's output into predictions. One head is active; the others that a checkpoint \
      carries are parked, and come back with their weights when they are swapped in.
      """,
    subcommands: [HeadList.self, HeadSwap.self, HeadLabel.self, HeadDetach.self, HeadAttach.self])
}
