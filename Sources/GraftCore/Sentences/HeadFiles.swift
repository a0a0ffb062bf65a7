import Foundation
import GraftTensors

/// What files of sentence-transformers say of a head. They stand beside a head that is alone or parked, and in the model's
/// folder while the head is active.
enum HeadFiles: Sendable {
  case crossEncoder(CrossEncoder)
  /// Of a head whose scores of tokens make sparse vectors.
  case pipeline(SentencePipeline)
  /// Files that cannot be read, and why. Only a head that becomes active needs them.
  case unread(OpaqueFiles, GraftError)

  /// Writes the files beside a head.
  ///
  /// - Throws: `GraftError` when a file cannot be read or written.
  func write(into directory: URL) throws {
    switch self {
    case .crossEncoder(let encoder): try encoder.files?.write(into: directory)
    case .pipeline(let pipeline): try pipeline.files?.write(into: directory)
    case .unread(let files, _): try files.write(into: directory)
    }
  }
}

extension Registry {
  /// What files of sentence-transformers say of a detached head; `nil` where there are none, or none that are about a head
  /// of its task.
  ///
  /// - Parameters:
  ///   - directory: The head's directory.
  ///   - task: The head's task.
  ///   - configuration: The head's own configuration.
  ///   - hiddenSize: The width of the states that it reads.
  /// - Throws: `GraftError` when a file cannot be opened. What a file says wrongly is kept, unread.
  func headFiles(
    in directory: ModelDirectory, of task: any Task.Type, _ configuration: Configuration, hiddenSize: Int
  ) throws -> HeadFiles? {
    do {
      if task.predictsTokens {
        return try sentencePipeline(in: directory.url, hiddenSize: hiddenSize).map(HeadFiles.pipeline)
      }
      guard task.readsCrossEncoder else { return nil }
      return try CrossEncoder(in: directory.url, configuration).map(HeadFiles.crossEncoder)
    } catch let error as GraftError {
      // Their list names what it likes, and the head does without.
      let paths = try SentenceFiles.paths(in: directory.url)
      return .unread(try OpaqueFiles(directory.url, only: paths, withoutLinks: true), error)
    }
  }
}

extension Task {
  /// Whether its head may score pairs of texts as a cross-encoder.
  static var readsCrossEncoder: Bool { settingKeys.contains(CrossEncoder.key) }
}

extension Checkpoint {
  /// Makes heads the active ones, and with them what files of sentence-transformers say of these heads.
  ///
  /// - Throws: `GraftError` when such a file cannot be read.
  package mutating func makeActive(_ set: HeadSet) throws {
    activeHead = set
    for head in activeHeads {
      switch head.sentenceFiles {
      case .unread(_, let error): throw error
      case .pipeline(let pipeline): if sentences == nil { sentences = pipeline }
      case .crossEncoder, nil: break
      }
    }
  }

  /// A head with the files that it has where it is alone: the sparse vectors of a checkpoint are made of its scores.
  func withFiles(_ head: Component) -> Component {
    guard let task = head.task, task.predictsTokens, head.sentenceFiles == nil, head.id == task.name,
      let sentences, sentences.splade != nil,
      !scoresTokens || activeHeads.contains(where: { $0.id == head.id })
    else { return head }
    var head = head
    head.sentenceFiles = .pipeline(sentences)
    return head
  }
}
