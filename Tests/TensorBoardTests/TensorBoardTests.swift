import Foundation
import GraftCore
import GraftTensors
import TestSupport
import Testing

@testable import TensorBoard

@Suite struct TensorBoardTests {
  /// Golden written by TensorBoard: `Fixtures/tensorboard/make.py`.
  @Test func eventsAreTensorBoards() throws {
    let golden = fixtures.appending(path: "tensorboard/events.out.tfevents.golden")
    let events: [(Int, [String: Double])] = [
      (0, ["eval/loss": 1.3486067056655884, "eval/accuracy": 0.25, "train/epoch": 0]),
      (50, ["train/loss": 0.6931471805599453, "train/learning_rate": 5e-05]),
      (300, ["train/loss": .infinity]),
      (1 << 40, ["train/grad_norm": 1e-30, "train/loss": -2.5]),
    ]
    var bytes = EventRecord(version: "brain.Event:2", time: 1_764_000_000.25).bytes
    for (index, event) in events.enumerated() {
      bytes += EventRecord(event.1, step: event.0, time: 1_764_000_001.5 + Double(index)).bytes
    }
    #expect(bytes == Array(try Data(contentsOf: golden)))
    let file = try RandomAccessFile(golden)
    #expect(try EventRecord.end(of: file, after: 1 << 40) == bytes.count)
    #expect(try EventRecord.end(of: file, after: 299) < EventRecord.end(of: file, after: 300))
  }

  private static let settings: JSON = [
    "model": "bert-base-uncased", "learning-rate": 5e-05, "batch-size": 8, "freeze-backbone": false,
    "warmup-ratio": 0.0, "report-to": ["tensorboard", "mlflow"], "data": "Züge.csv",
  ]
  private static let run = RunDescription(
    name: "news", settings: settings.object ?? [:],
    configuration: ["id2label": ["0": "World", "1": "Sports"], "model_type": "bert"])

  /// Golden written by TensorBoard: `Fixtures/tensorboard/make.py`.
  @Test func settingsAndEndAreTensorBoards() throws {
    let start = RunSummary.start(Self.run, time: 1_764_000_000.5)
    var bytes = EventRecord(summary: start, step: 0, time: 1_764_000_000.5).bytes
    for end in [RunEnd.finished, .failed] {
      let summary = try #require(RunSummary.end(end, time: 1_764_000_009.25))
      bytes += EventRecord(summary: summary, step: 301, time: 1_764_000_009.25).bytes
    }
    #expect(bytes == Array(try Data(contentsOf: fixtures.appending(path: "tensorboard/run.golden"))))
    #expect(RunSummary.end(.interrupted, time: 1) == nil)
  }

  /// TensorBoard shows the settings that it finds first: there is one event of them, whatever happens.
  @Test func settingsStandBehindTheFirstEvent() throws {
    try withTemporaryDirectory { directory in
      var writer = try TensorBoardWriter(directory: directory, after: 0)
      try writer.describe(Self.run)
      let size = try RandomAccessFile(file(directory)).size
      try writer.add(["train/loss": 1], step: 1)
      try writer.end(.interrupted, step: 1)
      let whole = try Data(contentsOf: file(directory))
      // The same run goes on.
      writer = try TensorBoardWriter(directory: directory, after: 1)
      try writer.describe(Self.run)
      #expect(try Data(contentsOf: file(directory)) == whole)
      try writer.end(.finished, step: 1)
      #expect(try RandomAccessFile(file(directory)).size > whole.count)
      // It is extended: other settings, no end.
      var longer = Self.run
      longer.settings["epochs"] = 8
      writer = try TensorBoardWriter(directory: directory, after: 1)
      #expect(try Data(contentsOf: file(directory)) == whole)
      try writer.describe(longer)
      try writer.add(["train/loss": 1], step: 2)
      let file = try RandomAccessFile(file(directory))
      let (place, time) = try EventRecord.start(of: file)
      #expect(place.count > size - place.lowerBound && time != nil)
      #expect(try EventRecord.end(of: file, after: 0) == place.upperBound)
      #expect(try EventRecord.end(of: file, after: 2) == file.size)
      #expect(try EventRecord.end(of: file, after: 1) == place.upperBound + whole.count - size)
    }
  }

  /// A file of an earlier version, without settings, gets them.
  @Test func anOlderFileGetsSettings() throws {
    try withTemporaryDirectory { directory in
      let sizes = try write(directory)
      let writer = try TensorBoardWriter(directory: directory, after: 30)
      try writer.describe(Self.run)
      let file = try RandomAccessFile(file(directory))
      let (place, _) = try EventRecord.start(of: file)
      #expect(!place.isEmpty && file.size == sizes[2] + place.count)
      #expect(try EventRecord.end(of: file, after: 30) == file.size)
    }
  }

  private func file(_ directory: URL) throws -> URL {
    let names = try FileManager.default.contentsOfDirectory(atPath: directory.path)
    #expect(names.count == 1)
    return directory.appending(path: try #require(names.first))
  }

  /// Writes steps 10, 20 and 30.
  private func write(_ directory: URL) throws -> [Int] {
    let writer = try TensorBoardWriter(directory: directory, after: 0)
    return try [10, 20, 30].map { step in
      try writer.add(["train/loss": Double(step)], step: step)
      return try RandomAccessFile(file(directory)).size
    }
  }

  @Test(arguments: [(20, 1), (25, 1), (30, 2), (99, 2)])
  func aResumedRunGoesOnBehindItsCheckpoint(_ step: Int, _ kept: Int) throws {
    try withTemporaryDirectory { directory in
      let sizes = try write(directory)
      let before = try Data(contentsOf: file(directory))
      let writer = try TensorBoardWriter(directory: directory, after: step)
      #expect(try RandomAccessFile(file(directory)).size == sizes[kept])
      try writer.add(["train/loss": 1], step: 30)
      #expect(try Data(contentsOf: file(directory)).prefix(sizes[kept]) == before.prefix(sizes[kept]))
      #expect(try EventRecord.end(of: RandomAccessFile(file(directory)), after: 30) > sizes[kept])
    }
  }

  @Test func aRunWithoutACheckpointBeginsAnew() throws {
    try withTemporaryDirectory { directory in
      let sizes = try write(directory)
      let size = EventRecord(version: "brain.Event:2", time: 1).bytes.count
      _ = try TensorBoardWriter(directory: directory, after: 0)
      #expect(try RandomAccessFile(file(directory)).size == size)
      #expect(size < sizes[0])
    }
  }

  @Test func whatIsCutOffOrDamagedGoes() throws {
    try withTemporaryDirectory { directory in
      let sizes = try write(directory)
      let url = try file(directory)
      let whole = try Data(contentsOf: url)
      for end in (sizes[1] + 1)..<sizes[2] {
        try whole.prefix(end).write(to: url)
        #expect(try EventRecord.end(of: RandomAccessFile(url), after: 99) == sizes[1])
      }
      for place in sizes[1]..<sizes[2] {
        var damaged = whole
        damaged[place] ^= 0x40
        try damaged.write(to: url)
        #expect(try EventRecord.end(of: RandomAccessFile(url), after: 99) == sizes[1], "byte \(place)")
      }
    }
  }

  @Test func otherFilesAreLeftAlone() throws {
    try withTemporaryDirectory { directory in
      let other = directory.appending(path: "events.out.tfevents.1.host")
      try Data("x".utf8).write(to: other)
      try TensorBoardWriter(directory: directory, after: 0).add(["train/loss": 1], step: 1)
      #expect(try Data(contentsOf: other) == Data("x".utf8))
    }
  }

  @Test func aPlaceThatCannotBeWrittenIsNamed() throws {
    try withTemporaryDirectory { directory in
      let file = directory.appending(path: "file")
      try Data().write(to: file)
      let error = #expect(throws: GraftError.self) {
        try TensorBoardWriter(directory: file.appending(path: "runs"), after: 0)
      }
      #expect(error?.description.contains("cannot be written") == true)
    }
  }
}
