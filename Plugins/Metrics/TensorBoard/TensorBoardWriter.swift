import Foundation
import GraftCore
import GraftTensors

/// Writes TensorBoard's event files: `tensorboard --logdir DIR` lists and plots the run.
///
/// A run has one file, to which events are appended as they happen, so that a run that is killed loses none. A
/// resumed run goes on in it, behind the last event that its checkpoint knows of.
public final class TensorBoardWriter: MetricsWriter {
  public static let name = "tensorboard"

  private let file: URL
  private var handle: FileHandle

  private static let prefix = "events.out.tfevents."
  private static let suffix = ".graft"

  public init(directory: URL, after step: Int) throws {
    try DirectoryWriter.makeDirectory(directory)
    let own = try directoryContents(directory).filter {
      $0.hasPrefix(Self.prefix) && $0.hasSuffix(Self.suffix)
    }.max()
    let now = Date().timeIntervalSince1970
    file = directory.appendingPathComponent(own ?? "\(Self.prefix)\(Int(now))\(Self.suffix)")
    guard own != nil || FileManager.default.createFile(atPath: file.path, contents: nil),
      let handle = FileHandle(forUpdatingAtPath: file.path)
    else {
      throw GraftError(
        .system, "cannot be written", file: file.path, advice: "Choose a place that you may write to.")
    }
    self.handle = handle
    // A run without a checkpoint begins anew.
    let end = try step > 0 ? EventRecord.end(of: RandomAccessFile(file), after: step) : 0
    do {
      try handle.truncate(atOffset: UInt64(end))
      try handle.seekToEnd()
    } catch {
      throw failure(error)
    }
    if end == 0 { try append(EventRecord(version: "brain.Event:2", time: now)) }
  }

  deinit { try? handle.close() }

  /// Puts the settings behind the file's first event, in place of others. TensorBoard shows those that it finds first.
  public func describe(_ run: RunDescription) throws {
    let old = try RandomAccessFile(file)
    let (place, time) = try EventRecord.start(of: old)
    let began = time ?? Date().timeIntervalSince1970
    let record = EventRecord(summary: RunSummary.start(run, time: began), step: 0, time: began)
    let bytes = try old.bytesOfWholeFile(limit: 1 << 30)
    guard Array(bytes[place]) != record.bytes else { return }
    try FileWriter.write(file) { writer in
      try writer.append(Array(bytes[..<place.lowerBound]))
      try writer.append(record.bytes)
      try writer.append(Array(bytes[place.upperBound...]))
    }
    guard let new = FileHandle(forUpdatingAtPath: file.path) else {
      throw GraftError(.system, "cannot be written", file: file.path)
    }
    do {
      try handle.close()
      handle = new
      try handle.seekToEnd()
    } catch {
      throw failure(error)
    }
  }

  /// Says that the run is over, in an event behind its last step, which a run that goes on does without.
  public func end(_ end: RunEnd, step: Int) throws {
    let now = Date().timeIntervalSince1970
    guard let summary = RunSummary.end(end, time: now) else { return }
    try append(EventRecord(summary: summary, step: step + 1, time: now))
  }

  public func add(_ values: [String: Double], step: Int) throws {
    try append(EventRecord(values, step: step, time: Date().timeIntervalSince1970))
  }

  private func append(_ record: EventRecord) throws {
    do {
      try handle.write(contentsOf: record.bytes)
    } catch {
      throw failure(error)
    }
  }

  private func failure(_ error: any Error) -> GraftError {
    let code = ((error as NSError).userInfo[NSUnderlyingErrorKey] as? POSIXError)?.code
    return GraftError(
      .system, "cannot be written (\(code.map { String(cString: strerror($0.rawValue)) } ?? "\(error)"))",
      file: file.path)
  }
}
