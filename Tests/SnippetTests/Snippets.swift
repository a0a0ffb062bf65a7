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

private let headOfTheReadme =
  HeadLayers(
    .firstToken,
    [
      .dropout(["classifier_dropout"]), .linear("dense", activation: .fixed(.tanh)),
      .dropout(["classifier_dropout"]), .linear("output", width: .outputs),
    ])

private func trainFromALibrary() throws -> TrainingOutcome {
  let registry = try Registry.builtIn()
  let checkpoint = try registry.open(URL(filePath: "base")).checkpoint
  let rows = try DataSource(reading: [URL(filePath: "train.csv")]).rows()
  let outcome = try train(
    checkpoint, on: TrainingData(rows, named: ["train.csv"]), output: URL(filePath: "adapted"),
    backend: registry.makeBackend(), registry: registry)
  return outcome
}
