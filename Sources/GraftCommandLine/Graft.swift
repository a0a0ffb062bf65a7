import ArgumentParser
import Foundation
import GraftKit
import GraftTensors

/// The command line: one subcommand per file in `Commands`.
///
/// Results go to standard output, progress and reports to standard error. Exit codes: 0, 1 when the command
/// failed (or `diff` and `verify` found a difference), 64 when it was called wrongly.
///
/// Every command states its `commandName`: deriving the names from the types took a fifth of the start-up.
struct Graft: ParsableCommand {
  static let version = graftVersion

  static let configuration = CommandConfiguration(
    commandName: "graft",
    abstract: "A native model zoo and converter for BERT-family encoders.",
    discussion: """
      CKPT is a checkpoint directory (config.json, weights, tokenizer files) or a weight file with its \
      config.json beside it. \(HubFlags.help) Results are printed on standard output, progress and reports on standard error; \
      --json makes every result a JSON document, --quiet silences the rest.

      EXAMPLES
        graft import bert-base-uncased --output bert
        graft train bert --data domain.txt --output adapted
        graft head swap adapted --to sequence-classification \\
          --labels World,Sports,Business,Sci/Tech --output classifier
        graft train classifier --data train.csv --eval-data test.csv --output news
        graft predict news 'Stocks fell on Monday'

      SHELL COMPLETION (bash, zsh or fish)
        graft --generate-completion-script bash > graft.bash && source graft.bash
      """,
    version: version,
    groupedSubcommands: [
      CommandGroup(
        name: "Checkpoints",
        subcommands: [
          Inspect.self, Zoo.self, Pull.self, Import.self, Export.self, Quantize.self, Init.self,
          HeadCommand.self, Diff.self, Verify.self,
        ]),
      CommandGroup(
        name: "Training",
        subcommands: [Train.self, Evaluate.self, Run.self, Report.self, TokenizerCommand.self]),
      CommandGroup(
        name: "Using a model",
        subcommands: [
          Predict.self, Tag.self, Answer.self, FillMask.self, Embed.self, Search.self, Rerank.self,
          Tokenize.self,
        ]),
      CommandGroup(name: "This program", subcommands: [ListPlugins.self, Doctor.self]),
    ]
  )

  static var _errorLabel: String { "graft: error" }
}
