import ArgumentParser
import GraftCore
import GraftKit
import GraftTensors

/// `graft verify`
struct Verify: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "verify",
    abstract: "Run a checkpoint on a golden file's inputs and compare its outputs.",
    discussion: """
      The golden file is safetensors: input_ids, attention_mask, token_type_ids (int64 [batch, length]) and \
      any of last_hidden_state, pooler_output, prediction_logits, seq_relationship_logits, logits (float32). \
      Prints the largest absolute difference of each output over positions whose mask is 1, also relative to \
      the largest absolute value expected there. Exits with 1 when one is beyond the tolerance.

      EXAMPLES
        graft verify bert --golden golden.safetensors
        graft verify bert --golden golden.safetensors --tolerance 1e-5 --json
      """)

  @OptionGroup var checkpoint: CheckpointArgument

  @Option(help: ArgumentHelp("The golden file.", valueName: "FILE"), completion: .file())
  var golden: Path

  @Option(
    parsing: .unconditional,
    help: ArgumentHelp("The largest absolute difference that passes.", valueName: "X"))
  var tolerance: Float = 1e-4

  @OptionGroup var backend: BackendFlags
  @OptionGroup var strictness: StrictFlag
  @OptionGroup var output: OutputFlags

  func validate() throws {
    guard tolerance >= 0, tolerance.isFinite else {
      throw ValidationError("--tolerance must be a number of at least 0.")
    }
  }

  func run() throws {
    let registry = try GraftTool.registry()
    let url = try checkpoint.locate(registry, output.console)
    _ = try checkpoint.open(url, registry, strictness, output.console)
    let verification = try GraftKit.verify(
      url, golden: golden.url, tolerance: tolerance,
      backend: backend.make(registry, output.console),
      registry: registry)
    if output.json {
      try Output.print(json(verification))
    } else {
      let rows = verification.outputs.map { output in
        [
          output.maximum <= tolerance ? "ok" : "FAILED", output.name,
          "max abs diff \(Format.number(Double(output.maximum)))",
          "relative \(Format.number(relative(output)))",
        ]
      }
      let others = verification.notComputed.map { ["–", $0, "not computed by this checkpoint"] }
      try Output.print(Format.table(rows + others))
    }
    if !verification.passes { throw ExitCode.failure }
  }

  private func relative(_ output: Verification.Output) -> Double {
    output.maximum == 0 ? 0 : Double(output.maximum) / Double(output.scale)
  }

  private func json(_ verification: Verification) -> JSON {
    [
      "passes": JSON(verification.passes), "tolerance": JSON(verification.tolerance),
      "outputs": .array(
        verification.outputs.map { output in
          [
            "name": .string(output.name), "max_abs_diff": JSON(output.maximum), "scale": JSON(output.scale),
            "relative": JSON(relative(output)), "passes": JSON(output.maximum <= tolerance),
          ]
        }),
      "not_computed": .list(verification.notComputed),
    ]
  }
}
