import GraftTensors

/// How two vectors are compared: the larger, the more alike. The names are those of sentence-transformers.
public enum VectorSimilarity: String, Sendable, CaseIterable {
  /// The dot product of both, each divided by its length.
  case cosine
  case dot
  /// The distance, negative.
  case euclidean
  /// The sum of the differences' amounts, negative.
  case manhattan

  /// The similarity of two vectors of one length, in double precision.
  public func callAsFunction(_ first: [Float], _ second: [Float]) -> Double {
    precondition(first.count == second.count, "vectors of \(first.count) and \(second.count) numbers")
    return first.withUnsafeBufferPointer { first in
      second.withUnsafeBufferPointer { second in
        var sum = 0.0
        switch self {
        case .cosine:
          let lengths = Self.length(first) * Self.length(second)
          for place in first.indices { sum += Double(first[place]) * Double(second[place]) }
          return sum / lengths
        case .dot:
          for place in first.indices { sum += Double(first[place]) * Double(second[place]) }
          return sum
        case .euclidean:
          for place in first.indices {
            let difference = Double(first[place]) - Double(second[place])
            sum += difference * difference
          }
          return -sum.squareRoot()
        case .manhattan:
          for place in first.indices { sum += abs(Double(first[place]) - Double(second[place])) }
          return -sum
        }
      }
    }
  }

  /// The length of a vector, at least 1e-12.
  private static func length(_ vector: UnsafeBufferPointer<Float>) -> Double {
    var sum = 0.0
    for value in vector { sum += Double(value) * Double(value) }
    return max(sum.squareRoot(), 1e-12)
  }
}

extension VectorSimilarity {
  /// What results call a score of a search by it: `cosine_ndcg@10`.
  public func name(ofSearch score: String) -> String { "\(rawValue)_\(score)" }
}

extension SentencePipeline {
  /// How vectors are compared; the cosine where the folder does not say.
  ///
  /// - Throws: `GraftError` when it says what is not known.
  public func vectorSimilarity() throws -> VectorSimilarity {
    try VectorSimilarity(named: similarity)
  }
}

extension VectorSimilarity {
  /// - Parameter name: As folders of sentence-transformers have it; `nil` is the cosine.
  /// - Throws: `GraftError` when it is not known.
  public init(named name: String?) throws {
    guard let name else {
      self = .cosine
      return
    }
    guard let known = VectorSimilarity(rawValue: name) else {
      throw GraftError(
        .unsupported, "a similarity that is not known", file: SentenceFiles.configurationName,
        subject: "key 'similarity_fn_name'",
        expected: "one of \(VectorSimilarity.allCases.map(\.rawValue).joined(separator: ", "))",
        found: "'\(name)'")
    }
    self = known
  }
}
