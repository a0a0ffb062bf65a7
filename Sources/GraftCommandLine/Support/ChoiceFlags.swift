import ArgumentParser
import GraftCore
import GraftTensors

/// Texts of which a head chooses one.
struct ChoiceFlags: ParsableArguments {
  @Option(
    parsing: .unconditionalSingleValue,
    help: ArgumentHelp(
      "One of the texts to choose from, for a head 'multiple-choice'; repeat it for each.", valueName: "TEXT")
  )
  var choice: [String] = []

  /// Refuses what cannot be chosen from.
  ///
  /// - Parameter input: Where the questions come from.
  func check(_ input: TextInput) throws {
    guard !choice.isEmpty else { return }
    guard choice.count > 1 else { throw ValidationError("Give --choice at least twice.") }
    guard input.input.isEmpty else {
      throw ValidationError("Files have their own choices: leave out --choice.")
    }
  }

  /// Gives the choices to rows whose head reads them.
  ///
  /// - Throws: `GraftError` when the head does not choose among texts, or has nothing to choose from.
  func add(to rows: inout [TextRow], for heads: HeadSet?, isFromFiles: Bool) throws {
    let column = "choices"
    let chooses = heads?.columns.contains { $0.name == column } == true
    if choice.isEmpty {
      guard chooses, !isFromFiles else { return }
      throw GraftError(
        .missing, "there is nothing to choose from",
        advice: "Give each choice with --choice, or a file with --input.")
    }
    guard chooses else {
      throw GraftError(
        .mismatch, "the head '\(heads?.name ?? "none")' does not choose among texts",
        advice: "Leave out --choice.")
    }
    for index in rows.indices { rows[index].fields[column] = .array(choice.map { .string($0) }) }
  }
}
