import GraftCompute

/// All random choices of a run, from its seed: none depends on what was drawn before, so that a run which is
/// resumed makes the choices it would have made.
package struct Randomness: Sendable, Equatable {
  private let seed: UInt64

  package init(_ seed: UInt64) { self.seed = seed }

  /// What one of several heads draws: the first one what it would draw alone, the others each from a stream of its own.
  init(_ seed: UInt64, head: Int) {
    let run = Randomness(seed)
    guard head > 0 else {
      self = run
      return
    }
    let words = run.key(.head, head).words(0)
    self.init(UInt64(words.x) | UInt64(words.y) << 32)
  }

  /// Streams that have nothing to do with each other.
  private enum Purpose: UInt64 {
    case order = 1
    case masks, dropout, evaluation, split, fold, head, turns
  }

  private func key(_ purpose: Purpose, _ index: Int) -> RandomKey {
    let words = RandomKey(seed: seed, step: purpose.rawValue, place: .max).words(0)
    return RandomKey(seed: UInt64(words.x) | UInt64(words.y) << 32, step: UInt64(index))
  }

  /// What masking hides in a batch of the run, counted from 0 over all epochs.
  package func masks(batch: Int) -> RandomKey { key(.masks, batch) }

  /// What dropout leaves out in a batch of the run.
  package func dropout(batch: Int) -> RandomKey { key(.dropout, batch) }

  /// What masking hides in a batch of an evaluation, and what is drawn for an example of one, each counted from 0: the
  /// same in every evaluation.
  package func evaluation(_ batch: Int) -> RandomKey { key(.evaluation, batch) }

  /// The order of the examples in an epoch: Fisher–Yates.
  package func order(epoch: Int, count: Int) -> [Int] { shuffled(count, key(.order, epoch)) }

  /// The order in which the rows of a class are taken out of the training data, to evaluate on.
  package func split(class index: Int, count: Int) -> [Int] { shuffled(count, key(.split, index)) }

  /// The order in which several heads have their turns in an epoch.
  func turns(epoch: Int, count: Int) -> [Int] { shuffled(count, key(.turns, epoch)) }

  /// The order in which the rows of a class are dealt to folds.
  package func fold(class index: Int, count: Int) -> [Int] { shuffled(count, key(.fold, index)) }

  private func shuffled(_ count: Int, _ key: RandomKey) -> [Int] {
    var generator = key.generator
    var order = Array(0..<count)
    for last in stride(from: count - 1, to: 0, by: -1) {
      order.swapAt(last, Int((UInt64(generator.nextWord()) * UInt64(last + 1)) >> 32))
    }
    return order
  }
}
