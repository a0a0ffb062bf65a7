import Foundation
import TestSupport
import Testing

@testable import GraftCompute

/// Weighted, smoothed and focal losses: their gradients, and what they are without an option.
@Suite struct ClassLossTests {
  private let classes: [Int32] = [2, 0, Tape.ignoredClass, 1, 2]

  @Test(arguments: [
    ClassLoss(smoothing: 0.1), ClassLoss(weights: [0.5, 2, 3]), ClassLoss(focalGamma: 2),
    ClassLoss(focalGamma: 0.5), ClassLoss(smoothing: 0.2, weights: [0.5, 2, 3], focalGamma: 1.5),
  ])
  func gradientsMatchDifferences(_ loss: ClassLoss) throws {
    let logits = randomVariable([5, 3], seed: 4)
    try expectGradientsMatchDifferences(of: [logits]) { $0.crossEntropy(logits, classes: classes, loss) }
  }

  @Test func nothingMeansCrossEntropy() throws {
    let logits = randomVariable([5, 3], seed: 4)
    let tape = Tape(try ReferenceBackend(threads: 1))
    let plain = tape.crossEntropy(logits, classes: classes).value.item
    #expect(tape.crossEntropy(logits, classes: classes, ClassLoss()).value.item == plain)
    let even = ClassLoss(weights: [2, 2, 2])
    #expect(abs(tape.crossEntropy(logits, classes: classes, even).value.item / plain - 1) < 1e-6)
    #expect(even.weight(of: classes) == 8)
  }

  /// A class that is certain, or as good as impossible, gives numbers still.
  @Test(arguments: [0.5, 1, 2]) func extremesAreFinite(_ gamma: Double) throws {
    let logits = Variable(Tensor([300, -300, 0, -300, 300, 0], shape: [2, 3]), needsGradient: true)
    let tape = Tape(try ReferenceBackend(threads: 1))
    let loss = tape.crossEntropy(logits, classes: [0, 0], ClassLoss(smoothing: 0.1, focalGamma: gamma))
    tape.backward(from: loss)
    #expect(loss.value.item.isFinite)
    #expect(logits.gradient?.values.allSatisfy(\.isFinite) == true)
  }
}
