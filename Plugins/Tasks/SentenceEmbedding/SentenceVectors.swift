import Foundation
import GraftCore
import GraftTensors
import OrderedCollections

/// The vectors of a row's texts, and how alike the first is to each of the others.
public struct SentenceVectors: TaskPrediction, Equatable {
  let vectors: [[Float]]
  let similarity: VectorSimilarity

  /// The similarity of the first text to each of the others.
  public var scores: [Float] { vectors.dropFirst().map { Float(similarity(vectors[0], $0)) } }
  public var answer: JSON { scores.first.map { JSON($0) } ?? .null }
  public var columns: [String] { scores.map { String(format: "%.4f", $0) } }
  public var members: OrderedDictionary<String, JSON> {
    ["similarity": .array(scores.map { JSON($0) })]
  }
}
