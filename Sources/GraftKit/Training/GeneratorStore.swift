import Foundation
import GraftCore
import GraftTensors

/// Keeps a generator that learns beside the model: a checkpoint of its own, in the folder `generator` of the model's.
struct GeneratorStore: ModelStore {
  private let store: CheckpointStore
  private let generator: TokenGenerator
  private let generatorStore: CheckpointStore

  /// - Parameters:
  ///   - store: The model's.
  ///   - generator: What learns beside it.
  ///   - generatorStore: Writes the generator's checkpoint.
  init(_ store: CheckpointStore, _ generator: TokenGenerator, _ generatorStore: CheckpointStore) {
    self.store = store
    self.generator = generator
    self.generatorStore = generatorStore
  }

  var fingerprint: String { "\(store.fingerprint)-\(generatorStore.fingerprint)" }

  func write(_ model: Model, into directory: URL, steps: Int, trained: Set<String>) throws {
    try store.write(model, into: directory, steps: steps, trained: trained)
    let own = generator.model.parameters.entries.filter { trained.contains($0.parameter.name) }
    let folder = directory.appending(path: TokenGenerator.name)
    try DirectoryWriter.makeDirectory(folder)
    try generatorStore.write(generator.model, into: folder, steps: steps, trained: Set(own.map(\.name)))
  }

  func writeCard(into directory: URL, _ facts: TrainingFacts) throws {
    try store.writeCard(into: directory, facts)
  }

  func read(_ model: Model, from directory: URL) throws {
    try store.read(model, from: directory)
    try generatorStore.read(generator.model, from: directory.appending(path: TokenGenerator.name))
  }
}
