import Foundation
import GraftTensors

/// Writes the report of a finished run into its directory: `report.html`, which stands alone, the same as
/// `report.md` and `report.json`, and every plot as a file under `plots`.
///
/// - Parameter run: A directory with `experiment.json` and the files of the stages that it names.
/// - Returns: The verdict.
/// - Throws: `GraftError` when one of them is missing or malformed, or a file cannot be written.
@discardableResult
public func writeReport(_ run: URL) throws -> String {
  let results: RunResults
  do {
    results = try RunResults(run)
  } catch let error as GraftError {
    throw StageCache(run).advising(on: error)
  }
  let content = ReportContent(results)
  let plots = run.appendingPathComponent(WrittenReport.plots)
  try DirectoryWriter.makeDirectory(plots)
  let names = Set(content.plots.map { URL(filePath: WrittenReport.plotPath($0)).lastPathComponent })
  for name in try directoryContents(plots) where name.hasSuffix(".svg") && !names.contains(name) {
    try DirectoryWriter.remove(plots.appendingPathComponent(name))
  }
  for plot in content.plots {
    try FileWriter.write(
      run.appendingPathComponent(WrittenReport.plotPath(plot)), text: plot.plot.file.text)
  }
  try FileWriter.write(run.appendingPathComponent("report.json"), text: JSONReport.render(results))
  try FileWriter.write(run.appendingPathComponent("report.md"), text: MarkdownReport.render(content))
  try FileWriter.write(run.appendingPathComponent("report.html"), text: HTMLReport.render(content))
  return results.verdictText
}

/// The names of a report's files.
enum WrittenReport {
  static let plots = "plots"

  static func plotPath(_ plot: ReportContent.NamedPlot) -> String { "\(plots)/\(plot.name).svg" }
}
