import Foundation
import GraftCore
import GraftTensors

/// Opens a checkpoint to convert, and leaves out what the output does not take; the report lists it.
func openSource(
  _ source: URL, for options: OutputOptions, strict: Bool, keepExtra: Bool, _ registry: Registry
) throws -> (OpenedCheckpoint, Checkpoint.WriteOptions) {
  var opened = try registry.open(source)
  try opened.confirmCopies()
  if strict {
    try opened.report.requireStrict()
    if let error = opened.checkpoint.unreadTokenizer?.error { throw error }
  }
  let resolved = try options.resolve(registry, for: opened.checkpoint.family)
  if !keepExtra {
    opened.checkpoint.extra = Weights()
  } else if !opened.report.unexpected.isEmpty {
    opened.report.notes.append("what is unexpected is carried along")
  }
  let checkpoint = opened.checkpoint
  opened.report.notes +=
    try resolved.dialect.files.configuration?.differences(
      from: checkpoint.configuration, heads: checkpoint.activeHeads.map(\.id)) ?? []
  opened.report.notes += try opened.checkpoint.leaveOut(whatIsUnknownTo: resolved.dialect)
  opened.report.notes += [try opened.checkpoint.changeOfNumbers(in: resolved)].compactMap { $0 }
  return (opened, resolved)
}

extension OpenedCheckpoint {
  /// Writes a directory, and reports what was found on the way.
  mutating func write(
    to output: URL, _ options: Checkpoint.WriteOptions, _ tally: NonFiniteTally
  ) throws {
    try DirectoryWriter.write(output) { try checkpoint.write(into: $0, options, counting: tally) }
    report.nonFinite = tally.found
  }
}
