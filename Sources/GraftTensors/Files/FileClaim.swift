import Foundation
import Glibc

/// Keeps a name for a new file: another process of this machine that wants it is refused until this one lets go or ends.
///
/// What is taken is an address of a socket, which no file stands for: nothing is left when the process is killed.
public final class FileClaim {
  private let target: String
  /// `nil` where what has the name is neither a file nor a directory, such as `/dev/stdout`.
  private let socket: Int32?

  /// - Throws: ``GraftError`` of kind `refused` when there is something of that name, or another process writes it; of
  ///   kind `system` when its directory is not there.
  public convenience init(_ url: URL) throws {
    try self.init(taking: url)
    try FileWriter.checkVacant(url)
  }

  /// Keeps several names, or none.
  public static func all(_ urls: [URL]) throws -> [FileClaim] {
    let claims = try urls.map(FileClaim.init(taking:))
    try urls.forEach(FileWriter.checkVacant)
    return claims
  }

  private init(taking url: URL) throws {
    let target = try resolved(url)
    self.target = target.path
    var (status, directory) = (stat(), stat())
    if stat(url.path, &status) == 0, ![S_IFREG, S_IFDIR].contains(status.st_mode & S_IFMT) {
      socket = nil
      return
    }
    guard stat(target.deletingLastPathComponent().path, &directory) == 0 else {
      let error = systemFailure(url)
      try FileWriter.checkVacant(url)
      throw error
    }
    let address = "graft \(directory.st_dev) \(directory.st_ino) \(Self.digest(target.lastPathComponent))"
    let opened = Glibc.socket(AF_UNIX, Int32(SOCK_DGRAM.rawValue | SOCK_CLOEXEC.rawValue), 0)
    guard opened >= 0 else { throw systemFailure(url) }
    guard Self.bind(opened, to: address) else {
      let error = errno == EADDRINUSE ? DirectoryWriter.busy(url) : systemFailure(url)
      close(opened)
      throw error
    }
    socket = opened
  }

  /// Takes an address that is a name alone, which Linux writes with a zero before it.
  private static func bind(_ socket: Int32, to name: String) -> Bool {
    var address = sockaddr_un()
    address.sun_family = sa_family_t(AF_UNIX)
    let start = MemoryLayout.offset(of: \sockaddr_un.sun_path) ?? 0
    let bytes = [0] + Array(name.utf8)
    return withUnsafeMutableBytes(of: &address) { address in
      address[start..<start + bytes.count].copyBytes(from: bytes)
      guard let pointer = address.bindMemory(to: sockaddr.self).baseAddress else { return false }
      return Glibc.bind(socket, pointer, socklen_t(start + bytes.count)) == 0
    }
  }

  /// A number for a name, which may be longer than an address: FNV-1a.
  private static func digest(_ name: String) -> UInt64 {
    name.utf8.reduce(0xcbf2_9ce4_8422_2325) { ($0 ^ UInt64($1)) &* 0x100_0000_01b3 }
  }

  /// Removes the file that was written since.
  public func withdraw() {
    if socket != nil { unlink(target) }
  }

  deinit {
    if let socket { close(socket) }
  }
}
