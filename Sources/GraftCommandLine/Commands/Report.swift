import ArgumentParser
import GraftExperiments
import GraftTensors

/// `graft report`
struct Report: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "report",
    abstract: "Write the report of a finished run again.",
    discussion: """
      RUN is the output directory of 'graft run'. Its report.html stands alone: one file, no network. report.md \
      and report.json say the same, and plots has every plot as an SVG file.

      The verdict rests on a bootstrap of the difference between arms that resamples test rows, the same for \
      both, and seeds (Sellam et al., arXiv:2106.16163); McNemar's test compares the two models of each seed.

      EXAMPLES
        graft report results
      """)

  @Argument(help: ArgumentHelp("The directory of a finished run.", valueName: "RUN"), completion: .directory)
  var directory: Path

  @OptionGroup var flags: OutputFlags

  func run() throws {
    let verdict = try writeReport(directory.url)
    let page = directory.url.appendingPathComponent("report.html")
    if flags.json {
      try Output.print(JSON.object([("report", JSON(page)), ("verdict", .string(verdict))]))
    } else {
      try Output.print("\(verdict)\nwrote \(page.displayPath)")
    }
  }
}
