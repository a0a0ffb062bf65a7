import Foundation
import GraftCore
import GraftTensors

/// Models by name: from the cache when they are there, else from the Hub.
///
///     let hub = try Hub(
///       HubSettings(), weightNames: ["model.safetensors", "pytorch_model.bin"],
///       configurationNames: registry.configurationNames,
///       tokenizerNames: registry.tokenizers.values.map { $0.fileNames })
///     let model = try hub.model(ModelName("bert-base-uncased")!)
///     // model.directory has config.json, model.safetensors, vocab.txt …
public struct Hub: Sendable {
  public let settings: HubSettings
  private let selection: FileSelection
  private let retryPolicy: RetryPolicy
  private let cache: HubCache
  private let synonyms: [[String]]

  /// - Parameters:
  ///   - settings: The endpoint, the cache and the token.
  ///   - weightNames: Names of weight files, the best first; of all that a model has only the best is fetched.
  ///   - configurationNames: Names of files that hold a model's configuration; all that a model has are fetched.
  ///   - tokenizerNames: What the files of tokenizers are called; all that a model has are fetched.
  ///   - synonyms: Names that are one model's each, `bert-base-uncased` and `google-bert/bert-base-uncased`:
  ///     what is in the cache under one of them is found under every other.
  ///   - retryPolicy: How long temporary failures are borne.
  public init(
    _ settings: HubSettings, weightNames: [String], configurationNames: [String],
    tokenizerNames: [TokenizerFileNames],
    synonyms: [[String]] = [],
    retryPolicy: RetryPolicy = RetryPolicy()
  ) {
    self.settings = settings
    self.synonyms = synonyms
    self.retryPolicy = retryPolicy
    selection = FileSelection(
      weightNames: weightNames, configurationNames: configurationNames, tokenizerNames: tokenizerNames)
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

  /// How far files that are in the cache are trusted.
  public enum Check: Sendable {
    /// Whole files are taken as they are.
    case none
    /// Their sizes are compared with what the Hub says.
    case sizes
    /// Their bytes are.
    case contents
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
    /// How many bytes of the same files interrupted fetches had left.
    public let resumed: Int
  }

  /// Brings a model's files to this machine, unless they are there.
  ///
  /// A commit that is in the cache is not asked for again; any other revision is, unless offline, because it
  /// may have moved. What is in the cache is never fetched twice, whatever tool put it there, unless `check`
  /// finds that it is something else.
  ///
  /// - Parameters:
  ///   - name: The model's name.
  ///   - check: How far files that are in the cache are trusted.
  ///   - observe: Called when something happens on the way.
  /// - Throws: `GraftError` of kind `missing` when there is no such model, `refused` when this user may not
  ///   have it or contents are to be checked offline, `system` when the network or the disk fails.
  public func model(
    _ name: ModelName, checking check: Check = .none, observe: (Event) -> Void = { _ in }
  ) throws -> Model {
    if settings.isOffline {
      guard check != .contents else {
        throw GraftError(
          .refused, "files cannot be fetched again offline", file: name.description,
          advice: "Leave out \(option: "offline") and HF_HUB_OFFLINE.")
      }
      if let model = try cached(name) { return model }
      throw notCached(name)
    }
    if check == .none, ModelName.isCommit(name.revision), let model = try cached(name),
      try hasTokenizer(model)
    {
      return model
    }
    let client = HubClient(settings, retryPolicy: retryPolicy)
    let info: ModelInfo
    do {
      info = try client.info(name)
    } catch let error as GraftError where error.kind == .system {
      guard check != .contents, let model = try cached(name) else { throw error }
      observe(.unreachable(error))
      return model
    }
    let counts = try fetch(name, info, client, check, observe)
    // A read-only cache cannot record the commit, but still serves.
    do { try cache.setCommit(info.commit, of: name) } catch  where counts.fetched == 0 {}
    return Model(
      name: name, commit: info.commit, directory: cache.snapshot(name.id, info.commit),
      fetched: counts.fetched, resumed: counts.resumed)
  }

  /// A model that is in the cache under one of its names, with its configuration and all parts of its weights;
  /// opens no connection.
  ///
  /// - Throws: `GraftError` when the cache cannot be read, or an index of weights in it is broken.
  public func cached(_ name: ModelName) throws -> Model? {
    for id in [name.id] + otherNames(name.id) {
      if let model = try cached(name, as: id) { return model }
    }
    return nil
  }

  /// Other names of a model.
  private func otherNames(_ id: String) -> [String] {
    synonyms.first { $0.contains(id) }?.filter { $0 != id } ?? []
  }

  /// A model that is in the cache under a name.
  private func cached(_ name: ModelName, as id: String) throws -> Model? {
    guard let commit = try cache.commit(of: name.revision, id) else { return nil }
    let directory = cache.snapshot(id, commit)
    let files = try self.files(in: directory)
    guard let weights = selection.weights(in: files),
      try selection.parts(of: weights, in: files, directory: directory).allSatisfy(files.contains),
      selection.hasConfiguration(in: files)
    else { return nil }
    return Model(name: name, commit: commit, directory: directory, fetched: 0, resumed: 0)
  }

  private func hasTokenizer(_ model: Model) throws -> Bool {
    selection.hasTokenizer(in: try files(in: model.directory))
  }

  /// Paths of the files that are there whole; a link without its blob is not.
  private func files(in directory: URL) throws -> Set<String> {
    let paths = try filePaths(below: directory).filter {
      (try? RandomAccessFile(directory.appendingPathComponent($0))) != nil
    }
    return Set(paths)
  }

  private func notCached(_ name: ModelName) -> GraftError {
    GraftError(
      .missing, cache.has(name.id) ? "not whole in the cache" : "no model of that name in the cache",
      file: name.description,
      advice:
        "Fetch it with \(action: .fetch(name.description)), without \(option: "offline") and HF_HUB_OFFLINE.")
  }

  // MARK: Fetching

  /// How many bytes of files were fetched, and how many interrupted fetches had left of them.
  private typealias Counts = (fetched: Int, resumed: Int)

  /// Fetches what is wanted of a model and not there.
  private func fetch(
    _ name: ModelName, _ info: ModelInfo, _ client: HubClient, _ check: Check, _ observe: (Event) -> Void
  ) throws -> Counts {
    let directory = cache.snapshot(name.id, info.commit)
    let all = Set(info.files)
    let there = try files(in: directory)
    // Weights that another tool fetched serve as well as the best ones.
    guard let weights = selection.weights(in: there) ?? selection.weights(in: all) else {
      throw GraftError(
        .unsupported, "the model has no weights that can be read", file: name.description,
        expected: "one of \(selection.weightNames.joined(separator: ", "))",
        found: info.files.prefix(8).joined(separator: ", "))
    }
    var total = 0
    var counts: Counts = (0, 0)
    func fetch(_ paths: [String]) throws {
      let files = try paths.filter { !there.contains($0) || check != .none && all.contains($0) }
        .map { try client.file($0, of: name, commit: info.commit) }
        .filter { !there.contains($0.path) || !isThere($0, directory.appendingPathComponent($0.path), check) }
      let missing = files.filter { !isThere($0, cache.blob(name.id, $0.content), check) }.map(\.size)
      total = missing.reduce(total) { min($0, .max - $1) + $1 }
      for file in files {
        let done = counts.fetched + counts.resumed
        let added = try bring(file, name, info, check) {
          observe(.progress(received: done + $0, total: total))
        } waiting: {
          observe(.waiting(file: file.path))
        }
        counts = (counts.fetched + added.fetched, counts.resumed + added.resumed)
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
    return counts
  }

  /// Puts a file into the cache.
  private func bring(
    _ file: HubFile, _ name: ModelName, _ info: ModelInfo, _ check: Check, progress: (Int) -> Void,
    waiting: () -> Void
  ) throws -> Counts {
    let blob = cache.blob(name.id, file.content)
    return try cache.withLock(on: file.content, of: name.id, waiting: waiting) {
      var counts: Counts = (0, 0)
      if !isThere(file, blob, check), !share(file, blob, with: [info.id] + otherNames(name.id), check) {
        try withoutActuallyEscaping(progress) { progress in
          let download = Download(
            file: file, name: name, commit: info.commit, settings: settings, retryPolicy: retryPolicy,
            progress: progress)
          counts.resumed = try download.run(into: blob)
          counts.fetched = file.size - counts.resumed
        }
      }
      try cache.link(file.path, to: file.content, of: name.id, info.commit)
      return counts
    }
  }

  /// Whether a file is what the Hub says it is, as far as that is checked.
  private func isThere(_ file: HubFile, _ url: URL, _ check: Check) -> Bool {
    guard let found = try? RandomAccessFile(url), found.size == file.size else { return false }
    return check != .contents || (try? file.content.isHash(of: found)) == true
  }

  /// Takes a blob that was fetched under another of the model's names.
  private func share(_ file: HubFile, _ blob: URL, with ids: [String], _ check: Check) -> Bool {
    ids.contains { id in
      let other = cache.blob(id, file.content)
      return other != blob && isThere(file, other, check)
        && Foundation.link(other.resolvingSymlinksInPath().path, blob.path) == 0
    }
  }
}
