import Foundation
import GraftCompute
import GraftCore
import GraftData
import GraftKit
import GraftPlugins

// The Swift in the documentation, as it stands there, with just enough around it to compile. Nothing here is run.

// MARK: README.md

extension Dialect {
  fileprivate static let rowsOfTheReadme = [
    Row.linear("layers.{}.attention.query", "encoder.layer.{}.attention.self.query")
  ]
}

private struct NextSentence {
  static let name = "next-sentence"
  static let logits = "seq_relationship_logits"

  public func forward(_ output: BackboneOutput, _ batch: Batch, _ scope: Scope, _ tape: Tape) throws -> Logits
  {
    [Self.logits: try tape.linear(try output.requirePooled(Self.name), scope["next_sentence"])]
  }
}

private func trainFromALibrary() throws -> TrainingOutcome {
  let registry = try Registry.builtIn()
  let checkpoint = try registry.open(URL(filePath: "base")).checkpoint
  let rows = try DataSource(reading: [URL(filePath: "train.csv")]).rows()
  let outcome = try train(
    checkpoint, on: TrainingData(rows, named: ["train.csv"]), output: URL(filePath: "adapted"),
    backend: registry.makeBackend(), registry: registry)
  return outcome
}
