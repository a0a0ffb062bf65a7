import ArgumentParser

/// `graft tokenizer`
struct TokenizerCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "tokenizer",
    abstract: "Train a tokenizer.",
    discussion: """
      'graft tokenize' shows what a tokenizer makes of texts; 'graft init' makes a model with new weights for one.
      """,
    subcommands: [TokenizerTrain.self])
}
