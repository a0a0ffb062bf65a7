import Foundation
import Testing

@testable import GraftCore
@testable import GraftTensors

extension Weights {
  /// The same with zeros in the place of what a dialect does not hold: positions that no token reaches, and what is
  /// stored as part of a sum.
  func held(by dialect: Dialect, on backbone: any Backbone) throws -> Weights {
    var weights = self
    for row in dialect.backbone {
      if row.layout == .reachablePositions, let table = weights[row.canonical] {
        let count = LayoutExtents(backbone, for: [row]).unreachablePositions
        let left = table.rows(count..<table.spec.shape[0])
        let zeros = LazyTensor(zeros: TensorSpec(table.spec.dtype, [count, table.spec.shape[1]]))
        weights[row.canonical] = try LazyTensor(stacking: [zeros, left], row.canonical)
      }
      if row.isSum, let addend = weights[row.parameters[1]] {
        weights[row.parameters[1]] = LazyTensor(zeros: addend.spec)
      }
    }
    return weights
  }
}

extension Checkpoint {
  /// The same without what a dialect does not hold; see ``Weights/held(by:on:)``.
  func held(by dialect: Dialect) throws -> Checkpoint {
    var checkpoint = self
    if dialect.pooler.isEmpty, try !activeHeadReadsPooler() { checkpoint[Component.pooler] = nil }
    if let weights = checkpoint[Component.backbone]?.weights {
      checkpoint[Component.backbone]?.weights = try weights.held(by: dialect, on: makeBackbone())
    }
    return checkpoint
  }
}
