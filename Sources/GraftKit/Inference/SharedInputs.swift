import GraftCore
import OrderedCollections

/// What heads read, each sequence once for all that read the same.
struct SharedInputs {
  /// Sequences that some heads read together.
  struct Group {
    var examples: [Example] = []
    /// For each of these heads the places of the examples among its own.
    var indices: OrderedDictionary<Int, [Int]> = [:]
    var count: Int { examples.count }
  }

  /// What makes inputs equal: their tokens. The second time that a head reads the same is another input.
  private struct Key: Hashable {
    let ids: [[Int32]]
    let tokenTypes: [[Int32]]
    var repetition: Int
  }

  private let groups: [Group]

  init(_ readers: [any AnswerReader]) throws {
    var inputs: OrderedDictionary<Key, (example: Example, indices: OrderedDictionary<Int, Int>)> = [:]
    for (head, reader) in readers.enumerated() {
      // How often this head has read the same before.
      var counts: [Key: Int] = [:]
      for index in 0..<reader.count {
        let example = try reader.example(index)
        var key = Key(
          ids: example.encodings.map(\.ids), tokenTypes: example.encodings.map(\.tokenTypes), repetition: 0)
        let repetition = counts[key, default: 0]
        counts[key] = repetition + 1
        key.repetition = repetition
        inputs[key, default: (example, [:])].indices[head] = index
      }
    }
    // Of one length, the longest first; those that the same heads read stand together.
    let sorted = inputs.values.enumerated().sorted {
      ($1.element.example.tokenCount, $0.offset) < ($0.element.example.tokenCount, $1.offset)
    }.map(\.element)
    var groups: OrderedDictionary<[Int], Group> = [:]
    for input in sorted {
      let heads = Array(input.indices.keys)
      groups[heads, default: Group()].examples.append(input.example)
      for (head, index) in input.indices {
        groups[heads, default: Group()].indices[head, default: []].append(index)
      }
    }
    self.groups = Array(groups.values)
  }

  /// - Parameter size: See ``forEachBatch(_:atMost:_:tokens:_:)``.
  func batches(ofSize size: Int?) throws -> [Group] {
    var batches: [Group] = []
    for group in groups {
      try forEachBatch(0..<group.count, atMost: size, { group.examples[$0] }, tokens: \.tokenCount) {
        places, examples in
        batches.append(
          Group(
            examples: examples, indices: group.indices.mapValues { own in places.map { own[$0] } }))
      }
    }
    return batches
  }
}
