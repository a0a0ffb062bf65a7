import Foundation
import GraftTensors

/// The cache that the Hub's tools share, in the layout that is documented for them:
///
///     models--ORG--NAME/refs/main              the commit that a revision was, when it was last asked for
///     models--ORG--NAME/snapshots/COMMIT/FILE  a relative symbolic link to a blob
///     models--ORG--NAME/blobs/HASH             the bytes of a file
///     .locks/models--ORG--NAME/HASH.lock       is locked with flock(2) while a blob is fetched; `graft.lock`, which is
///                                              this program's own, while a name is given
///
/// Reference: https://huggingface.co/docs/huggingface_hub/guides/manage-cache
struct HubCache: Sendable {
  let root: URL

  private func folderName(_ id: String) -> String {
    "models--" + id.replacingOccurrences(of: "/", with: "--")
  }

  private func folder(_ id: String) -> URL { root.appendingPathComponent(folderName(id)) }

  // MARK: Reading

  /// Whether anything of the model is here.
  func has(_ id: String) -> Bool { FileManager.default.fileExists(atPath: folder(id).path) }

  /// The commit that a model's revision was when it was last fetched; a commit is itself.
  ///
  /// - Throws: `GraftError` when it was noted and cannot be read.
  func commit(of revision: String, _ id: String) throws -> String? {
    if ModelName.isCommit(revision) { return revision }
    let file = folder(id).appendingPathComponent("refs").appendingPathComponent(revision)
    guard FileManager.default.fileExists(atPath: file.path) else { return nil }
    let text = try RandomAccessFile(file).bytesOfWholeFile(limit: 1 << 20)
    let commit = String(decoding: text, as: UTF8.self).trimmingCharacters(in: .whitespacesAndNewlines)
    return ModelName.isCommit(commit) ? commit : nil
  }

  /// The directory of a model's files at a commit.
  func snapshot(_ id: String, _ commit: String) -> URL {
    folder(id).appendingPathComponent("snapshots").appendingPathComponent(commit)
  }

  func blob(_ id: String, _ content: ContentID) -> URL {
    folder(id).appendingPathComponent("blobs").appendingPathComponent(content.name)
  }

  // MARK: Writing

  /// Notes what a revision is now.
  func setCommit(_ commit: String, of name: ModelName) throws {
    guard name.revision != commit, try self.commit(of: name.revision, name.id) != commit else { return }
    let file = folder(name.id).appendingPathComponent("refs").appendingPathComponent(name.revision)
    try place(file, of: name.id) { try FileWriter.write($0, text: commit) }
  }

  /// Makes a file of a snapshot point to its blob.
  func link(_ path: String, to content: ContentID, of id: String, _ commit: String) throws {
    let link = snapshot(id, commit).appendingPathComponent(path)
    let up = String(repeating: "../", count: path.split(separator: "/").count + 1)
    try place(link, of: id) { temporary in
      guard symlink("\(up)blobs/\(content.name)", temporary.path) == 0 else { throw systemFailure(link) }
    }
  }

  /// Makes something where no tool looks for anything, should this process be killed, and gives it its name. The next
  /// process takes the same place.
  private func place(_ url: URL, of id: String, _ make: (URL) throws -> Void) throws {
    try makeDirectory(url.deletingLastPathComponent())
    try withLock("graft", of: id, waiting: {}) {
      let temporary = folder(id).appendingPathComponent(".graft")
      unlink(temporary.path)
      try make(temporary)
      guard rename(temporary.path, url.path) == 0 else {
        let error = systemFailure(url)
        unlink(temporary.path)
        throw error
      }
    }
  }

  /// Runs `body` while no other process works on a blob, whatever tool it is.
  ///
  /// - Parameter waiting: Is called when another process has to be waited for. Its death ends its lock.
  func withLock<Result>(
    on content: ContentID, of id: String, waiting: () -> Void, _ body: () throws -> Result
  ) throws -> Result {
    try makeDirectory(folder(id).appendingPathComponent("blobs"))
    return try withLock(content.name, of: id, waiting: waiting, body)
  }

  private func withLock<Result>(
    _ name: String, of id: String, waiting: () -> Void, _ body: () throws -> Result
  ) throws -> Result {
    let directory = root.appendingPathComponent(".locks").appendingPathComponent(folderName(id))
    try makeDirectory(directory)
    let file = directory.appendingPathComponent(name + ".lock")
    while true {
      let descriptor = open(file.path, O_RDWR | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0o664)
      guard descriptor >= 0 else { throw systemFailure(file) }
      defer { close(descriptor) }
      if flock(descriptor, LOCK_EX | LOCK_NB) != 0 {
        guard errno == EWOULDBLOCK else { throw systemFailure(file) }
        waiting()
        while flock(descriptor, LOCK_EX) != 0 {
          guard errno == EINTR else { throw systemFailure(file) }
        }
      }
      // Another tool may have removed the file in the meantime: then this lock is worth nothing.
      guard TemporaryName.isNamed(descriptor, file.path) else { continue }
      return try body()
    }
  }

  private func makeDirectory(_ url: URL) throws {
    do {
      try DirectoryWriter.makeDirectory(url)
    } catch let error as GraftError {
      throw GraftError(
        error.kind, "the cache \(error.problem)", file: root.path,
        advice: "Make it yours, or name another one with HF_HOME.")
    }
  }
}
