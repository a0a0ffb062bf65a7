import Foundation
import GraftCore
import GraftExperiments
import GraftHub
import GraftTensors
import NPY

extension FuzzTarget {
  /// What the program reads beside weights, tokenizers and rows.
  static func texts(_ registry: Registry) throws -> [FuzzTarget] {
    // Where the checkpoint and the data are that a seed names.
    let demo = Corpus.repository.appending(path: "Fixtures/demo")
    let array = URL(filePath: "/dev/shm").appending(path: "array.npy")
    return [
      FuzzTarget(reading: "json") { bytes in
        let value = try JSON(parsing: bytes)
        // Text of a value is read as the same.
        let again = try JSON(parsing: value.text())
        try Fault.unless(again == value, "\(value) is written and read as \(again)")
      },
      FuzzTarget(reading: "experiment") { bytes in
        _ = try Experiment(parsing: bytes, relativeTo: demo, registry: registry)
      },
      FuzzTarget(reading: "shard-index") { _ = try ShardIndex(parsing: $0) },
      FuzzTarget(reading: "npy") { bytes in
        let tensor = try NPY.open(RandomAccessFile(bytes, named: array))
        try Fault.unless(tensor.spec.byteCount <= bytes.count, "\(tensor.spec) of \(bytes.count) bytes")
        try Fault.unless(try tensor.bytes().count == tensor.spec.byteCount, "another length")
      },
      FuzzTarget(reading: "model-card") { bytes in
        var card = ModelCard(parsing: String(decoding: bytes, as: UTF8.self))
        _ = card["tags"]
        card.removeOtherTasks(than: "fill-mask", ["text-classification"], library: nil)
        card.setSection("results", "a table")
        card.setSection("results", nil)
        _ = card.text
      },
      FuzzTarget(reading: "http-head") { bytes in
        var response = HTTPResponse()
        for line in bytes.split(separator: UInt8(ascii: "\n")) {
          response.add(String(decoding: line, as: UTF8.self))
        }
        _ = (response.length, response.contentRange?.start, response.isRedirect)
      },
      FuzzTarget("model-name") { bytes in
        guard let name = ModelName(String(decoding: bytes, as: UTF8.self)) else { return .notRecognized }
        try Fault.unless(
          !name.id.contains("..") && !name.id.hasPrefix("/") && !name.id.hasPrefix("."),
          "the name \(name.id.debugDescription) leads out of its folder")
        return .read
      },
    ]
  }
}
