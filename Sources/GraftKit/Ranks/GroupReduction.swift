import GraftCompute
import GraftTensors

/// Sums of gradients over the ranks of a group, which go out in buckets while the backward pass goes on.
///
/// A bucket is a run of the parameters in the reverse of their order, which is about that in which they are done. It goes out
/// when its gradients and all buckets before it are done, so that every rank sends the same in the same order.
final class GroupReduction: GradientReduction {
  private let group: any ProcessGroup
  private let precision: Precision
  private let profile: Profile?
  /// How many numbers go out together: few enough that the first go early, so many that each costs little.
  private let bucketSize: Int

  private var buckets: [Bucket] = []
  /// How many of each bucket's parameters are not done.
  private var open: [Int] = []
  private var bucketsOfParameter: [ObjectIdentifier: Range<Int>] = [:]
  /// The sums that were begun, each with what to do when it is over.
  private var pending: [(sum: PendingSum, presence: Presence, bucket: Bucket)] = []
  /// What other ranks may bring for parameters that no gradient has reached here.
  private var guests: [ObjectIdentifier: Tensor] = [:]

  /// Parts of parameters' gradients.
  private struct Bucket {
    var parts: [(parameter: Parameter, elements: Range<Int>)] = []
    /// A number for each part beside its elements: whether there is a gradient.
    var count: Int { parts.reduce(0) { $0 + 1 + $1.elements.count } }
  }

  /// Which parts of a bucket some rank has.
  private final class Presence: @unchecked Sendable {
    // Written by the group's thread before the sum's end, and read after it.
    var counts: [Float]

    init(_ count: Int) { counts = Array(repeating: 0, count: count) }
  }

  init(_ group: any ProcessGroup, _ precision: Precision, bucketSize: Int = 1 << 22, profile: Profile?) {
    (self.group, self.precision, self.bucketSize, self.profile) = (group, precision, bucketSize, profile)
  }

  func total(_ counts: [Double]) throws -> [Double] {
    try profile.measure("ranks: predictions") { try group.sum(counts) }
  }

  func begin(_ parameters: [Parameter]) {
    (buckets, bucketsOfParameter, guests, pending) = ([], [:], [:], [])
    var bucket = Bucket()
    for parameter in parameters.reversed() {
      let first = buckets.count
      var start = 0
      while start < parameter.value.count {
        let end = min(parameter.value.count, start + max(1, bucketSize - bucket.count))
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
    while pending.count < buckets.count, open[pending.count] == 0 { send(buckets[pending.count]) }
  }

  private func send(_ bucket: Bucket) {
    let parts = bucket.parts.map { parameter, elements in
      (
        gradient: parameter.gradient, guest: parameter.gradient == nil ? guest(parameter) : nil,
        elements: elements
      )
    }
    let presence = Presence(parts.count)
    // The tensors are complete and nobody else's until the sum is over.
    let sum = RankSum(count: bucket.count, in: precision) { numbers in
      var next = numbers + parts.count
      for (index, part) in parts.enumerated() {
        numbers[index] = part.gradient == nil ? 0 : 1
        if let gradient = part.gradient {
          next.update(from: gradient.pointer + part.elements.lowerBound, count: part.elements.count)
        } else {
          next.update(repeating: 0, count: part.elements.count)
        }
        next += part.elements.count
      }
    } write: { sums in
      var next = sums + parts.count
      for (index, part) in parts.enumerated() {
        presence.counts[index] = sums[index]
        if let target = part.gradient ?? part.guest {
          (target.pointer + part.elements.lowerBound).update(from: next, count: part.elements.count)
        }
        next += part.elements.count
      }
    }
    pending.append((group.start(sum), presence, bucket))
  }

  private func guest(_ parameter: Parameter) -> Tensor {
    let id = ObjectIdentifier(parameter)
    let tensor = guests[id] ?? Tensor(uninitialized: parameter.shape)
    guests[id] = tensor
    return tensor
  }

  func reduce(_ parameters: [Parameter], loss: Double) throws -> Double {
    for parameter in parameters { complete(parameter) }
    try profile.measure("ranks: gradients") { for (sum, _, _) in pending { try sum.wait() } }
    for (_, presence, bucket) in pending {
      for (part, count) in zip(bucket.parts, presence.counts) where part.elements.lowerBound == 0 {
        let slot = part.parameter.slot
        slot.gradientDidChange()
        if count > 0, let guest = guests[ObjectIdentifier(part.parameter)] { slot.take(guest) }
      }
    }
    (pending, guests) = ([], [:])
    return try profile.measure("ranks: predictions") { try group.sum([loss])[0] }
  }
}
