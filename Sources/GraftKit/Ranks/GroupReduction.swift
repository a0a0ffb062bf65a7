import GraftCompute
import GraftTensors

/// Sums of gradients over the ranks of a group, which go out in buckets while the backward pass goes on.
///
/// A bucket is a run of the parameters in the reverse of their order, which is about that in which they are done. It goes out
/// when its gradients and all buckets before it are done, so that every rank sends the same in the same order. Each rank
/// receives the sums of its share of every parameter. Its optimizer changes these elements, and all ranks exchange what
/// they have changed: the first stage of Rajbhandari et al., "ZeRO", arXiv:1910.02054. For an optimizer that needs whole
/// parameters the sums are exchanged instead.
final class GroupReduction: GradientReduction {
  /// What this rank's optimizer changes: its shares of the parameters, under their names, or the parameters themselves.
  let ownParameters: [Parameter]
  let shares: RankShares
  /// Whether each rank's optimizer has its share alone.
  let isShared: Bool
  let group: any ProcessGroup
  /// All that are ever trained, by their names.
  let parameters: [String: Parameter]
  private let precision: Precision
  private let kernels: any Kernels
  private let profile: Profile?
  /// How many numbers of each rank go out together: few enough that they stay in a cache, so many that each costs little.
  private let bucketSize: Int
  /// This rank's share of each parameter.
  private var own: [ObjectIdentifier: Parameter] = [:]

  private var buckets: [Bucket] = []
  /// How many of each bucket's parameters are not done.
  private var open: [Int] = []
  private var bucketsOfParameter: [ObjectIdentifier: Range<Int>] = [:]
  /// The sums that were begun, and how many of the buckets that is.
  private var pending: [PendingSum] = []
  private var sent: [Presence] = []
  /// What other ranks may bring for parameters that no gradient has reached here.
  private var guests: [ObjectIdentifier: Tensor] = [:]
  /// The parameters that a gradient has reached on some rank.
  private var reached: Set<ObjectIdentifier> = []

  /// Parts of every rank's share of some parameters.
  private struct Bucket {
    var parts: [(parameter: Parameter, places: Range<Int>)] = []
    /// How many numbers a rank has of it: for each part one that says whether there is a gradient, and its elements.
    var count: Int { parts.reduce(0) { $0 + 1 + $1.places.count } }
  }

  /// Which parts of a bucket some rank has.
  private final class Presence: @unchecked Sendable {
    // Written by the group's thread before the sum's end, and read after it.
    var counts: [Float]

    init(_ count: Int) { counts = Array(repeating: 0, count: count) }
  }

  /// - Parameters:
  ///   - precision: What gradients are sent in.
  ///   - parameters: All that are ever trained.
  ///   - sharing: Whether the optimizer can change a share of each.
  ///   - kernels: Round what the next step reads rounded.
  ///   - bucketSize: How many numbers of each rank go out together.
  init(
    _ group: any ProcessGroup, _ precision: Precision, _ parameters: [Parameter], sharing: Bool,
    kernels: any Kernels, bucketSize: Int = 1 << 17, profile: Profile?
  ) {
    self.kernels = kernels
    (self.group, self.precision, self.bucketSize, self.profile) = (group, precision, bucketSize, profile)
    shares = RankShares(rank: group.rank, size: group.size)
    isShared = sharing
    self.parameters = Dictionary(parameters.map { ($0.name, $0) }) { first, _ in first }
    guard sharing else {
      ownParameters = parameters
      return
    }
    for parameter in parameters {
      let elements = shares.elements(of: parameter.value.count, on: group.rank)
      guard !elements.isEmpty else { continue }
      let share = Parameter(parameter.name, Tensor(elements, of: parameter.value), decays: parameter.decays)
      share.learningRateScale = parameter.learningRateScale
      own[ObjectIdentifier(parameter)] = share
    }
    ownParameters = parameters.compactMap { [own] in own[ObjectIdentifier($0)] }
  }

  var shareOfUpdate: Double { isShared ? 1 / Double(group.size) : 1 }

  func total(_ counts: [Double]) throws -> [Double] {
    try profile.measure("ranks: predictions") { try group.sum(counts) }
  }

  // MARK: Gradients

  func begin(_ parameters: [Parameter]) {
    (buckets, bucketsOfParameter, guests, pending, sent) = ([], [:], [:], [], [])
    // A step that failed may have left some.
    for share in own.values { share.clearGradient() }
    var bucket = Bucket()
    for parameter in parameters.reversed() {
      let (first, length) = (buckets.count, shares.length(of: parameter.value.count))
      var start = 0
      while start < length {
        let end = min(length, start + max(1, bucketSize - bucket.count))
        bucket.parts.append((parameter, start..<end))
        start = end
        guard bucket.count >= bucketSize else { continue }
        buckets.append(bucket)
        bucket = Bucket()
      }
      bucketsOfParameter[ObjectIdentifier(parameter)] =
        first..<(bucket.parts.isEmpty ? buckets.count : buckets.count + 1)
    }
    if !bucket.parts.isEmpty { buckets.append(bucket) }
    open = buckets.map(\.parts.count)
  }

  func complete(_ parameter: Parameter) {
    for index in bucketsOfParameter.removeValue(forKey: ObjectIdentifier(parameter)) ?? 0..<0 {
      open[index] -= buckets[index].parts.count { $0.parameter === parameter }
    }
    while sent.count < buckets.count, open[sent.count] == 0 { send(buckets[sent.count]) }
  }

  private func send(_ bucket: Bucket) {
    let parts = bucket.parts.map { parameter, places in
      (
        gradient: parameter.gradient, guest: parameter.gradient == nil ? guest(parameter) : nil,
        count: parameter.value.count, places: places
      )
    }
    let (presence, shares) = (Presence(parts.count), shares)
    // The tensors are complete and nobody else's until the sum is over.
    let sum = RankSum(count: bucket.count, in: precision) { rank, numbers in
      var next = numbers + parts.count
      for (index, part) in parts.enumerated() {
        numbers[index] = part.gradient == nil ? 0 : 1
        next.write(
          part.gradient, shares.elements(of: part.count, on: rank, at: part.places),
          padded: part.places.count)
        next += part.places.count
      }
    } write: { sums in
      var next = sums + parts.count
      for (index, part) in parts.enumerated() {
        presence.counts[index] = sums[index]
        let elements = shares.elements(of: part.count, on: shares.rank, at: part.places)
        (part.gradient ?? part.guest)?.write(next, to: elements)
        next += part.places.count
      }
    }
    pending.append(group.start(sum))
    sent.append(presence)
    guard !isShared else { return }
    let targets = parts.map {
      (whole: $0.gradient ?? $0.guest, rounded: RoundedTensor?.none, places: $0.places)
    }
    pending.append(group.start(spread(targets, in: precision)))
  }

  /// Brings each rank's shares of some tensors to all, and rounds them where there are rounded copies.
  private func spread(
    _ parts: [(whole: Tensor?, rounded: RoundedTensor?, places: Range<Int>)], in precision: Precision
  ) -> RankSpread {
    let (shares, kernels) = (shares, kernels)
    let count = parts.reduce(0) { $0 + $1.places.count }
    return RankSpread(count: count, in: precision) { numbers in
      var next = numbers
      for part in parts {
        let elements = shares.elements(of: part.whole?.count ?? 0, on: shares.rank, at: part.places)
        next.write(part.whole, elements, padded: part.places.count)
        next += part.places.count
      }
    } write: { rank, numbers in
      var next = numbers
      for part in parts {
        let elements = shares.elements(of: part.whole?.count ?? 0, on: rank, at: part.places)
        if rank != shares.rank || precision != .float32 { part.whole?.write(next, to: elements) }
        // While they are in the cache.
        if let rounded = part.rounded {
          kernels.round(next, to: rounded.pointer + elements.lowerBound, count: elements.count)
        }
        next += part.places.count
      }
    }
  }

  private func guest(_ parameter: Parameter) -> Tensor {
    let id = ObjectIdentifier(parameter)
    let tensor = guests[id] ?? Tensor(uninitialized: parameter.shape)
    guests[id] = tensor
    return tensor
  }

  func reduce(_ parameters: [Parameter], loss: Double) throws -> Double {
    for parameter in parameters { complete(parameter) }
    try profile.measure("ranks: gradients") { for sum in pending { try sum.wait() } }
    reached = []
    for (presence, bucket) in zip(sent, buckets) {
      for (part, count) in zip(bucket.parts, presence.counts) where part.places.lowerBound == 0 {
        let (slot, id) = (part.parameter.slot, ObjectIdentifier(part.parameter))
        slot.gradientDidChange()
        guard count > 0 else { continue }
        reached.insert(id)
        if let guest = guests[id] { slot.take(guest) }
        guard let share = own[id], let gradient = slot.gradient else { continue }
        share.slot.take(Tensor(shares.elements(of: gradient.count, on: group.rank), of: gradient))
      }
    }
    (pending, guests) = ([], [:])
    return try profile.measure("ranks: predictions") { try group.sum([loss])[0] }
  }

  // MARK: The update

  func norm(_ own: Double) throws -> Double {
    guard isShared else { return own }
    return try profile.measure("ranks: predictions") { try group.sum([own * own])[0].squareRoot() }
  }

  func exchangeWeights() throws {
    guard isShared else { return }
    defer { for bucket in buckets { for part in bucket.parts { part.parameter.clearGradient() } } }
    try profile.measure("ranks: weights") {
      let all = buckets.compactMap { bucket in
        let parts = bucket.parts.filter { reached.contains(ObjectIdentifier($0.parameter)) }
        guard !parts.isEmpty else { return PendingSum?.none }
        let weights = parts.map {
          (whole: Optional($0.parameter.value), rounded: $0.parameter.rounded, places: $0.places)
        }
        return group.start(spread(weights, in: .float32))
      }
      for exchange in all { try exchange.wait() }
    }
    for bucket in buckets {
      for part in bucket.parts where reached.contains(ObjectIdentifier(part.parameter)) {
        part.parameter.roundedDidChange()
      }
    }
  }
}

extension UnsafeMutablePointer<Float> {
  /// Writes some elements of a tensor, or zeros, and zeros after them up to a number.
  fileprivate func write(_ tensor: Tensor?, _ elements: Range<Int>, padded count: Int) {
    let own = tensor == nil ? 0 : elements.count
    if let tensor { update(from: tensor.pointer + elements.lowerBound, count: own) }
    (self + own).update(repeating: 0, count: count - own)
  }
}

extension Tensor {
  fileprivate func write(_ numbers: UnsafePointer<Float>, to elements: Range<Int>) {
    (pointer + elements.lowerBound).update(from: numbers, count: elements.count)
  }
}
