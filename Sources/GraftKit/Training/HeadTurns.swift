/// Which head each step of a run with several heads trains.
///
/// In every epoch each head has a fixed number of steps. Their order is a function of the seed and the epoch, so that a run
/// that is resumed goes on with the turns that it would have had. Each head goes through its own data in epochs of its own.
public struct HeadTurns: Sendable, Equatable {
  /// How many steps of an epoch each head has.
  public let steps: [Int]
  /// How many examples each head has.
  public var examples: [Int] { parts.map(\.examples) }
  /// How each head's data is cut into its own steps and epochs.
  let parts: [TrainingPlan]
  /// All heads' steps of an epoch.
  var stepsPerEpoch: Int { steps.reduce(0, +) }
  private let randomness: Randomness?

  /// - Parameters:
  ///   - parts: How each head's data is cut into steps.
  ///   - weights: Each head's share of the steps, up to a factor. `nil` gives each head as many steps as its data has.
  ///   - options: The seed, and whether the order is shuffled; if it is not, heads are spread evenly over the epoch.
  init(_ parts: [TrainingPlan], weights: [Double]?, _ options: TrainingOptions) {
    self.parts = parts
    let own = parts.map(\.stepsPerEpoch)
    steps = weights.map { Self.shares(of: own.reduce(0, +), by: $0) } ?? own
    randomness = options.shuffles ? Randomness(options.seed) : nil
  }

  /// Divides steps by weights, by largest remainders; every head has one at least.
  private static func shares(of total: Int, by weights: [Double]) -> [Int] {
    // Relative to the largest, so that no sum is infinite.
    let largest = weights.max() ?? 1
    let relative = weights.map { $0 / largest }
    let sum = relative.reduce(0, +)
    let exact = relative.map { Double(total) * $0 / sum }
    var shares = exact.map { max(1, Int($0)) }
    let byRemainder = exact.indices.sorted {
      let (left, right) = (exact[$0] - Double(Int(exact[$0])), exact[$1] - Double(Int(exact[$1])))
      return left == right ? $0 < $1 : left > right
    }
    for index in byRemainder where shares.reduce(0, +) < total && exact[index] > Double(shares[index]) {
      shares[index] += 1
    }
    return shares
  }

  /// The heads of an epoch's steps, as places in the list of heads.
  func heads(ofEpoch epoch: Int) -> [Int] {
    guard let randomness else { return evenly }
    let all = steps.enumerated().flatMap { head, count in repeatElement(head, count: count) }
    return randomness.turns(epoch: epoch, count: all.count).map { all[$0] }
  }

  /// The turns of an epoch: whose each step is, and how many steps that head has had before in the whole run.
  func turns(ofEpoch epoch: Int) -> [(head: Int, step: Int)] {
    var counts = steps.map { $0 * epoch }
    return heads(ofEpoch: epoch).map { head in
      defer { counts[head] += 1 }
      return (head, counts[head])
    }
  }

  /// Each step is that of the head which is farthest behind its share.
  private var evenly: [Int] {
    let total = stepsPerEpoch
    var taken = [Int](repeating: 0, count: steps.count)
    return (1...total).map { step in
      // Whole numbers, so that equal ones are equal.
      let behind = steps.indices.map { step * steps[$0] - taken[$0] * total }
      let head = behind.indices.max { (behind[$0], $1) < (behind[$1], $0) } ?? 0
      taken[head] += 1
      return head
    }
  }

  /// How many steps each head has had after a number of steps.
  func counts(after count: Int) -> [Int] {
    let (epoch, rest) = count.quotientAndRemainder(dividingBy: stepsPerEpoch)
    var counts = steps.map { $0 * epoch }
    if rest > 0 { for head in heads(ofEpoch: epoch).prefix(rest) { counts[head] += 1 } }
    return counts
  }
}
