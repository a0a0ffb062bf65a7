import Foundation
import GraftCore
import GraftTensors
import LineLogs
import TestSupport
import Testing

/// The text of logs, and what is left of one that was cut off.
@Suite struct LineLogsTests {
  private func text(_ name: String, _ body: (URL) throws -> Void) throws -> String {
    try withTemporaryDirectory { directory in
      try body(directory)
      return try String(contentsOf: directory.appending(path: name), encoding: .utf8)
    }
  }

  @Test func aLineForEachNumber() throws {
    let text = try text("metrics.csv") { directory in
      let writer = try CSVWriter(directory: directory, after: 0)
      try writer.add(["train/loss": 0.5, "train/epoch": 1], step: 5)
      try writer.add(["eval/accuracy": 0.25, "eval/loss": .nan], step: 10)
    }
    #expect(
      text
        == "step,name,value\n5,train/epoch,1.0\n5,train/loss,0.5\n10,eval/accuracy,0.25\n10,eval/loss,nan\n")
  }

  @Test func anObjectForEachStep() throws {
    let text = try text("metrics.jsonl") { directory in
      let writer = try JSONLinesWriter(directory: directory, after: 0)
      try writer.add(["train/loss": 0.5, "train/epoch": 1], step: 5)
      try writer.add(["eval/loss": .infinity], step: 10)
    }
    #expect(
      text == #"{"step":5,"train/epoch":1.0,"train/loss":0.5}"# + "\n" + #"{"step":10,"eval/loss":null}"#
        + "\n")
  }

  /// A line that the process was killed in goes, and so do the steps that are done again.
  @Test func whatIsNotOfTheCheckpointGoes() throws {
    let csv = try text("metrics.csv") { directory in
      let file = directory.appending(path: "metrics.csv")
      try Data("step,name,value\n1,a,1.0\n2,a,2.0\n3,a,3.0\n3,b,".utf8).write(to: file)
      try CSVWriter(directory: directory, after: 2).add(["a": 9], step: 3)
    }
    #expect(csv == "step,name,value\n1,a,1.0\n2,a,2.0\n3,a,9.0\n")
    let cut = try text("metrics.csv") { directory in
      try Data("step,na".utf8).write(to: directory.appending(path: "metrics.csv"))
      try CSVWriter(directory: directory, after: 2).add(["a": 9], step: 3)
    }
    #expect(cut == "step,name,value\n3,a,9.0\n")
    let lines = try text("metrics.jsonl") { directory in
      let file = directory.appending(path: "metrics.jsonl")
      try Data("{\"step\":1,\"a\":1.0}\n{\"step\":12,\"a\":1.0}\n{\"st".utf8).write(to: file)
      try JSONLinesWriter(directory: directory, after: 1).add(["a": 9], step: 2)
    }
    #expect(lines == "{\"step\":1,\"a\":1.0}\n{\"step\":2,\"a\":9.0}\n")
  }
}
