import Foundation
import GraftCompute
import GraftCore

/// Where each parameter stands in a model: 0 for embeddings and what all layers share, N + 1 for layer N, and one more
/// than all layers for what is above them: the last norm, the pooler, and the heads.
///
/// Rates that fall from layer to layer are those of ELECTRA and BEiT (Clark et al., arXiv:2003.10555; Bao et al.,
/// arXiv:2106.08254); thawing from the top is Howard & Ruder's, arXiv:1801.06146.
struct LayerRates {
  private let entries: [(parameter: Parameter, depth: Int)]
  private let top: Int
  private let options: TrainingOptions

  /// - Parameter parameters: All that are ever trained.
  init(_ parameters: [Parameter], of model: Model, _ options: TrainingOptions) {
    let layers = model.backbone.storedLayers.first ?? model.backbone.layerCount
    let own = Set(model.backbone.parameters.map(\.name))
    top = layers + 1
    entries = parameters.map { [top] in
      ($0, own.contains($0.name) ? LayerRates.depth(of: $0.name, top: top) : top)
    }
    self.options = options
    setScales()
  }

  private static func depth(of name: String, top: Int) -> Int {
    let parts = name.split(separator: ".")
    if parts.first == "layers", parts.count > 1, let layer = Int(parts[1]) { return min(layer + 1, top - 1) }
    return parts.first == "norm" ? top : 0
  }

  private func setScales() {
    for (parameter, depth) in entries {
      let ofHead = depth == top ? options.headLearningRate.map { $0 / options.learningRate } ?? 1 : 1
      parameter.learningRateScale = Float(ofHead * pow(options.layerDecay, Double(top - depth)))
    }
  }

  /// Freezes what is not trained yet in a step, counted from 0.
  func thaw(for step: Int) {
    guard let steps = options.unfreezeEverySteps else { return }
    for (parameter, depth) in entries { parameter.setTrained(depth >= top - step / steps) }
  }
}
