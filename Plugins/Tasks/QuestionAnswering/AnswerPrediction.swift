import Foundation
import GraftCore
import GraftTensors
import OrderedCollections

/// The likeliest answers to a question.
public struct AnswerPrediction: TaskPrediction, Equatable {
  /// A part of the context that may be the answer.
  struct Candidate: Equatable {
    /// The logit of its first token as a beginning plus that of its last as an end.
    let score: Float
    /// In the context, in Unicode scalars; `nil` for no answer.
    let place: Range<Int>?
    var text = ""
    var probability = 0.0
  }

  /// The best first. No answer is among them where the settings have a threshold.
  private(set) var candidates: [Candidate]
  /// The score of no answer: the smallest of all windows'.
  private(set) var nullScore: Float
  private var nullThreshold: Float?
  /// The parts of the context alone, the best first, and how many candidates there are at most.
  private var (parts, most): ([Candidate], Int) = ([], 0)

  /// What a window says.
  ///
  /// - Parameter logits: Of each token as a beginning and as an end.
  init(_ logits: [(start: Float, end: Float)], _ encoding: Encoding, _ settings: AnswerSettings) {
    let context = encoding.sequences.count > 1 ? encoding.sequences[1] : 0..<0
    // The best of all tokens, as transformers takes them, of which those of the question then fall away.
    func best(_ scores: [Float]) -> [Int] {
      scores.indices.sorted { (scores[$1], $0) < (scores[$0], $1) }.prefix(settings.nBest).filter(
        context.contains)
    }
    let ends = best(logits.map(\.end))
    candidates = best(logits.map(\.start)).flatMap { first in
      ends.compactMap { last in
        guard last >= first, last - first < settings.longestAnswer else { return nil }
        return Candidate(
          score: logits[first].start + logits[last].end,
          place: encoding.offsets[first]
            .lowerBound..<max(
              encoding.offsets[first].lowerBound, encoding.offsets[last].upperBound))
      }
    }
    nullScore = logits.first.map { $0.start + $0.end } ?? 0
  }

  /// What all windows over a context say together.
  init(joining windows: [AnswerPrediction], context: [Unicode.Scalar], _ settings: AnswerSettings) {
    nullScore = windows.map(\.nullScore).min() ?? 0
    most = settings.nBest
    let all = windows.flatMap(\.candidates).enumerated().sorted {
      ($1.element.score, $0.offset) < ($0.element.score, $1.offset)
    }.map(\.element)
    parts = all.prefix(most).map { part in
      var part = part
      if let place = part.place { part.text = String(String.UnicodeScalarView(context[place])) }
      return part
    }
    candidates = []
    self = choosing(settings.nullThreshold)
  }

  /// The same with another threshold of no answer; `nil` says an answer always.
  func choosing(_ threshold: Float?) -> AnswerPrediction {
    var other = self
    (other.nullThreshold, other.candidates) = (threshold, parts)
    if threshold != nil {
      let place = parts.firstIndex { $0.score < nullScore } ?? parts.count
      other.candidates.insert(Candidate(score: nullScore, place: nil), at: place)
      // Where it is one of the best, it takes the place of the last.
      if place < most, other.candidates.count > most { other.candidates.removeLast() }
    }
    let largest = Double(other.candidates.first?.score ?? 0)
    let sum = other.candidates.reduce(0) { $0 + exp(Double($1.score) - largest) }
    for index in other.candidates.indices {
      other.candidates[index].probability = exp(Double(other.candidates[index].score) - largest) / sum
    }
    return other
  }

  /// The best part of the context, whether or not none would be likelier; empty when there is none.
  var text: String { best?.text ?? "" }
  private var best: Candidate? { candidates.first { $0.place != nil } }

  /// How much likelier no answer is than the best one, in logits.
  var nullDifference: Float { nullScore - (best?.score ?? -.greatestFiniteMagnitude) }

  /// What is said: the best part of the context, or no answer.
  private var chosen: Candidate? {
    if let nullThreshold, nullDifference > nullThreshold { return candidates.first { $0.place == nil } }
    return best
  }

  public var answer: JSON { .string(chosen?.text ?? "") }
  public var scores: [Float] { [] }
  public var columns: [String] {
    [
      chosen?.text.split(whereSeparator: \.isWhitespace).joined(separator: " ") ?? "",
      String(format: "%.4f", chosen?.probability ?? 0),
    ]
  }
  public var members: OrderedDictionary<String, JSON> {
    var members = Self.members(chosen ?? Candidate(score: 0, place: nil))
    members["null_score_difference"] = JSON(best == nil ? 0 : nullDifference)
    members["candidates"] = .array(candidates.map { .object(Self.members($0)) })
    return members
  }

  /// Where the answer stands in the context, its score, and how much likelier no answer is.
  public func record(beside label: (any ExampleLabel)?) -> OrderedDictionary<String, JSON> {
    members.filter { !["answer", "candidates"].contains($0.key) }
  }

  private static func members(_ candidate: Candidate) -> OrderedDictionary<String, JSON> {
    [
      "answer": .string(candidate.text), "score": JSON(candidate.probability),
      "start": candidate.place.map { JSON($0.lowerBound) } ?? .null,
      "end": candidate.place.map { JSON($0.upperBound) } ?? .null,
      "logit": JSON(candidate.score),
    ]
  }
}
