import Foundation
import GraftCore

/// Models by name: from the cache when they are there, else from the Hub.
///
///     let hub = Hub(HubSettings(), weightNames: ["model.safetensors", "pytorch_model.bin"])
///     let model = try hub.model(ModelName("bert-base-uncased")!)
///     // model.directory has config.json, model.safetensors, vocab.txt …
public struct Hub: Sendable {
  public let settings: HubSettings
  private let selection: FileSelection
  private let patience: Patience
  private let cache: HubCache

  /// - Parameters:
  ///   - weightNames: Names of weight files, the best first; of all that a model has only the best is fetched.
  ///   - patience: How long temporary failures are borne.
  public init(_ settings: HubSettings, weightNames: [String], patience: Patience = Patience()) {
    self.settings = settings
    self.patience = patience
    selection = FileSelection(weightNames: weightNames)
    cache = HubCache(root: settings.cache)
  }

  /// What happens on the way, for people to see.
  public enum Event {
    /// So many bytes of all that have to be fetched are there.
    case progress(received: Int, total: Int)
    /// Another process fetches a file; this one waits for it.
    case waiting(file: String)
    /// The Hub does not answer; what is in the cache is used.
    case unreachable(GraftError)
  }

  /// A model's files on this machine.
  public struct Model: Sendable {
    public let name: ModelName
    /// 40 hexadecimal digits.
    public let commit: String
    /// The directory of its files.
    public let directory: URL
    /// How many bytes were fetched now.
    public let fetched: Int

    /// The hashes of its files by their paths: SHA-256 of large ones, Git object ids of small ones.
    public func hashes() -> [(path: String, hash: String)] {
      let files = FileManager.default
      let paths = files.enumerator(atPath: directory.path)?.compactMap { $0 as? String } ?? []
      return paths.sorted().compactMap { path in
        let target = try? files.destinationOfSymbolicLink(atPath: directory.appendingPathComponent(path).path)
        let content = target?.split(separator: "/").last.flatMap { ContentID(etag: String($0)) }
        return content.map { (path, $0.name) }
      }
    }
  }

  /// Brings a model's files to this machine, unless they are there.
  ///
  /// A commit that is in the cache is not asked for again; any other revision is, unless offline, because it
  /// may have moved. What is in the cache is never fetched twice, whatever tool put it there.
  ///
  /// - Throws: `GraftError` of kind `missing` when there is no such model, `refused` when this user may not
  ///   have it, `system` when the network or the disk fails.
  public func model(_ name: ModelName, observe: (Event) -> Void = { _ in }) throws -> Model {
    if settings.isOffline {
      if let model = cached(name) { return model }
      throw notCached(name)
    }
    if ModelName.isCommit(name.revision), let model = cached(name), hasTokenizer(model) { return model }
    let client = HubClient(settings, patience: patience)
    let info: ModelInfo
    do {
      info = try client.info(name)
    } catch let error as GraftError where error.kind == .system {
      guard let model = cached(name) else { throw error }
      observe(.unreachable(error))
      return model
    }
    let fetched = try fetch(name, info, client, observe)
    // A cache that may only be read cannot note it, and serves all the same.
    do { try cache.setCommit(info.commit, of: name) } catch  where fetched == 0 {}
    return Model(
      name: name, commit: info.commit, directory: cache.snapshot(name.id, info.commit), fetched: fetched)
  }

  /// A model that is in the cache with its configuration and all parts of its weights; opens no connection.
  public func cached(_ name: ModelName) -> Model? {
    guard let commit = cache.commit(of: name) else { return nil }
    let directory = cache.snapshot(name.id, commit)
    let files = self.files(in: directory)
    guard let weights = selection.weights(in: files),
      let parts = try? selection.parts(of: weights, in: files, directory: directory),
      parts.allSatisfy(files.contains), files.contains("config.json") || files.contains("bert_config.json")
    else { return nil }
    return Model(name: name, commit: commit, directory: directory, fetched: 0)
  }

  private func hasTokenizer(_ model: Model) -> Bool {
    let files = self.files(in: model.directory)
    return ["vocab.txt", "tokenizer.json", "assets/tokenizer/vocabulary.txt"].contains(where: files.contains)
  }

  /// Paths of the files that are there whole; a link without its blob is not.
  private func files(in directory: URL) -> Set<String> {
    let paths = FileManager.default.enumerator(atPath: directory.path)?.compactMap { $0 as? String } ?? []
    return Set(paths.filter { (try? RandomAccessFile(directory.appendingPathComponent($0))) != nil })
  }

  private func notCached(_ name: ModelName) -> GraftError {
    GraftError(
      .missing, cache.has(name.id) ? "not whole in the cache" : "no model of that name in the cache",
      file: name.description,
      advice: "Fetch it with 'graft pull \(name)', without --offline and HF_HUB_OFFLINE.")
  }

  // MARK: Fetching

  /// Fetches what is wanted of a model and not there.
  ///
  /// - Returns: How many bytes that were.
  private func fetch(
    _ name: ModelName, _ info: ModelInfo, _ client: HubClient, _ observe: (Event) -> Void
  ) throws -> Int {
    let directory = cache.snapshot(name.id, info.commit)
    let all = Set(info.files)
    let there = files(in: directory)
    // Weights that another tool fetched serve as well as the best ones.
    guard let weights = selection.weights(in: there) ?? selection.weights(in: all) else {
      throw GraftError(
        .unsupported, "the model has no weights that can be read", file: name.description,
        expected: "one of \(selection.weightNames.joined(separator: ", "))",
        found: info.files.prefix(8).joined(separator: ", "))
    }
    var total = 0
    var done = 0
    func fetch(_ paths: [String]) throws {
      let files = try paths.filter { !there.contains($0) }
        .map { try client.file($0, of: name, commit: info.commit) }
      let missing = files.filter { !isThere($0, cache.blob(name.id, $0.content)) }.map(\.size)
      total = missing.reduce(total) { min($0, .max - $1) + $1 }
      for file in files {
        done += try bring(file, name, info) {
          observe(.progress(received: done + $0, total: total))
        } waiting: {
          observe(.waiting(file: file.path))
        }
      }
    }
    // An index says which shards there are.
    let companions = selection.companions(in: all)
    if selection.isIndex(weights) {
      try fetch(companions + [weights])
      try fetch(selection.parts(of: weights, in: all, directory: directory))
    } else {
      try fetch(companions + [weights] + selection.parts(of: weights, in: all, directory: directory))
    }
    return done
  }

  /// Puts a file into the cache.
  ///
  /// - Returns: How many bytes were fetched for it.
  private func bring(
    _ file: HubFile, _ name: ModelName, _ info: ModelInfo, progress: (Int) -> Void, waiting: () -> Void
  ) throws -> Int {
    let blob = cache.blob(name.id, file.content)
    return try cache.withLock(on: file.content, of: name.id, waiting: waiting) {
      let isMissing = !isThere(file, blob) && !share(file, blob, with: info.id)
      if isMissing {
        try withoutActuallyEscaping(progress) { progress in
          try Download(
            file: file, name: name, commit: info.commit, settings: settings, patience: patience,
            progress: progress
          ).run(into: blob)
        }
      }
      try cache.link(file.path, to: file.content, of: name.id, info.commit)
      return isMissing ? file.size : 0
    }
  }

  private func isThere(_ file: HubFile, _ blob: URL) -> Bool {
    (try? RandomAccessFile(blob))?.size == file.size
  }

  /// Takes a blob that was fetched under the model's present name.
  private func share(_ file: HubFile, _ blob: URL, with id: String) -> Bool {
    let other = cache.blob(id, file.content)
    return other != blob && isThere(file, other)
      && Foundation.link(other.resolvingSymlinksInPath().path, blob.path) == 0
  }
}
